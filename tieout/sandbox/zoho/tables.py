"""All modules' records together: lookups by name, names of looked-up records, and how a record is shown."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.catalog import Field, FieldCatalog
from tieout.sandbox.zoho.fieldtable import NAME_FIELD
from tieout.sandbox.zoho.table import RecordTable

SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "HKD": "HK$"}


class Tables:
    """Record tables by module, and the views of a record on the wire."""

    def __init__(self, store: SandboxStore, catalog: FieldCatalog) -> None:
        self._store = store
        self.catalog = catalog
        self._tables: dict[str, RecordTable] = {}

    def __getitem__(self, module: str) -> RecordTable:
        found = self._tables.get(module)
        if found is None:
            found = self._tables[module] = RecordTable(self._store, module)
        return found

    def name_of(self, module: str, record: Doc) -> str | None:
        """What the UI shows for the record."""
        name = record.get(NAME_FIELD.get(module, "Name"))
        return None if name is None else str(name)

    def lookup_module(self, field: Field, record: Doc) -> str:
        """The module a lookup points into; for tasks' What_Id it stands in the record's own $se_module."""
        return str(record.get("$se_module") or "") if field.lookup == "se_module" else field.lookup

    def value(self, field: Field, record: Doc) -> Any:
        """A field on the wire; lookups show the present name of what they point to."""
        value = record.get(field.api_name)
        if field.data_type != "lookup" or not isinstance(value, dict):
            return value
        target = self.lookup_module(field, record)
        found = self[target].get(str(value.get("id"))) if target in self.catalog else None
        name = self.name_of(target, found) if found is not None else value.get("name")
        return {"name": name, "id": str(value.get("id"))}

    def row(self, module: str, record: Doc, names: list[str]) -> Doc:
        """A list row: the asked fields that exist, null when empty; `id` always, subforms never."""
        fields = self.catalog.fields(module)
        row: Doc = {"id": record["id"]}
        for name in names:
            if name.startswith("$"):
                special = self._special(name, record)
                if special is not None:
                    row[name] = special
                continue
            field = fields.get(name)
            if field is not None and field.in_lists:
                row[name] = self.value(field, record)
        return row

    def full(self, module: str, record: Doc) -> Doc:
        """Everything of a record, with line items, as GET by id gives it."""
        row: Doc = {"id": record["id"]}
        more: dict[str, bool] = {}
        for name, field in self.catalog.fields(module).items():
            row[name] = self.value(field, record)
            if field.data_type == "subform":
                row[name] = self._lines(module, record, name)
                more[name] = False
        for name in ("$currency_symbol", "$approved", "$editable", "$approval_state", "$se_module"):
            special = self._special(name, record)
            if special is not None:
                row[name] = special
        row["Tag"] = record.get("Tag", [])
        row["$has_more"] = more
        return row

    def _lines(self, module: str, record: Doc, name: str) -> list[Doc]:
        parent = {"name": self.name_of(module, record), "id": record["id"]}
        return [{**line, "Parent_Id": parent} for line in record.get(name) or []]

    def _special(self, name: str, record: Doc) -> Any:
        if name == "$currency_symbol":
            return SYMBOLS.get(str(record.get("Currency")))
        if name in ("$approved", "$editable"):
            return True
        if name == "$approval_state":
            return "approved"
        return record.get(name) if name == "$se_module" else None
