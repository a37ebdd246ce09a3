"""Reads back what a change meant to set: updates by id, creates by their key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.creates import Creates
from connectors.fxiaoke.describe import Descriptions, own_field
from connectors.fxiaoke.reader import FxiaokeReader, equals
from connectors.fxiaoke.rows import is_dead, open_page
from connectors.fxiaoke.values import from_wire, instant
from connectors.http import chunks
from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.core.ports import JsonValue, RemoteChange, Seen

_IDS_PER_CALL = 100


class ReadBack:
    """The remote's present values of the fields of changes."""

    def __init__(self, api: FxiaokeApi, descriptions: Descriptions, reader: FxiaokeReader, creates: Creates) -> None:
        self._api, self._descriptions, self._reader, self._creates = api, descriptions, reader, creates

    def read(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        """One Seen per change, in order; `found` False where no such living record answers."""
        ids = {change.change_id: change.remote_id for change in changes}
        keyed: dict[tuple[str, str], list[RemoteChange]] = defaultdict(list)
        groups: dict[str, list[RemoteChange]] = defaultdict(list)
        for change in changes:
            if change.operation == "create":
                keyed[change.module, change.key_field].append(change)
            else:
                groups[change.module].append(change)
        seen: dict[str, Seen] = {}
        for (module, key_field), made in keyed.items():
            found = self._creates.find(module, key_field, [change.key for change in made])
            for change in made:
                remote_id = found.get(change.key, "")
                seen[change.change_id] = Seen(module, remote_id, found=bool(remote_id), fields={})
        for module, group in groups.items():
            seen |= self._updates(module, group)
        return [
            seen.get(change.change_id) or Seen(change.module, ids[change.change_id], found=False, fields={})
            for change in changes
        ]

    def state(self, module: str, record_id: str) -> dict[str, JsonValue] | None:
        """Lock and life status of one record; None when it is gone."""
        return self._records(module, [record_id], ["lock_status", "life_status"]).get(record_id)

    def _updates(self, module: str, group: Sequence[RemoteChange]) -> dict[str, Seen]:
        fields = self._descriptions.fields(module) or {}
        labels, zone_name = self._api.settings.labels, self._api.settings.timezone
        known = {
            name: info
            for name in dict.fromkeys(name for change in group for name in change.fields)
            if (info := own_field(fields, name, labels.get(name, ""))) is not None
        }
        records = self._records(module, [change.remote_id for change in group], [info.name for info in known.values()])
        out: dict[str, Seen] = {}
        for change in group:
            record = records.get(change.remote_id)
            if record is None:
                continue
            shown = {
                name: from_wire(record.get(known[name].name), known[name], zone_name)
                for name in change.fields
                if name in known
            }
            at = instant(record["last_modified_time"]) if "last_modified_time" in record else None
            out[change.change_id] = Seen(module, change.remote_id, found=True, fields=shown, modified_at=at)
        return out

    def _records(self, module: str, ids: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
        out: dict[str, dict[str, Any]] = {}
        asked = list(dict.fromkeys(["_id", "life_status", "last_modified_time", *names]))
        for part in chunks(list(dict.fromkeys(ids)), _IDS_PER_CALL):
            reply = self._reader.query(module, [equals("_id", "IN", *part)], asked, _IDS_PER_CALL)
            for raw in open_page(self._api, reply, _IDS_PER_CALL).records:
                record = exact_json.loads(raw)
                if not isinstance(record, dict) or not record.get("_id"):
                    raise BadPayload(f"{reply.what}: a record without _id")
                if not is_dead(raw):
                    out[str(record["_id"])] = record
        return out
