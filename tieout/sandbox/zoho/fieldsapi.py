"""GET and POST /settings/fields, /settings/modules (Zoho docs v8 field metadata, create-custom-field)."""

from __future__ import annotations

import re
from typing import Any

from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.zoho.catalog import TYPES, FieldCatalog
from tieout.sandbox.zoho.problems import RowProblem, ZohoProblem, invalid_module, missing_param
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.writeapi import read_body

MAX_PER_CALL = 5
ROUNDINGS = ("normal", "round_off", "round_up", "round_down")


class FieldsApi:
    """Metadata calls."""

    def __init__(self, catalog: FieldCatalog, settings: ZohoSettings) -> None:
        self._catalog = catalog
        self._settings = settings

    def modules(self) -> Response:
        rows = []
        for index, name in enumerate(self._catalog.modules()):
            api = name != "Invoiced_Items"
            rows.append(
                {
                    "api_name": name,
                    "module_name": name,
                    "plural_label": name.replace("_", " "),
                    "singular_label": name.replace("_", " ").removesuffix("s"),
                    "id": f"415086800000000{index + 2000}",
                    "generated_type": "default",
                    "api_supported": api,
                    "creatable": api,
                    "editable": api,
                    "deletable": api,
                    "viewable": api,
                    "visible": api,
                    "modified_time": None,
                }
            )
        return json_response({"modules": rows})

    def fields(self, req: Request, v2: bool) -> Response:
        module = self._module(req)
        return json_response({"fields": [item.as_json(v2) for item in self._catalog.fields(module).values()]})

    def field(self, field_id: str, req: Request, v2: bool) -> Response:
        for item in self._catalog.fields(self._module(req)).values():
            if item.id == field_id:
                return json_response({"fields": [item.as_json(v2)]})
        return Response(204)

    def create(self, req: Request) -> Response:
        """Create up to five custom fields on the Standard layout; only ids come back."""
        module = self._module(req)
        rows = read_body(req, "fields")["fields"]
        if len(rows) > MAX_PER_CALL:
            details = {"limit": MAX_PER_CALL, "api_name": "fields", "json_path": "$.fields"}
            raise ZohoProblem(400, "LIMIT_EXCEEDED", "the number of fields in one call exceeds the limit", details)
        results: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            try:
                results.append(self._create(module, row, index))
            except RowProblem as error:
                results.append(error.body)
        bad = sum(1 for row in results if row["status"] == "error")
        return json_response({"fields": results}, 201 if not bad else 400 if bad == len(results) else 207)

    def _create(self, module: str, row: Any, index: int) -> dict[str, Any]:
        path = f"$.fields[{index}]"
        if not isinstance(row, dict):
            raise RowProblem("INVALID_DATA", "invalid data", {"expected_data_type": "jsonobject", "json_path": path})
        label = row.get("field_label")
        if not isinstance(label, str) or not label.strip():
            raise _missing("field_label", path)
        data_type = row.get("data_type")
        if data_type is None:
            raise _missing("data_type", path)
        if data_type not in TYPES:
            raise _invalid("data_type", path, supported_values=sorted(TYPES))
        known = self._catalog.fields(module)
        api_name = re.sub(r"\W", "", re.sub(r"\s+", "_", label.strip()), flags=re.ASCII)
        labels = {item.field_label.casefold() for item in known.values()}
        if label.strip().casefold() in labels or api_name in known:
            details: dict[str, Any] = {"api_name": "field_label", "json_path": f"{path}.field_label"}
            raise RowProblem("DUPLICATE_DATA", "duplicate data", details)
        own = self._catalog.custom_fields(module)
        if len(own) >= self._settings.limit_custom_fields():
            details = {"limit": self._settings.limit_custom_fields(), "json_path": path}
            raise RowProblem("LIMIT_EXCEEDED", "the custom field limit of the edition is reached", details)
        unique = row.get("unique")
        if unique is not None:
            limit = self._settings.unique_fields_per_module
            if sum(1 for item in own if item.unique) >= limit:
                details = {"limit": limit, "api_name": "unique", "json_path": f"{path}.unique"}
                raise RowProblem("LIMIT_EXCEEDED", "the unique field limit of the module is reached", details)
        made = self._catalog.add(module, self._described(row, api_name, label.strip(), path))
        return {
            "code": "SUCCESS",
            "details": {"id": made.id},
            "message": "field created",
            "status": "success",
        }

    def _described(self, row: dict[str, Any], api_name: str, label: str, path: str) -> dict[str, Any]:
        described: dict[str, Any] = {"api_name": api_name, "field_label": label, "data_type": row["data_type"]}
        for name, top in (("length", 32_000), ("decimal_place", 9)):
            value = row.get(name)
            if value is None:
                continue
            if not isinstance(value, int) or not 0 < value <= top:
                raise _invalid(name, path, maximum_length=top)
            described[name] = value
        if row["data_type"] in ("picklist", "multiselectpicklist"):
            values = row.get("pick_list_values")
            if not isinstance(values, list) or not values:
                raise _missing("pick_list_values", path)
            described["picks"] = [str(one["actual_value"]) for one in values if "actual_value" in one]
        if "currency" in row:
            money = row["currency"] or {}
            if money.get("rounding_option", "normal") not in ROUNDINGS:
                raise _invalid("rounding_option", path, supported_values=list(ROUNDINGS))
            precision = money.get("precision")
            if precision is not None and precision >= described.get("decimal_place", 2):
                raise _invalid("precision", path)
            described |= {"rounding": money.get("rounding_option", "normal"), "precision": precision}
        if row.get("unique") is not None:
            described["unique"] = row["unique"]
        return described

    def _module(self, req: Request) -> str:
        module = req.q("module")
        if module is None:
            raise missing_param("module")
        if module not in self._catalog:
            raise invalid_module()
        return module


def _missing(name: str, path: str) -> RowProblem:
    details = {"api_name": name, "json_path": f"{path}.{name}"}
    return RowProblem("MANDATORY_NOT_FOUND", "required field not found", details)


def _invalid(name: str, path: str, **details: Any) -> RowProblem:
    return RowProblem("INVALID_DATA", "invalid data", {**details, "api_name": name, "json_path": f"{path}.{name}"})
