"""Effects: what a CRM record should show, compared with what it was seen to show; the difference goes to the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from mapping.credit_words import credit_words
from mapping.outbound import CustomerView, FieldNames, InvoiceView, changed_fields, own_fields, remote_fields
from sync.fold.batch import Batch
from sync.settle.candidates import candidates_of
from sync.settle.decisions import current, day
from sync.settle.memberships import standing
from sync.settle.modules import module_of
from sync.settle.outgoing import send_states
from sync.settle.scope import DEAL_KINDS, deal_key
from tieout.canonical.documents import ClaimCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.core.money import format_minor
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.outbox import Intent
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import bindings, decisions, remote_seen

Ref = tuple[str, str, str]
_r, _b = remote_seen.c, bindings.c
_SEEN = by_refs(select(_r.connection, _r.module, _r.remote_id, _r.fields), (_r.connection, _r.module, _r.remote_id))
_BOUND = by_refs(
    select(_b.connection, _b.stream, _b.external_id, _b.document_id).where(_b.to_seq.is_(None)),
    (_b.connection, _b.stream, _b.external_id),
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one record should show and why; `fields` None = leave it alone."""

    view: InvoiceView | CustomerView | None
    reason: dict[str, Any]
    subject: str
    currency: str
    money_minor: int
    as_of: date


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one remote record should show: fields by remote name (empty = leave it alone), and the wish behind them.

    `is_taken_back`: nothing is to be shown any more, the day of it neither.
    """

    module: str
    names: FieldNames
    fields: Mapping[str, Any]
    shown: Mapping[Any, Any]
    reason: Mapping[str, Any]
    subject: str
    currency: str
    money_minor: int
    as_of: date
    is_taken_back: bool = False


def wanted(batch: Batch, refs: Sequence[Ref]) -> dict[Ref, Wanted]:
    """What living records of these references should show by the decisions that stand, beside what was last seen."""
    alive = candidates_of(batch, refs)
    seen = _seen(batch, refs)
    wishes: dict[Ref, _Wish] = {}
    claims = {ref: made for ref, made in alive.items() if isinstance(made, ClaimCandidate)}
    wishes.update(_invoices(batch, {ref: claim for ref, claim in claims.items() if claim.kind == "invoice"}))
    wishes.update(_deals(batch, {ref: claim for ref, claim in claims.items() if claim.kind in DEAL_KINDS}))
    wishes.update(_customers(batch, {r: c for r, c in alive.items() if isinstance(c, PartyCandidate)}))
    out: dict[Ref, Wanted] = {}
    for ref, wish in wishes.items():
        settings = batch.config.connections[ref[0]]
        module = module_of(settings.vendor, ref[1])
        if not module:
            continue
        names = FieldNames.of(settings.fields, settings.vendor)
        shown = seen.get(ref, {})
        fields = _desired(settings.vendor, module, wish, names, shown)
        out[ref] = Wanted(
            module, names, fields, shown, wish.reason, wish.subject, wish.currency, wish.money_minor, wish.as_of,
            is_taken_back=wish.view is None,
        )  # fmt: skip
    return out


def intend_pushes(batch: Batch, keys: Sequence[str]) -> None:
    """Compare these records with what they should show and intend the difference."""
    refs = [_ref(key) for key in keys]
    alive = candidates_of(batch, refs)
    wishes = wanted(batch, refs)
    intents = []
    for ref in refs:
        connection, stream, record = ref
        module = module_of(batch.config.connections[connection].vendor, stream)
        if module and ref not in alive:
            # Deleted at the remote: what was to be written there is over.
            gone = {"kind": "record_gone"}
            intents.append(Intent(connection, module, record, fields={}, before={}, reason=gone, subject=""))
        if ref not in wishes:
            continue
        wish = wishes[ref]
        as_of = None if wish.is_taken_back else wish.as_of
        changes = changed_fields(wish.fields, wish.shown, as_of, wish.names) if wish.fields else {}
        intents.append(
            Intent(
                connection=connection,
                module=module,
                remote_id=record,
                fields=changes,
                before={name: wish.shown.get(name) for name in changes},
                reason=wish.reason,
                subject=wish.subject,
                currency=wish.currency or None,
                money_minor=abs(wish.money_minor),
                riders=(wish.names.as_of,),
            )
        )
    send_states(batch, intents)


def _desired(vendor: str, module: str, wish: _Wish, names: FieldNames, shown: Mapping[Any, Any]) -> dict[str, Any]:
    """Fields of the view; without one, everything we ever showed there is cleared: a stale figure misleads."""
    if wish.view is not None:
        return remote_fields(vendor, module, wish.view, names)
    mine = own_fields(vendor, names).get(module, ())
    return {name: None for name in mine if shown.get(name) not in (None, "") and name != names.as_of}


def _ref(key: str) -> Ref:
    connection, stream, record = key.split("/", 2)
    return connection, stream, record


def _pushes(batch: Batch, connection: str, what: str) -> bool:
    return what in batch.config.connections[connection].push


def _seen(batch: Batch, refs: Sequence[Ref]) -> dict[Ref, Mapping[Any, Any]]:
    where: dict[tuple[str, str, str], Ref] = {}
    for ref in refs:
        vendor = batch.config.connections[ref[0]].vendor
        where[ref[0], module_of(vendor, ref[1]), ref[2]] = ref
    out: dict[Ref, Mapping[Any, Any]] = {}
    for row in rows_by(batch.conn, _SEEN, where):
        out[where[row.connection, row.module, row.remote_id]] = row.fields
    return out


def _today(batch: Batch, company: str) -> date:
    return batch.on.get(company) or max(batch.on.values())


def _invoices(batch: Batch, claims: Mapping[Ref, ClaimCandidate]) -> dict[Ref, _Wish]:
    claims = {ref: claim for ref, claim in claims.items() if _pushes(batch, ref[0], "payment_status")}
    bound: dict[Ref, str] = {}
    for row in rows_by(batch.conn, _BOUND, claims):
        bound[row.connection, row.stream, row.external_id] = row.document_id
    decided = current(batch, "payment_status", bound.values())
    return {ref: _status_wish(batch, claim, bound.get(ref, ""), decided) for ref, claim in claims.items()}


def _deals(batch: Batch, claims: Mapping[Ref, ClaimCandidate]) -> dict[Ref, _Wish]:
    claims = {ref: claim for ref, claim in claims.items() if _pushes(batch, ref[0], "payment_status")}
    subjects = {ref: deal_key(ref[0], ref[2]) for ref in claims}
    decided = current(batch, "payment_status", subjects.values())
    return {ref: _status_wish(batch, claim, subjects[ref], decided) for ref, claim in claims.items()}


def _status_wish(batch: Batch, claim: ClaimCandidate, subject: str, decided: Mapping[str, Mapping[Any, Any]]) -> _Wish:
    row = decided.get(subject)
    if row is None or row["value"] == "none":
        return _Wish(None, {"kind": "unbound"}, subject, claim.currency, 0, _today(batch, ""))
    body = row["body"]
    view = InvoiceView(
        payment_status=row["value"],
        invoiced_minor=body["invoiced_minor"],
        paid_minor=body["paid_minor"],
        open_minor=body["open_minor"],
        overdue_minor=body["overdue_minor"],
        overdue_since=day(body["overdue_since"]),
        aging_bucket=body["aging_bucket"],
        next_due_on=day(body["next_due_on"]),
        last_payment_on=day(body["last_payment_on"]),
        currency=body["currency"],
    )
    reason = {
        "kind": "payment_status",
        "decision": row["id"],
        "value": row["value"],
        "rule_version": row["rule_version"],
        "reasons": row["reasons"],
    }
    return _Wish(view, reason, subject, body["currency"], body["open_minor"], _today(batch, row["company_id"]))


def _customers(batch: Batch, parties: Mapping[Ref, PartyCandidate]) -> dict[Ref, _Wish]:
    parties = {ref: party for ref, party in parties.items() if _pushes(batch, ref[0], "credit")}
    held = standing(batch, ["/".join(ref) for ref in parties])
    owner = {ref: held["/".join(ref)]["customer_id"] for ref in parties if "/".join(ref) in held}
    rows = _credit_of(batch, sorted(set(owner.values())))
    out: dict[Ref, _Wish] = {}
    for ref, party in parties.items():
        customer = owner.get(ref, "")
        mine = [row for row in rows.get(customer, []) if _belongs(batch, ref[0], row["company_id"])]
        out[ref] = _credit_wish(batch, party, customer, mine)
    return out


def _belongs(batch: Batch, connection: str, company: str) -> bool:
    """A CRM shows the business of the companies it is configured for."""
    settings = batch.config.connections[connection]
    return company in ({*settings.organizations.values(), settings.company} - {""})


def _credit_of(batch: Batch, customers: Sequence[str]) -> dict[str, list[Mapping[Any, Any]]]:
    d = decisions.c
    out: dict[str, list[Mapping[Any, Any]]] = {}
    subjects = [f"{customer}|{company}" for customer in customers for company in sorted(batch.config.companies)]
    for part in chunks(subjects):
        for row in batch.conn.execute(
            select(decisions)
            .where(d.kind == "credit", among(d.subject, part), d.is_current.is_(True))
            .order_by(d.subject)
        ).mappings():
            out.setdefault(row["subject"].split("|")[0], []).append(row)
    return out


NO_CURRENCY = "XXX"  # ISO 4217: none; a limit in it is left as the record has it
_WORST = {"ok": 0, "watch": 1, "hold": 2}


def _credit_wish(batch: Batch, party: PartyCandidate, customer: str, rows: Sequence[Mapping[Any, Any]]) -> _Wish:
    if not rows:
        return _Wish(None, {"kind": "unlinked"}, customer, party.currency, 0, _today(batch, ""))
    worst = max(rows, key=lambda row: (_WORST[row["value"]], row["body"]["exposure_minor"]))
    body = worst["body"]
    open_by = _summed(rows, "open_by_currency")
    overdue_by = _summed(rows, "overdue_by_currency")
    unapplied = _summed(rows, "unapplied_by_currency")
    currency = party.currency or body["currency"]
    view = CustomerView(
        credit_status=worst["value"],
        credit_grade=body["grade"],
        credit_limit_minor=_shown(rows, currency, "limit_minor"),
        exposure_minor=_shown(rows, currency, "exposure_minor"),
        open_minor=_shown(rows, currency, "open_minor"),
        overdue_minor=_shown(rows, currency, "overdue_minor"),
        reasons=[
            credit_words(reason, row["body"]["currency"], batch.config.language)
            for row in rows
            for reason in row["reasons"]
        ],
        open_by_currency=open_by,
        overdue_by_currency=overdue_by,
        currency=currency,
        balances=_balances(open_by, overdue_by, unapplied),
        limit_currency=currency if _is_limit_shown(rows, currency) else NO_CURRENCY,
    )
    reason = {
        "kind": "credit",
        "decision": worst["id"],
        "value": worst["value"],
        "rule_version": worst["rule_version"],
        "reasons": worst["reasons"],
    }
    money = max(((abs(amount), code) for code, amount in open_by.items()), default=(0, currency))
    return _Wish(view, reason, customer, money[1], money[0], _today(batch, worst["company_id"]))


def _shown(rows: Sequence[Mapping[Any, Any]], currency: str, name: str) -> int | None:
    """The companies' figures together, in the record's currency at the rates of their decisions.

    None while one of them could not be converted: the field stays as it is. A company without a limit adds none.
    """
    figures = [row["body"].get("shown", {}).get(currency) for row in rows]
    if any(figure is None for figure in figures):
        return None
    amounts = [figure.get(name) for figure in figures]
    if name == "limit_minor":
        amounts = [amount for amount in amounts if amount is not None]
        return sum(amounts) if amounts else None
    return None if any(amount is None for amount in amounts) else sum(amounts)


def _is_limit_shown(rows: Sequence[Mapping[Any, Any]], currency: str) -> bool:
    """False while a limit is known but cannot be converted to the record's currency."""
    for row in rows:
        figure = row["body"].get("shown", {}).get(currency)
        if figure is None or (figure["limit_minor"] is None and row["body"]["limit_source"] != "none"):
            return False
    return True


def _summed(rows: Sequence[Mapping[Any, Any]], name: str) -> dict[str, int]:
    out: dict[str, int] = {}
    for row in rows:
        for code, amount in row["body"].get(name, {}).items():
            out[code] = out.get(code, 0) + amount
    return out


def _balances(open_by: Mapping[str, int], overdue_by: Mapping[str, int], unapplied: Mapping[str, int]) -> str:
    """`CNY 1,200.00 (overdue 200.00, unapplied 50.00); USD …`: exact, balance = open items less unapplied cash."""
    parts = []
    for code in sorted(open_by.keys() | unapplied.keys()):
        balance = open_by.get(code, 0) + unapplied.get(code, 0)
        notes = [
            f"{word} {format_minor(abs(amount), code, code=False)}"
            for word, amount in (("overdue", overdue_by.get(code, 0)), ("unapplied", unapplied.get(code, 0)))
            if amount
        ]
        if balance or notes:
            text = f"{code} {format_minor(balance, code, code=False)}"
            parts.append(f"{text} ({', '.join(notes)})" if notes else text)
    return "; ".join(parts)
