"""Zoho pages into source rows: sliced as raw bytes, hashed without our own fields and system stamps."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from connectors.http import Reply
from connectors.zoho.api import ZohoApi
from connectors.zoho.streams import is_system
from tieout.core import exact_json
from tieout.core.dates import DateError, parse_at
from tieout.core.errors import BadPayload
from tieout.core.ports import BadRow, JsonValue, SourceRow
from tieout.core.versions import SourceVersion

_Tree = dict[str, Any]  # name -> what is read below it; empty = all of it
_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class RawPage:
    """A list answer taken apart: records as bytes and the paging facts."""

    records: list[bytes]
    raw: bytes
    more: bool = False
    next_token: str = ""


EMPTY = RawPage([], b"")


def open_page(api: ZohoApi, reply: Reply) -> RawPage:
    """Take a list answer apart without decoding its records; 204 and 304 are an empty page."""
    if reply.status in {204, 304}:
        return EMPTY
    api.http.ensure_json(reply)
    try:
        parts = _envelope.decode(reply.body)
        data, info = parts.get("data"), parts.get("info")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise api.http.unreadable(reply, f"not valid JSON ({error})") from None
    if data is None:
        raise api.http.unreadable(reply, "no data array")
    raw = bytes(data)
    try:
        records = exact_json.split_array(raw)
        facts = exact_json.loads(bytes(info)) if info is not None else None
    except BadPayload as error:
        raise api.http.unreadable(reply, error.message) from None
    if not isinstance(facts, dict) or not isinstance(facts.get("more_records"), bool):
        raise api.http.unreadable(reply, "no info.more_records")
    more = facts["more_records"]
    if more and not records:
        raise api.http.unreadable(reply, "an empty page that says more records follow")
    return RawPage(records, raw, more, str(facts.get("next_page_token") or ""))


class RowReader:
    """Makes SourceRow or BadRow of one record."""

    def __init__(self, hashed: Collection[str], own: Collection[str], paths: Iterable[str] = ()) -> None:
        self._own = frozenset(own)
        self._hashed = frozenset(hashed) - self._own
        self._parts = {name: parts for name, parts in _tree(paths).items() if parts}

    def read(self, raw: bytes, read_started_at: datetime) -> SourceRow | BadRow:
        """One record; what cannot be decoded, has no id or an unreadable stamp is a BadRow with the reason."""
        try:
            record = exact_json.loads(raw)
        except BadPayload as error:
            return BadRow(_id_of(raw), error.message, raw)
        if not isinstance(record, dict):
            return BadRow("", "the record is not an object", raw)
        external_id = record.get("id")
        if not isinstance(external_id, str) or not external_id.strip():
            return BadRow("", "the record has no id", raw)
        try:
            modified_at = stamp_of(record)
        except DateError as error:
            return BadRow(external_id, f"Modified_Time: {error.message}", raw)
        return SourceRow(
            external_id=external_id,
            version=SourceVersion(modified_at, None, read_started_at),
            payload=raw,
            source_hash=self.hash(record),
            own={name: record[name] for name in sorted(self._own) if name in record},
        )

    def hash(self, record: dict[str, JsonValue]) -> str:
        """Digest of the mapped fields; a field the record does not show counts like an empty one.

        Of a lookup only what the profile reads counts: the display name belongs to the other record, and renaming
        that must not make new versions of all that name it.
        """
        names = self._hashed or frozenset(record) - self._own
        kept = {name: record[name] for name in names if record.get(name) is not None and not is_system(name)}
        for name in self._parts.keys() & kept.keys():
            kept[name] = _pruned(kept[name], self._parts[name])
        return exact_json.digest(kept)


def _tree(paths: Iterable[str]) -> dict[str, _Tree]:
    """Paths as a tree; what is read as a whole is a leaf, whatever else is read of it."""
    root: dict[str, _Tree] = {}
    whole: set[tuple[str, ...]] = {tuple(path.replace("[]", "").split(".")) for path in paths}
    for names in sorted(whole):
        if any(names[:length] in whole for length in range(1, len(names))):
            continue
        at = root
        for name in names:
            at = at.setdefault(name, {})
    return root


def _pruned(value: JsonValue, tree: dict[str, _Tree]) -> JsonValue:
    """Of a value only what the tree names."""
    if not tree:
        return value
    if isinstance(value, list):
        return [_pruned(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _pruned(value[name], parts) for name, parts in tree.items() if value.get(name) is not None}


def stamp_of(record: dict[str, JsonValue]) -> datetime | None:
    """Modified_Time as UTC; None when the record shows none, DateError when it cannot be read."""
    value = record.get("Modified_Time")
    if value is None:
        return None
    if not isinstance(value, str):
        raise DateError("not text")
    return parse_at(value)


def gone_row(external_id: str, payload: bytes, deleted_at: datetime | None, read_started_at: datetime) -> SourceRow:
    """A tombstone row."""
    return SourceRow(
        external_id=external_id,
        version=SourceVersion(deleted_at, None, read_started_at),
        payload=payload,
        source_hash=exact_json.digest({"deleted": external_id}),
        is_deleted=True,
    )


class _Head(msgspec.Struct):
    id: str = ""


def _id_of(raw: bytes) -> str:
    """The id of a record that cannot be decoded as a whole; empty when even that cannot be read."""
    try:
        return msgspec.json.decode(raw, type=_Head).id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
