"""Pages into source rows: each record keeps its raw fields and gets beside them what only the description can tell.

Added keys: `$by` (values found by meaning), `$name` (names of what these refer to), `$on` (calendar dates of date
fields), `$owner` (id and name), `$finance` (titles and tax ids of a customer, from their own object).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.layout import Layout
from connectors.fxiaoke.streams import SYSTEM
from connectors.fxiaoke.values import day, from_wire, instant
from connectors.http import Reply
from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.core.ports import BadRow, JsonValue, SourceRow
from tieout.core.versions import SourceVersion

DEAD = "invalid"


class _Id(msgspec.Struct):
    id: str = msgspec.field(name="_id", default="")


class _Data(msgspec.Struct):
    dataList: msgspec.Raw = msgspec.Raw(b"")


class _Answer(msgspec.Struct):
    data: _Data | None = None


_answer = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class RawPage:
    """A list answer taken apart: records as bytes."""

    records: list[bytes]
    raw: bytes


def open_page(api: FxiaokeApi, reply: Reply, limit: int) -> RawPage:
    """Take a list answer apart without decoding its records; BadPayload when it is none."""
    api.http.ensure_json(reply)
    try:
        answer = _answer.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise api.http.unreadable(reply, f"not valid JSON ({error})") from None
    raw = bytes(answer.data.dataList) if answer.data is not None else b""
    if not raw:
        raise api.http.unreadable(reply, "no dataList")
    try:
        records = exact_json.split_array(raw)
    except BadPayload as error:
        raise api.http.unreadable(reply, error.message) from None
    if len(records) > limit:
        raise api.http.unreadable(reply, f"{len(records)} records although {limit} were asked for")
    return RawPage(records, raw)


def id_of(raw: bytes) -> str:
    """The id of a record that cannot be decoded as a whole; empty when even that cannot be read."""
    try:
        return msgspec.json.decode(raw, type=_Id).id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""


class RowReader:
    """Makes SourceRow or BadRow of one record."""

    def __init__(self, layout: Layout, zone_name: str) -> None:
        self._layout, self._zone = layout, zone_name
        own = {one.name for one in layout.own.values()}
        self._hashed = [name for name in layout.hashed if name not in own and name not in SYSTEM]

    def read(
        self, raw: bytes, started_at: datetime, finance: Mapping[str, Sequence[dict[str, Any]]] | None = None
    ) -> SourceRow | BadRow:
        """One record; what cannot be decoded, has no id or an unreadable stamp is a BadRow with the reason."""
        try:
            record = exact_json.loads(raw)
        except BadPayload as error:
            return BadRow(id_of(raw), error.message, raw)
        if not isinstance(record, dict):
            return BadRow("", "the record is not an object", raw)
        external_id = record.get("_id")
        if not isinstance(external_id, str) or not external_id:
            return BadRow("", "the record has no _id", raw)
        try:
            modified_at = instant(record.get("last_modified_time"))
        except ValueError as error:
            return BadRow(external_id, f"last_modified_time: {error}", raw)
        extra: dict[str, JsonValue] = {
            "$by": {name: record[real] for name, real in self._layout.aliases.items() if _said(record.get(real))}
        }
        try:
            extra["$on"] = {
                name: day(record[name], self._zone).isoformat() for name in self._layout.days if _said(record.get(name))
            }
        except ValueError as error:
            return BadRow(external_id, f"a date field: {error}", raw)
        for alias, real in self._layout.aliases.items():
            if real in extra["$on"]:
                extra["$by"][alias] = extra["$on"][real]
        extra["$name"] = {
            alias: record[f"{real}__r"]
            for alias, real in self._layout.aliases.items()
            if isinstance(record.get(f"{real}__r"), str) and record[f"{real}__r"]
        }
        if (owner := _owner(record)) is not None:
            extra["$owner"] = owner
        lines = finance.get(external_id, []) if finance is not None else None
        if lines is not None:
            extra["$finance"] = list(lines)
        hashed = {name: record[name] for name in self._hashed if _said(record.get(name))}
        if lines:
            hashed["$finance"] = list(lines)
        shown = {
            name: from_wire(record[one.name], one, self._zone)
            for name, one in self._layout.own.items()
            if one.name in record
        }
        # Empty fields are left out of answers: an own field that exists and is not shown is empty.
        shown |= {name: None for name, one in self._layout.own.items() if one.name not in record}
        return SourceRow(
            external_id=external_id,
            version=SourceVersion(modified_at, None, started_at),
            payload=exact_json.dumps({**record, **extra}),
            source_hash=exact_json.digest(hashed),
            own=shown,
        )


def is_dead(raw: bytes) -> bool:
    """True for a record that was made invalid (作废)."""
    try:
        record = exact_json.loads(raw)
    except BadPayload:
        return False
    return isinstance(record, dict) and (record.get("life_status") == DEAD or record.get("is_deleted") is True)


def gone_row(external_id: str, modified_at: datetime | None, started_at: datetime) -> SourceRow:
    """A tombstone."""
    return SourceRow(
        external_id=external_id,
        version=SourceVersion(modified_at, None, started_at),
        payload=exact_json.dumps({"_id": external_id}),
        source_hash=exact_json.digest({"deleted": external_id}),
        is_deleted=True,
    )


def _said(value: JsonValue) -> bool:
    return value not in (None, "", [])


def _owner(record: dict[str, Any]) -> dict[str, JsonValue] | None:
    owner = record.get("owner")
    if not isinstance(owner, list) or not owner or not isinstance(owner[0], str):
        return None
    named = record.get("owner__r")
    name = named.get("name") if isinstance(named, dict) else named if isinstance(named, str) else None
    return {"id": owner[0], "name": name} if isinstance(name, str) and name else {"id": owner[0]}
