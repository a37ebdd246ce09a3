"""Field values between the platform's forms and ours: amounts as text, instants in ms, options by label."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from connectors.fxiaoke.describe import NUMERIC, FieldInfo, plain_label
from tieout.core.dates import parse_on, zone
from tieout.core.errors import Rejected
from tieout.core.ports import JsonValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(value: JsonValue) -> datetime:
    """Milliseconds since 1970, as number or digits; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a time in milliseconds")
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("not a time in milliseconds")
    number = int(value)
    if not 0 <= number < 10**14:
        raise ValueError("a time outside of any calendar")
    return _EPOCH + timedelta(milliseconds=number)


def day(value: JsonValue, zone_name: str) -> date:
    """The calendar date in the enterprise's zone: a date is stored as local midnight."""
    return instant(value).astimezone(zone(zone_name)).date()


def millis(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(milliseconds=1)


def midnight_ms(on: date, zone_name: str) -> int:
    """A date as the platform stores it."""
    return millis(datetime.combine(on, time(), zone(zone_name)).astimezone(UTC))


def to_wire(value: JsonValue, info: FieldInfo, zone_name: str) -> JsonValue:
    """One of our values as this field takes it; Rejected names an option that the field lacks."""
    if value is None:
        return None
    if info.type in NUMERIC:
        return format(value if isinstance(value, Decimal) else Decimal(str(value)), "f")
    if info.type in ("date", "date_time"):
        on = value if isinstance(value, date) else parse_on(str(value))
        return midnight_ms(on, zone_name)
    if info.type == "select_one" and info.options:
        wanted = plain_label(str(value))
        for label, option in info.options:
            if wanted in (plain_label(option), plain_label(label)):
                return option
        known = ", ".join(label for label, _ in info.options)
        raise Rejected(f"field {info.name} has no option {value} (it has {known})", code="no_option")
    return str(value)


def from_wire(value: JsonValue, info: FieldInfo, zone_name: str) -> JsonValue:
    """What the record shows, as we would write it; what cannot be read is shown as it is: it differs, and is mended."""
    if value is None or value == "":
        return None
    if info.type in NUMERIC:
        try:
            return Decimal(str(value))
        except InvalidOperation:
            return str(value)
    if info.type in ("date", "date_time"):
        try:
            return day(value, zone_name).isoformat()
        except ValueError:
            return str(value)
    if info.type == "select_one":
        return _code(str(value), info)
    return value


def _code(value: str, info: FieldInfo) -> str:
    """An option as we name it: its label where that reads like one of our codes, else its value."""
    for label, option in info.options:
        if option == value:
            return label if label and label.isascii() else value
    return value
