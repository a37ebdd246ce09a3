"""Reconciliation: the ledger against the book of record's own totals and against what each CRM shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from mapping.outbound import FieldNames
from sync.context import Context
from sync.fold.batch import business_dates
from tieout.core import exact_json, logging
from tieout.core.errors import SourceError, TieoutError
from tieout.core.money import format_minor, to_minor
from tieout.core.ports import Connector, Cursor, SourceRow, SourceTotal
from tieout.ledger import chart
from tieout.receivables.breaks import Break, Evidence, Explanation, Line
from tieout.receivables.explain import DEFAULT_EXPLAINERS
from tieout.receivables.reconcile import ReconcileResult, reconcile
from tieout.store.session import reading, unit
from tieout.store.tables import (
    accounts,
    balances,
    bindings,
    claims,
    conflicts,
    decisions,
    documents,
    inputs,
    memberships,
    outbox,
    reconciliations,
)

log = logging.get("reconcile")
SHOWN = 500  # breaks kept per comparison, largest first; totals cover all of them


@dataclass
class ReconcileView:
    """One run: a section per counterpart, each valid only if its breaks add up to the whole difference."""

    id: str
    as_of: date
    known_seq: int
    run_at: datetime
    sections: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        return all(section["is_valid"] for section in self.sections)

    @property
    def breaks(self) -> int:
        return sum(section["break_count"] for section in self.sections)

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "as_of": self.as_of.isoformat(),
            "known_seq": self.known_seq,
            "run_at": self.run_at.isoformat(),
            "is_valid": self.is_valid,
            "breaks": self.breaks,
            "sections": self.sections,
        }


def run_reconcile(ctx: Context, *, as_of: date | None = None) -> ReconcileView:
    """Ask both sides anew, compare, store the run. A past `as_of` is refused: sources only state today's totals."""
    now = ctx.clock.now()
    today = max(business_dates(ctx.config, now).values())
    if as_of is not None and as_of != today:
        raise TieoutError(
            f"a reconciliation compares with what the systems say today ({today}), not on {as_of}",
            hint="Stored runs of earlier days are under reconciliations.",
            code="as_of",
        )
    books: list[tuple[str, list[SourceTotal], str]] = []
    crms: list[tuple[str, list[Line], str]] = []
    for name, connection in ctx.config.connections.items():
        connector = ctx.connector(name, "bulk")
        try:
            if any(company.book_of_record == name for company in ctx.config.companies.values()):
                books.append((name, *_totals_of(connector)))
            elif "invoices" in ctx.streams(name) and "payment_status" in connection.push:
                crms.append((name, *_shown_by(connector, name, FieldNames.of(connection.fields))))
        finally:
            connector.close()
    with reading(ctx.engine) as conn:
        seq = int(conn.execute(select(inputs.c.seq).order_by(inputs.c.seq.desc()).limit(1)).scalar() or 0)
        view = ReconcileView(ctx.ids.new("rec"), today, seq, now)
        facts = _Facts(conn)
        view.sections += [_against_book(facts, name, totals, now, trouble) for name, totals, trouble in books]
        view.sections += [_against_crm(facts, name, lines, trouble) for name, lines, trouble in crms]
    with unit(ctx.engine, "reconcile.commit") as conn:
        conn.execute(
            insert(reconciliations).values(
                id=view.id,
                as_of=view.as_of,
                known_seq=view.known_seq,
                run_at=now,
                is_valid=view.is_valid,
                breaks=view.breaks,
                body=view.as_dict(),
            )
        )
    log.info("reconciled", valid=view.is_valid, breaks=view.breaks)
    return view


def _totals_of(connector: Connector) -> tuple[list[SourceTotal], str]:
    """What the book of record says is open; with the reason if it could not be read to its end."""
    rows: list[SourceTotal] = []
    try:
        for page in connector.totals():
            rows.extend(page)
    except SourceError as error:
        return rows, f"its totals could not be read: {error.message}"
    return rows, ""


def _shown_by(connector: Connector, name: str, names: FieldNames) -> tuple[list[Line], str]:
    """What a CRM shows on its invoices; with the reason if some of it could not be read."""
    # A record that moves while we page may come twice: the last answer counts.
    rows: dict[str, SourceRow] = {}
    lines: list[Line] = []
    unreadable: list[str] = []
    try:
        for page in connector.read("invoices", Cursor()):
            rows.update({row.external_id: row for row in page.rows if not row.is_deleted})
            unreadable.extend(bad.external_id for bad in page.bad)
    except SourceError as error:
        return lines, f"its invoices could not be read: {error.message}"
    for row in rows.values():
        try:
            line = _crm_line(name, row, names)
        except TieoutError:
            unreadable.append(row.external_id)
            continue
        if line is not None:
            lines.append(line)
    if unreadable:
        return lines, f"{len(unreadable)} records show amounts that cannot be read: {', '.join(sorted(unreadable)[:5])}"
    return lines, ""


class _Facts:
    """What our side knows, loaded once."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        m, a = memberships.c, accounts.c
        self.customer_of = dict(conn.execute(select(m.member, m.customer_id).where(m.to_seq.is_(None))).all())
        self.account_of = {
            (row.connection, row.company_id, row.party_ref): row.id
            for row in conn.execute(select(a.connection, a.company_id, a.party_ref, a.id))
        }
        d = documents.c
        self.docs = (
            conn.execute(
                select(
                    d.id,
                    d.connection,
                    d.external_id,
                    d.number,
                    d.kind,
                    d.currency,
                    d.open_minor,
                    d.account_id,
                    d.issue_on,
                    d.state,
                    d.company_id,
                )
            )
            .mappings()
            .all()
        )
        self.balances = conn.execute(
            select(a.connection, balances.c.code, balances.c.currency, func.sum(balances.c.amount_minor))
            .join(accounts, a.id == balances.c.account_id)
            .group_by(a.connection, balances.c.code, balances.c.currency)
        ).all()
        c = conflicts.c
        self.conflict_of: dict[str, str] = {}
        for row in conn.execute(
            select(c.id, c.cause, c.suggestions).where(c.state == "open", c.kind == "unlinked_document")
        ).mappings():
            self.conflict_of[row["cause"]] = row["id"]
            for suggestion in row["suggestions"]:
                self.conflict_of.setdefault(str(suggestion.get("target", "")), row["id"])

    def journal(self, connection: str, codes: Sequence[str]) -> dict[str, int]:
        """The journal's own balance of these ledger accounts per currency: the total our lines must add up to."""
        out: dict[str, int] = {}
        for source, code, currency, amount in self.balances:
            if code in codes and connection in ("", source):
                out[currency] = out.get(currency, 0) + int(amount)
        return dict(sorted(out.items()))


def _against_book(
    facts: _Facts, connection: str, rows: Sequence[SourceTotal], now: datetime, trouble: str
) -> dict[str, Any]:
    """Ledger documents against what the accounting system itself says is open, document by document."""
    mine = [doc for doc in facts.docs if doc["connection"] == connection and doc["state"] == "posted"]
    left = [_ledger_line(facts, doc, link=doc["external_id"]) for doc in mine if doc["open_minor"]]
    companies = {doc["company_id"] for doc in facts.docs if doc["connection"] == connection}
    right = []
    for row in rows:
        account = next(
            (
                facts.account_of[connection, company, row.party]
                for company in sorted(companies)
                if (connection, company, row.party) in facts.account_of
            ),
            "",
        )
        if row.open_minor:
            right.append(
                Line(
                    line_id=row.external_id,
                    number=row.number,
                    customer_id=facts.customer_of.get(account, ""),
                    currency=row.currency,
                    amount_minor=row.open_minor,
                    on=now.date(),
                    link=row.external_id,
                )
            )
    unposted = {doc["external_id"]: doc["state"] for doc in facts.docs if doc["state"] != "posted"}
    stated = facts.journal(connection, (chart.AR, chart.UNAPPLIED_CASH))
    result = reconcile(left, right, evidence=Evidence(unposted_left=unposted), left_totals=stated)
    return _section(connection, "book_of_record", result, trouble)


def _against_crm(facts: _Facts, connection: str, right: Sequence[Line], trouble: str) -> dict[str, Any]:
    """What is open on invoices and credit notes against what the CRM's own fields show."""
    b, o, de, c = bindings.c, outbox.c, decisions.c, claims.c
    bound: dict[str, str] = {}
    for row in facts.conn.execute(
        select(b.document_id, b.external_id)
        .join(claims, (c.connection == b.connection) & (c.stream == b.stream) & (c.external_id == b.external_id))
        .where(b.connection == connection, b.to_seq.is_(None), c.kind == "invoice")
        .order_by(b.external_id)
    ):
        bound.setdefault(row.document_id, row.external_id)
    status = dict(
        facts.conn.execute(
            select(de.subject, de.value).where(de.kind == "payment_status", de.is_current.is_(True))
        ).all()
    )
    shown = {line.line_id for line in right}
    left = []
    for doc in facts.docs:
        if doc["kind"] not in ("invoice", "credit_note") or doc["state"] != "posted":
            continue
        link = bound.get(doc["id"], "")
        if doc["open_minor"] or link in shown:
            left.append(_ledger_line(facts, doc, link=link, status=status.get(doc["id"], "") if link else ""))
    known = {line.line_id: line for line in left}
    right_lines = [
        Line(
            line_id=line.line_id,
            number=line.number,
            customer_id=facts.customer_of.get(line.customer_id, ""),
            currency=line.currency,
            amount_minor=line.amount_minor,
            on=line.on,
            link=line.link,
            status=line.status,
        )
        for line in right
    ]
    pending = {}
    for row in facts.conn.execute(
        select(o.id, o.remote_id).where(
            o.connection == connection,
            o.operation == "update",
            o.state.in_(("planned", "parked", "ready", "claimed", "sent", "uncertain", "dead")),
        )
    ):
        pending[row.remote_id] = row.id
        for document_id, external_id in bound.items():
            if external_id == row.remote_id and document_id in known:
                pending[document_id] = row.id
    conflict_of = {key.rsplit("/", 1)[-1]: value for key, value in facts.conflict_of.items()} | facts.conflict_of
    evidence = Evidence(conflicts=conflict_of, pending_pushes=pending)
    explainers = (*DEFAULT_EXPLAINERS, _no_crm_record)
    stated = facts.journal("", (chart.AR,))
    result = reconcile(left, right_lines, explainers, evidence=evidence, left_totals=stated)
    return _section(connection, "crm", result, trouble)


def _no_crm_record(found: Break, evidence: Evidence) -> Explanation | None:
    """A posted document that no CRM record names: sales never entered it."""
    if found.kind == "missing_in_right" and found.left is not None and not found.left.link:
        return Explanation("no_crm_record", "high")
    return None


def _ledger_line(facts: _Facts, doc: Mapping[Any, Any], *, link: str, status: str = "") -> Line:
    return Line(
        line_id=doc["id"],
        number=doc["number"],
        customer_id=facts.customer_of.get(doc["account_id"], ""),
        currency=doc["currency"],
        amount_minor=doc["open_minor"],
        on=doc["issue_on"],
        link=link,
        status=status,
    )


def _crm_line(connection: str, row: SourceRow, names: FieldNames) -> Line | None:
    """What one CRM invoice shows in our own fields; None for a record that shows nothing."""
    body = exact_json.loads_fast(row.payload)
    amount = row.own.get(names.open_amount)
    currency = body.get("Currency") or body.get("currency") or ""
    if amount is None or not currency:
        return None
    return Line(
        line_id=row.external_id,
        number="",
        customer_id=f"{connection}/customers/{(body.get('Account_Name') or {}).get('id', '')}",
        currency=currency,
        amount_minor=to_minor(amount, currency),
        on=row.version.read_started_at.date(),
        link=row.external_id,
        status=str(row.own.get(names.payment_status) or ""),
    )


def _section(connection: str, side: str, result: ReconcileResult, trouble: str) -> dict[str, Any]:
    ranked = sorted(result.breaks, key=lambda one: (-_size(one), one.key))
    causes: dict[tuple[str, str], dict[str, Any]] = {}
    for one in result.breaks:
        cause = one.explanation.code if one.explanation else "unexplained"
        group = causes.setdefault((one.kind, cause), {"kind": one.kind, "cause": cause, "count": 0, "by_currency": {}})
        group["count"] += 1
        for currency, amount in one.differences.items():
            group["by_currency"][currency] = group["by_currency"].get(currency, 0) + amount
    return {
        "counterpart": connection,
        "side": side,
        # A side that could not be read whole proves nothing, however well the rest adds up.
        "is_valid": result.is_valid and not trouble,
        "invalid_reason": "; ".join(reason for reason in (trouble, result.invalid_reason) if reason),
        "ties_out": result.ties_out and not trouble,
        "rule_version": result.rule_version,
        "pairs": len(result.pairs),
        "break_count": len(result.breaks),
        "totals": [
            {
                "currency": proof.currency,
                "ledger_minor": proof.left_minor,
                "counterpart_minor": proof.right_minor,
                "difference_minor": proof.difference_minor,
                "breaks_minor": proof.breaks_minor,
                "is_valid": proof.is_valid,
                "text": format_minor(proof.difference_minor, proof.currency),
            }
            for proof in result.proofs
        ],
        "causes": [causes[key] for key in sorted(causes)],
        "breaks": [_break(one) for one in ranked[:SHOWN]],
    }


def _size(one: Break) -> int:
    return max((abs(amount) for amount in one.differences.values()), default=0)


def _break(one: Break) -> dict[str, Any]:
    line = one.left or one.right
    return {
        "key": one.key,
        "kind": one.kind,
        "number": (one.left.number if one.left else "") or (one.right.number if one.right else ""),
        "ledger": one.left.line_id if one.left else "",
        "counterpart": one.right.line_id if one.right else "",
        "customer_id": line.customer_id if line else "",
        "differences": dict(one.differences),
        "ledger_minor": one.left.amount_minor if one.left else None,
        "counterpart_minor": one.right.amount_minor if one.right else None,
        "statuses": [side.status for side in (one.left, one.right) if side is not None],
        "explanation": (
            {
                "code": one.explanation.code,
                "confidence": one.explanation.confidence,
                "params": {key: str(value) for key, value in one.explanation.params.items()},
            }
            if one.explanation
            else None
        ),
    }
