"""Our side of a reconciliation: what the ledger holds now or held on a day, and what may explain a difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from mapping.outbound import differs
from tieout.core.config import Config
from tieout.ledger import chart
from tieout.receivables.breaks import Line
from tieout.receivables.record_state import RecordState
from tieout.store.among import one_of
from tieout.store.queries import as_of as books_at
from tieout.store.queries.as_of import KnownAt
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import (
    accounts,
    allocations,
    balances,
    bindings,
    conflicts,
    connections,
    customers,
    dirty,
    documents,
    entries,
    memberships,
    outbox,
    pending,
    postings,
    remote_seen,
    source_records,
)

_d = documents.c
_DOCUMENTS = select(
    _d.id, _d.company_id, _d.connection, _d.external_id, _d.stream, _d.record_id, _d.kind, _d.number, _d.currency,
    _d.open_minor, _d.account_id, _d.issue_on, _d.state,
)  # fmt: skip
WAITING = ("planned", "parked", "ready", "claimed", "sent", "uncertain", "dead")


@dataclass(frozen=True, slots=True)
class Doc:
    """One document of our side with what is open of it, signed as the ledger sees it."""

    id: str
    company: str
    connection: str
    external_id: str
    stream: str
    record_id: str
    kind: str
    number: str
    currency: str
    open_minor: int
    account_id: str
    issue_on: date
    state: str


class Facts:
    """What our side knows, loaded once from one consistent state; `day` None = as the books stand now."""

    def __init__(self, conn: Connection, config: Config, known: KnownAt, day: date | None = None) -> None:
        self.conn, self.config, self.known, self.day = conn, config, known, day
        m, a = memberships.c, accounts.c
        self.customer_of: Mapping[str, str] = (
            {
                row.member: row.customer_id
                for row in conn.execute(select(m.member, m.customer_id).where(m.to_seq.is_(None)))
            }
            if day is None
            else books_at.customers_at(conn, known)
        )
        self.names = {row.id: row.name for row in conn.execute(select(customers.c.id, customers.c.name))}
        self.account_of: dict[tuple[str, str], str] = {}
        self.account_names: dict[str, str] = {}
        for held in conn.execute(select(a.connection, a.party_ref, a.id, a.name).order_by(a.company_id)):
            self.account_of.setdefault((held.connection, held.party_ref), held.id)
            self.account_names[held.id] = held.name
        self.docs = self._documents()
        self._by_id = {doc.id: doc for doc in self.docs}
        self.by_ref = {(doc.connection, doc.external_id): doc for doc in self.docs}
        c = conflicts.c
        self.conflict_of: dict[str, str] = {}
        for row in conn.execute(
            select(c.id, c.cause, c.suggestions, c.connection, c.stream, c.external_id)
            .where(c.state == "open", c.kind != "unmapped_value")
            .order_by(c.kind.desc(), c.id)
        ):
            self.conflict_of.setdefault(row.cause, row.id)
            if row.external_id:
                self.conflict_of.setdefault(f"{row.connection}/{row.stream}/{row.external_id}", row.id)
            for suggestion in row.suggestions or ():
                self.conflict_of.setdefault(str(suggestion.get("target", "")), row.id)
        self.is_waiting = conn.execute(select(pending.c.seq).limit(1)).first() is not None

    def _documents(self) -> list[Doc]:
        held: dict[str, int] = {}
        if self.day is not None:
            # On a past day a document stands as the journal had it, whatever became of it since.
            for (key, _), amount in books_at.open_by_line(self.conn, self.day, self.known).items():
                held[key] = held.get(key, 0) + amount
        now = self.day is None
        return [
            Doc(
                row.id, row.company_id, row.connection, row.external_id, row.stream, row.record_id, row.kind,
                row.number, row.currency, row.open_minor if now else held.get(row.id, 0),
                row.account_id, row.issue_on, row.state if now else "posted",
            )
            for row in self.conn.execute(_DOCUMENTS)
        ]  # fmt: skip

    def journal(self, codes: Iterable[str], *, connection: str = "", companies: Iterable[str] = ()) -> dict[str, int]:
        """The journal's own balance of ledger accounts per currency: the total our lines must add up to."""
        wanted, scope = set(codes), set(companies)
        out: dict[str, int] = {}
        for company, source, code, currency, amount in self._balances():
            if code in wanted and connection in ("", source) and (not scope or company in scope):
                out[currency] = out.get(currency, 0) + int(amount)
        return dict(sorted(out.items()))

    def _balances(self) -> Sequence[tuple[str, str, str, str, int]]:
        if self.day is not None:
            rows = books_at.balances_at(self.conn, self.day, self.known)
            return [(r["company_id"], r["connection"], r["code"], r["currency"], r["minor"]) for r in rows]
        a, b = accounts.c, balances.c
        query = (
            select(a.company_id, a.connection, b.code, b.currency, func.sum(b.amount_minor))
            .join(accounts, a.id == b.account_id)
            .group_by(a.company_id, a.connection, b.code, b.currency)
        )
        return [tuple(row) for row in self.conn.execute(query)]

    def customer_name(self, customer_id: str, account_id: str = "") -> str:
        """A name for people: the customer's, else the account's."""
        return self.names.get(customer_id, "") or self.account_names.get(account_id, "")

    def doc(self, document_id: str) -> Doc | None:
        """A document of our side by id."""
        return self._by_id.get(document_id)

    def line(self, doc: Doc, *, link: str, status: str = "", is_own: bool = False) -> Line:
        return Line(
            line_id=doc.id,
            number=doc.number,
            customer_id=self.customer_of.get(doc.account_id, ""),
            currency=doc.currency,
            amount_minor=doc.open_minor,
            on=doc.issue_on,
            link=link,
            status=status,
            is_own=is_own,
        )

    # ------------------------------------------------------------- what may explain a difference
    def own_amounts(self) -> dict[str, int]:
        """Document -> what our own postings (not mirrored ones) did to it."""
        e, p = entries.c, postings.c
        query = (
            select(p.document_id, func.sum(p.amount_minor))
            .join(entries, e.id == p.entry_id)
            .where(e.origin == "own", e.seq <= self.known.seq, p.code.in_(chart.CUSTOMER_CODES))
            .group_by(p.document_id)
        )
        return {row[0]: int(row[1]) for row in self.conn.execute(query) if row[1]}

    def refused_allocations(self) -> dict[str, tuple[str, str]]:
        """Document -> (settlement, why it is not applied) of settlements in force that our books refused."""
        a = allocations.c
        out: dict[str, tuple[str, str]] = {}
        query = select(a.group_key, a.from_document_id, a.to_document_id, a.refusal).where(
            a.is_active.is_(True), a.is_applied.is_(False), a.refusal.is_not(None)
        )
        for row in self.conn.execute(query.order_by(a.group_key)):
            for key in (row.from_document_id, row.to_document_id):
                if key:
                    out.setdefault(key, (row.group_key, row.refusal))
        return out

    def record_problems(self, connection: str, streams: Sequence[str]) -> dict[str, str]:
        """Source record -> why it could not be mapped or was left out."""
        s = source_records.c
        query = select(s.external_id, s.problem).where(
            s.connection == connection, s.stream.in_(streams), s.problem.is_not(None)
        )
        return {row.external_id: str((row.problem or {}).get("code", "")) for row in self.conn.execute(query)}

    def bound(self, connection: str, stream: str) -> dict[str, list[str]]:
        """Document -> the records of a stream that are bound to it now."""
        b = bindings.c
        out: dict[str, list[str]] = {}
        for row in self.conn.execute(
            select(b.document_id, b.external_id)
            .where(b.connection == connection, b.stream == stream, b.to_seq.is_(None))
            .order_by(b.external_id)
        ):
            out.setdefault(row.document_id, []).append(row.external_id)
        return out

    def bound_elsewhere(self, connection: str) -> dict[str, str]:
        """Document -> another connection whose record stands for it."""
        b = bindings.c
        query = select(b.document_id, b.connection).where(b.connection != connection, b.to_seq.is_(None))
        return {row.document_id: row.connection for row in self.conn.execute(query.order_by(b.connection.desc()))}

    def unsettled(self) -> frozenset[str]:
        """Keys that wait to be settled; everything waits while inputs are not folded."""
        return frozenset(self.conn.execute(select(dirty.c.key)).scalars())

    def hold(self, connection: str) -> str:
        """Why nothing is sent to a remote: push_off, push_paused, or empty."""
        if self.config.connections[connection].push_mode == "off":
            return "push_off"
        c = connections.c
        paused = self.conn.execute(select(c.push_paused).where(c.name == connection)).scalar()
        return "push_paused" if paused else ""

    def states(
        self, connection: str, module: str, stream: str, shown: Mapping[str, Any], linked: Iterable[str]
    ) -> dict[str, RecordState]:
        """What is known of the records of a module that need explaining; `shown` maps record id to `asked.Shown`."""
        o, r = outbox.c, remote_seen.c
        refs = [(connection, module, key) for key in shown]
        waits: dict[str, Any] = {}
        written: dict[str, dict[str, Any]] = {}
        pushed: dict[str, Any] = {}
        query = by_refs(
            select(o.id, o.remote_id, o.state, o.fields, o.error, o.done_at, o.version).where(
                o.operation == "update", one_of(o.state, (*WAITING, "done"))
            ),
            (o.connection, o.module, o.remote_id),
        )
        for row in sorted(rows_by(self.conn, query, refs), key=lambda row: row.id):
            if row.state == "done":
                written.setdefault(row.remote_id, {}).update(row.fields)
                pushed[row.remote_id] = max(filter(None, (pushed.get(row.remote_id), row.done_at)), default=None)
                waits.pop(row.remote_id, None)  # what came before this write is settled by it
            elif row.remote_id not in waits or row.state != "dead":
                waits[row.remote_id] = row
        known = by_refs(select(r.remote_id, r.fields), (r.connection, r.module, r.remote_id))
        seen = {row.remote_id: row.fields for row in rows_by(self.conn, known, refs)}
        unsettled, hold, alive = self.unsettled(), self.hold(connection), set(linked)
        out = {}
        for key, record in shown.items():
            row, mine = waits.get(key), written.get(key) or {}
            # Without a write of ours on file, what was seen last is what somebody has changed since.
            before = {**seen.get(key, {}), **mine}
            own = {name: value for name, value in before.items() if name in record.own}
            out[key] = RecordState(
                record_id=key,
                read_at=record.read_at,
                pushed_at=pushed.get(key),
                push_id="" if row is None else row.id,
                push_state="" if row is None else row.state,
                push_error="" if row is None else str(row.error or ""),
                waiting=frozenset(() if row is None else row.fields),
                written=before,
                edited=frozenset(differs(own, record.own)),
                changed_at=record.changed_at,
                conflict_id=self.conflict_of.get(f"{connection}/{stream}/{key}", ""),
                is_unsettled=self.is_waiting or f"{connection}/{stream}/{key}" in unsettled,
                is_linked=key in alive,
                hold=hold,
            )
        return out
