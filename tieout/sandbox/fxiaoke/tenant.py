"""What the tenant is made of: object types with their custom fields, and the records of each."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from tieout.sandbox.fxiaoke.objects import KEY_FIELDS, PEOPLE, PRESET, Field, ObjectType, field_of
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS
from tieout.sandbox.fxiaoke.problems import parameter
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings
from tieout.sandbox.fxiaoke.table import Table
from tieout.sandbox.state import Doc, SandboxStore


class Tenant:
    """Object types and tables; fields made by an administrator are kept in the store."""

    def __init__(self, store: SandboxStore, settings: FxiaokeSettings) -> None:
        self.store, self.settings = store, settings
        self.objects: dict[str, ObjectType] = {one.api_name: copy.deepcopy(one) for one in PRESET}
        self._tables: dict[str, Table] = {}
        self._made = store.collection("fxiaoke", "_fields")
        self._off = store.collection("fxiaoke", "_inactive")
        for given in settings.extra_objects:
            self.objects[given["api_name"]] = ObjectType(
                given["api_name"],
                given["label"],
                {**self.objects["ContactObj"].fields, **{f["api_name"]: field_of(f) for f in given.get("fields", ())}},
                custom=given["api_name"].endswith("__c"),
            )
        company = [KEY_FIELDS, OWN_FIELDS] if settings.custom_fields is None else [settings.custom_fields]
        for custom in company:
            for api_name, fields in custom.items():
                for one in fields:
                    self.objects[api_name].fields[one["api_name"]] = field_of(one)
        for _, one in self._made.items():
            self.objects[one["object"]].fields[one["api_name"]] = field_of(one)

    def object(self, api_name: Any) -> ObjectType:
        """An active object; FxiaokeProblem for what does not exist or was switched off."""
        found = self.objects.get(str(api_name))
        if found is None or found.api_name in self._off:
            raise parameter(f"对象[{api_name}]不存在或已禁用")
        return found

    def is_active(self, api_name: str) -> bool:
        return api_name not in self._off

    def switch(self, api_name: str, *, active: bool) -> None:
        """Activate or deactivate an object, as an administrator does."""
        if active:
            self._off.delete(api_name)
        else:
            self._off.put(api_name, {"object": api_name})

    def table(self, api_name: str) -> Table:
        found = self._tables.get(api_name)
        if found is None:
            found = self._tables[api_name] = Table(self.store, api_name)
        return found

    def create_field(self, api_name: str, given: dict[str, Any]) -> Field:
        """Add a custom field, as an administrator does in the designer; ValueError when the name is taken."""
        kind = self.objects[api_name]
        made = field_of(given)
        if made.api_name in kind.fields or not made.api_name.endswith("__c"):
            raise ValueError(f"{api_name} cannot take a field {made.api_name!r}")
        kind.fields[made.api_name] = made
        self._made.put(f"{api_name}.{made.api_name}", {**given, "object": api_name})
        return made

    def record(self, kind: ObjectType, row: Doc, *, by_header: bool, names: Iterable[str] = ()) -> Doc:
        """A record on the wire: empty fields left out, people by the caller's kind of id, `__r` names beside ids."""
        wanted = set(names)
        shown: Doc = {}
        for key, value in row.items():
            field = kind.fields.get(key)
            if value is None or field is None or (wanted and key not in wanted):
                continue
            if field.type in PEOPLE and isinstance(value, list):
                shown[key] = value if by_header else [self.settings.open_id(str(one)) for one in value]
                if field.type == "employee" and value:
                    shown[f"{key}__r"] = {"id": shown[key][0], "name": self.settings.name_of(str(value[0]))}
                continue
            shown[key] = value
            if field.target:
                target = self.table(field.target).get(str(value))
                if target is not None:
                    shown[f"{key}__r"] = target.get("name")
            elif field.type == "select_one":
                label = next((label for label, option in field.options if option == value), None)
                if label is not None and key not in ("life_status", "lock_status"):
                    shown[f"{key}__r"] = label
        shown["_id"] = row["_id"]
        return shown
