"""Entry lines (分录) of a page of documents, asked entry by entry: two entries in one query multiply their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.kingdee.query import Ask, KingdeeQuery, both
from connectors.kingdee.streams import Entry, KingdeeStream
from tieout.core.errors import BadPayload
from tieout.core.ports import JsonValue

_LISTED = 500  # so many keys are named one by one; above that the key range and the page's own filter are asked


@dataclass
class Lines:
    """entry -> document key -> lines; and the documents that an answer about them left out."""

    by_entry: dict[str, dict[int, list[dict[str, JsonValue]]]] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)

    def of(self, key: int | None) -> dict[str, list[dict[str, JsonValue]]]:
        """The lines of one document, every entry that was asked present."""
        if key is None:
            return {}
        return {entry: found.get(key, []) for entry, found in self.by_entry.items()}


class EntryReader:
    """Asks the lines of one entry for many documents."""

    def __init__(self, query: KingdeeQuery) -> None:
        self._query = query

    def read(
        self,
        stream: KingdeeStream,
        entry: Entry,
        keys: Sequence[str],
        documents: Mapping[int, object],
        where: str,
        lines: Lines,
    ) -> None:
        """Put the lines of `documents` into `lines`. A line that cannot be read raises: a document without all of
        its instalments would be wrong in silence. So would one that an answer says nothing about, not even that it
        has no lines: it is asked for once more, and then counts as left out.
        """
        found: dict[int, list[dict[str, JsonValue]]] = {}
        left = self._read(stream, entry, keys, sorted(documents), where, found)
        if left:
            left = self._read(stream, entry, keys, left, where, found)
        lines.by_entry[entry.key] = found
        lines.left_out.update(left)

    def _read(
        self,
        stream: KingdeeStream,
        entry: Entry,
        keys: Sequence[str],
        span: Sequence[int],
        where: str,
        found: dict[int, list[dict[str, JsonValue]]],
    ) -> list[int]:
        """Read the lines of the documents `span` into `found`; answers those that no row names."""
        if len(span) <= _LISTED:
            asked = f"{stream.key} in ({','.join(str(key) for key in span)})"
        else:
            asked = both(f"{stream.key}>={span[0]} and {stream.key}<={span[-1]}", where)
        wanted, left = set(span), set(span)
        ask = Ask(stream.form, (stream.key, *keys), asked, f"{stream.key},{entry.id_key}")
        for page in self._query.all(ask, lambda values: _behind(stream.key, entry.id_key, values)):
            for row in page.rows:
                if row.values is None:
                    raise BadPayload(f"{stream.form}.{entry.key}: a line cannot be read: {row.reason}")
                key, line_id = row.values[0], row.values[1]
                if not isinstance(key, int) or (line_id is not None and not isinstance(line_id, int)):
                    raise BadPayload(f"{stream.form}.{entry.key}: a line without ids")
                if key not in wanted:
                    continue
                left.discard(key)
                if line_id is not None:  # a document without lines answers one empty line
                    found.setdefault(key, []).append(dict(zip(keys, row.values[1:], strict=True)))
        return sorted(left)


def _behind(key: str, line: str, values: Sequence[JsonValue]) -> str:
    """The condition that goes on behind a line."""
    if values[1] is None:
        return f"{key}>{values[0]}"
    return f"{key}>{values[0]} or ({key}={values[0]} and {line}>{values[1]})"
