"""What one customer owes one company: open items, credits, unapplied cash, read once for every decision about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.settle.scope import companies_of, members_of
from tieout.store.among import among_given
from tieout.store.tables import balances, documents, open_items

# Statements are made once: building and compiling one costs many times its execution.
_ITEM = ("id", "document_id", "account_id", "currency", "due_on", "open_minor", "number")
_ITEMS = (
    select(
        open_items.c.id,
        open_items.c.document_id,
        open_items.c.account_id,
        open_items.c.currency,
        open_items.c.due_on,
        open_items.c.open_minor,
        documents.c.number,
    )
    .join(documents, documents.c.id == open_items.c.document_id)
    .where(among_given(open_items.c.account_id, "accounts"), open_items.c.open_minor != 0)
    .order_by(open_items.c.due_on, open_items.c.id)
)
_POSTED = (
    select(balances.c.account_id, balances.c.currency).where(among_given(balances.c.account_id, "accounts")).distinct()
)
_CASH = select(documents.c.account_id, documents.c.currency, documents.c.open_minor).where(
    among_given(documents.c.account_id, "accounts"),
    documents.c.kind.in_(("payment", "refund")),
    documents.c.open_minor != 0,
    documents.c.state == "posted",
)


@dataclass
class Position:
    """What one customer owes one company, from its accounts."""

    customer: str
    company: str
    items: list[dict[str, Any]] = field(default_factory=list)
    open_minor: dict[str, int] = field(default_factory=dict)  # open items, credit notes netted
    credits_minor: dict[str, int] = field(default_factory=dict)  # open credit notes, <= 0
    unapplied_minor: dict[str, int] = field(default_factory=dict)  # unapplied cash, <= 0
    overdue_minor: dict[str, int] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)  # ever posted in
    accounts: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.customer}|{self.company}"

    @property
    def refs(self) -> list[str]:
        """What a case may be about: every open item, every account, and (`@`) items of an account that are settled."""
        return [*(row["id"] for row in self.items), *self.accounts, *(f"@{account}" for account in self.accounts)]

    def currency(self, functional: str) -> str:
        """The currency credit is judged in: the functional one unless all business is in one other currency."""
        used = {code for code, amount in self.open_minor.items() if amount} | {
            code for code, amount in self.unapplied_minor.items() if amount
        }
        return next(iter(used)) if len(used) == 1 else functional


def positions_of(batch: Batch, keys: Sequence[str]) -> tuple[list[Position], dict[str, list[str]]]:
    """The positions of these `customer|company` keys, and the members of their customers."""
    members = members_of(batch, [key.split("|", 1)[0] for key in keys if "|" in key])
    return positions_among(batch, keys, members), members


def positions_among(batch: Batch, keys: Sequence[str], members: Mapping[str, list[str]]) -> list[Position]:
    """The positions of these `customer|company` keys as if their customers had these members."""
    pairs = [tuple(key.split("|", 1)) for key in sorted(set(keys)) if "|" in key]
    accounts = [m for group in members.values() for m in group if m.startswith("acc_")]
    companies = companies_of(batch, accounts)
    owner: dict[str, Position] = {}
    positions = []
    for customer, company in pairs:
        position = Position(customer, company)
        positions.append(position)
        for member in members.get(customer, []):
            if companies.get(member) == company:
                owner[member] = position
                position.accounts.append(member)
    of = {"accounts": sorted(owner)}
    for cells in batch.conn.execute(_ITEMS, of).all():
        _, _, account, currency, due_on, amount, _ = cells
        position = owner[account]
        _add(position.open_minor, currency, amount)
        if amount < 0:
            _add(position.credits_minor, currency, amount)
            continue
        position.items.append(dict(zip(_ITEM, cells, strict=True)))
        if due_on < batch.on[position.company]:
            _add(position.overdue_minor, currency, amount)
    for account, currency in batch.conn.execute(_POSTED, of):
        owner[account].currencies.add(currency)
    for account, currency, amount in batch.conn.execute(_CASH, of):
        _add(owner[account].unapplied_minor, currency, amount)
    return positions


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    sums[currency] = sums.get(currency, 0) + amount
