"""What hangs on what: accounts and customers, documents and claims, deals and their documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from sync.fold.batch import Batch
from tieout.store.among import among, among_given, one_of
from tieout.store.landing import chunks
from tieout.store.tables import accounts, bindings, claims, documents, memberships
from tieout.store.together import Together

DEAL_KINDS = ("deal", "order")  # show the status of all their documents
_DEAL_STREAMS = ("deals", "orders")  # where they are read from


# What every new record asks is made once.
_COMPANIES = select(accounts.c.id, accounts.c.company_id).where(among_given(accounts.c.id, "ids"))
_CLAIMS = select(claims.c.stream, claims.c.external_id).where(
    claims.c.connection == bindparam("of"), among_given(claims.c.party_ref, "parties")
)
_CUSTOMERS = select(memberships.c.member, memberships.c.customer_id).where(
    among_given(memberships.c.member, "members"), memberships.c.to_seq.is_(None)
)
_MEMBERS = (
    select(memberships.c.customer_id, memberships.c.member)
    .where(among_given(memberships.c.customer_id, "customers"), memberships.c.to_seq.is_(None))
    .order_by(memberships.c.member)
)
_BOUND = (
    select(claims.c.connection, claims.c.stream, claims.c.external_id, claims.c.kind, claims.c.deal_ref)
    .join(
        bindings,
        (bindings.c.connection == claims.c.connection)
        & (bindings.c.stream == claims.c.stream)
        & (bindings.c.external_id == claims.c.external_id),
    )
    .where(among_given(bindings.c.document_id, "documents"), bindings.c.to_seq.is_(None))
)
# One table a statement, each with all columns of its key: joined, SQLite reads all claims of a connection every time.
_DEALS = select(claims.c.stream, claims.c.external_id, claims.c.currency).where(
    claims.c.connection == bindparam("of"),
    one_of(claims.c.stream, _DEAL_STREAMS),
    among_given(claims.c.external_id, "records"),
    one_of(claims.c.kind, DEAL_KINDS),
    claims.c.is_active.is_(True),
)
_NAMING_DEALS = select(claims.c.stream, claims.c.external_id, claims.c.deal_ref).where(
    claims.c.connection == bindparam("of"),
    among_given(claims.c.deal_ref, "records"),
    claims.c.kind != "payment",
    claims.c.is_active.is_(True),
)
_BOUND_TO = select(bindings.c.external_id, bindings.c.document_id).where(
    bindings.c.connection == bindparam("of"),
    bindings.c.stream == bindparam("at"),
    among_given(bindings.c.external_id, "records"),
    bindings.c.to_seq.is_(None),
)
_DEAL_RECORDS = select(claims.c.stream, claims.c.external_id).where(
    claims.c.connection == bindparam("of"),
    one_of(claims.c.stream, _DEAL_STREAMS),
    among_given(claims.c.external_id, "records"),
    one_of(claims.c.kind, DEAL_KINDS),
)
_DEALT_IN = (
    select(claims.c.party_ref, documents.c.account_id, documents.c.number)
    .outerjoin(
        bindings,
        (bindings.c.connection == claims.c.connection)
        & (bindings.c.stream == claims.c.stream)
        & (bindings.c.external_id == claims.c.external_id)
        & bindings.c.to_seq.is_(None),
    )
    .outerjoin(documents, documents.c.id == bindings.c.document_id)
    .where(
        claims.c.connection == bindparam("of"), among_given(claims.c.party_ref, "parties"), claims.c.is_active.is_(True)
    )
    .order_by(documents.c.number)
)


@dataclass(frozen=True, slots=True)
class BoundClaim:
    """A claim that is bound to a document."""

    connection: str
    stream: str
    external_id: str
    kind: str
    deal_ref: str

    @property
    def key(self) -> str:
        return f"{self.connection}/{self.stream}/{self.external_id}"

    @property
    def deals(self) -> list[str]:
        """The deal or order it is, and the one it names."""
        return deals_of(self.connection, self.external_id, self.kind, self.deal_ref)


@dataclass
class Deal:
    """A deal and the documents it stands on."""

    key: str
    currency: str
    documents: set[str] = field(default_factory=set)


@dataclass
class Business:
    """What one CRM record deals in: its claims, and the numbers of bound documents by account."""

    claims: int = 0
    numbers: dict[str, list[str]] = field(default_factory=dict)


def deal_key(connection: str, external_id: str) -> str:
    """Subject of the decisions of a deal or order."""
    return f"{connection}/deal:{external_id}"


def deals_of(connection: str, external_id: str, kind: str, deal_ref: str) -> list[str]:
    """Subjects that a claim bears on: itself where it is a deal or an order, and the deal or order that it names."""
    own = [deal_key(connection, external_id)] if kind in DEAL_KINDS else []
    return [*own, *([deal_key(connection, deal_ref)] if deal_ref else [])]


def parse_deal(key: str) -> tuple[str, str]:
    """Connection and record id of a deal's subject."""
    connection, _, record = key.partition("/deal:")
    return connection, record


def claims_of_documents(batch: Batch, ids: Iterable[str]) -> list[BoundClaim]:
    """Claims bound to any of these documents now."""
    return [BoundClaim(*row) for row in batch.conn.execute(_BOUND, {"documents": sorted(set(ids))})]


def customers_of_accounts(batch: Batch, ids: Iterable[str]) -> dict[str, str]:
    """Customer id of each account, through membership as known now."""
    return dict(batch.conn.execute(_CUSTOMERS, {"members": sorted(set(ids))}).all())


def company_of_documents(batch: Batch, ids: Iterable[str]) -> dict[str, str]:
    """Company id of each document."""
    d = documents.c
    out: dict[str, str] = {}
    for part in chunks(sorted(set(ids))):
        out.update(batch.conn.execute(select(d.id, d.company_id).where(among(d.id, part))).all())
    return out


def documents_of_deals(batch: Batch, keys: Iterable[str]) -> dict[str, Deal]:
    """Each living deal with the documents bound to it or to the invoices that name it."""
    out: dict[str, Deal] = {}
    for connection, records in _by_connection(keys).items():
        for part in chunks(records):
            of = {"of": connection, "records": part}
            shown: dict[str, dict[str, str]] = {}  # stream -> record that is bound -> the deal it counts for
            for row in batch.conn.execute(_DEALS, of):
                key = deal_key(connection, row.external_id)
                out[key] = Deal(key, row.currency)
                shown.setdefault(row.stream, {})[row.external_id] = key
            claiming = [(stream, record, key) for stream, some in shown.items() for record, key in some.items()]
            for named in batch.conn.execute(_NAMING_DEALS, of):
                claiming.append((named.stream, named.external_id, deal_key(connection, named.deal_ref)))
            for stream in sorted({stream for stream, _, _ in claiming}):
                mine = [(record, key) for at, record, key in claiming if at == stream]
                bound: dict[str, list[str]] = {}
                for some in chunks(sorted({record for record, _ in mine})):
                    for one in batch.conn.execute(_BOUND_TO, {"of": connection, "at": stream, "records": some}):
                        bound.setdefault(one.external_id, []).append(one.document_id)
                for record, key in mine:
                    if key in out:
                        out[key].documents.update(bound.get(record, ()))
    return out


def push_keys_of_deals(batch: Batch, keys: Iterable[str]) -> list[str]:
    """Record keys (connection/stream/id) of deals, for write-back."""
    out: list[str] = []
    for connection, records in _by_connection(keys).items():
        for part in chunks(records):
            for row in batch.conn.execute(_DEAL_RECORDS, {"of": connection, "records": part}):
                out.append(f"{connection}/{row.stream}/{row.external_id}")
    return out


def _by_connection(keys: Iterable[str]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for key in sorted(set(keys)):
        connection, record = parse_deal(key)
        wanted.setdefault(connection, []).append(record)
    return wanted


def claims_of_members(batch: Batch, members: Iterable[str]) -> set[str]:
    """Claims that name one of these CRM records as their customer, or are bound to a document of these accounts."""
    b, d = bindings.c, documents.c
    out: set[str] = set()
    records: dict[str, list[str]] = {}
    accounts_moved = []
    for member in sorted(set(members)):
        if "/" in member:
            connection, _, record = member.split("/", 2)
            records.setdefault(connection, []).append(record)
        else:
            accounts_moved.append(member)
    for connection, ids in records.items():
        for part in chunks(ids):
            for row in batch.conn.execute(_CLAIMS, {"of": connection, "parties": part}):
                out.add(f"{connection}/{row.stream}/{row.external_id}")
    for part in chunks(accounts_moved):
        for bound in batch.conn.execute(
            select(b.connection, b.stream, b.external_id)
            .join(documents, d.id == b.document_id)
            .where(among(d.account_id, part), b.to_seq.is_(None))
        ):
            out.add(f"{bound.connection}/{bound.stream}/{bound.external_id}")
    return out


def ask_business(trip: Together, keys: Iterable[str]) -> Callable[[], dict[str, Business]]:
    """What CRM records deal in: how many claims name each, and the accounts of the documents those are bound to."""
    records: dict[str, list[str]] = {}
    for key in sorted(set(keys)):
        connection, _, record = key.split("/", 2)
        records.setdefault(connection, []).append(record)
    asked = [
        (connection, trip.ask(_DEALT_IN, {"of": connection, "parties": part}))
        for connection, ids in records.items()
        for part in chunks(ids)
    ]

    def business() -> dict[str, Business]:
        out: dict[str, Business] = {}
        for connection, rows in asked:
            for party, account, number in rows():
                found = out.setdefault(f"{connection}/customers/{party}", Business())
                found.claims += 1
                if account is not None:
                    found.numbers.setdefault(account, []).append(number)
        return out

    return business


def members_of(batch: Batch, customers: Iterable[str]) -> dict[str, list[str]]:
    """All members (account ids and record keys) of customers now."""
    out: dict[str, list[str]] = {}
    for customer, member in batch.conn.execute(_MEMBERS, {"customers": sorted(set(customers))}):
        out.setdefault(customer, []).append(member)
    return out


def companies_of(batch: Batch, account_ids: Iterable[str]) -> Mapping[str, str]:
    """Company of each account."""
    return dict(batch.conn.execute(_COMPANIES, {"ids": sorted(set(account_ids))}).all())
