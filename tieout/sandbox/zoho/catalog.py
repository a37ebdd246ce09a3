"""The fields of each module: the standard table plus what was created since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho.fieldtable import standard_fields

LENGTHS = {"text": 255, "textarea": 2000, "email": 100, "phone": 30, "website": 450, "picklist": 120, "integer": 9}
JSON_TYPES = {
    "currency": "double",
    "double": "double",
    "percent": "double",
    "integer": "integer",
    "boolean": "boolean",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "subform": "jsonarray",
    "multiselectpicklist": "jsonarray",
}
TYPES = frozenset(
    {"text", "textarea", "email", "phone", "website", "picklist", "multiselectpicklist", "date", "datetime"}
    | {"integer", "bigint", "double", "currency", "percent", "boolean", "lookup", "autonumber"}
)
SINGULAR = {"Invoiced_Items": "Invoiced Item"}


@dataclass(slots=True)
class Field:
    """One field as the organisation knows it."""

    id: str
    module: str
    api_name: str
    data_type: str
    field_label: str
    length: int = 255
    decimal_place: int | None = None
    mandatory: bool = False
    read_only: bool = False
    custom: bool = False
    unique: dict[str, Any] | None = None
    lookup: str = ""
    picks: list[str] = field(default_factory=list)
    rounding: str = "normal"
    precision: int | None = None

    @property
    def in_lists(self) -> bool:
        """Line items and subforms never come in lists (Zoho docs v8 get-records)."""
        return self.data_type != "subform"

    def as_json(self, v2: bool) -> dict[str, Any]:
        """The metadata object; v2 shows the looked-up module as text, v8 as an object."""
        target: Any = self.lookup
        if self.lookup and not v2:
            target = {"api_name": self.lookup, "id": f"4150868000000{sum(map(ord, self.lookup)):05d}"}
        looked_up = (
            {"api_name": self.lookup, "module": target, "display_label": self.field_label, "id": self.id}
            if self.data_type == "lookup"
            else {}
        )
        money = {"rounding_option": self.rounding, "precision": self.precision or 2}
        writable = not self.read_only
        return {
            "id": self.id,
            "api_name": self.api_name,
            "field_label": self.field_label,
            "display_label": self.field_label,
            "data_type": self.data_type,
            "json_type": JSON_TYPES.get(self.data_type, "string"),
            "length": self.length,
            "decimal_place": self.decimal_place,
            "custom_field": self.custom,
            "read_only": self.read_only,
            "field_read_only": self.read_only,
            "system_mandatory": self.mandatory,
            "unique": self.unique or {},
            "external": None,
            "pick_list_values": [
                {"display_value": value, "actual_value": value, "id": f"{self.id}{index:03d}"}
                for index, value in enumerate(self.picks)
            ],
            "lookup": looked_up,
            "subform": {"module": target, "id": self.id} if self.data_type == "subform" else None,
            "currency": money if self.data_type == "currency" else {},
            "formula": {},
            "auto_number": {},
            "visible": True,
            "filterable": self.in_lists,
            "sortable": self.in_lists,
            "operation_type": {
                "web_view": True,
                "web_create": writable,
                "web_update": writable,
                "api_create": writable,
                "api_update": writable,
            },
        }


class FieldCatalog:
    """Fields by module; created ones and added pick list values are kept in the store."""

    def __init__(self, store: SandboxStore) -> None:
        self._store = store
        self._custom = store.collection("zoho", "_fields")
        self._picks = store.collection("zoho", "_picks")
        self._modules: dict[str, dict[str, Field]] = {}
        number = 4150868000000002000
        for module, rows in standard_fields().items():
            fields = self._modules[module] = {}
            for row in rows:
                number += 1
                fields[row["api_name"]] = _make(str(number), module, row, custom=False)
        for doc in self._custom.values():
            self._modules[doc["module"]][doc["api_name"]] = Field(**doc)
        for doc in self._picks.values():
            self._modules[doc["module"]][doc["api_name"]].picks = list(doc["picks"])

    def modules(self) -> list[str]:
        return list(self._modules)

    def __contains__(self, module: object) -> bool:
        return module in self._modules

    def fields(self, module: str) -> dict[str, Field]:
        """Fields of a module by api name, in order."""
        return self._modules[module]

    def custom_fields(self, module: str) -> list[Field]:
        return [item for item in self._modules[module].values() if item.custom]

    def add(self, module: str, row: dict[str, Any]) -> Field:
        """Create a custom field from api_name, field_label, data_type and options; keeps one that is there."""
        known = self._modules[module].get(row["api_name"])
        if known is not None:
            return known
        number = self._store.next_number("zoho", "field", 4150868000000550001)
        made = _make(str(number), module, row, custom=True)
        self._modules[module][made.api_name] = made
        self._custom.put(f"{module}.{made.api_name}", _as_doc(made))
        return made

    def add_pick(self, item: Field, value: str) -> None:
        """An unknown value written by API becomes a new pick list value (Zoho docs v8 insert-records)."""
        item.picks.append(value)
        doc = {"module": item.module, "api_name": item.api_name, "picks": item.picks}
        self._picks.put(f"{item.module}.{item.api_name}", doc)


def _make(field_id: str, module: str, row: dict[str, Any], custom: bool) -> Field:
    data_type = row["data_type"]
    money = data_type in ("currency", "double", "percent")
    return Field(
        id=field_id,
        module=module,
        api_name=row["api_name"],
        data_type=data_type,
        field_label=row["field_label"],
        length=int(row.get("length") or (16 if money else LENGTHS.get(data_type, 50))),
        decimal_place=int(row.get("decimal_place") or (2 if data_type == "currency" else 9)) if money else None,
        mandatory=bool(row.get("mandatory")),
        read_only=bool(row.get("read_only")) or data_type in ("autonumber", "formula"),
        custom=custom,
        unique=None if row.get("unique") is None else row["unique"] or {"case_sensitive": False},
        lookup=row.get("lookup", ""),
        picks=list(row.get("picks", [])),
        rounding=row.get("rounding", "normal"),
        precision=row.get("precision"),
    )


def _as_doc(item: Field) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Field.__slots__}
