"""Open items at a point: amounts from the journal, due dates and numbers as the version known then said them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, RowMapping, select

from tieout.canonical.documents import DocumentCandidate
from tieout.reports.made.request import Asked
from tieout.store.landing import chunks, load_payloads
from tieout.store.queries import as_of as books_at
from tieout.store.tables import accounts, customers, inputs, open_items


@dataclass(frozen=True, slots=True)
class Item:
    """One open item (instalment), credit note or unapplied payment; `open_minor` is signed as the ledger sees it."""

    customer_id: str
    customer: str
    company: str
    document_id: str
    number: str
    kind: str
    currency: str
    issue_on: date
    due_on: date
    total_minor: int
    open_minor: int

    @property
    def is_cash(self) -> bool:
        """Unapplied cash and refunds: what is not an item of the receivable."""
        return self.kind in ("payment", "refund")


class Owners:
    """Who an account belongs to at a point: the customer, or the account itself while nobody linked it."""

    def __init__(self, conn: Connection, asked: Asked) -> None:
        self._customer_of = books_at.customers_at(conn, asked.known)
        self._names: dict[str, str] = {
            row.id: row.name for row in conn.execute(select(customers.c.id, customers.c.name))
        }
        self._accounts: dict[str, str] = {
            row.id: row.name for row in conn.execute(select(accounts.c.id, accounts.c.name))
        }

    def of(self, account_id: str) -> tuple[str, str]:
        """(id, name) of the owner of an account."""
        customer = self._customer_of.get(account_id, "")
        return (customer, self.name(customer)) if customer else (account_id, self._accounts.get(account_id, account_id))

    def name(self, customer_id: str) -> str:
        return self._names.get(customer_id, customer_id)

    def accounts_of(self, customer_id: str) -> list[str]:
        """The accounts of a customer at the point; an account id stands for itself."""
        return sorted(key for key in self._accounts if self.of(key)[0] == customer_id)


def open_at(conn: Connection, asked: Asked) -> list[Item]:
    """Everything open at (as_of, known), by customer, due date and number."""
    lines = books_at.open_by_line(conn, asked.as_of, asked.known)
    held = books_at.documents_of(conn, sorted({key for key, _ in lines}))
    due = _due_dates(conn, sorted({key for key, _ in lines}))
    then = _as_known(conn, asked, held)
    owners = Owners(conn, asked)
    out = []
    for (key, line), amount in lines.items():
        doc = held[key]
        owner, name = owners.of(doc["account_id"])
        if (asked.company and doc["company_id"] != asked.company) or (asked.customer and owner != asked.customer):
            continue
        old = then.get(key)
        number, due_on = doc["number"], due.get((key, line)) or doc["due_on"] or doc["issue_on"]
        if old is not None:
            number = old.number
            plan = {part.line_id: part.due_on for part in old.installments}
            due_on = plan.get(line) or old.due_on or old.issue_on
        out.append(
            Item(
                owner, name, doc["company_id"], key, number, doc["kind"], doc["currency"], doc["issue_on"], due_on,
                doc["total_minor"], amount,
            )
        )  # fmt: skip
    return sorted(out, key=lambda one: (one.customer, one.customer_id, one.currency, one.due_on, one.number))


def _due_dates(conn: Connection, ids: Sequence[str]) -> dict[tuple[str, str], date]:
    o = open_items.c
    out: dict[tuple[str, str], date] = {}
    for part in chunks(ids):
        for row in conn.execute(select(o.document_id, o.line_id, o.due_on).where(o.document_id.in_(part))):
            out[row.document_id, row.line_id] = row.due_on
    return out


def _as_known(conn: Connection, asked: Asked, held: Mapping[str, RowMapping]) -> dict[str, DocumentCandidate]:
    """Documents whose present version came after the point, as the version before it said them."""
    later = [row for row in held.values() if row["source_seq"] > asked.known.input_seq]
    if asked.mapper is None or not later:
        return {}
    i = inputs.c
    hashes: dict[str, str] = {}
    for row in later:
        found = conn.execute(
            select(i.payload_hash)
            .where(
                i.kind == "landed",
                i.connection == row["connection"],
                i.stream == row["stream"],
                i.external_id == row["record_id"],
                i.seq <= asked.known.input_seq,
                i.payload_hash.is_not(None),
            )
            .order_by(i.seq.desc())
            .limit(1)
        ).scalar()
        if found is not None:
            hashes[row["id"]] = found
    payloads = load_payloads(conn, sorted(set(hashes.values())))
    out: dict[str, DocumentCandidate] = {}
    for row in later:
        body = payloads.get(hashes.get(row["id"], ""))
        made = asked.mapper(row["connection"], row["stream"], body) if body is not None else None
        if isinstance(made, DocumentCandidate):
            out[row["id"]] = made
    return out
