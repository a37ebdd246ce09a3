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

_MODIFIED = frozenset({"fmodifydate", "fapprovedate"})


class RowMaker:
    """Makes SourceRow or BadRow of one header and its entry lines."""

    def __init__(self, stream: KingdeeStream, keys: Sequence[str], zone_name: str) -> None:
        self._stream = stream
        self._keys = tuple(keys)
        self._zone = zone_name
        self._places = {key.lower(): place for place, key in enumerate(keys)}
        self._hashed = [(key, place) for place, key in enumerate(keys) if _is_hashed(key)]
        self._stamps = [place for key, place in self._places.items() if key in _MODIFIED]
        self._key_at = self._places[stream.key.lower()]

    def key(self, values: Sequence[JsonValue]) -> int | None:
        """The document's internal id, None when it is no whole number."""
        found = values[self._key_at]
        if isinstance(found, str) and found.isascii() and found.isdigit():
            return int(found)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def make(
        self, values: Sequence[JsonValue], entries: Mapping[str, Sequence[Mapping[str, JsonValue]]], started: datetime
    ) -> SourceRow | BadRow:
        """The document as one object: header fields by key, entry lines under their entry's key."""
        record: dict[str, JsonValue] = dict(zip(self._keys, values, strict=True))
        record |= entries
        payload = exact_json.dumps_loaded(record)
        key = self.key(values)
        if key is None:
            return BadRow("", f"{self._stream.key} is not a number", payload)
        external_id = self._stream.external_id(key)
        try:
            modified_at = self._modified(values)
        except DateError as error:
            return BadRow(external_id, error.message, payload)
        version = SourceVersion(modified_at, None, started)
        return SourceRow(external_id, version, payload, exact_json.digest(self._content(values, entries)))

    def _modified(self, values: Sequence[JsonValue]) -> datetime | None:
        """The later of FModifyDate and FAPPROVEDATE: approving need not move the former."""
        texts = {text for place in self._stamps if isinstance(text := values[place], str) and text}
        return max((parse_local(text, self._zone) for text in texts), default=None)

    def _content(
        self, values: Sequence[JsonValue], entries: Mapping[str, Sequence[Mapping[str, JsonValue]]]
    ) -> dict[str, JsonValue]:
        """The part that is hashed: without stamps and settlement amounts, empty fields left out.

        The lines of an entry have one set of keys: those that were asked.
        """
        out = {key: value for key, place in self._hashed if (value := values[place]) is not None}
        for name, lines in entries.items():
            if _is_hashed(name):
                keys = [key for key in lines[0] if _is_hashed(key)] if lines else ()
                out[name] = [{key: line[key] for key in keys if line[key] is not None} for line in lines]
        return out


@lru_cache(maxsize=4096)
def _is_hashed(key: str) -> bool:
    return key.split(".", 1)[0].lower() not in NOT_HASHED
