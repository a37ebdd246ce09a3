"""Who is meant by a few words: every word in the name, the customer code, or the tax id of one of its records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from tieout.store.queries.paging import contains
from tieout.store.tables import accounts, customers, memberships, party_keys

MOST_WORDS = 6


def words_of(text: str) -> list[str]:
    """The words of a search; what goes beyond a handful is taken as one."""
    return text.split(maxsplit=MOST_WORDS - 1)


def customers_like(text: str) -> ColumnElement[bool]:
    """Customers of which every word says something: part of the name, of a code in the books, or of a tax id."""
    return and_(*(_says(word) for word in words_of(text)))


def accounts_like(word: str) -> Any:
    """The accounts whose customer a word says something of."""
    m = memberships.c
    return select(m.member).where(
        m.to_seq.is_(None), m.member.like("acc_%"), m.customer_id.in_(select(customers.c.id).where(_says(word)))
    )


def _says(word: str) -> ColumnElement[bool]:
    m, a, k = memberships.c, accounts.c, party_keys.c
    booked = select(m.customer_id).join(accounts, a.id == m.member)
    booked = booked.where(m.to_seq.is_(None), or_(contains(a.party_ref, word), contains(a.name, word)))
    found = [contains(customers.c.name, word), customers.c.id.in_(booked), customers.c.id == word]
    if len(word) >= 4:  # shorter ones stand in too many tax ids to say anything
        taxed = select(m.customer_id).join(party_keys, k.member == m.member)
        found.append(customers.c.id.in_(taxed.where(m.to_seq.is_(None), k.kind == "tax", contains(k.value, word))))
    return or_(*found)
