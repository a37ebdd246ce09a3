"""One raw JSON value to one canonical value; what cannot be read exactly raises MappingError with path and code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from tieout.core.dates import DateError, business_on, parse_at, parse_on
from tieout.core.errors import MappingError
from tieout.core.money import MoneyError, is_currency, to_minor

_NUMBERS = (int, Decimal)
_LOCAL_STAMP = re.compile(r"^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$")


def is_empty(value: Any) -> bool:
    """True for null, blank text and an empty list: what a source uses to say nothing."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    return type(value) is list and not value


def text(value: Any, path: str) -> str:
    """Trimmed text; whole numbers become their digits, anything else is refused.

    PostgreSQL text refuses NUL: it becomes the visible symbol, as in stored JSON; the payload keeps what came.
    """
    if isinstance(value, str):
        return (value.replace("\x00", "\u2400") if "\x00" in value else value).strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise MappingError(f"{path} is not text: {_shown(value)}", path=path, code="not_text")


def key_text(value: Any, path: str) -> str:
    """The text under which a value map looks a value up: `true`/`false` for truth values."""
    if type(value) is str and "\x00" not in value:
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value, path)


def number(value: Any, path: str, *, text_allowed: bool) -> Decimal:
    """An exact decimal; text only where the profile says that the source writes amounts as text."""
    if isinstance(value, str) and text_allowed:
        try:
            made = Decimal(value.strip())
        except InvalidOperation:
            made = Decimal("NaN")
        if made.is_finite():
            return made
    elif isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return Decimal(value)
    raise MappingError(f"{path} is not an amount: {_shown(value)}", path=path, code="not_amount")


def minor(value: Any, currency: str, path: str, *, text_allowed: bool) -> int:
    """Integer minor units of an amount in a currency."""
    amount = value if type(value) is Decimal else number(value, path, text_allowed=text_allowed)
    try:
        return to_minor(amount, currency)
    except MoneyError as error:
        raise MappingError(f"{path}: {error.message}", path=path, code=error.code) from None


def currency(value: Any, path: str) -> str:
    """An ISO 4217 code that the money table knows."""
    code = text(value, path)
    if not is_currency(code):
        raise MappingError(f"{path}: unknown currency {code!r}", path=path, code="unknown_currency")
    return code


def rate(value: Any, path: str, *, text_allowed: bool) -> str:
    """A positive exchange rate as plain decimal text, exactly as stated but for zeros at the end."""
    made = number(value, path, text_allowed=text_allowed)
    if made <= 0:
        raise MappingError(f"{path}: {_shown(value)} is no exchange rate", path=path, code="not_rate")
    return format(made.normalize(), "f")


def day(value: Any, path: str, *, zone_name: str, stamp: bool) -> date:
    """A calendar date; with `stamp` also a date and time.

    A stamp with an offset is converted to the business time zone. A stamp without one is written by its vendor in
    that same zone (Kingdee), so that its date part is the date.
    """
    raw = text(value, path)
    try:
        return _day(raw, zone_name, stamp)
    except DateError as error:
        raise MappingError(f"{path}: {error.message}", path=path, code="not_date") from None


@lru_cache(maxsize=8192)  # the records of a stream fall on few days
def _day(raw: str, zone_name: str, stamp: bool) -> date:
    if stamp and (match := _LOCAL_STAMP.match(raw)):
        return parse_on(match.group(1))
    if stamp and len(raw) > 10:
        return business_on(parse_at(raw), zone_name)
    return parse_on(raw)


def truth(value: Any, path: str) -> bool:
    """A JSON truth value; other spellings need a value map in the profile."""
    if isinstance(value, bool):
        return value
    raise MappingError(f"{path} is not true or false: {_shown(value)}", path=path, code="not_boolean")


def owner(value: Any, path: str) -> dict[str, str]:
    """Name, id and e-mail of a record's owner."""
    if not isinstance(value, Mapping):
        raise MappingError(f"{path} is not an owner: {_shown(value)}", path=path, code="not_owner")
    return {key: text(value[key], f"{path}.{key}") for key in ("id", "name", "email") if not is_empty(value.get(key))}


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
