"""Creating a record at most once: a unique field where the module takes one, else look before creating.

With a unique key field the insert itself is the guard: Zoho answers DUPLICATE_DATA with the id of the record that is
there. An upsert would do as well but would overwrite what a user has changed on the task since. Without a unique
field the key is looked up by COQL (search lags behind writes) before the insert, a note's in the list of its record.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.http import chunks
from connectors.zoho.api import ZohoApi
from connectors.zoho.fields import Fields
from connectors.zoho.notes import MODULE as NOTES
from connectors.zoho.notes import Notes
from connectors.zoho.push_values import wire_fields
from connectors.zoho.rows import open_page
from tieout.core import exact_json
from tieout.core.errors import Rejected
from tieout.core.ports import JsonValue, Receipt, RemoteChange

_KEYS_PER_QUERY = 50


class Creates:
    """The guards and the shape of new records."""

    def __init__(self, api: ZohoApi, fields: Fields) -> None:
        self._api = api
        self._fields = fields
        self.notes = Notes(api)

    def before(self, batch: Sequence[RemoteChange]) -> dict[str, Receipt]:
        """Receipts of creates that need not or must not be sent; the others may be inserted now."""
        first = batch[0]
        if first.module == NOTES:
            return self.notes.before(batch)
        if not first.key_field:
            return {}
        unique = self._fields.known(first.module, [first.key_field]).get(first.key_field)
        if unique is None:
            text = f"{first.module} has no field {first.key_field}; run `tieout setup` for this connection"
            return {item.change_id: Receipt(item.change_id, "rejected", "", "no_key_field", text) for item in batch}
        if unique:
            return {}
        found = self.find(first.module, first.key_field, [item.key for item in batch])
        return {
            item.change_id: Receipt(item.change_id, "done", found[item.key], "FOUND", "it was there already")
            for item in batch
            if item.key in found
        }

    def row(self, change: RemoteChange) -> dict[str, JsonValue]:
        """The record to insert, with its key and its parent (`What_Id` needs `$se_module`)."""
        if change.module == NOTES:
            return self.notes.row(change)
        row = wire_fields(change.fields)
        if change.key_field:
            row[change.key_field] = change.key
        if change.parent_id:
            row["What_Id"] = {"id": change.parent_id}
            row["$se_module"] = change.parent_module
        return row

    def find(self, module: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        """key -> record id of the records that carry one of the keys; none while the module lacks the key's field."""
        out: dict[str, str] = {}
        for part in chunks(list(dict.fromkeys(keys)), _KEYS_PER_QUERY):
            try:
                records = self._lookup(module, key_field, part)
            except Rejected as error:
                # INVALID_QUERY names no field: only the metadata tells a field that was never made from a bad query.
                if error.code == "INVALID_QUERY" and key_field not in self._fields.known(module, [key_field]):
                    return {}
                raise
            for record in records:
                key, external_id = record.get(key_field), record.get("id")
                if isinstance(key, str) and external_id:
                    out.setdefault(key, str(external_id))
        return out

    def _lookup(self, module: str, key_field: str, keys: Sequence[str]) -> list[dict[str, JsonValue]]:
        listed = ", ".join(f"'{_quoted(key)}'" for key in keys)
        query = f"select id, {key_field} from {module} where {key_field} in ({listed}) limit 0, 200"  # noqa: S608
        reply = self._api.read("POST", "/coql", json={"select_query": query}, heavy=True)
        rows = [exact_json.loads(raw) for raw in open_page(self._api, reply).records]
        return [row for row in rows if isinstance(row, dict)]


def _quoted(key: str) -> str:
    if any(char in key for char in "\\\r\n\x00"):
        raise Rejected("a key with a backslash or line break cannot be looked up", code="bad_key")
    return key.replace("'", "\\'")
