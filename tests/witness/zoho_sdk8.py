"""Run in a process of its own: zohocrmsdk8-0 lists and upserts against the sandbox at argv[1]; prints JSON."""

from __future__ import annotations

import json
import os
import sys

from zohocrmsdk.src.com.zoho.api.authenticator import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.record import (
    ActionWrapper,
    APIException,
    BodyWrapper,
    GetRecordsParam,
    Record,
    RecordOperations,
    ResponseWrapper,
    SuccessResponse,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

base, client_id, secret, refresh = sys.argv[1:5]


def start() -> None:
    os.makedirs("resources", exist_ok=True)
    Initializer.initialize(
        environment=DataCenter.Environment(base, base + "/oauth/v2/token", base),
        token=OAuthToken(client_id=client_id, client_secret=secret, refresh_token=refresh, find_user=False),
        store=FileStore(os.path.abspath("tokens.csv")),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False, update_api_domain=False),
        resource_path=os.getcwd(),
    )


def listed(module: str, fields: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    page = 1
    while True:
        params = ParameterMap()
        params.add(GetRecordsParam.fields, fields)
        params.add(GetRecordsParam.page, page)
        params.add(GetRecordsParam.per_page, 2)
        response = RecordOperations(module).get_records(params, HeaderMap())
        if response.get_status_code() in (204, 304):
            return rows
        wrapper = response.get_object()
        if not isinstance(wrapper, ResponseWrapper):
            raise SystemExit(f"no list: {type(wrapper).__name__}")
        for record in wrapper.get_data():
            values = {}
            for key, value in record.get_key_values().items():
                values[key] = (
                    value.get_id() if isinstance(value, Record) else getattr(value, "get_value", lambda v=value: v)()
                )
            rows.append({"id": str(record.get_id()), **{key: str(value) for key, value in values.items()}})
        if not wrapper.get_info().get_more_records():
            return rows
        page += 1


def upserted() -> list[dict[str, object]]:
    known, fresh, bad = Record(), Record(), Record()
    known.add_key_value("Account_Name", "Company 1")
    known.add_key_value("Phone", "+86 21 5555")
    fresh.add_key_value("Account_Name", "Born from the SDK")
    bad.add_key_value("Account_Name", "x" * 201)
    body = BodyWrapper()
    body.set_data([known, fresh, bad])
    body.set_duplicate_check_fields(["Account_Name"])
    body.set_trigger([])
    response = RecordOperations("Accounts").upsert_records(body, HeaderMap())
    wrapper = response.get_object()
    if not isinstance(wrapper, ActionWrapper):
        raise SystemExit(f"no upsert: {type(wrapper).__name__} {response.get_status_code()}")
    done = []
    for one in wrapper.get_data():
        if isinstance(one, APIException):
            done.append({"error": one.get_code().get_value()})
        elif isinstance(one, SuccessResponse):
            details = {key: str(value) for key, value in one.get_details().items() if key in ("id", "Modified_Time")}
            done.append({"action": one.get_action().get_value() if one.get_action() else None, **details})
    return done


start()
print(
    json.dumps(
        {
            "accounts": listed("Accounts", "Account_Name,Phone,Created_Time"),
            "invoices": listed("Invoices", "Subject,Grand_Total,Account_Name,Status"),
            "upsert": upserted(),
        }
    )
)
