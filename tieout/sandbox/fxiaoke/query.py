"""`data/query`: filters joined by AND, one order, pages of at most 100, an offset that ends at 10,000."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from tieout.sandbox.fxiaoke.objects import NUMERIC, PEOPLE, Field, ObjectType
from tieout.sandbox.fxiaoke.problems import out_of_range, parameter
from tieout.sandbox.fxiaoke.tenant import Tenant
from tieout.sandbox.state import Doc

_STAMPS = frozenset({"date", "date_time", "time"})
Test = Callable[[Doc], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of records as stored, and the whole number when it was asked for (else 0)."""

    rows: list[Doc]
    total: int
    offset: int
    limit: int
    names: tuple[str, ...]


def run(tenant: Tenant, kind: ObjectType, data: dict[str, Any]) -> Found:
    """Answer a query; raises FxiaokeProblem for what the platform refuses."""
    info = data.get("search_query_info")
    if not isinstance(info, dict):
        raise parameter("search_query_info为必填项，不能为空")
    settings = tenant.settings
    limit, offset = info.get("limit", 20), info.get("offset", 0)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= settings.query_limit:
        raise parameter(f"limit不能超过{settings.query_limit}")
    if not isinstance(offset, int) or offset < 0 or offset % limit:
        raise parameter("offset必须是limit的整数倍")
    if offset > settings.offset_cap:
        raise out_of_range(settings.offset_cap)
    filters = info.get("filters")
    if not isinstance(filters, list):
        raise parameter("filters为必填项，不能为空")
    tests = [_test(kind, one) for one in filters]
    if settings.hide_invalid and not any(one.get("field_name") == "life_status" for one in filters):
        tests.append(lambda row: row.get("life_status") != "invalid")
    table = tenant.table(kind.api_name)
    order = _order(kind, info.get("orders"))
    ids = _candidates(tenant, kind, filters)
    want_total = data.get("find_explicit_total_num", True) is not False
    projection = info.get("fieldProjection") or []
    rows: list[Doc] = []
    if order == ("_id", True) and not want_total:  # deep paging: stop when the page is full
        skipped = 0
        for key in ids:
            row = table.get(key)
            if row is None or not all(test(row) for test in tests):
                continue
            if skipped < offset:
                skipped += 1
                continue
            rows.append(row)
            if len(rows) == limit:
                break
        return Found(rows, 0, offset, limit, tuple(str(name) for name in projection))
    rows = [row for key in ids if (row := table.get(key)) is not None and all(test(row) for test in tests)]
    name, ascending = order
    rows.sort(key=lambda row: (row.get(name) is not None, row.get(name) or "", row["_id"]), reverse=not ascending)
    total = len(rows) if want_total else 0
    return Found(rows[offset : offset + limit], total, offset, limit, tuple(str(name) for name in projection))


def _candidates(tenant: Tenant, kind: ObjectType, filters: list[Any]) -> list[str]:
    """Ids ascending, narrowed by the filters that an index serves."""
    table, last, since = tenant.table(kind.api_name), "", None
    for one in filters:
        name, operator, values = one.get("field_name"), one.get("operator"), one.get("field_values")
        if name == "_id" and operator == "GT":
            last = max(last, str(values[0]))
        elif name == "_id" and operator in ("EQ", "IN"):
            return sorted({str(value) for value in values})
        elif name == "last_modified_time" and operator == "GTE":
            since = int(_number(values[0], "last_modified_time"))
    if since is None:
        return table.after_id(last)
    return [key for key in table.modified_since(since) if key > last]


def _order(kind: ObjectType, orders: Any) -> tuple[str, bool]:
    if not orders:
        return "last_modified_time", False
    first = orders[0] if isinstance(orders, list) else None
    if not isinstance(first, dict) or first.get("fieldName") not in kind.fields:
        raise parameter("orders中的字段不存在")
    return str(first["fieldName"]), first.get("isAsc") is not False


def _test(kind: ObjectType, one: Any) -> Test:
    if not isinstance(one, dict):
        raise parameter("filters格式不正确")
    name, operator, values = one.get("field_name"), one.get("operator"), one.get("field_values")
    field = kind.fields.get(str(name))
    if field is None:
        raise parameter(f"字段[{name}]不存在")
    if not isinstance(values, list):
        raise parameter(f"字段[{name}]的field_values必须是数组")
    if field.type in PEOPLE and operator != "IN":
        raise parameter(f"字段[{name}]只支持IN操作符")
    if operator in ("IS", "ISN"):
        return lambda row: _empty(row.get(field.api_name)) == (operator == "IS")
    if not values:
        raise parameter(f"字段[{name}]的field_values不能为空")
    made = _COMPARE.get(str(operator))
    if made is None:
        raise parameter(f"操作符[{operator}]不支持")
    wanted = [_value(field, value) for value in values]
    return lambda row: made(_stored(field, row.get(field.api_name)), wanted)


def _stored(field: Field, value: Any) -> Any:
    if _empty(value):
        return None
    if field.type in PEOPLE:
        return [str(one) for one in value]
    return _value(field, value)


def _value(field: Field, value: Any) -> Any:
    if field.type in NUMERIC or field.type in _STAMPS or field.type in ("count", "formula"):
        return _number(value, field.api_name)
    return str(value)


def _number(value: Any, name: str) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise parameter(f"字段[{name}]的值不是数字") from None


def _empty(value: Any) -> bool:
    return value in (None, "", [])


def _has(value: Any, wanted: list[Any]) -> bool:
    return any(one in wanted for one in value) if isinstance(value, list) else value in wanted


_COMPARE: dict[str, Callable[[Any, list[Any]], bool]] = {
    "EQ": lambda value, wanted: value is not None and value == wanted[0],
    "N": lambda value, wanted: value is None or value != wanted[0],
    "GT": lambda value, wanted: value is not None and value > wanted[0],
    "GTE": lambda value, wanted: value is not None and value >= wanted[0],
    "LT": lambda value, wanted: value is not None and value < wanted[0],
    "LTE": lambda value, wanted: value is not None and value <= wanted[0],
    "LIKE": lambda value, wanted: value is not None and str(wanted[0]) in str(value),
    "NLIKE": lambda value, wanted: value is None or str(wanted[0]) not in str(value),
    "IN": lambda value, wanted: value is not None and _has(value, wanted),
    "NIN": lambda value, wanted: value is None or not _has(value, wanted),
    "BETWEEN": lambda value, wanted: value is not None and wanted[0] <= value <= wanted[-1],
    "NBETWEEN": lambda value, wanted: value is None or not wanted[0] <= value <= wanted[-1],
    "STARTWITH": lambda value, wanted: value is not None and str(value).startswith(str(wanted[0])),
    "ENDWITH": lambda value, wanted: value is not None and str(value).endswith(str(wanted[0])),
    "HASANYOF": lambda value, wanted: value is not None and _has(value, wanted),
    "NHASANYOF": lambda value, wanted: value is None or not _has(value, wanted),
}
