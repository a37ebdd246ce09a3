"""Checks of one written row: types, mandatory fields, lookups, a task's parent, unique fields."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.state import Doc
from tieout.sandbox.zoho.catalog import Field
from tieout.sandbox.zoho.checks import check, invalid
from tieout.sandbox.zoho.problems import RowProblem
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.table import RecordTable, normal
from tieout.sandbox.zoho.tables import Tables

SYSTEM_FIELDS = frozenset({"id", "Created_Time", "Modified_Time", "Created_By", "Modified_By"})


class RowChecker:
    """Turns a row of a request into values to store, or raises RowProblem."""

    def __init__(self, tables: Tables, settings: ZohoSettings) -> None:
        self._tables = tables
        self._settings = settings

    def values(self, module: str, row: Any, index: int, old: Doc | None, ignored: set[str]) -> Doc:
        """Known, writable values of a row; unknown and read-only keys are ignored as in life, and logged."""
        if not isinstance(row, dict):
            raise RowProblem(
                "INVALID_DATA", "invalid data", {"expected_data_type": "jsonobject", "json_path": f"$.data[{index}]"}
            )
        fields = self._tables.catalog.fields(module)
        values: Doc = {}
        problems: list[RowProblem] = []
        for name, value in row.items():
            path = f"$.data[{index}].{name}"
            item = fields.get(name)
            if name in SYSTEM_FIELDS or name == "$se_module":
                continue
            if item is None or item.read_only:
                ignored.add(name)
                continue
            try:
                values[name] = self._value(item, value, path, row, old)
            except RowProblem as error:
                problems.append(error)
        if module == "Tasks":
            self._check_parent(row, values, index, problems)
        if module == "Notes" and old is None:
            self._check_note(values, index, problems)
        raise_all(problems)
        return values

    def _value(self, item: Field, value: Any, path: str, row: Doc, old: Doc | None) -> Any:
        if old is not None and item.mandatory and value in (None, ""):
            raise RowProblem(
                "MANDATORY_NOT_FOUND", "required field not found", {"api_name": item.api_name, "json_path": path}
            )
        stored = check(item, value, path)
        if stored is None:
            return None
        if item.data_type == "ownerlookup":
            people = {user.id: user for user in (self._settings.api_user, self._settings.ui_user)}
            if stored["id"] not in people:
                raise invalid(item, path)
            return people[stored["id"]].ref()
        if (
            item.data_type == "lookup"
            and item.lookup != "se_module"
            and stored["id"] not in self._tables[item.lookup].rows
        ):
            raise invalid(item, path)
        return stored

    def _check_parent(self, row: Doc, values: Doc, index: int, problems: list[RowProblem]) -> None:
        """A task's What_Id needs $se_module beside it, and the record must exist there."""
        if values.get("What_Id") is None:
            return
        parent = row.get("$se_module")
        if not parent:
            details = {"api_name": "$se_module", "json_path": f"$.data[{index}].$se_module"}
            problems.append(RowProblem("MANDATORY_NOT_FOUND", "required field not found", details))
            return
        known = parent in self._tables.catalog and values["What_Id"]["id"] in self._tables[parent].rows
        if not known:
            details = {"api_name": "What_Id", "json_path": f"$.data[{index}].What_Id"}
            problems.append(RowProblem("INVALID_DATA", "invalid data", details))
            return
        values["$se_module"] = parent

    def _check_note(self, values: Doc, index: int, problems: list[RowProblem]) -> None:
        """A note's parent names its module and must exist there (Zoho docs v8 create-notes)."""
        parent = values.get("Parent_Id")
        if parent is None:
            return
        named = parent.get("module")
        module = str(named.get("api_name") or "") if isinstance(named, dict) else ""
        if module not in self._tables.catalog or parent["id"] not in self._tables[module].rows:
            details = {"api_name": "Parent_Id", "json_path": f"$.data[{index}].Parent_Id"}
            problems.append(RowProblem("INVALID_DATA", "the related id given seems to be invalid", details))
            return
        values["Parent_Id"] = {"id": parent["id"]}
        values["$se_module"] = module

    def mandatory(self, module: str, values: Doc, index: int) -> None:
        """Refuse a new record that lacks a mandatory field."""
        raise_all(
            [
                RowProblem(
                    "MANDATORY_NOT_FOUND",
                    "required field not found",
                    {"api_name": item.api_name, "json_path": f"$.data[{index}].{item.api_name}"},
                )
                for item in self._tables.catalog.fields(module).values()
                if item.mandatory and not item.read_only and not values.get(item.api_name)
            ]
        )

    def learn_picks(self, module: str, values: Doc) -> None:
        """Values that the pick list does not know are added to it (Zoho docs v8 insert-records)."""
        for name, value in values.items():
            item = self._tables.catalog.fields(module).get(name)
            if item is not None and item.data_type == "picklist" and value is not None and value not in item.picks:
                self._tables.catalog.add_pick(item, value)

    def refuse_twins(self, module: str, values: Doc, index: int, own_id: str | None) -> None:
        """Refuse a value of a unique field that another record has."""
        table = self._tables[module]
        for name, item in self._tables.catalog.fields(module).items():
            if not item.unique or not normal(values.get(name)):
                continue
            others = [one for one in table.find(name, values[name]) if one != own_id]
            if others:
                raise RowProblem("DUPLICATE_DATA", "duplicate data", _twin(table, name, others[0], index))


def raise_all(problems: list[RowProblem]) -> None:
    """One problem as it is; several as MULTIPLE_OR_MULTI_ERRORS."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        errors = [error.body for error in problems]
        raise RowProblem("MULTIPLE_OR_MULTI_ERRORS", "multiple errors occurred", {"errors": errors})


def _twin(table: RecordTable, name: str, twin_id: str, index: int) -> Doc:
    twin = table.get(twin_id) or {}
    owner = twin.get("Owner")
    module = {"api_name": table.module, "id": f"4150868000000{sum(map(ord, table.module)):05d}"}
    return {
        "api_name": name,
        "json_path": f"$.data[{index}].{name}",
        "id": twin_id,
        "more_records": False,
        "duplicate_record": {"id": twin_id, "Owner": owner, "module": module},
    }
