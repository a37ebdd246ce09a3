"""Field values as Zoho takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from connectors.zoho.leg import zoho_time
from tieout.core.ports import JsonValue


def wire_fields(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Instants without fractions of a second, dates as yyyy-mm-dd, the rest as it is."""
    return {name: _wire(value) for name, value in fields.items()}


def _wire(value: JsonValue) -> JsonValue:
    if isinstance(value, datetime):
        return zoho_time(value)
    if isinstance(value, date):
        return value.isoformat()
    return value
