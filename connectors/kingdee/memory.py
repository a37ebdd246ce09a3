"""What reading has learned of one stream: fields the form lacks, a form that is absent, the highest log id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tieout.core.dates import DateError, iso_utc, parse_at
from tieout.core.ports import JsonValue

STATE_KEYS = ("dropped", "dropped_at", "absent_at", "high")
_RECHECK_FIELDS = timedelta(hours=24)
_RECHECK_FORM = timedelta(days=7)


@dataclass
class Memory:
    """Kept in the cursor, so that a later sync does not pay for the same refusals again."""

    dropped: dict[str, None] = field(default_factory=dict)
    dropped_at: datetime | None = None
    absent_at: datetime | None = None
    high: int = 0
    found_nothing: bool = False  # of the read that goes on: the answer to its first question held no row

    @classmethod
    def recall(cls, state: Mapping[str, JsonValue], now: datetime) -> Memory:
        """From a cursor's state; refusals older than a day (a form: a week) are tried again."""
        memory = cls(high=int(state.get("high") or 0))
        dropped_at, absent_at = _at(state.get("dropped_at")), _at(state.get("absent_at"))
        if dropped_at is not None and now - dropped_at < _RECHECK_FIELDS:
            memory.dropped = dict.fromkeys(str(key) for key in state.get("dropped") or ())
            memory.dropped_at = dropped_at
        if absent_at is not None and now - absent_at < _RECHECK_FORM:
            memory.absent_at = absent_at
        return memory

    def drop(self, key: str, now: datetime) -> None:
        self.dropped[key] = None
        self.dropped_at = self.dropped_at or now

    def state(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {}
        if self.dropped:
            out |= {"dropped": list(self.dropped), "dropped_at": iso_utc(self.dropped_at) if self.dropped_at else ""}
        if self.absent_at is not None:
            out["absent_at"] = iso_utc(self.absent_at)
        if self.high:
            out["high"] = self.high
        return out


def _at(value: JsonValue) -> datetime | None:
    try:
        return parse_at(value) if isinstance(value, str) and value else None
    except DateError:
        return None
