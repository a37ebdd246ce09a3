"""Comparable values of fields: how a row is read for filters and sorting."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from tieout.sandbox.kingdee.errors import BadFilter
from tieout.sandbox.kingdee.forms import FieldRef

# One joined row: the header, then one line of each entry that the query asks for, in order.
Row = tuple[dict[str, Any], ...]
Reader = Callable[[Row], Any]


class Lookups(Protocol):
    """Answers lookups to other forms, as they stand now."""

    def lookup_id(self, target: str, number: str) -> int: ...

    def lookup_part(self, target: str, found: dict[str, Any], part: str) -> Any: ...


def comparable_date(text: str) -> str:
    """A date or stamp as 23 characters (`2026-11-01T00:00:00.000`), so that text order is time order."""
    value = text.strip().replace(" ", "T").replace("/", "-")
    if len(value) == 10:
        return value + "T00:00:00.000"
    head, _, fraction = value.partition(".")
    if len(head) == 16:
        head += ":00"
    if len(head) != 19:
        raise BadFilter(f"日期格式不正确 '{text}'")
    return f"{head}.{fraction[:3].ljust(3, '0')}"


def literal(ref: FieldRef, raw: str | Decimal) -> Any:
    """A filter literal in the comparable form of the field."""
    try:
        if ref.kind == "date":
            return comparable_date(str(raw))
        if ref.kind in ("int", "id", "amount"):
            return Decimal(raw)
        if ref.kind == "bool":
            return str(raw).lower() in ("1", "true")
    except InvalidOperation:
        raise BadFilter(f"'{raw}' 不是数字 ({ref.key})") from None
    return str(raw).lower()


def raw_reader(ref: FieldRef, position: int, lookups: Lookups) -> Reader:
    """Reads the value as the API returns it; a missing entry line or lookup reads None."""
    key, part, target = ref.key, ref.part, ref.target
    if part:

        def read_part(row: Row) -> Any:
            found = row[position].get(key)
            return lookups.lookup_part(target, found, part) if found else None

        return read_part
    if ref.kind == "id":

        def read_id(row: Row) -> Any:
            found = row[position].get(key)
            return lookups.lookup_id(target, found["FNumber"]) if found else 0

        return read_id
    return lambda row: row[position].get(key)


def comparable_reader(ref: FieldRef, position: int, lookups: Lookups) -> Reader:
    """Reads the value in its comparable form; text is compared without case, as the usual collation does."""
    read = raw_reader(ref, position, lookups)
    if ref.kind == "date":

        def read_date(row: Row) -> Any:
            value = read(row)
            if not value:
                return None
            return value + ".000" if len(value) == 19 else comparable_date(value)

        return read_date
    if ref.kind == "text":

        def read_text(row: Row) -> Any:
            value = read(row)
            return None if value is None else str(value).lower()

        return read_text
    return read
