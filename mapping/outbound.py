"""Decisions become remote fields: what a CRM record should show, and what of it differs from what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from mapping.outbound_fields import (
    BALANCES_LENGTH,
    CREDIT_STATUSES,
    PAYMENT_STATUSES,
    REASONS_LENGTH,
    FieldNames,
    names_of,
    own_fields,
    writable_fields,
)
from mapping.reminder_text import ReminderLine, ReminderView, reminder_change, reminder_task
from tieout.core.errors import ConfigError, MappingError
from tieout.core.money import format_minor, to_decimal
from tieout.core.ports import JsonValue

__all__ = [
    "CustomerView",
    "FieldNames",
    "InvoiceView",
    "ReminderLine",
    "ReminderView",
    "changed_fields",
    "differs",
    "own_fields",
    "reminder_change",
    "reminder_task",
    "remote_fields",
    "writable_fields",
]

_BUCKET = re.compile(r"current|\d+-\d+|>\d+")


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """What an invoice, order or deal should show; amounts in minor units of the record's own `currency`.

    `payment_status` "" = there is nothing to say (no document): all fields are cleared.
    """

    payment_status: str
    invoiced_minor: int
    paid_minor: int
    open_minor: int
    overdue_minor: int
    overdue_since: date | None
    aging_bucket: str
    next_due_on: date | None
    last_payment_on: date | None
    currency: str


@dataclass(frozen=True, slots=True)
class CustomerView:
    """What an account should show; amounts in minor units of the record's own `currency`.

    `open_minor` and `overdue_minor` are totals over all currencies, converted by the caller at the dated rate used for
    exposure. None = not converted: the amounts of `currency` alone are shown when no other currency has any, else the
    field is left as it is. `exposure_minor` None = a rate is missing: left as it is. `balances` "" = made from the
    amounts per currency.
    """

    credit_status: str
    credit_grade: str
    credit_limit_minor: int | None
    exposure_minor: int | None
    reasons: Sequence[str]
    open_by_currency: Mapping[str, int]
    overdue_by_currency: Mapping[str, int]
    currency: str
    open_minor: int | None = None
    overdue_minor: int | None = None
    balances: str = ""
    limit_currency: str = ""  # "" = the record's own; another one: the limit is left as it is


def remote_fields(
    vendor: str,
    module: str,
    decision: InvoiceView | CustomerView,
    names: FieldNames | Mapping[str, str] | None = None,
) -> dict[str, JsonValue]:
    """The fields that a record should show, by remote name: Decimals, ISO dates, stable codes, None = cleared.

    `AR_As_Of` is not among them: `changed_fields` adds it when something else changed. A field that is left out must
    stay as it is. Unknown codes raise MappingError rather than growing a picklist.
    """
    made = names_of(names, vendor)
    fits = own_fields(vendor, made).get(module)
    if fits is None:
        raise ConfigError(f"{vendor} {module} has no write-back fields")
    if isinstance(decision, InvoiceView):
        values = _invoice(decision)
    else:
        values = _customer(decision)
    out = {made.name(key): value for key, value in values.items()}
    if strange := [name for name in out if name not in fits]:
        raise ConfigError(f"{strange[0]} does not belong on {vendor} {module}")
    return out


def _invoice(view: InvoiceView) -> dict[str, JsonValue]:
    status = _code(view.payment_status, PAYMENT_STATUSES, "payment_status")
    bucket = view.aging_bucket or None
    if bucket is not None and not _BUCKET.fullmatch(bucket):
        raise MappingError(f"unknown aging bucket {bucket!r}", path="aging_bucket", code="unmapped_value")
    silent = status is None

    def amount(minor: int) -> Decimal | None:
        return None if silent else to_decimal(minor, view.currency)

    def on(day: date | None) -> str | None:
        return None if silent or day is None else day.isoformat()

    return {
        "payment_status": status,
        "invoiced_amount": amount(view.invoiced_minor),
        "paid_amount": amount(view.paid_minor),
        "open_amount": amount(view.open_minor),
        "overdue_amount": amount(view.overdue_minor),
        "overdue_since": on(view.overdue_since),
        "aging_bucket": None if silent else bucket,
        "next_due_date": on(view.next_due_on),
        "last_payment_date": on(view.last_payment_on),
    }


def _customer(view: CustomerView) -> dict[str, JsonValue]:
    out: dict[str, JsonValue] = {
        "credit_status": _code(view.credit_status, CREDIT_STATUSES, "credit_status"),
        "credit_grade": view.credit_grade or None,
        "credit_reasons": _joined(view.reasons, REASONS_LENGTH) or None,
        "balances": _joined(view.balances.split("; "), BALANCES_LENGTH) or _balances(view) or None,
    }
    if view.limit_currency in ("", view.currency):
        limit = view.credit_limit_minor
        out["credit_limit"] = None if limit is None else to_decimal(limit, view.currency)
    if view.exposure_minor is not None:
        out["credit_exposure"] = to_decimal(view.exposure_minor, view.currency)
    for key, total, by_currency in (
        ("open_amount", view.open_minor, view.open_by_currency),
        ("overdue_amount", view.overdue_minor, view.overdue_by_currency),
    ):
        if total is None and not any(minor for code, minor in by_currency.items() if code != view.currency):
            total = by_currency.get(view.currency, 0)
        if total is not None:
            out[key] = to_decimal(total, view.currency)
    return out


def _code(value: str, known: Sequence[str], path: str) -> str | None:
    if value and value not in known:
        raise MappingError(f"unknown {path} {value!r}", path=path, code="unmapped_value")
    return value or None


def _balances(view: CustomerView) -> str:
    """`CNY 12,345.67 (overdue 345.00); USD 8.00`: exact, currencies in order, those without any left out."""
    parts = []
    for code in sorted(view.open_by_currency.keys() | view.overdue_by_currency.keys()):
        still_open, overdue = view.open_by_currency.get(code, 0), view.overdue_by_currency.get(code, 0)
        if still_open or overdue:
            text = f"{code} {format_minor(still_open, code, code=False)}"
            parts.append(f"{text} (overdue {format_minor(overdue, code, code=False)})" if overdue else text)
    return _joined(parts, BALANCES_LENGTH)


def _joined(parts: Sequence[str], length: int) -> str:
    """The parts with `; `, whole ones only: what does not fit is counted at the end (`… +3`)."""
    kept = [part.strip() for part in parts if part.strip()]
    total = len(kept)
    while kept:
        text = "; ".join(kept) + (f"; … +{total - len(kept)}" if len(kept) < total else "")
        if len(text) <= length:
            return text
        if len(kept) == 1:
            return text[: length - 1] + "…"
        kept.pop()
    return ""


def differs(desired: Mapping[str, JsonValue], seen: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The desired fields whose value is not what the record shows.

    By value: 1.10 equals 1.1, null equals an empty text, line ends and outer blanks do not count, a date equals its
    ISO text. A field that the record does not show counts as null.
    """
    return {name: value for name, value in desired.items() if _plain(value) != _plain(seen.get(name), like=value)}


def changed_fields(
    desired: Mapping[str, JsonValue],
    seen: Mapping[str, JsonValue],
    as_of: date | None,
    names: FieldNames | Mapping[str, str] | None = None,
) -> dict[str, JsonValue]:
    """What to write: the fields that differ, and with them `AR_As_Of`; nothing when nothing differs.

    `as_of` None: the fields are taken back, and the day goes with them.
    """
    changed = differs(desired, seen)
    return {**changed, names_of(names).as_of: as_of.isoformat() if as_of else None} if changed else {}


def _plain(value: JsonValue, *, like: JsonValue = None) -> JsonValue:
    """A value as compared; `like` is the other side's, whose kind says how to read a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").strip()
        if isinstance(like, int | Decimal) and not isinstance(like, bool):
            try:
                return Decimal(text)
            except InvalidOperation:
                return text or None
        return None if text in ("", "-None-") else text
    return value
