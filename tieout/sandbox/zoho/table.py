"""The records of one module with sorted indexes, so that a page costs a page and not the module."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Any

from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.stamps import epoch

Entry = tuple[int, int]  # (sort key, record id as a number)
SORTS = ("id", "Created_Time", "Modified_Time")
_LAST_ID = 10**30


class RecordTable:
    """Records by id; indexes by id, Created_Time and Modified_Time; lookup by the value of a text field.

    Stored records are never changed in place: `put` takes a new one.
    """

    def __init__(self, store: SandboxStore, module: str) -> None:
        self.module = module
        self.rows = store.collection("zoho", module)
        self.graves = store.collection("zoho", f"{module}#deleted")
        self.locks = store.collection("zoho", f"{module}#locked")
        self.written: dict[str, float] = {}  # id -> epoch of the last write, for the search index lag
        self._sorted: dict[str, list[Entry]] = {name: [] for name in SORTS}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._values: dict[str, dict[str, set[str]]] = {}
        self._cache: dict[tuple[str, int], tuple[int, list[Entry]]] = {}
        self._version = 0
        for record_id, record in self.rows.items():
            self._stamps[record_id] = (epoch(record["Created_Time"]), epoch(record["Modified_Time"]))
        for record_id, (created, modified) in self._stamps.items():
            number = int(record_id)
            self._sorted["id"].append((number, number))
            self._sorted["Created_Time"].append((created, number))
            self._sorted["Modified_Time"].append((modified, number))
        for entries in self._sorted.values():
            entries.sort()

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, record_id: str) -> Doc | None:
        return self.rows.get(record_id)

    def modified(self, record_id: str) -> int:
        """Modified_Time as epoch seconds."""
        return self._stamps[record_id][1]

    def put(self, record: Doc, written: float | None = None) -> None:
        record_id = record["id"]
        if not (isinstance(record_id, str) and record_id.isdigit()):
            raise ValueError(f"a Zoho record id is a number as text, not {record_id!r}")
        old = self.rows.get(record_id)
        self._forget(record_id, old)
        number = int(record_id)
        stamps = (epoch(record["Created_Time"]), epoch(record["Modified_Time"]))
        self._stamps[record_id] = stamps
        for name, key in zip(SORTS, (number, *stamps), strict=True):
            insort(self._sorted[name], (key, number))
        for name, index in self._values.items():
            text = normal(record.get(name))
            if text:
                index.setdefault(text, set()).add(record_id)
        self._version += 1
        self.rows.put(record_id, record)
        if written is not None:
            self.written[record_id] = written

    def remove(self, record_id: str) -> Doc | None:
        record = self.rows.get(record_id)
        if record is None:
            return None
        self._forget(record_id, record)
        self._stamps.pop(record_id, None)
        self._version += 1
        self.rows.delete(record_id)
        return record

    def find(self, name: str, value: Any) -> list[str]:
        """Ids of the records whose field equals the text, case and outer blanks ignored; lowest id first."""
        index = self._values.get(name)
        if index is None:
            index = self._values[name] = {}
            for record_id, record in self.rows.items():
                key = normal(record.get(name))
                if key:
                    index.setdefault(key, set()).add(record_id)
        return sorted(index.get(normal(value), ()), key=int)

    def view(self, sort_by: str, since: int | None) -> tuple[list[Entry], int]:
        """Entries in ascending order and the position of the first one modified after `since` (epoch seconds)."""
        entries = self._sorted[sort_by]
        if since is None:
            return entries, 0
        if sort_by == "Modified_Time":
            return entries, bisect_right(entries, (since, _LAST_ID))
        cached = self._cache.get((sort_by, since))
        if cached is not None and cached[0] == self._version:
            return cached[1], 0
        changed = self._sorted["Modified_Time"]
        numbers = [number for _, number in changed[bisect_right(changed, (since, _LAST_ID)) :]]
        found = sorted((self._key(sort_by, number), number) for number in numbers)
        self._cache = {(sort_by, since): (self._version, found)}
        return found, 0

    def entries_of(self, ids: list[str], sort_by: str) -> list[Entry]:
        """Ascending entries of the given records, unknown ids left out."""
        return sorted((self._key(sort_by, int(one)), int(one)) for one in ids if one in self._stamps)

    def _key(self, sort_by: str, number: int) -> int:
        if sort_by == "id":
            return number
        return self._stamps[str(number)][0 if sort_by == "Created_Time" else 1]

    def _forget(self, record_id: str, record: Doc | None) -> None:
        if record is None:
            return
        number = int(record_id)
        created, modified = self._stamps[record_id]
        for name, key in zip(SORTS, (number, created, modified), strict=True):
            entries = self._sorted[name]
            del entries[bisect_left(entries, (key, number))]
        for name, index in self._values.items():
            index.get(normal(record.get(name)), set()).discard(record_id)


def normal(value: Any) -> str:
    """A value as the duplicate check sees it."""
    return "" if value is None else str(value).strip().casefold()
