"""The few kinds of worlds: a seeded company, a start (zone changes, leap day, year's end), pages and lags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Variant:
    """What is fixed before a world begins; worlds of one variant start from the same stored state."""

    number: int
    start: datetime
    timezone: str
    company: int
    customers: int
    invoices: int
    per_page: int
    page_rows: int
    limit_max: int
    unique_fields: int = 2
    lag: float = 2.0
    zoho_skew: float = 0.0
    kingdee_skew: float = 0.0
    max_rows: int = 0  # more changes of one run wait for an approver

    @property
    def is_chatty(self) -> bool:
        """Customers are reminded day and night, every day, one level up each time."""
        return self.number not in (0, 2)


def _at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]  # year to minute, never the zone


VARIANTS = (
    Variant(0, _at(2026, 11, 24, 2, 0), "Asia/Shanghai", 3, 6, 20, 200, 2000, 10_000),
    Variant(1, _at(2026, 10, 24, 20, 0), "Europe/Berlin", 5, 5, 16, 6, 9, 10_000, lag=60.0),
    Variant(2, _at(2028, 2, 28, 14, 30), "Asia/Shanghai", 8, 6, 18, 8, 8, 10_000, kingdee_skew=-20.0, max_rows=3),
    Variant(3, _at(2026, 12, 31, 13, 0), "America/New_York", 11, 4, 14, 200, 2000, 10_000, unique_fields=0),
    Variant(4, _at(2027, 3, 13, 21, 0), "America/New_York", 13, 6, 20, 9, 12, 10_000, zoho_skew=15.0),
    Variant(5, _at(2026, 11, 24, 15, 55), "Asia/Shanghai", 17, 3, 8, 3, 3, 10_000, unique_fields=0, lag=30.0),
    Variant(6, _at(2027, 1, 31, 9, 0), "Asia/Kolkata", 19, 6, 20, 200, 6, 10_000, max_rows=2),
    Variant(
        7, _at(2027, 3, 27, 22, 0), "Europe/Berlin", 23, 5, 18, 6, 2000, 10_000, kingdee_skew=30.0, zoho_skew=-10.0
    ),
)
