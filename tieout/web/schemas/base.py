"""The parts every answer is made of, and strict readers for query parameters."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from tieout.core.dates import DateError, parse_at, parse_on
from tieout.core.money import is_currency
from tieout.store.queries.paging import DEFAULT_LIMIT, MAX_LIMIT

T = TypeVar("T")


class In(BaseModel):
    """A request: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Query(BaseModel):
    """Query parameters: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise ValueError("write a whole number")
        return int(value)
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("write true or false")
        return value == "true"
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("write a date as yyyy-mm-dd")
    try:
        return parse_on(value)
    except DateError as error:
        raise ValueError(error.message) from None


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError("not a currency code of ISO 4217")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
CurrencyCode = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["CNY"])]
Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$", examples=["zoho"])]
Id = Annotated[str, Field(pattern="^[A-Za-z0-9_]{1,64}$")]
KnownPoint = Annotated[
    str,
    Field(
        pattern=r"^(\d{1,15}(\.\d{1,15})?|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2}))$",
        examples=["12.345", "2026-11-02T00:00:00Z"],
    ),
]
# Text without control characters: PostgreSQL refuses NUL, and nothing else of the kind belongs into a search.
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$", max_length=100)]


def instant_or_point(text: str | None) -> str | datetime | None:
    """What `known_at` says: an instant, or a point of knowledge as text."""
    return parse_at(text) if text is not None and "T" in text else text


class PageQuery(Query):
    """Where a list starts and how long a page is."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Rows a page."), BeforeValidator(_whole)] = (
        DEFAULT_LIMIT
    )
    cursor: Annotated[
        str | None,
        Field(pattern="^[A-Za-z0-9_-]{1,600}$", description="`next` of the page before; opaque."),
    ] = None


class NoQuery(Query):
    """A route that takes no query parameters."""


class Money(Out):
    """An amount: the integer is the value, the text is for people."""

    minor: int = Field(description="Integer minor units.", examples=[123450])
    currency: str = Field(description="ISO 4217.", examples=["CNY"])
    text: str = Field(examples=["1,234.50"])


class Page(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null on the last.", examples=[None])


class Party(Out):
    """A customer by id and name."""

    id: str = Field(examples=["cus_01jd5m9p2k7x8n4q3r6s1t"])
    name: str = Field(examples=["示例科技有限公司"])
