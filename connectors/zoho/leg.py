"""One leg of a scan: where the next page is asked, in a form that survives a kill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tieout.core.dates import iso_utc, parse_at
from tieout.core.ports import JsonValue

PAGE_CAP = 2000  # records reachable by page number (Zoho docs v8 get-records)


@dataclass(frozen=True, slots=True)
class Leg:
    """A position in a scan that is ordered by Modified_Time, or by id where one second holds more than a page.

    Paging by number over records that move loses the record that slips over a page edge. So each page begins a new
    leg at the last stamp seen (less a second, whatever the bound's inclusiveness); `seen` (id -> stamp) names the
    records that come again. In a flood the order is by id, which editing does not move.
    """

    since: datetime | None
    order: Literal["time", "id"] = "time"
    offset: int = 0
    token: str = ""
    size: int = 0
    seen: Mapping[str, str] = field(default_factory=dict)
    begun: bool = False  # a page of this scan was delivered before
    restarts: int = 0

    def dump(self) -> dict[str, JsonValue]:
        return {
            "since": iso_utc(self.since) if self.since else None,
            "order": self.order,
            "offset": self.offset,
            "token": self.token,
            "size": self.size,
            "seen": dict(self.seen),
            "restarts": self.restarts,
        }

    @classmethod
    def load(cls, state: Mapping[str, JsonValue]) -> Leg:
        since = state.get("since")
        return cls(
            since=parse_at(since) if isinstance(since, str) else None,
            order="id" if state.get("order") == "id" else "time",
            offset=int(state.get("offset") or 0),
            token=str(state.get("token") or ""),
            size=int(state.get("size") or 0),
            seen=dict(state.get("seen") or {}),
            begun=True,
            restarts=int(state.get("restarts") or 0),
        )

    def params(self, fields: str, size: int) -> dict[str, str]:
        """The query of this leg's page."""
        query = {
            "fields": fields,
            "per_page": str(size),
            "sort_by": "Modified_Time" if self.order == "time" else "id",
            "sort_order": "asc",
        }
        if self.token:
            query["page_token"] = self.token
        else:
            query["page"] = str(self.offset // size + 1)
        return query

    def headers(self) -> dict[str, str]:
        return {"If-Modified-Since": zoho_time(self.since)} if self.since else {}

    def page_size(self, largest: int) -> int:
        """The largest size that meets the offset at a page edge; a token keeps the size it was given for."""
        if self.token:
            return self.size or largest
        size = largest
        while size > 1 and self.offset % size:
            size = size // 2 if size % 2 == 0 else 1
        return size

    def after(self, stamps: Mapping[str, datetime | None], size: int, next_token: str) -> Leg | None:
        """The leg after a page that has more; None when it lies past the page cap and no token was given."""
        times = [at for at in stamps.values() if at is not None]
        edge = (max(times) - timedelta(seconds=1)).replace(microsecond=0) if times else None
        moved = edge is not None and (self.since is None or edge > self.since)
        if self.order == "time" and edge is not None and moved and min(times) >= edge:
            # One second fills the page (a mass update): asking again from there would show the same page.
            return Leg(edge, order="id", begun=True, restarts=self.restarts)
        if self.order == "time" and edge is not None and moved:
            seen = {key: iso_utc(at) for key, at in stamps.items() if at is not None and at >= edge}
            return Leg(edge, seen=seen, begun=True, restarts=self.restarts)
        if self.order == "time":
            return Leg(self.since, order="id", begun=True, restarts=self.restarts)
        offset = self.offset + size
        if self.token or offset + size > PAGE_CAP:
            if not next_token:
                return None
            return Leg(self.since, "id", offset, next_token, size, begun=True, restarts=self.restarts)
        return Leg(self.since, "id", offset, begun=True, restarts=self.restarts)


def zoho_time(instant: datetime) -> str:
    """`2026-01-05T12:00:00+00:00`: Zoho refuses fractions of a second."""
    return instant.replace(microsecond=0).isoformat()
