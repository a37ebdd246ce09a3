"""Which of two versions of a source record is newer (design decision D4)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec


class SourceVersion(msgspec.Struct, frozen=True):
    """Where a version stands: the source's modified stamp, its counter if any, and when our read began."""

    modified_at: datetime | None
    counter: int | None
    read_started_at: datetime


class Newer(Enum):
    """Outcome of comparing an incoming version with the current one."""

    YES = "yes"  # becomes current
    NO = "no"  # landed, never current
    SAME = "same"  # same content: no new version
    REFETCH = "refetch"  # equal stamp, other content: fetch by id before it is applied


def compare(
    incoming: SourceVersion,
    incoming_hash: str,
    current: SourceVersion | None,
    current_hash: str,
    *,
    fetched_by_id: bool = False,
) -> Newer:
    """Order = (modified stamp, counter, read start); equal content is never a new version.

    `fetched_by_id`: the vendor was just asked for this one record, so what it shows is the truth for it even if its
    stamp is equal or went backwards (a restored record, a corrected clock), provided the read began later. A version
    without a stamp (detail rows, deletions) is ordered by its read start.
    """
    if current is None:
        return Newer.YES
    if incoming_hash == current_hash:
        return Newer.SAME
    if incoming.modified_at is not None and current.modified_at is not None:
        is_later = incoming.read_started_at >= current.read_started_at
        if incoming.modified_at > current.modified_at:
            return Newer.YES
        if incoming.modified_at < current.modified_at:
            return Newer.YES if fetched_by_id and is_later else Newer.NO
        if incoming.counter is not None and current.counter is not None and incoming.counter != current.counter:
            return Newer.YES if incoming.counter > current.counter else Newer.NO
        if fetched_by_id:
            return Newer.YES if is_later else Newer.NO
        return Newer.REFETCH
    return Newer.YES if incoming.read_started_at >= current.read_started_at else Newer.NO
