"""A tap of the Singer SDK over the same source: `python -m bench.tools.singer_tap --config FILE [--state FILE]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import requests
from singer_sdk import Stream, Tap
from singer_sdk import typing as th

TEXTS = (
    "Created_Time Subject Invoice_Number Invoice_Date Due_Date Status Currency Order_No Contract_No Billing_Street "
    "Billing_City Billing_State Billing_Code Billing_Country Description"
).split()
NUMBERS = "Exchange_Rate Sub_Total Tax Grand_Total Discount Adjustment".split()
_lookup = th.ObjectType(th.Property("id", th.StringType), th.Property("name", th.StringType))
_line = th.ObjectType(
    th.Property("id", th.StringType),
    th.Property("Product", th.StringType),
    th.Property("Quantity", th.IntegerType),
    th.Property("Net", th.NumberType),
    th.Property("Tax", th.NumberType),
)


class Invoices(Stream):
    """All invoices, or those modified since the bookmark."""

    name = "invoices"
    primary_keys = ("id",)
    replication_key = "Modified_Time"
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("Modified_Time", th.StringType),
        *(th.Property(name, th.StringType) for name in TEXTS),
        *(th.Property(name, th.NumberType) for name in NUMBERS),
        th.Property("Account_Name", _lookup),
        th.Property("Owner", _lookup),
        th.Property("Invoiced_Items", th.ArrayType(_line)),
    ).to_dict()

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
        params = {"size": str(self.config["size"])}
        since = self.get_starting_replication_key_value(context)
        if since:
            params["since"] = str(since)
        page = 1
        with requests.Session() as session:
            while True:
                answer = session.get(f"{self.config['source']}/rows", params={**params, "page": str(page)}).json()
                yield from answer["rows"]
                if not answer["more"]:
                    return
                page += 1


class TapBench(Tap):
    """The tap."""

    name = "tap-bench"
    config_jsonschema = th.PropertiesList(
        th.Property("source", th.StringType, required=True), th.Property("size", th.IntegerType, required=True)
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        return [Invoices(self)]


if __name__ == "__main__":
    TapBench.cli()
