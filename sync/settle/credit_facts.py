"""What credit is judged by besides the position: limits of books and people, overrides, rates, who shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from sync.fold.batch import Batch
from sync.settle.candidates import candidates_of
from sync.settle.cases import CaseView
from sync.settle.positions import Position
from tieout.canonical.parties import PartyCandidate
from tieout.core.dates import add_months
from tieout.receivables.credit import CreditPolicy
from tieout.receivables.credit_policy import policy_of
from tieout.receivables.limit import BookLimit, SetLimit
from tieout.receivables.rates import MAX_AGE_DAYS, DatedRate, RateBook
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import accounts, credit_limits, credit_terms, decisions, rates

_TERMS = (
    select(credit_terms)
    .where(among_given(credit_terms.c.account_id, "accounts"), credit_terms.c.state == "active")
    .order_by(credit_terms.c.seq)
)
_LIMITS = (
    select(credit_limits, accounts.c.id.label("account_id"))
    .join(
        accounts,
        (accounts.c.connection == credit_limits.c.connection) & (accounts.c.party_ref == credit_limits.c.party_ref),
    )
    .where(
        among_given(accounts.c.id, "accounts"),
        or_(credit_limits.c.company_id == "", credit_limits.c.company_id == accounts.c.company_id),
    )
)
_POLICY = (
    select(credit_terms.c.body)
    .where(
        credit_terms.c.kind == "policy",
        credit_terms.c.company_id == bindparam("company"),
        credit_terms.c.state == "active",
    )
    .order_by(credit_terms.c.seq.desc())
    .limit(1)
)
_RATES = (
    select(
        rates.c.base,
        rates.c.quote,
        rates.c.rate,
        rates.c.rate_on,
        rates.c.until_on,
        rates.c.source,
        rates.c.rank,
    )
    .where(
        rates.c.is_active.is_(True),
        or_(rates.c.company_id == "", rates.c.company_id == bindparam("company")),
        or_(rates.c.until_on >= bindparam("on"), rates.c.until_on.is_(None) & (rates.c.rate_on >= bindparam("oldest"))),
    )
    .order_by(rates.c.rate_on, rates.c.id)
)


@dataclass
class CreditFacts:
    """By `customer|company`: what people set and what books state; `shown_in` = currencies of CRM records."""

    people: dict[str, list[SetLimit]] = field(default_factory=dict)
    books: dict[str, list[BookLimit]] = field(default_factory=dict)
    overrides: dict[str, list[Mapping[Any, Any]]] = field(default_factory=dict)
    shown_in: dict[str, set[str]] = field(default_factory=dict)
    rate_books: dict[str, RateBook] = field(default_factory=dict)
    policies: dict[str, CreditPolicy] = field(default_factory=dict)
    policy_inputs: dict[str, dict[str, Any]] = field(default_factory=dict)  # the same as decisions keep them

    def has_terms(self, key: str) -> bool:
        """True when somebody set a limit or a status; that the books do not check credit is no reason to decide."""
        stated = any(book.is_managed and book.amount_minor is not None for book in self.books.get(key, ()))
        return stated or key in self.people or key in self.overrides


def credit_facts(batch: Batch, positions: Sequence[Position], members: Mapping[str, Sequence[str]]) -> CreditFacts:
    """Everything for these positions, read in sets."""
    facts = CreditFacts()
    owner = {account: position.key for position in positions for account in position.accounts}
    _terms(batch, owner, facts)
    _books(batch, owner, facts)
    records = {
        member: customer
        for customer in {position.customer for position in positions}
        for member in members.get(customer, ())
        if "/" in member and "credit" in batch.config.connections[member.split("/", 1)[0]].push
    }
    known = candidates_of(batch, [_ref(member) for member in records])
    for ref, party in known.items():
        if isinstance(party, PartyCandidate) and party.currency:
            facts.shown_in.setdefault(records["/".join(ref)], set()).add(party.currency)
    for company in sorted({position.company for position in positions}):
        facts.rate_books[company] = rate_book(batch, company)
        facts.policies[company] = policy_in_force(batch.conn, company)
        facts.policy_inputs[company] = asdict(facts.policies[company])
    return facts


def policy_in_force(conn: Connection, company: str) -> CreditPolicy:
    """The latest approved policy of a company; the shipped one before there is any."""
    values = conn.execute(_POLICY, {"company": company}).scalar()
    return CreditPolicy() if values is None else policy_of(values)


def _ref(member: str) -> tuple[str, str, str]:
    connection, stream, record = member.split("/", 2)
    return connection, stream, record


def _terms(batch: Batch, owner: Mapping[str, str], facts: CreditFacts) -> None:
    for row in batch.conn.execute(_TERMS, {"accounts": sorted(owner)}).mappings():
        key = owner[row["account_id"]]
        if row["kind"] == "override":
            facts.overrides.setdefault(key, []).append(row)
        else:
            facts.people.setdefault(key, []).append(
                SetLimit(
                    row["id"],
                    row["currency"],
                    row["amount_minor"],
                    row["seq"],
                    row["valid_from"],
                    row["valid_until"],
                    row["author"],
                    row["approver"],
                )
            )


def _books(batch: Batch, owner: Mapping[str, str], facts: CreditFacts) -> None:
    for row in batch.conn.execute(_LIMITS, {"accounts": sorted(owner)}).mappings():
        facts.books.setdefault(owner[row["account_id"]], []).append(
            BookLimit(
                f"{row['connection']}/{row['stream']}/{row['external_id']}",
                row["account_id"],
                row["currency"],
                row["amount_minor"],
                row["temporary_minor"],
                row["temporary_from"],
                row["temporary_until"],
                row["is_managed"],
            )
        )


def rate_book(batch: Batch, company: str) -> RateBook:
    """The rates of a company that may count now or later."""
    on = batch.on[company]
    rows = batch.conn.execute(_RATES, {"company": company, "on": on, "oldest": on - timedelta(days=MAX_AGE_DAYS)})
    book = [
        DatedRate(row.base, row.quote, Decimal(row.rate), row.rate_on, row.until_on, row.source, row.rank)
        for row in rows
    ]
    return RateBook(book, batch.config.companies[company].functional_currency)


def broken_promises(batch: Batch, positions: Sequence[Position], view: CaseView) -> dict[str, int]:
    """How many promises were broken since the month began, or in the twelve months before it, by `customer|company`."""
    if not view.links:
        return {}
    refs = {ref: position for position in positions for ref in position.refs}
    d = decisions.c
    subjects: dict[str, Position] = {}
    for case, ref in view.links:
        if ref in refs:
            subjects.setdefault(f"{refs[ref].key}|{case}", refs[ref])
    out: dict[str, int] = {}
    for part in chunks(sorted(subjects)):
        for row in batch.conn.execute(
            select(d.subject, d.body).where(
                d.kind == "promise", d.subject.in_(part), d.is_current.is_(True), d.value == "broken"
            )
        ):
            position = subjects[row.subject]
            since = add_months(batch.on[position.company].replace(day=1), -12)
            if date.fromisoformat(row.body["until_on"]) >= since:
                out[position.key] = out.get(position.key, 0) + 1
    return out
