"""Deleted records, search with its traps, COQL, metadata and the organisation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tieout.sandbox.zoho import ZohoSettings

from .conftest import Crm

FIRST = "4150868000002000000"
SECOND = "4150868000002000001"


def coql(crm: Crm, query: str) -> httpx.Response:
    return crm.send("POST", "/coql", {"select_query": query})


def test_deleted_records_and_their_window(crm: Crm) -> None:
    assert crm.get("/Accounts/deleted").status_code == 204
    crm.server.user_change("delete", "Accounts", FIRST)
    crm.clock.advance(60)
    crm.server.user_change("delete", "Accounts", SECOND)
    crm.server.user_change("purge", "Accounts", FIRST)
    rows = crm.rows(crm.get("/Accounts/deleted", {"type": "all"}))
    assert [(row["id"], row["type"], row["display_name"]) for row in rows] == [
        (SECOND, "recycle", "Company 1"),
        (FIRST, "permanent", None),
    ]
    assert rows[0]["deleted_time"] == "2026-03-02T09:01:00+08:00"
    assert rows[0]["deleted_by"]["id"] == crm.settings.ui_user.id
    assert (rows[1]["deleted_by"], rows[1]["created_by"]) == (None, None)
    assert [row["id"] for row in crm.rows(crm.get("/Accounts/deleted", {"type": "permanent"}))] == [FIRST]
    since = {"If_Modified_Since": "2026-03-02T09:00:00+08:00"}
    assert [row["id"] for row in crm.rows(crm.get("/Accounts/deleted", **since))] == [SECOND]
    answer = crm.get("/Accounts/deleted", If_Modified_Since="2026-03-02T09:01:00+08:00")
    assert (answer.status_code, answer.content) == (304, b"")
    assert crm.get("/Accounts/deleted", {"type": "gone"}).json()["data"][0]["code"] == "PATTERN_NOT_MATCHED"
    crm.clock.advance(61 * 86_400)
    crm.login()
    assert [row["id"] for row in crm.rows(crm.get("/Accounts/deleted"))] == [FIRST]


def test_deleted_then_restored_comes_back_as_modified(crm: Crm) -> None:
    crm.server.user_change("delete", "Accounts", FIRST)
    assert crm.get(f"/Accounts/{FIRST}").status_code == 204
    crm.server.user_change("undelete", "Accounts", FIRST)
    rows = crm.rows(crm.get("/Accounts", {"fields": "Account_Name"}, If_Modified_Since="2026-03-01T00:00:00+08:00"))
    assert [row["id"] for row in rows] == [FIRST]
    assert crm.get("/Accounts/deleted").status_code == 204


def test_delete_over_the_api(crm: Crm) -> None:
    answer = crm.client.delete("/crm/v8/Accounts", params={"ids": f"{FIRST},77"})
    assert answer.status_code == 207
    assert [row["code"] for row in answer.json()["data"]] == ["SUCCESS", "INVALID_DATA"]


def test_search_equals_is_contains_and_lags(crm: Crm) -> None:
    crm.server.user_change("create", "Accounts", None, {"Account_Name": "Company 1 Ltd"})
    ask = {"criteria": "(Account_Name:equals:Company 1)", "fields": "Account_Name"}
    assert [row["Account_Name"] for row in crm.rows(crm.get("/Accounts/search", ask))] == ["Company 1"]
    crm.clock.advance(crm.settings.search_lag_seconds)
    rows = crm.rows(crm.get("/Accounts/search", ask))
    assert sorted(row["Account_Name"] for row in rows) == ["Company 1", "Company 1 Ltd"]
    assert crm.get("/Accounts/search", {"criteria": "(Account_Name:equals:Nobody)"}).status_code == 204
    answer = crm.get("/Accounts/search", {"criteria": "Account_Name=1"})
    assert answer.json()["data"][0]["code"] == "INVALID_QUERY"


def test_coql_where_order_limit_and_dotted_columns(crm: Crm) -> None:
    query = (
        "select Subject, Account_Name, Account_Name.Account_Name, Grand_Total from Invoices "
        "where ((Modified_Time >= '2026-02-02T00:01:00Z' and Status in ('Created','Approved')) or Subject = 'x') "
        "order by Grand_Total desc limit 0, 1"
    )
    answer = coql(crm, query)
    assert answer.json()["info"] == {"count": 1, "more_records": True}
    assert crm.rows(answer) == [
        {
            "Subject": "Invoice 1",
            "Account_Name": {"id": FIRST},
            "Account_Name.Account_Name": "Company 0",
            "Grand_Total": Decimal("1234567890123456.78"),
            "id": "4150868000003000001",
        }
    ]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Grand_Total < 0", [2]),
        ("Grand_Total between 100 and 200", [0]),
        ("Account_Name.id = '4150868000002000000'", [0, 1, 2]),
        ("Deal_Name__s is null and Subject like '%ice 2'", [2]),
        ("Subject not in ('Invoice 0', 'Invoice 1')", [2]),
        ("id > '4150868000003000000' and id in ('4150868000003000000', '4150868000003000002')", [2]),
        ("Invoice_Number = 'zinv-000001'", [1]),
        ("Due_Date >= '2026-03-02'", []),
    ],
)
def test_coql_conditions(crm: Crm, where: str, found: list[int]) -> None:
    answer = coql(crm, f"select id from Invoices where {where}")
    if not found:
        assert (answer.status_code, answer.content) == (204, b"")
        return
    assert [int(row["id"]) - 4150868000003000000 for row in crm.rows(answer)] == found


def test_coql_adds_up_by_group(crm: Crm) -> None:
    listed = crm.rows(coql(crm, "select Currency, Grand_Total from Invoices where Grand_Total is not null limit 200"))
    sums: dict[str, list[Decimal]] = {}
    for row in listed:
        sums.setdefault(row["Currency"], []).append(Decimal(str(row["Grand_Total"])))
    answer = crm.rows(
        coql(
            crm,
            "select Currency, SUM(Grand_Total), COUNT(id), MAX(Grand_Total) from Invoices "
            "where Grand_Total is not null group by Currency limit 0, 200",
        )
    )
    assert {row["Currency"]: (Decimal(str(row["SUM(Grand_Total)"])), row["COUNT(id)"]) for row in answer} == {
        code: (sum(amounts, Decimal(0)), len(amounts)) for code, amounts in sums.items()
    }
    assert {row["Currency"]: Decimal(str(row["MAX(Grand_Total)"])) for row in answer} == {
        code: max(amounts) for code, amounts in sums.items()
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select id from Invoices", "SYNTAX_ERROR"),
        ("select id from Invoices where Nope = 1", "INVALID_QUERY"),
        ("select Subject, SUM(Grand_Total) from Invoices where id is not null group by Currency", "INVALID_QUERY"),
        ("select SUM(Nope) from Invoices where id is not null", "INVALID_QUERY"),
        ("select id from Nope where id = '1'", "INVALID_MODULE"),
        ("select id from Invoices where id is not null limit 2001", "LIMIT_EXCEEDED"),
        ("select id from Invoices where id is not null limit 99000, 2000", "LIMIT_EXCEEDED"),
    ],
)
def test_coql_errors(crm: Crm, query: str, code: str) -> None:
    answer = coql(crm, query)
    assert (answer.status_code, answer.json()["data"][0]["code"]) == (400, code)


def test_coql_credits_grow_with_the_limit(crm: Crm) -> None:
    for limit in (200, 1_000, 2_000):
        coql(crm, f"select id from Invoices where id is not null limit {limit}")
    assert [entry.credits for entry in crm.store.requests.since(0)[-3:]] == [1, 2, 3]


def fields_of(crm: Crm, module: str) -> dict[str, dict[str, Any]]:
    rows = crm.get("/settings/fields", {"module": module}).json()["fields"]
    return {row["api_name"]: row for row in rows}


def test_field_metadata_has_the_keys_that_connectors_read(crm: Crm) -> None:
    fields = fields_of(crm, "Invoices")
    keys = (
        "id api_name field_label display_label data_type json_type length decimal_place custom_field read_only "
        "field_read_only system_mandatory unique external pick_list_values lookup currency formula visible filterable "
        "sortable operation_type"
    ).split()
    for row in fields.values():
        assert set(keys) <= set(row), row["api_name"]
    assert fields["Account_Name"]["lookup"]["module"]["api_name"] == "Accounts"
    assert fields["ERP_Bill_No"]["custom_field"] is True
    assert fields["Invoice_Number"]["data_type"] == "autonumber"
    v2 = crm.client.get("/crm/v2/settings/fields", params={"module": "Invoices"}).json()["fields"]
    assert {row["lookup"].get("module") for row in v2 if row["api_name"] == "Account_Name"} == {"Accounts"}
    assert not [name for name in fields if name.startswith("AR_")]
    assert crm.get("/settings/fields").json()["fields"][0]["code"] == "REQUIRED_PARAM_MISSING"


def create(crm: Crm, module: str, *fields: dict[str, Any]) -> httpx.Response:
    return crm.client.post("/crm/v8/settings/fields", params={"module": module}, json={"fields": list(fields)})


def test_fields_are_created_and_work_at_once(crm: Crm) -> None:
    answer = create(
        crm,
        "Invoices",
        {"field_label": "AR Payment Status", "data_type": "picklist", "pick_list_values": [{"actual_value": "paid"}]},
        {"field_label": "AR Open Amount", "data_type": "currency", "length": 16, "decimal_place": 2, "currency": {}},
        {"field_label": "AR Ext Id", "data_type": "text", "length": 30, "unique": {}},
    )
    assert answer.status_code == 201
    rows = answer.json()["fields"]
    assert [list(row["details"]) for row in rows] == [["id"]] * 3
    back = crm.get(f"/settings/fields/{rows[0]['details']['id']}", {"module": "Invoices"}).json()["fields"][0]
    assert (back["api_name"], back["data_type"], back["custom_field"]) == ("AR_Payment_Status", "picklist", True)
    assert [value["actual_value"] for value in back["pick_list_values"]] == ["paid"]
    assert fields_of(crm, "Invoices")["AR_Ext_Id"]["unique"] == {"case_sensitive": False}
    row = {"id": "4150868000003000000", "AR_Payment_Status": "paid", "AR_Ext_Id": "x" * 31}
    refused = crm.send("PUT", "/Invoices", {"data": [row]})
    assert refused.json()["data"][0]["details"]["maximum_length"] == 30


def test_field_creation_errors_and_limits(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(edition="standard"))
    text = {"data_type": "text"}
    six = create(crm, "Deals", *({"field_label": f"F{n}", **text} for n in range(6)))
    assert (six.status_code, six.json()["fields"][0]["code"]) == (400, "LIMIT_EXCEEDED")
    mixed = create(
        crm,
        "Deals",
        {"field_label": "U1", **text, "unique": {}},
        {"field_label": "U2", **text, "unique": {"case_sensitive": True}},
        {"field_label": "U3", **text, "unique": {}},
        {"field_label": "order no", **text},
        {"field_label": "Odd", "data_type": "blob"},
    )
    assert mixed.status_code == 207
    codes = [row["code"] for row in mixed.json()["fields"]]
    assert codes == ["SUCCESS", "SUCCESS", "LIMIT_EXCEEDED", "DUPLICATE_DATA", "INVALID_DATA"]
    again = create(crm, "Deals", {"field_label": "U1", **text})
    assert (again.status_code, again.json()["fields"][0]["code"]) == (400, "DUPLICATE_DATA")
    # Standard edition: ten custom fields a module; Order_No, U1 and U2 are three of them
    five = create(crm, "Deals", *({"field_label": f"G{n}", **text} for n in range(5)))
    rest = create(crm, "Deals", *({"field_label": f"H{n}", **text} for n in range(5)))
    assert five.status_code == 201
    assert [row["code"] for row in rest.json()["fields"]] == ["SUCCESS"] * 2 + ["LIMIT_EXCEEDED"] * 3
    assert create(crm, "Nope", {"field_label": "A", **text}).json()["fields"][0]["code"] == "INVALID_MODULE"


def test_modules_org_currencies_and_user(crm: Crm) -> None:
    modules = {row["api_name"]: row for row in crm.get("/settings/modules").json()["modules"]}
    assert {"Accounts", "Contacts", "Deals", "Invoices", "Tasks"} <= set(modules)
    assert modules["Invoices"]["api_supported"] is True
    currencies = {row["iso_code"]: row["is_base"] for row in crm.get("/org/currencies").json()["currencies"]}
    assert currencies == {"CNY": True, "USD": False, "EUR": False}
    assert crm.get("/org").json()["org"][0]["time_zone"] == "Asia/Shanghai"
    users = crm.get("/users", {"type": "CurrentUser"}).json()["users"]
    assert [user["id"] for user in users] == [crm.settings.api_user.id]
