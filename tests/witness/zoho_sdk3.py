"""Run in a process of its own: zcrmsdk 3.1.0 (API v2) lists Accounts from the sandbox at argv[1]; prints JSON.

zcrmsdk imports a MySQL driver that it does not declare; a stub stands in, the file store is used instead.
"""

from __future__ import annotations

import json
import os
import sys
import types

stub = types.ModuleType("mysql.connector")
stub.Error = Exception  # type: ignore[attr-defined]
parent = types.ModuleType("mysql")
parent.connector = stub  # type: ignore[attr-defined]
sys.modules["mysql"], sys.modules["mysql.connector"] = parent, stub

from zcrmsdk.src.com.zoho.api.authenticator import OAuthToken  # noqa: E402
from zcrmsdk.src.com.zoho.api.authenticator.oauth_token import TokenType  # noqa: E402
from zcrmsdk.src.com.zoho.api.authenticator.store import FileStore  # noqa: E402
from zcrmsdk.src.com.zoho.api.logger import Logger  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api.dc import DataCenter  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api.initializer import Initializer  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api.record import GetRecordsParam, Record, RecordOperations, ResponseWrapper  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig  # noqa: E402
from zcrmsdk.src.com.zoho.crm.api.user_signature import UserSignature  # noqa: E402

base, client_id, secret, refresh = sys.argv[1:5]


def start() -> None:
    Initializer.initialize(
        user=UserSignature("ar@example.com"),
        environment=DataCenter.Environment(base, base + "/oauth/v2/token", base),
        token=OAuthToken(client_id, secret, refresh, TokenType.REFRESH),
        store=FileStore(os.path.abspath("tokens.csv")),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=os.getcwd(),
        logger=Logger.get_instance(Logger.Levels.INFO, os.path.abspath("sdk.log")),
    )


def accounts() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    page = 1
    while True:
        params = ParameterMap()
        params.add(GetRecordsParam.page, page)
        params.add(GetRecordsParam.per_page, 2)
        response = RecordOperations().get_records("Accounts", params, HeaderMap())
        wrapper = response.get_object() if response is not None else None
        if not isinstance(wrapper, ResponseWrapper):
            raise SystemExit(f"no list: {type(wrapper).__name__}")
        for record in wrapper.get_data():
            parent = record.get_key_value("Parent_Account")
            rows.append(
                {
                    "id": str(record.get_id()),
                    "name": record.get_key_value("Account_Name"),
                    "annual_revenue": str(record.get_key_value("Annual_Revenue")),
                    "parent": str(parent.get_id()) if isinstance(parent, Record) else None,
                    "keys": len(record.get_key_values()),
                }
            )
        if not wrapper.get_info().get_more_records():
            return rows
        page += 1


start()
print(json.dumps({"accounts": accounts()}))
