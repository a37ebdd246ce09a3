"""The records of one object, sorted by id and by modification, so that a page costs a page and not the object."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from tieout.sandbox.state import Doc, SandboxStore


class Table:
    """Records by id. Stored records are never changed in place: `put` takes a new one."""

    def __init__(self, store: SandboxStore, api_name: str) -> None:
        self.rows = store.collection("fxiaoke", api_name)
        self._ids = sorted(key for key, _ in self.rows.items())
        self._stamps = sorted((int(row["last_modified_time"]), key) for key, row in self.rows.items())
        self._by: dict[str, dict[str, set[str]]] = {}

    def get(self, record_id: str) -> Doc | None:
        return self.rows.get(record_id)

    def put(self, record: Doc) -> None:
        record_id = str(record["_id"])
        old = self.rows.get(record_id)
        if old is None:
            insort(self._ids, record_id)
        else:
            self._forget(record_id, old)
        insort(self._stamps, (int(record["last_modified_time"]), record_id))
        for name, index in self._by.items():
            if record.get(name) is not None:
                index.setdefault(str(record[name]), set()).add(record_id)
        self.rows.put(record_id, record)

    def remove(self, record_id: str) -> None:
        old = self.rows.get(record_id)
        if old is None:
            return
        self._forget(record_id, old)
        del self._ids[bisect_left(self._ids, record_id)]
        self.rows.delete(record_id)

    def find(self, name: str, value: str) -> list[Doc]:
        """Records whose field has exactly this value, by id."""
        index = self._by.get(name)
        if index is None:
            index = self._by[name] = {}
            for key, one in self.rows.items():
                if one.get(name) is not None:
                    index.setdefault(str(one[name]), set()).add(key)
        return [row for key in sorted(index.get(value, ())) if (row := self.rows.get(key)) is not None]

    def after_id(self, last: str) -> list[str]:
        """Ids above `last`, ascending."""
        return self._ids[bisect_right(self._ids, last) :]

    def modified_since(self, stamp: int) -> list[str]:
        """Ids of records modified at or after `stamp` (ms), ascending by id."""
        return sorted(key for _, key in self._stamps[bisect_left(self._stamps, (stamp, "")) :])

    def _forget(self, record_id: str, old: Doc) -> None:
        del self._stamps[bisect_left(self._stamps, (int(old["last_modified_time"]), record_id))]
        for name, index in self._by.items():
            index.get(str(old.get(name)), set()).discard(record_id)
