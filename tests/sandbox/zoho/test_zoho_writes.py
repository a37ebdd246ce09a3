"""Writes: per-row results, statuses, type checks, unique fields, locks, optimistic locking, the oracle."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tieout.core import exact_json

from .conftest import Crm, account

FIRST = "4150868000002000000"
SECOND = "4150868000002000001"
INVOICE = "4150868000003000000"


def data(answer: Any, status: int) -> list[dict[str, Any]]:
    assert answer.status_code == status, answer.text
    return list(exact_json.loads(answer.content)["data"])


def ar_fields(crm: Crm) -> None:
    fields = [
        {"api_name": "AR_Ext_Id", "field_label": "AR Ext Id", "data_type": "text", "length": 50, "unique": {}},
        {"api_name": "AR_Open_Amount", "field_label": "AR Open Amount", "data_type": "currency", "length": 16},
        {"api_name": "AR_Overdue_Since", "field_label": "AR Overdue Since", "data_type": "date"},
    ]
    crm.server.seed_fields("Invoices", [{**field, "unique": field.get("unique")} for field in fields])
    key = {"api_name": "AR_Key", "field_label": "AR Key", "data_type": "text", "length": 100}
    crm.server.seed_fields("Tasks", [{**key, "unique": {"case_sensitive": False}}])


def test_notes_hang_on_a_record_and_are_listed_there_alone(crm: Crm) -> None:
    parent = {"module": {"api_name": "Invoices"}, "id": INVOICE}
    rows = [
        {"Parent_Id": parent, "Note_Title": "AR", "Note_Content": "text\n[k/1]"},
        {"Parent_Id": {**parent, "id": "4150868000009999999"}, "Note_Content": "text"},
        {"Parent_Id": parent, "Note_Title": "x" * 121, "Note_Content": "text"},
        {"Parent_Id": parent},
    ]
    done = data(crm.send("POST", "/Notes", {"data": rows, "trigger": []}), 207)
    assert [row["code"] for row in done] == ["SUCCESS", "INVALID_DATA", "INVALID_DATA", "MANDATORY_NOT_FOUND"]
    fields = {"fields": "Note_Title,Note_Content,Parent_Id"}
    (listed,) = crm.rows(crm.get(f"/Invoices/{INVOICE}/Notes", fields))
    assert (listed["id"], listed["Note_Content"]) == (done[0]["details"]["id"], "text\n[k/1]")
    assert listed["Parent_Id"]["id"] == INVOICE
    assert crm.get("/Invoices/4150868000003000001/Notes", fields).status_code == 204
    assert crm.get(f"/Invoices/{INVOICE}/Notes", {}).status_code == 400
    assert crm.get("/Invoices/4150868000009999999/Notes", fields).status_code == 400
    assert crm.get("/Notes", fields).status_code == 403
    (effect,) = [one for one in crm.server.store.effects.since(0) if one.entity == "Notes"]
    assert (effect.operation, effect.key) == ("insert", "k/1")


def test_update_gives_ordered_results_and_207_when_mixed(crm: Crm) -> None:
    ar_fields(crm)
    rows = [
        {"id": INVOICE, "AR_Open_Amount": Decimal("1234567890123456.78")},
        {"AR_Open_Amount": 1},
        {"id": "4150868000009999999", "AR_Open_Amount": 1},
        {"id": "4150868000003000001", "AR_Open_Amount": "12.50"},
        {"id": "4150868000003000002", "AR_Overdue_Since": "2026-02-30", "Subject": "x" * 256},
    ]
    done = data(crm.send("PUT", "/Invoices", {"data": rows, "trigger": []}), 207)
    assert [row["code"] for row in done] == [
        "SUCCESS",
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "INVALID_DATA",
        "MULTIPLE_OR_MULTI_ERRORS",
    ]
    assert done[0]["details"]["Modified_Time"] == "2026-03-02T09:00:00+08:00"
    assert done[0]["message"] == "record updated"
    assert done[1]["details"] == {"api_name": "id", "json_path": "$.data[1].id"}
    assert done[3]["details"] == {
        "expected_data_type": "double",
        "api_name": "AR_Open_Amount",
        "json_path": "$.data[3].AR_Open_Amount",
    }
    details = [error["details"] for error in done[4]["details"]["errors"]]
    assert {"expected_data_type": "date"}.items() <= details[0].items()
    assert {"maximum_length": 255}.items() <= details[1].items()
    answer = crm.get(f"/Invoices/{INVOICE}")
    assert b'"AR_Open_Amount":1234567890123456.78' in answer.content


def test_all_good_is_200_and_all_bad_is_400(crm: Crm) -> None:
    data(crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": "1"}]}), 200)
    done = data(crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": 1}]}), 400)
    assert done[0]["details"]["expected_data_type"] == "phone"
    done = data(crm.send("PUT", f"/Accounts/{FIRST}", {"data": [{"Account_Name": None}]}), 400)
    assert done[0]["code"] == "MANDATORY_NOT_FOUND"


@pytest.mark.parametrize(
    ("field", "value", "details"),
    [
        ("Closing_Date", "2026-01-05T00:00:00+08:00", {"expected_data_type": "date"}),
        ("Amount", True, {"expected_data_type": "double"}),
        ("Amount", 10**16, {"maximum_length": 16}),
        ("Probability", Decimal("1.5"), {"expected_data_type": "integer"}),
        ("Stage", "s" * 121, {"maximum_length": 120}),
        ("Account_Name", "Company 1", {"expected_data_type": "jsonobject"}),
        ("Account_Name", {"id": "77"}, {}),
        ("Deal_Name", 5, {"expected_data_type": "text"}),
    ],
)
def test_types_are_checked_by_metadata(crm: Crm, field: str, value: Any, details: dict[str, Any]) -> None:
    row = {"Deal_Name": "Big one", "Stage": "Closed Won", field: value}
    done = data(crm.send("POST", "/Deals", {"data": [row]}), 400)
    path = {"api_name": field, "json_path": f"$.data[0].{field}"}
    assert (done[0]["code"], done[0]["details"]) == ("INVALID_DATA", {**details, **path})
    assert crm.get("/Deals/actions/count").json() == {"count": 0}


def test_insert_needs_mandatory_fields(crm: Crm) -> None:
    done = data(crm.send("POST", "/Invoices", {"data": [{"Subject": "S"}, {"Invoiced_Items": [{}]}]}), 400)
    assert [row["details"]["api_name"] for row in done] == ["Invoiced_Items", "Subject"]
    row = {
        "Subject": "S",
        "Invoiced_Items": [{"Product_Name": {"id": "1"}, "Quantity": 1}],
        "Account_Name": {"id": FIRST},
    }
    done = data(crm.send("POST", "/Invoices", {"data": [row]}), 201)
    full = crm.rows(crm.get(f"/Invoices/{done[0]['details']['id']}"))[0]
    assert full["Account_Name"] == {"name": "Company 0", "id": FIRST}
    assert (full["Currency"], full["Exchange_Rate"], full["Invoice_Number"]) == ("CNY", 1, "ZINV-000004")


def test_unknown_and_read_only_keys_are_ignored_but_logged(crm: Crm) -> None:
    row = {"id": INVOICE, "AR_Nope": 1, "Invoice_Number": "X", "Status": "Approved"}
    data(crm.send("PUT", "/Invoices", {"data": [row]}), 200)
    assert crm.store.requests.since(0)[-1].note == "ignored fields: AR_Nope, Invoice_Number"
    full = crm.rows(crm.get(f"/Invoices/{INVOICE}"))[0]
    assert "AR_Nope" not in full
    assert (full["Invoice_Number"], full["Status"]) == ("ZINV-000000", "Approved")


def test_a_new_picklist_value_pollutes_the_list(crm: Crm) -> None:
    data(crm.send("PUT", "/Invoices", {"data": [{"id": INVOICE, "Status": "Settled"}]}), 200)
    fields = crm.get("/settings/fields", {"module": "Invoices"}).json()["fields"]
    status = next(field for field in fields if field["api_name"] == "Status")
    assert "Settled" in [value["actual_value"] for value in status["pick_list_values"]]


def test_a_refused_row_does_not_pollute_the_list(crm: Crm) -> None:
    data(crm.send("PUT", "/Invoices", {"data": [{"id": INVOICE, "Status": "Lost", "Due_Date": "soon"}]}), 400)
    fields = crm.get("/settings/fields", {"module": "Invoices"}).json()["fields"]
    status = next(field for field in fields if field["api_name"] == "Status")
    assert "Lost" not in [value["actual_value"] for value in status["pick_list_values"]]


def test_modified_time_moves_on_a_write_that_changes_nothing(crm: Crm) -> None:
    body = {"data": [{"id": FIRST, "Phone": "1"}], "trigger": []}
    crm.send("PUT", "/Accounts", body)
    crm.clock.advance(61.9)
    data(crm.send("PUT", "/Accounts", {**body, "trigger": ["workflow"]}), 200)
    row = crm.rows(crm.get(f"/Accounts/{FIRST}"))[0]
    assert row["Modified_Time"] == "2026-03-02T09:01:01+08:00"
    assert row["Modified_By"]["id"] == crm.settings.api_user.id
    first, second = crm.store.effects.since(0)
    assert (first.kind, first.changes, first.trigger) == ("effective", {"Phone": [None, "1"]}, [])
    assert (second.kind, second.changes, second.trigger) == ("noop", {}, ["workflow"])


def test_the_same_amount_in_other_digits_is_no_change(crm: Crm) -> None:
    data(crm.send("PUT", "/Invoices", {"data": [{"id": INVOICE, "Grand_Total": Decimal("113.0")}]}), 200)
    data(crm.send("PUT", "/Invoices", {"data": [{"id": INVOICE, "Account_Name": {"id": FIRST}}]}), 200)
    assert [effect.kind for effect in crm.store.effects.since(0)] == ["noop", "noop"]


def test_unique_fields_give_duplicate_data(crm: Crm) -> None:
    ar_fields(crm)
    rows = [{"id": INVOICE, "AR_Ext_Id": "a"}, {"id": "4150868000003000001", "AR_Ext_Id": " A "}]
    done = data(crm.send("PUT", "/Invoices", {"data": rows}), 207)
    details = done[1]["details"]
    assert (done[1]["code"], details["api_name"], details["id"]) == ("DUPLICATE_DATA", "AR_Ext_Id", INVOICE)
    assert details["duplicate_record"]["module"]["api_name"] == "Invoices"
    data(crm.send("PUT", "/Invoices", {"data": [{"id": INVOICE, "AR_Ext_Id": "a"}]}), 200)  # its own value is none


def test_upsert_checks_system_key_only_when_nothing_is_listed(crm: Crm) -> None:
    ar_fields(crm)
    line = [{"Product_Name": {"id": "1"}, "Quantity": 1}]
    row = {"Subject": "Invoice 0", "Status": "Approved", "Invoiced_Items": line}
    done = data(crm.send("POST", "/Invoices/upsert", {"data": [row]}), 200)
    assert (done[0]["action"], done[0]["duplicate_field"], done[0]["details"]["id"]) == ("update", "Subject", INVOICE)
    keyed = {"data": [{**row, "AR_Ext_Id": "k1"}], "duplicate_check_fields": ["AR_Ext_Id"]}
    done = data(crm.send("POST", "/Invoices/upsert", keyed), 201)
    assert (done[0]["action"], done[0]["duplicate_field"]) == ("insert", None)
    again = data(crm.send("POST", "/Invoices/upsert", keyed), 200)
    assert (again[0]["action"], again[0]["details"]["id"]) == ("update", done[0]["details"]["id"])
    # another field is listed, still the unique one is checked
    other = {**keyed, "duplicate_check_fields": ["Invoice_Number"]}
    assert data(crm.send("POST", "/Invoices/upsert", other), 200)[0]["duplicate_field"] == "AR_Ext_Id"


def test_accounts_upsert_by_name(crm: Crm) -> None:
    rows = [{"Account_Name": "company 1", "Phone": "1"}, {"Account_Name": "New"}, {"id": FIRST, "Account_Name": "Z"}]
    done = data(crm.send("POST", "/Accounts/upsert", {"data": rows}), 200)
    assert [(row["action"], row["duplicate_field"]) for row in done] == [
        ("update", "Account_Name"),
        ("insert", None),
        ("update", None),
    ]


def test_a_locked_record_refuses_until_unlocked(crm: Crm) -> None:
    crm.server.user_change("lock", "Accounts", FIRST)
    body = {"data": [{"id": FIRST, "Phone": "1"}, {"id": SECOND, "Phone": "1"}]}
    assert [row["code"] for row in data(crm.send("PUT", "/Accounts", body), 207)] == ["RECORD_LOCKED", "SUCCESS"]
    crm.server.user_change("unlock", "Accounts", FIRST)
    data(crm.send("PUT", "/Accounts", body), 200)


def test_if_unmodified_since(crm: Crm) -> None:
    body = {"data": [{"Phone": "1"}]}
    seen = "2026-02-01T08:00:00+08:00"
    data(crm.send("PUT", f"/Accounts/{FIRST}", body, If_Unmodified_Since=seen), 200)
    done = data(crm.send("PUT", f"/Accounts/{FIRST}", {"data": [{"Phone": "2"}]}, If_Unmodified_Since=seen), 412)
    assert done[0]["code"] == "ALREADY_MODIFIED"
    assert crm.rows(crm.get(f"/Accounts/{FIRST}"))[0]["Phone"] == "1"
    rows = [{"id": FIRST, "Phone": "3"}, {"id": SECOND, "Phone": "3"}]
    later = "2026-02-01T08:01:00+08:00"
    done = data(crm.send("PUT", "/Accounts", {"data": rows}, If_Unmodified_Since=later), 207)
    assert [row["code"] for row in done] == ["ALREADY_MODIFIED", "SUCCESS"]


def test_more_than_a_hundred_rows_and_bad_bodies(crm: Crm) -> None:
    body = {"data": [{"id": FIRST}] * 101}
    assert data(crm.send("PUT", "/Accounts", body), 400)[0]["details"]["maximum_length"] == 100
    assert data(crm.send("PUT", "/Accounts", {"rows": []}), 400)[0]["code"] == "MANDATORY_NOT_FOUND"
    answer = crm.client.put("/crm/v8/Accounts", content=b"{nope")
    assert data(answer, 400)[0]["code"] == "INVALID_DATA"
    answer = crm.client.put("/crm/v8/Accounts", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")
    answer = crm.send("PATCH", "/Accounts", {"data": [{"id": FIRST}]})
    assert data(answer, 400)[0]["code"] == "INVALID_REQUEST_METHOD"


def task(**more: Any) -> dict[str, Any]:
    return {"Subject": "Call about ZINV-1", "Due_Date": "2026-03-03", "Status": "Not Started", **more}


def test_a_task_needs_se_module_with_what_id(crm: Crm) -> None:
    rows = [
        task(What_Id={"id": FIRST}),
        task(What_Id={"id": FIRST}, **{"$se_module": "Deals"}),
        task(What_Id={"id": FIRST}, **{"$se_module": "Accounts"}),
        {"Due_Date": "2026-03-03"},
    ]
    done = data(crm.send("POST", "/Tasks", {"data": rows}), 207)
    assert [row["code"] for row in done] == ["MANDATORY_NOT_FOUND", "INVALID_DATA", "SUCCESS", "MANDATORY_NOT_FOUND"]
    assert [row["details"]["api_name"] for row in done if row["status"] == "error"] == [
        "$se_module",
        "What_Id",
        "Subject",
    ]
    full = crm.rows(crm.get(f"/Tasks/{done[2]['details']['id']}"))[0]
    assert (full["What_Id"], full["$se_module"]) == ({"name": "Company 0", "id": FIRST}, "Accounts")


def test_a_task_key_is_written_once_and_read_back(crm: Crm) -> None:
    ar_fields(crm)
    row = task(What_Id={"id": FIRST}, **{"$se_module": "Accounts"}, AR_Key="dun:1")
    crm.faults.add("zoho", "POST /crm/v8/Tasks", "timeout_after")
    with pytest.raises(httpx.ReadTimeout):
        crm.send("POST", "/Tasks", {"data": [row]})
    query = "select id, Subject, AR_Key, What_Id from Tasks where AR_Key = 'dun:1'"
    found = crm.rows(crm.send("POST", "/coql", {"select_query": query}))
    assert [(one["AR_Key"], one["What_Id"]) for one in found] == [("dun:1", {"id": FIRST})]
    listed = crm.rows(crm.get("/Tasks", {"fields": "AR_Key,Subject"}))
    assert listed == [{"id": found[0]["id"], "AR_Key": "dun:1", "Subject": "Call about ZINV-1"}]
    done = data(crm.send("POST", "/Tasks", {"data": [row]}), 400)
    assert (done[0]["code"], done[0]["details"]["id"]) == ("DUPLICATE_DATA", found[0]["id"])
    effects = crm.store.effects.since(0)
    assert [(one.operation, one.entity, one.key) for one in effects] == [("insert", "Tasks", "dun:1")]


def test_timeout_before_is_not_applied(crm: Crm) -> None:
    crm.faults.add("zoho", "PUT /crm/v8/Accounts", "timeout_before")
    with pytest.raises(httpx.ReadTimeout):
        crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": "1"}]})
    assert crm.store.effects.since(0) == []


def test_state_goes_on_after_a_restart(tmp_path: Any, make_crm: Callable[..., Crm]) -> None:
    path = str(tmp_path / "sandbox.db")
    crm = make_crm(None, path)
    crm.server.seed("Accounts", [account(number, Annual_Revenue=Decimal("0.10")) for number in range(3)])
    ar_fields(crm)
    data(crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": "1"}]}), 200)
    new = data(crm.send("POST", "/Tasks", {"data": [task(AR_Key="k")]}), 201)[0]["details"]["id"]
    crm.server.user_change("delete", "Accounts", SECOND)
    header = crm.client.headers["Authorization"]
    crm.store.close()
    again = make_crm(None, path)
    rows = again.rows(again.get("/Accounts", {"fields": "Phone,Annual_Revenue", "sort_order": "asc"}))
    assert [(row["Phone"], row["Annual_Revenue"]) for row in rows] == [("1", Decimal("0.10")), (None, Decimal("0.10"))]
    assert again.get("/Accounts/actions/count", Authorization=header).json() == {"count": 2}
    assert data(again.send("POST", "/Tasks", {"data": [task(AR_Key="k")]}), 400)[0]["details"]["id"] == new
    assert int(data(again.send("POST", "/Tasks", {"data": [task()]}), 201)[0]["details"]["id"]) > int(new)
    assert [one.operation for one in again.store.effects.since(0)] == ["update", "insert", "delete", "insert"]
    assert again.rows(again.get("/Accounts/deleted"))[0]["id"] == SECOND
