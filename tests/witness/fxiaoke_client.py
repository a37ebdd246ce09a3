"""The witness: a public Python client of Fxiaoke (in-body convention) reads and writes; JSON of what it saw on stdout.

The client names its host itself, so its requests are carried to the address given; nothing else of it is touched.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import requests
from fxiaoke.api import FxiaokeApi
from fxiaoke.baseObj import baseObj
from requests.adapters import HTTPAdapter

BASE, APP_ID, APP_SECRET, PERMANENT_CODE, USER = sys.argv[1:6]
HOST = "https://open.fxiaoke.com"


class Carried(HTTPAdapter):
    """Sends what was meant for the vendor's host to the address given."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(HOST, BASE)
        return super().send(request, *args, **kwargs)


def main() -> None:
    api = FxiaokeApi.init(app_id=APP_ID, app_secret=APP_SECRET, permanent_code=PERMANENT_CODE, open_user_id=USER)
    api._session.requests.trust_env = False
    api._session.requests.mount(HOST, Carried())
    objects = baseObj()
    listed = {}
    for name in ("AccountObj", "SalesOrderObj", "InvoiceApplicationObj", "PaymentObj"):
        cursor = objects.query(name, limit=10, orders=[{"fieldName": "_id", "isAsc": True}])
        listed[name] = [row["_id"] for row in cursor]
    account = listed["AccountObj"][0]
    fields = objects.describe("InvoiceApplicationObj")["describe"]["fields"]
    details = {"OrderPaymentObj": [{"order_id": listed["SalesOrderObj"][0], "payment_amount": "12.34"}]}
    order = objects.get(listed["SalesOrderObj"][0], "SalesOrderObj")
    made = objects.create(
        {"account_id": order["account_id"], "payment_amount": "12.34", "payment_time": 1597593600000},
        details,
        "PaymentObj",
    )
    try:
        objects.get("ffffffffffffffffffffffff", "AccountObj")
        refused = ""
    except RuntimeError as error:
        refused = str(error)
    print(
        json.dumps(
            {
                "listed": listed,
                "account": objects.get(account, "AccountObj"),
                "labels": {name: one["label"] for name, one in fields.items()},
                "payment": objects.get(made["dataId"], "PaymentObj"),
                "refused": refused,
                "calls": api.get_num_requests_succeeded(),
            }
        )
    )


main()
