"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, String, Text, TypeDecorator

from tieout.core import exact_json
from tieout.core.dates import iso_utc, parse_at

# SQLite only gives rowid autoincrement to INTEGER.
Seq = BigInteger().with_variant(Integer(), "sqlite")

# Text that sorts by code point on both engines, whatever the database's locale is.
Key = Text().with_variant(Text(collation="C"), "postgresql")

# An escaped NUL; after an odd number of backslashes more it is a backslash and the letters `u0000`.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def utc_text(value: datetime) -> str:
    """An instant as it is stored; naive values are refused."""
    return iso_utc(value)


def json_text(value: Any) -> str:
    """A JSON value as it is stored; PostgreSQL text refuses NUL, so it is written as the visible symbol instead."""
    if type(value) is Stored:
        return value.text
    text = exact_json.dumps(value).decode()
    return _NUL.sub("\\1\u2400", text) if "\\u0000" in text else text


class Stored:
    """A JSON value in the form in which it is stored, made once to be compared and written."""

    __slots__ = ("text",)

    def __init__(self, value: Any) -> None:
        self.text = json_text(value)


class Utc(TypeDecorator[datetime]):
    """An aware instant as sortable text `2026-11-01T00:00:00.000000Z`; naive values are refused.

    Text because SQLite drops offsets of its own date type silently (measured), and so that both engines sort alike.
    """

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else parse_at(value)


class Json(TypeDecorator[Any]):
    """JSON text with exact numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else exact_json.loads_fast(value.encode())
