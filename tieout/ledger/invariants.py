"""The invariants of the books, as a list of breaches with the ids that show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tieout.ledger import chart
from tieout.ledger.allocation import AllocationFact
from tieout.ledger.entries import Entry
from tieout.ledger.open_items import OpenItem

BreachKind = Literal[
    "entry_unbalanced", "control_account", "unapplied_cash", "customer_balance", "over_item", "over_credit"
]
_Key = tuple[str, str, str]  # company, account, currency


@dataclass(frozen=True, slots=True)
class ItemBalance:
    """An open item as stored: `open_minor` has the sign of the original and shrinks towards zero."""

    item: OpenItem
    open_minor: int


@dataclass(frozen=True, slots=True)
class CashBalance:
    """A payment (total < 0) or refund (total > 0) as stored, with the part that is not applied, same sign."""

    document_id: str
    company_id: str
    account_id: str
    currency: str
    total_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken invariant: what was expected, what was found, in minor units, and the ids to look at."""

    kind: BreachKind
    ids: Sequence[str]
    company_id: str
    account_id: str
    currency: str
    expected_minor: int
    found_minor: int


def balance_breaches(
    entries: Iterable[tuple[str, Entry]],
    items: Iterable[ItemBalance],
    cash: Iterable[CashBalance],
    links: Iterable[AllocationFact] = (),
) -> Sequence[Breach]:
    """Every breach of the balance invariants (design, promise 3; reliability reference, I1 to I3).

    Entries sum to zero per currency; per (company, account, currency) the `ar` account equals the open items, unapplied
    cash equals the open part of payments and refunds, and the customer balance equals open items less unapplied cash;
    nothing is applied beyond an item or a credit. `entries` are (id, entry) pairs; `links` are the accepted allocations
    that have no entry (credit note to invoice, payment to refund): they only help to name the documents behind a
    wrong account.
    """
    out: list[Breach] = []
    ar: dict[_Key, int] = defaultdict(int)
    unapplied: dict[_Key, int] = defaultdict(int)
    suspects = _Suspects()
    for entry_id, entry in entries:
        sums: dict[str, int] = defaultdict(int)
        for row in entry.postings:
            sums[row.currency] += row.amount_minor
            if row.code in chart.CUSTOMER_CODES:
                key = (entry.company_id, row.account_id, row.currency)
                (ar if row.code == chart.AR else unapplied)[key] += row.amount_minor
                suspects.add(key, row.code, row.document_id, row.amount_minor)
        out.extend(
            Breach("entry_unbalanced", (entry_id,), entry.company_id, "", currency, 0, total)
            for currency, total in sums.items()
            if total
        )
    open_items: dict[_Key, int] = defaultdict(int)
    homes: dict[str, tuple[_Key, str]] = {}
    for balance in items:
        item = balance.item
        key = (item.company_id, item.account_id, item.currency)
        open_items[key] += balance.open_minor
        homes[item.document_id] = (key, chart.AR)
        suspects.add(key, chart.AR, item.document_id, -balance.open_minor)
        if _outside(item.original_minor, balance.open_minor):
            out.append(Breach("over_item", (item.item_id,), *key, item.original_minor, balance.open_minor))
    open_cash: dict[_Key, int] = defaultdict(int)
    for held in cash:
        key = (held.company_id, held.account_id, held.currency)
        open_cash[key] += held.open_minor
        homes[held.document_id] = (key, chart.UNAPPLIED_CASH)
        suspects.add(key, chart.UNAPPLIED_CASH, held.document_id, -held.open_minor)
        if _outside(held.total_minor, held.open_minor):
            out.append(Breach("over_credit", (held.document_id,), *key, held.total_minor, held.open_minor))
    suspects.explain(links, homes)
    for key in sorted(ar.keys() | unapplied.keys() | open_items.keys() | open_cash.keys()):
        found = (ar.get(key, 0), unapplied.get(key, 0))
        expected = (open_items.get(key, 0), open_cash.get(key, 0))
        if found[0] != expected[0]:
            out.append(Breach("control_account", suspects.of(key, chart.AR), *key, expected[0], found[0]))
        if found[1] != expected[1]:
            out.append(Breach("unapplied_cash", suspects.of(key, chart.UNAPPLIED_CASH), *key, expected[1], found[1]))
        if sum(found) != sum(expected):
            out.append(Breach("customer_balance", (key[1],), *key, sum(expected), sum(found)))
    return tuple(out)


def _outside(total: int, open_minor: int) -> bool:
    low, high = min(0, total), max(0, total)
    return not low <= open_minor <= high


class _Suspects:
    """Per document: what the journal says minus what the open part says, to name where a sum went wrong."""

    def __init__(self) -> None:
        self._diff: dict[tuple[_Key, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, key: _Key, code: str, document_id: str, amount: int) -> None:
        self._diff[key, code][document_id] += amount

    def explain(self, links: Iterable[AllocationFact], homes: Mapping[str, tuple[_Key, str]]) -> None:
        for fact in links:
            for document_id, amount in (
                (fact.from_document_id, fact.amount_minor),
                (fact.to_document_id, -fact.amount_minor),
            ):
                home = homes.get(document_id)
                if home is not None:
                    self.add(*home, document_id, amount)

    def of(self, key: _Key, code: str) -> Sequence[str]:
        return tuple(sorted(document_id for document_id, amount in self._diff[key, code].items() if amount))
