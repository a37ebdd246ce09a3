"""Kingdee rows into source rows: one JSON object per document, numbers exact, stamps read in the server's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from connectors.kingdee.streams import NOT_HASHED, KingdeeStream
from tieout.core import exact_json
from tieout.core.dates import DateError, parse_local
from tieout.core.ports import BadRow, JsonValue, SourceRow
from tieout.core.versions import SourceVersion

_NESTED = frozenset({dict, list})
_MODIFIED = frozenset({"fmodifydate", "fapprovedate"})


class RowMaker:
    """Makes SourceRow or BadRow of one header and its entry lines."""

    def __init__(self, stream: KingdeeStream, keys: Sequence[str], zone_name: str) -> None:
        self._stream = stream
        self._keys = tuple(keys)
        self._zone = zone_name
        self._places = {key.lower(): place for place, key in enumerate(keys)}

    def key(self, values: Sequence[JsonValue]) -> int | None:
        """The document's internal id, None when it is no whole number."""
        found = values[self._places[self._stream.key.lower()]]
        if isinstance(found, str) and found.isascii() and found.isdigit():
            return int(found)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def make(
        self, values: Sequence[JsonValue], entries: Mapping[str, Sequence[Mapping[str, JsonValue]]], started: datetime
    ) -> SourceRow | BadRow:
        """The document as one object: header fields by key, entry lines under their entry's key."""
        record: dict[str, JsonValue] = dict(zip(self._keys, values, strict=True))
        record |= {name: [dict(line) for line in lines] for name, lines in entries.items()}
        payload = exact_json.dumps(record)
        key = self.key(values)
        if key is None:
            return BadRow("", f"{self._stream.key} is not a number", payload)
        external_id = self._stream.external_id(key)
        try:
            modified_at = self._modified(values)
        except DateError as error:
            return BadRow(external_id, error.message, payload)
        version = SourceVersion(modified_at, None, started)
        return SourceRow(external_id, version, payload, exact_json.digest(_content(record)))

    def _modified(self, values: Sequence[JsonValue]) -> datetime | None:
        """The later of FModifyDate and FAPPROVEDATE: approving need not move the former."""
        texts = [values[place] for name, place in self._places.items() if name in _MODIFIED]
        found = [parse_local(text, self._zone) for text in texts if isinstance(text, str) and text]
        return max(found, default=None)


@lru_cache(maxsize=4096)
def _is_hashed(key: str) -> bool:
    return key.split(".", 1)[0].lower() not in NOT_HASHED


def _content(value: JsonValue) -> JsonValue:
    """The part of a record that is hashed: without stamps and settlement amounts, empty fields left out."""
    if isinstance(value, dict):
        return {
            key: _content(item) if type(item) in _NESTED else item
            for key, item in value.items()
            if item is not None and _is_hashed(key)
        }
    return [_content(item) for item in value] if isinstance(value, list) else value
