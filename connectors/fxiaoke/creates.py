"""Creating a record at most once on a platform without idempotency keys: look for our key before every create.

The key stands in our own field of the object where the enterprise made it (unique, if they ticked it), and always as
the last line of the text. Without the field the text is searched. Our outbox is the log of what was tried: a create
whose outcome is unknown is looked for by the same key, after the time-out, before it may be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.describe import Descriptions, FieldInfo, own_field
from connectors.fxiaoke.reader import equals, path_of
from connectors.fxiaoke.rows import is_dead, open_page
from connectors.http import chunks
from tieout.core import exact_json
from tieout.core.errors import Rejected
from tieout.core.ports import JsonValue, Receipt, RemoteChange

TEXT_FIELD = "active_record_content"
_KEYS_PER_QUERY = 50
_LIMIT = 100


class Creates:
    """The guards and the shape of new records."""

    def __init__(self, api: FxiaokeApi, descriptions: Descriptions) -> None:
        self._api, self._descriptions = api, descriptions

    def before(self, batch: Sequence[RemoteChange]) -> dict[str, Receipt]:
        """Receipts of creates that need not be sent; the others may be now."""
        out: dict[str, Receipt] = {}
        for module, key_field in {(one.module, one.key_field) for one in batch if one.key}:
            some = [one for one in batch if (one.module, one.key_field) == (module, key_field)]
            found = self.find(module, key_field, [one.key for one in some])
            for one in some:
                if one.key in found:
                    out[one.change_id] = Receipt(one.change_id, "done", found[one.key], "FOUND", "it was there already")
        return out

    def row(self, change: RemoteChange) -> dict[str, JsonValue]:
        """The record to create, with its key and what it hangs on."""
        fields = self._fields(change.module)
        row: dict[str, JsonValue] = {
            "dataObjectApiName": change.module,
            "record_type": "default__c",
            "owner": [self._api.settings.user_id],
            **change.fields,
        }
        if change.key and isinstance(row.get(TEXT_FIELD), str):
            row[TEXT_FIELD] = f"{row[TEXT_FIELD]}\n[{change.key}]"
        mine = self._key_field(fields, change.key_field)
        if mine is not None:
            row[mine.name] = change.key
        elif change.key and TEXT_FIELD not in row:
            raise Rejected(
                f"{change.module} has no field {change.key_field} to find the record by", code="no_key_field"
            )
        if change.parent_id:
            row["related_object_data"] = [{"id": change.parent_id, "describe_api_name": change.parent_module}]
            if "related_api_names" in fields:
                row["related_api_names"] = [change.parent_module]
        return row

    def find(self, module: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        """key -> id of the living records that carry one of the keys."""
        mine = self._key_field(self._fields(module), key_field)
        wanted = list(dict.fromkeys(keys))
        out: dict[str, str] = {}
        if mine is not None:
            for part in chunks(wanted, _KEYS_PER_QUERY):
                for record in self._ask(module, [equals(mine.name, "IN", *part)], mine.name):
                    out.setdefault(str(record.get(mine.name)), str(record["_id"]))
            return {key: found for key, found in out.items() if key in wanted}
        for key in wanted:
            for record in self._ask(module, [equals(TEXT_FIELD, "LIKE", f"[{key}]")], TEXT_FIELD):
                if f"[{key}]" in str(record.get(TEXT_FIELD) or ""):
                    out.setdefault(key, str(record["_id"]))
        return out

    def _ask(self, module: str, filters: list[dict[str, JsonValue]], name: str) -> list[dict[str, Any]]:
        info: dict[str, JsonValue] = {
            "limit": _LIMIT,
            "offset": 0,
            "filters": filters,
            "orders": [{"fieldName": "_id", "isAsc": True}],
            "fieldProjection": ["_id", "life_status", name],
        }
        data = {"dataObjectApiName": module, "find_explicit_total_num": False, "search_query_info": info}
        reply = self._api.read(path_of(module, "query"), {"data": data})
        records = [exact_json.loads(raw) for raw in open_page(self._api, reply, _LIMIT).records if not is_dead(raw)]
        return [record for record in records if isinstance(record, dict) and record.get("_id")]

    def _fields(self, module: str) -> dict[str, FieldInfo]:
        fields = self._descriptions.fields(module)
        if fields is None:
            raise Rejected(f"the enterprise has no object {module}", code="no_object")
        return fields

    def _key_field(self, fields: dict[str, FieldInfo], key_field: str) -> FieldInfo | None:
        return own_field(fields, key_field, self._api.settings.labels.get(key_field, "")) if key_field else None
