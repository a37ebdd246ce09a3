"""Creates the write-back fields in Zoho CRM (Zoho docs v8 create-custom-field): five a call, two unique a module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from connectors.zoho.api import ZohoApi, row_problem
from connectors.zoho.fields import Fields
from tieout.core.errors import Rejected, SourceError, UnknownOutcome
from tieout.core.ports import Finding, JsonValue, WritableField

_PER_CALL = 5
_UNIQUE_PER_MODULE = 2
_LIMIT_HINT = (
    "Custom fields per module: 10 Standard, 155 Professional, 300 Enterprise, 500 Ultimate. "
    "Delete unused custom fields, move to a higher edition, or map this field to an existing one."
)
# What Zoho may call a field of ours that exists already; text kinds are interchangeable for us.
_SAME = {
    "text": {"text", "textarea", "picklist"},
    "textarea": {"textarea", "text"},
    "picklist": {"picklist", "text"},
    "currency": {"currency", "double"},
    "double": {"double", "currency"},
    "integer": {"integer", "bigint", "double"},
}


class ZohoSetup:
    """Compares the wanted fields with the organisation's and creates what is missing."""

    def __init__(self, api: ZohoApi, fields: Fields) -> None:
        self._api = api
        self._fields = fields

    def run(self, wanted: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        """One finding per field, plus what stands in the way."""
        modules: dict[str, list[WritableField]] = defaultdict(list)
        for item in wanted:
            modules[item.module].append(item)
        findings: list[Finding] = []
        for module, items in modules.items():
            present = {str(item.get("api_name")): item for item in self._fields.metadata(module)}
            findings += [_existing(item, present[item.api_name]) for item in items if item.api_name in present]
            missing = [item for item in items if item.api_name not in present]
            missing, refused = self._within_unique_limit(module, missing, list(present.values()))
            findings += refused
            if dry_run:
                findings += [
                    Finding("warning", "field_missing", f"{module}.{item.api_name} will be created ({item.data_type})")
                    for item in missing
                ]
            elif missing:
                findings += self._create(module, missing)
        return findings

    def _within_unique_limit(
        self, module: str, missing: list[WritableField], present: list[dict[str, Any]]
    ) -> tuple[list[WritableField], list[Finding]]:
        used = sum(1 for item in present if item.get("unique"))
        kept: list[WritableField] = []
        refused: list[Finding] = []
        for item in missing:
            if item.unique and used >= _UNIQUE_PER_MODULE:
                text = f"{module}.{item.api_name} must be unique but the module has its {_UNIQUE_PER_MODULE} already"
                refused.append(Finding("error", "unique_limit", text, "Make one of the others not unique."))
                continue
            used += item.unique
            kept.append(item)
        return kept, refused

    def _create(self, module: str, missing: list[WritableField]) -> list[Finding]:
        findings: list[Finding] = []
        for at in range(0, len(missing), _PER_CALL):
            findings += self._create_some(module, missing[at : at + _PER_CALL])
        self._fields.forget(module)
        present = {str(item.get("api_name")): item for item in self._fields.metadata(module)}
        failed = {finding.message.split(" ", 1)[0] for finding in findings}
        for item in missing:
            name = f"{module}.{item.api_name}"
            if name in failed:
                continue
            if item.api_name in present:
                findings.append(Finding("ok", "field_ready", f"{name} is there now"))
            else:
                text = f"{name} was created but is not listed under that name"
                hint = f"Zoho made another API name of the label {item.label!r}: rename it to {item.api_name}."
                findings.append(Finding("error", "field_renamed", text, hint))
        return findings

    def _create_some(self, module: str, items: list[WritableField]) -> list[Finding]:
        body = {"fields": [_definition(item) for item in items]}
        try:
            reply = self._api.write(
                "POST", "/settings/fields", cost=1, heavy=False, params={"module": module}, json=body
            )
        except UnknownOutcome:
            return []  # the metadata that is read next says what happened
        except SourceError as error:
            return [Finding("error", error.code, f"{module}.{item.api_name} {error.message}") for item in items]
        rows = self._api.object(reply).get("fields")
        if not isinstance(rows, list) or len(rows) != len(items):
            rows = [None] * len(items) if reply.status < 400 else [self._whole(reply)] * len(items)
        findings = [_refused(module, item, row) for item, row in zip(items, rows, strict=True)]
        return [finding for finding in findings if finding is not None]

    def _whole(self, reply: Any) -> JsonValue:
        error = self._api.error(reply)
        code = error.code if isinstance(error, SourceError) else "error"
        if not isinstance(error, Rejected):
            raise error
        return {"code": code, "message": error.message, "details": {}}


def _existing(item: WritableField, found: dict[str, Any]) -> Finding:
    name, kind = f"{item.module}.{item.api_name}", str(found.get("data_type"))
    if kind != item.data_type and kind not in _SAME.get(item.data_type, set()):
        text = f"{name} exists as {kind}, {item.data_type} is needed"
        return Finding("error", "field_type", text, "Rename or delete the field in Zoho, or use another name for ours.")
    if item.unique and not found.get("unique"):
        text = f"{name} exists but is not unique"
        return Finding("warning", "field_not_unique", text, "Tick 'do not allow duplicate values' in its properties.")
    return Finding("ok", "field_exists", f"{name} exists")


def _refused(module: str, item: WritableField, row: JsonValue) -> Finding | None:
    problem = row_problem(row)
    if problem.code in {"", "SUCCESS", "DUPLICATE_DATA"}:  # DUPLICATE_DATA: there already, the re-read shows it
        return None
    name = f"{module}.{item.api_name}"
    if "LIMIT" in problem.code:
        return Finding("error", problem.code, f"{name} cannot be created: {problem.message}", _LIMIT_HINT)
    hint = "Check the field's definition and that the user may manage fields."
    return Finding("error", problem.code, f"{name} cannot be created: {problem.message}", hint)


def _definition(item: WritableField) -> dict[str, JsonValue]:
    """The field as `POST /settings/fields` takes it. Zoho makes the API name from the label, blanks become `_`."""
    row: dict[str, JsonValue] = {"field_label": item.api_name.replace("_", " "), "data_type": item.data_type}
    if item.data_type == "text":
        row["length"] = min(item.length, 255)
    elif item.data_type == "picklist":
        row["pick_list_values"] = [{"display_value": value, "actual_value": value} for value in item.values]
    elif item.data_type == "currency":
        row |= {"length": 16, "decimal_place": item.decimals, "currency": {"rounding_option": "normal"}}
    elif item.data_type == "double":
        row |= {"length": 16, "decimal_place": item.decimals}
    if item.unique:
        row["unique"] = {"case_sensitive": False}
    return row
