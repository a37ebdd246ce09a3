"""Reads back what a change meant to set: updates by id, creates by their key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from connectors.http import chunks
from connectors.zoho.api import ZohoApi
from connectors.zoho.creates import Creates
from connectors.zoho.notes import MODULE as NOTES
from connectors.zoho.rows import open_page, stamp_of
from tieout.core import exact_json
from tieout.core.errors import BadPayload, Rejected
from tieout.core.ports import JsonValue, RemoteChange, Seen

_IDS_PER_CALL = 100
_FIELDS_PER_CALL = 49  # and Modified_Time


class ReadBack:
    """The remote's present values of the fields of changes."""

    def __init__(self, api: ZohoApi, creates: Creates) -> None:
        self._api = api
        self._creates = creates

    def read(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        """One Seen per change, in order; `found` False where no such record answers."""
        notes = self._creates.notes.seen([change for change in changes if change.module == NOTES])
        others = iter(self._records_of([change for change in changes if change.module != NOTES]))
        return [notes[change.change_id] if change.module == NOTES else next(others) for change in changes]

    def _records_of(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        ids = self._resolve(changes)
        groups: dict[tuple[str, tuple[str, ...]], list[RemoteChange]] = defaultdict(list)
        for change in changes:
            if ids[change.change_id]:
                groups[change.module, tuple(sorted(change.fields))].append(change)
        seen: dict[str, Seen] = {}
        for (module, names), group in groups.items():
            wanted = [ids[change.change_id] for change in group]
            records: dict[str, dict[str, JsonValue]] = {}
            for part in chunks(list(dict.fromkeys(wanted)), _IDS_PER_CALL):
                records.update(self._records(module, part, names))
            for change in group:
                record = records.get(ids[change.change_id])
                if record is not None:
                    seen[change.change_id] = _seen(change, ids[change.change_id], record)
        return [
            seen.get(change.change_id) or Seen(change.module, ids[change.change_id], found=False, fields={})
            for change in changes
        ]

    def _resolve(self, changes: Sequence[RemoteChange]) -> dict[str, str]:
        """change id -> remote id; creates are found by their key."""
        ids = {change.change_id: change.remote_id for change in changes}
        keyed: dict[tuple[str, str], list[RemoteChange]] = defaultdict(list)
        for change in changes:
            if change.operation == "create" and change.key_field:
                keyed[change.module, change.key_field].append(change)
        for (module, key_field), group in keyed.items():
            found = self._creates.find(module, key_field, [change.key for change in group])
            ids.update({change.change_id: found.get(change.key, "") for change in group})
        return ids

    def _records(self, module: str, ids: Sequence[str], names: tuple[str, ...]) -> dict[str, dict[str, JsonValue]]:
        records: dict[str, dict[str, JsonValue]] = {}
        for fields in chunks(list(names) or ["Modified_Time"], _FIELDS_PER_CALL):
            asked = ",".join(dict.fromkeys([*fields, "Modified_Time"]))
            query = {"ids": ",".join(ids), "fields": asked, "per_page": str(len(ids))}
            try:
                reply = self._api.read("GET", f"/{module}", params=query)
            except Rejected as error:
                if error.code == "INVALID_DATA" and len(ids) == 1:  # an id that is gone for good
                    return {}
                raise
            for raw in open_page(self._api, reply).records:
                record = exact_json.loads(raw)
                if not isinstance(record, dict) or not record.get("id"):
                    raise BadPayload(f"{reply.what}: a record without id")
                records.setdefault(str(record["id"]), {}).update(record)
        return records


def _seen(change: RemoteChange, remote_id: str, record: dict[str, JsonValue]) -> Seen:
    fields = {name: record.get(name) for name in change.fields}
    return Seen(change.module, remote_id, found=True, fields=fields, modified_at=stamp_of(record))
