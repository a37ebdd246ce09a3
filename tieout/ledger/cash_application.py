"""Cash application: proposes which items a receipt pays; automatic only where exactly one explanation exists.

Used where a company applies cash in Tieout (`cash_application = "ours"`). Every proposal carries its evidence.
Source: receivables reference, section 7 (steps 3, 5, 9, 10 and 11) and section 18.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal

Step = Literal["exact_reference", "equal_amount", "subset_sum", "part_reference", "fifo"]

MAX_ITEMS = 18  # candidates searched for sums: at most 4,047 combinations of up to 4
MAX_PARTS = 4
MIN_REFERENCE = 4  # shorter document numbers occur in any text by chance


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open item of the payer that money could go to; credit notes have a negative open amount."""

    item_id: str
    document_id: str
    number: str
    currency: str
    due_on: date
    open_minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment with its unapplied amount (> 0) and the texts that came with it."""

    document_id: str
    currency: str
    open_minor: int
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """One way to apply a receipt: parts per item (credit notes negative), and what is left unapplied.

    `is_automatic` is True only for the single explanation inside its guard; `evidence` says why.
    """

    step: Step
    parts: Sequence[tuple[str, int]]
    unapplied_minor: int
    is_automatic: bool
    evidence: Mapping[str, str]


def propose(receipt: Receipt, candidates: Iterable[Candidate], *, spill_over: bool = False) -> Sequence[Proposal]:
    """Proposals for a receipt, best first; at most one is automatic and then it is the only one.

    1 the documents named in the text sum to the receipt; 2 one item has exactly the amount and no other item or pair
    does; 3 exactly one set of up to 4 of at most 18 items sums to it; credit notes are netted automatically only when
    the text names one of the documents. Otherwise suggestions: each of the two explanations found, the named document
    in part (the rest unapplied, or to the oldest items with `spill_over`), and FIFO by due date.
    """
    if receipt.open_minor <= 0:
        return ()
    rows = sorted(
        (row for row in candidates if row.currency == receipt.currency and row.open_minor),
        key=lambda row: (row.due_on, row.item_id),
    )
    named = _named(receipt.texts, rows)
    if named and sum(row.open_minor for row in named) == receipt.open_minor:
        return (_whole("exact_reference", named, True, _names(named)),)
    sums = _explanations(receipt.open_minor, rows)
    named_ids = {row.document_id for row in named}
    if len(sums) == 1:
        only = sums[0]
        touches = any(row.document_id in named_ids for row in only)
        has_credit = any(row.open_minor < 0 for row in only)
        searched_enough = len(only) == 1 or len(rows) <= MAX_ITEMS
        if searched_enough and (touches or (not named and not has_credit)):
            return (_whole("equal_amount" if len(only) == 1 else "subset_sum", only, True, {"solutions": "1"}),)
    found = "at least 2" if len(sums) > 1 else "1"
    out = [
        _whole("equal_amount" if len(rows_) == 1 else "subset_sum", rows_, False, {"solutions": found})
        for rows_ in sums
    ]
    if named:
        out.append(_part_reference(receipt, named, rows, spill_over))
    elif not sums:
        out.extend(_fifo(receipt, rows))
    return tuple(out)


def _named(texts: Sequence[str], rows: Sequence[Candidate]) -> list[Candidate]:
    haystack = " ".join(_plain(text) for text in texts)
    return [row for row in rows if _mentions(haystack, row.number)]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


def _mentions(haystack: str, number: str) -> bool:
    chunks = re.findall(r"[A-Z]+|\d+", _plain(number))
    if sum(map(len, chunks)) < MIN_REFERENCE:
        return False
    pattern = r"[\s\-_/.]*".join(map(re.escape, chunks))
    return re.search(rf"(?<![A-Z0-9]){pattern}(?![A-Z0-9])", haystack) is not None


def _names(rows: Sequence[Candidate]) -> dict[str, str]:
    return {"named": ", ".join(dict.fromkeys(row.number for row in rows))}


def _whole(step: Step, rows: Sequence[Candidate], auto: bool, evidence: Mapping[str, str]) -> Proposal:
    return Proposal(step, tuple((row.item_id, row.open_minor) for row in rows), 0, auto, evidence)


def _explanations(amount: int, rows: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    """Up to two sets that sum to the amount; above 18 items only single items and pairs are searched."""
    search = _small_sets(amount, rows) if len(rows) <= MAX_ITEMS else _ones_and_pairs(amount, rows)
    out: list[tuple[Candidate, ...]] = []
    for rows_ in search:
        out.append(rows_)
        if len(out) == 2:
            break
    return out


def _small_sets(amount: int, rows: Sequence[Candidate]) -> Iterator[tuple[Candidate, ...]]:
    for size in range(1, MAX_PARTS + 1):
        for rows_ in combinations(rows, size):
            if sum(row.open_minor for row in rows_) == amount:
                yield rows_


def _ones_and_pairs(amount: int, rows: Sequence[Candidate]) -> Iterator[tuple[Candidate, ...]]:
    for row in rows:
        if row.open_minor == amount:
            yield (row,)
    seen: dict[int, list[Candidate]] = {}
    for row in rows:
        for other in seen.get(amount - row.open_minor, ()):
            yield (other, row)
        seen.setdefault(row.open_minor, []).append(row)


def _part_reference(
    receipt: Receipt, named: Sequence[Candidate], rows: Sequence[Candidate], spill_over: bool
) -> Proposal:
    others = [row for row in rows if row not in named] if spill_over else []
    parts, left = _fill(receipt.open_minor, [*named, *others])
    return Proposal("part_reference", parts, left, False, _names(named))


def _fifo(receipt: Receipt, rows: Sequence[Candidate]) -> list[Proposal]:
    parts, left = _fill(receipt.open_minor, rows)
    return [Proposal("fifo", parts, left, False, {"order": "due date"})] if parts else []


def _fill(amount: int, rows: Sequence[Candidate]) -> tuple[tuple[tuple[str, int], ...], int]:
    parts: list[tuple[str, int]] = []
    for row in rows:
        part = min(amount, row.open_minor)
        if part > 0:
            parts.append((row.item_id, part))
            amount -= part
    return tuple(parts), amount
