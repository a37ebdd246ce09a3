"""Checks of one written value against its field: type, length, range."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tieout.sandbox.zoho.catalog import Field
from tieout.sandbox.zoho.problems import RowProblem
from tieout.sandbox.zoho.stamps import is_date, is_datetime

TEXTS = frozenset({"text", "textarea", "email", "phone", "website", "picklist"})
NUMBERS = frozenset({"currency", "double", "percent"})
Exists = Callable[[str, str], bool]  # (module, record id) -> is there such a record


def invalid(field: Field, path: str, **details: Any) -> RowProblem:
    """INVALID_DATA of one field."""
    return RowProblem("INVALID_DATA", "invalid data", {**details, "api_name": field.api_name, "json_path": path})


def check(field: Field, value: Any, path: str) -> Any:
    """The value as it will be stored; raises RowProblem. None empties a field."""
    if value is None:
        return None
    kind = field.data_type
    if kind in TEXTS:
        return _text(field, value, path)
    if kind in NUMBERS:
        return _decimal(field, value, path)
    if kind in ("integer", "bigint"):
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(field, path, expected_data_type=kind)
        if len(str(abs(value))) > field.length:
            raise invalid(field, path, maximum_length=field.length)
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise invalid(field, path, expected_data_type="boolean")
        return value
    if kind in ("date", "datetime"):
        if not isinstance(value, str) or not (is_date if kind == "date" else is_datetime)(value):
            raise invalid(field, path, expected_data_type=kind)
        return value
    if kind in ("lookup", "ownerlookup", "userlookup"):
        if not isinstance(value, dict) or not isinstance(value.get("id"), str | int):
            raise invalid(field, path, expected_data_type="jsonobject")
        return {**value, "id": str(value["id"])}
    if not isinstance(value, list):
        raise invalid(field, path, expected_data_type="jsonarray")
    return value


def _text(field: Field, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(field, path, expected_data_type=field.data_type)
    if len(value) > field.length:
        raise invalid(field, path, maximum_length=field.length)
    if field.data_type == "email" and ("@" not in value or " " in value):
        raise invalid(field, path, expected_data_type="email")
    return value


def _decimal(field: Field, value: Any, path: str) -> Decimal | int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(field, path, expected_data_type="double")
    number = Decimal(value)
    if len(str(abs(int(number)))) > field.length:
        raise invalid(field, path, maximum_length=field.length)
    exponent = number.as_tuple().exponent
    if field.decimal_place is not None and isinstance(exponent, int) and -exponent > field.decimal_place:
        return number.quantize(Decimal(1).scaleb(-field.decimal_place), ROUND_HALF_UP)
    return value
