"""Notification channels: created, renewed at half life, listed, dropped (Zoho docs v8 notifications).

A channel lives one week at most; a longer expiry silently means one hour, so six days and 23 hours are asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from connectors.zoho.api import ZohoApi, row_problem
from connectors.zoho.leg import zoho_time
from tieout.core.dates import DateError, parse_at
from tieout.core.errors import BadPayload, ConfigError, NotFound, Rejected
from tieout.core.ports import Channel, JsonValue

LIFE = timedelta(days=6, hours=23)


class Channels:
    """The notification channels of one connection."""

    def __init__(self, api: ZohoApi, connection: str, modules: Sequence[str]) -> None:
        self._api = api
        self._connection = connection
        self._events = [f"{module}.all" for module in modules]

    def channel_id(self, notify_url: str) -> str:
        """Our own number for the channel: the same for the same connection and address, so that none is made twice."""
        mark = hashlib.blake2b(f"{self._connection}\x00{notify_url}".encode(), digest_size=6).digest()
        return str(1_000_000_000_000 + int.from_bytes(mark) % 1_000_000_000_000)

    def ensure(self, notify_url: str, token: str, now: datetime, current: Channel | None = None) -> Channel:
        """A channel that lives beyond its half life: as it is, renewed, or made anew.

        `current` is the channel as stored by us; with it and more than half of its life left nothing is asked.
        """
        if not 16 <= len(token) <= 50:
            raise ConfigError("a notification token needs 16 to 50 characters")
        channel_id = self.channel_id(notify_url)
        same = (
            current is not None
            and current.channel_id == channel_id
            and current.token == token
            and list(current.events) == self._events
        )
        if current is not None and same and current.expires_at - now > LIFE / 2:
            return current
        watch: dict[str, JsonValue] = {
            "channel_id": channel_id,
            "events": self._events,
            "channel_expiry": zoho_time(now + LIFE),
            "token": token,
            "notify_url": notify_url,
            "return_affected_field_values": False,
            "notify_on_related_action": False,
        }
        known = any(item.channel_id == channel_id for item in self.list())
        if known:
            try:
                expires_at = self._send("PATCH", watch)
            except NotFound:  # it lapsed between the two calls
                expires_at = self._send("POST", watch)
        else:
            expires_at = self._send("POST", watch)
        return Channel(channel_id, token, notify_url, expires_at or now + LIFE, self._events)

    def list(self) -> list[Channel]:
        """The channels Zoho has for this client and user."""
        reply = self._api.read("GET", "/actions/watch")
        found = self._api.object(reply).get("watch", [])
        channels: dict[str, Channel] = {}
        for item in found if isinstance(found, list) else []:
            if not isinstance(item, dict) or not item.get("channel_id"):
                continue
            channel_id, event = str(item["channel_id"]), item.get("events") or item.get("resource_name")
            events = event if isinstance(event, list) else [str(event)]
            at = _expiry(item)
            if at is None:
                continue
            before = channels.get(channel_id)
            names = [*(before.events if before else ()), *(str(name) for name in events)]
            url = str(item.get("notify_url") or "")
            channels[channel_id] = Channel(channel_id, str(item.get("token") or ""), url, at, names)
        return list(channels.values())

    def drop(self, channel_id: str) -> None:
        """Unsubscribe; a channel that is not there is dropped already."""
        reply = self._api.write("DELETE", "/actions/watch", cost=1, heavy=False, params={"channel_ids": channel_id})
        if reply.status >= 400:
            error = self._api.error(reply)
            if not (isinstance(error, Rejected) and error.code in {"NOT_SUBSCRIBED", "INVALID_DATA"}):
                raise error

    def _send(self, method: str, watch: dict[str, JsonValue]) -> datetime | None:
        reply = self._api.write(method, "/actions/watch", cost=1, heavy=False, json={"watch": [watch]})
        if reply.status >= 400:
            error = self._api.error(reply)
            if method == "PATCH" and isinstance(error, Rejected) and error.code in {"NOT_SUBSCRIBED", "INVALID_DATA"}:
                raise NotFound(error.message, code=error.code, connection=self._connection)
            raise error
        rows = self._api.object(reply).get("watch")
        row = rows[0] if isinstance(rows, list) and rows else None
        problem = row_problem(row)
        if problem.code != "SUCCESS":
            raise Rejected(
                f"{reply.what}: {problem.code} {problem.message}".strip(),
                code=problem.code,
                connection=self._connection,
            )
        events = problem.details.get("events")
        stamps = [_expiry(item) for item in events if isinstance(item, dict)] if isinstance(events, list) else []
        known = [at for at in stamps if at is not None]
        if stamps and not known:
            raise BadPayload(f"{reply.what}: no readable channel_expiry", connection=self._connection)
        return min(known) if known else None


def _expiry(item: dict[str, JsonValue]) -> datetime | None:
    value = item.get("channel_expiry")
    try:
        return parse_at(value) if isinstance(value, str) else None
    except DateError:
        return None
