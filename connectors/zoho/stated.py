"""What Zoho adds up itself: COQL aggregates per currency (Zoho docs v8 COQL, aggregate functions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.zoho.api import ZohoApi
from tieout.core.errors import BadPayload
from tieout.core.money import MoneyError, to_minor
from tieout.core.ports import JsonValue, StatedTotal

_MOST_CURRENCIES = 200  # rows of one answer; ISO 4217 has fewer


def stated_totals(api: ZohoApi, module: str, amount_field: str) -> Sequence[StatedTotal]:
    """Sum and count of a field per record currency, over the records that hold one; one call of one credit.

    Source: the answer names each aggregate as it was asked (`SUM(Amount)`). A sum that is no exact amount of its
    currency raises BadPayload.
    """
    query = (
        f"select Currency, SUM({amount_field}), COUNT(id) from {module} "  # noqa: S608 - names from our own configuration
        f"where {amount_field} is not null group by Currency limit 0, {_MOST_CURRENCIES}"
    )
    reply = api.read("POST", "/coql", json={"select_query": query}, heavy=True)
    rows = api.object(reply).get("data") or []
    if not isinstance(rows, list):
        raise BadPayload(f"{module}: the answer to a sum has no rows", connection=api.env.connection)
    return [_total(api, module, amount_field, row) for row in rows]


def _total(api: ZohoApi, module: str, amount_field: str, row: JsonValue) -> StatedTotal:
    if not isinstance(row, Mapping):
        raise BadPayload(f"{module}: a row of a sum is no object", connection=api.env.connection)
    found = {str(name).replace(" ", "").lower(): value for name, value in row.items()}
    currency = str(found.get("currency") or "")
    amount, records = found.get(f"sum({amount_field})".lower()), found.get("count(id)")
    try:
        return StatedTotal(currency, to_minor(str(amount), currency), int(str(records)))
    except (MoneyError, ValueError) as error:
        raise BadPayload(f"{module}: the sum of {currency} cannot be read: {error}") from None
