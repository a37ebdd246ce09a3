"""What an administrator has to create by hand: the open platform cannot make fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from connectors.fxiaoke.describe import NUMERIC, Descriptions, FieldInfo, own_field, plain_label
from connectors.fxiaoke.settings import FxiaokeSettings
from tieout.core.ports import Finding, WritableField

_KINDS = {
    "text": ("text", "单行文本"),
    "textarea": ("long_text", "多行文本"),
    "picklist": ("select_one", "单选"),
    "currency": ("currency", "金额"),
    "double": ("number", "数字"),
    "integer": ("number", "数字"),
    "date": ("date", "日期"),
    "datetime": ("date_time", "日期时间"),
}
_SAME = {
    "text": {"text", "long_text"},
    "textarea": {"long_text", "text"},
    "picklist": {"select_one", "text"},
    "currency": NUMERIC,
    "double": NUMERIC,
    "integer": NUMERIC,
    "date": {"date", "date_time"},
    "datetime": {"date_time"},
}
_WHERE = "后台 → 对象管理 → 对象 → 字段 → 新建字段; the name may be any, the label decides."


class FxiaokeSetup:
    """Compares the wanted fields with the enterprise's and says what is missing."""

    def __init__(self, settings: FxiaokeSettings, descriptions: Descriptions) -> None:
        self._settings, self._descriptions = settings, descriptions

    def run(self, wanted: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        """One finding per field. What is missing is a warning in a dry run, an error after: nothing was created."""
        modules: dict[str, list[WritableField]] = defaultdict(list)
        for item in wanted:
            modules[item.module].append(item)
        findings: list[Finding] = []
        for module, items in modules.items():
            fields = self._descriptions.fields(module, fresh=True)
            if fields is None:
                findings.append(Finding("warning", "no_object", f"the enterprise has no object {module}: left out"))
                continue
            findings += [self._one(item, fields, dry_run) for item in items]
        return findings

    def _one(self, item: WritableField, fields: dict[str, FieldInfo], dry_run: bool) -> Finding:
        label = self._settings.labels.get(item.api_name, "")
        found = own_field(fields, item.api_name, label)
        name = f"{item.module}.{item.api_name}"
        kind, chinese = _KINDS[item.data_type]
        if found is None:
            more = f", options {' / '.join(item.values)}" if item.values else ""
            more += f", {item.decimals} decimal places" if kind in NUMERIC else ""
            more += ", no duplicates (不允许重复)" if item.unique else ""
            text = f"{name} is missing: create a field with the label {item.label!r}, type {chinese} ({kind}){more}"
            optional = item.unique  # the key of reminders is found in the text as well
            return Finding("warning" if dry_run or optional else "error", "create_by_hand", text, _WHERE)
        as_what = name if found.name == item.api_name else f"{name} (as {found.name})"
        if found.type not in _SAME[item.data_type]:
            text = f"{as_what} exists as {found.type}, {kind} is needed"
            return Finding("error", "field_type", text, "Rename it, or map another one under `labels`.")
        if item.values and found.type == "select_one":
            have = {plain_label(one) for option in found.options for one in option}
            lacking = [value for value in item.values if plain_label(value) not in have]
            if lacking:
                text = f"{as_what} lacks the options {' / '.join(lacking)}"
                return Finding("error", "options_missing", text, "Add them in the field's definition.")
        if item.unique and not found.is_unique:
            text = f"{as_what} exists but duplicates are allowed"
            return Finding("warning", "field_not_unique", text, "Tick 不允许重复 in its definition.")
        return Finding("ok", "field_exists", f"{as_what} exists")
