"""Two time axes: what was open as of a business date, by what was recorded up to a commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Applied:
    """A part of an allocation on one item: `amount_minor` > 0, when it takes effect and which commit recorded it.

    `reversed_on`/`reversed_seq` are set when it was taken back, again by business date and by commit.
    """

    item_id: str
    amount_minor: int
    effective_on: date
    recorded_seq: int = 0
    reversed_on: date | None = None
    reversed_seq: int | None = None


def is_visible(effective_on: date, recorded_seq: int, as_of: date, known_seq: int | None) -> bool:
    """True when a document or entry belongs to a report (as_of, known_seq); known_seq None = all that is recorded."""
    return effective_on <= as_of and (known_seq is None or recorded_seq <= known_seq)


def counts(part: Applied, as_of: date, known_seq: int | None = None) -> bool:
    """True when a part is applied, and not yet taken back, at (as_of, known_seq)."""
    if not is_visible(part.effective_on, part.recorded_seq, as_of, known_seq):
        return False
    if part.reversed_on is None or part.reversed_on > as_of:
        return True
    return known_seq is not None and part.reversed_seq is not None and part.reversed_seq > known_seq


def open_at(original_minor: int, parts: Iterable[Applied], as_of: date, known_seq: int | None = None) -> int:
    """The open amount of one item: signed original less what is applied, moved towards zero (reference, section 1)."""
    applied = sum(part.amount_minor for part in parts if counts(part, as_of, known_seq))
    return original_minor - applied if original_minor >= 0 else original_minor + applied
