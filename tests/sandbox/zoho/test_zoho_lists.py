"""Lists: mandatory fields, pages, tokens, If-Modified-Since, and what lists leave out."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tieout.sandbox.zoho import ZohoSettings

from .conftest import Crm, account

IDS = {"fields": "Account_Name"}


def code(answer: Any) -> str:
    """The code of a wrapped 400."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert list(body) == ["data"]
    return str(body["data"][0]["code"])


def test_fields_are_mandatory_and_at_most_fifty(crm: Crm) -> None:
    answer = crm.get("/Accounts")
    assert code(answer) == "REQUIRED_PARAM_MISSING"
    assert answer.json()["data"][0]["details"] == {"param": "fields"}
    assert code(crm.get("/Accounts", {"fields": ",".join(f"F{n}" for n in range(51))})) == "LIMIT_EXCEEDED"


def test_info_block_and_unknown_fields_are_ignored(crm: Crm) -> None:
    body = crm.get("/Accounts", {"fields": "Account_Name,No_Such_Field,Phone", "per_page": "3"}).json()
    assert [list(row) for row in body["data"]] == [["id", "Account_Name", "Phone"]] * 3
    assert body["data"][0] == {"id": "4150868000002000009", "Account_Name": "Company 9", "Phone": None}
    info = body["info"]
    token = info.pop("next_page_token")
    assert isinstance(token, str)
    assert info == {
        "call": False,
        "email": False,
        "per_page": 3,
        "count": 3,
        "page": 1,
        "sort_by": "id",
        "sort_order": "desc",
        "previous_page_token": None,
        "page_token_expiry": "2026-03-03T09:00:00+08:00",
        "more_records": True,
    }


def test_the_last_page_says_so(crm: Crm) -> None:
    info = crm.get("/Accounts", {**IDS, "per_page": "5", "page": "2"}).json()["info"]
    assert (info["more_records"], info["next_page_token"], info["page"]) == (False, None, 2)


@pytest.mark.parametrize("path", ["/Contacts", "/Accounts"])
def test_nothing_there_is_204_without_a_body(crm: Crm, path: str) -> None:
    answer = crm.get(path, {**IDS, "page": "7" if path == "/Accounts" else "1"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_lists_never_hold_line_items_but_get_by_id_does(crm: Crm) -> None:
    row = crm.rows(crm.get("/Invoices", {"fields": "Subject,Invoiced_Items", "per_page": "1"}))[0]
    assert set(row) == {"id", "Subject"}
    full = crm.rows(crm.get(f"/Invoices/{row['id']}"))[0]
    assert full["Invoiced_Items"][0]["Parent_Id"]["id"] == row["id"]
    assert full["$has_more"] == {"Invoiced_Items": False}


def test_amounts_are_exact_numbers_on_the_wire(crm: Crm) -> None:
    answer = crm.get("/Invoices", {"fields": "Grand_Total", "sort_order": "asc"})
    assert b'"Grand_Total":1234567890123456.78' in answer.content
    assert [row["Grand_Total"] for row in crm.rows(answer)] == [
        Decimal("113.00"),
        Decimal("1234567890123456.78"),
        Decimal("-20.50"),
    ]


def test_lookups_show_the_present_name(crm: Crm) -> None:
    first = "4150868000002000000"
    crm.server.user_change("update", "Accounts", first, {"Account_Name": "Renamed"})
    row = crm.rows(crm.get("/Invoices", {"fields": "Account_Name", "per_page": "1"}))[0]
    assert row["Account_Name"] == {"name": "Renamed", "id": first}


@pytest.mark.parametrize(
    ("sort_by", "order", "first"),
    [("id", "asc", 0), ("id", "desc", 9), ("Modified_Time", "asc", 1), ("Created_Time", "desc", 9)],
)
def test_sorting(crm: Crm, sort_by: str, order: str, first: int) -> None:
    crm.server.user_change("update", "Accounts", "4150868000002000000", {"Phone": "1"})
    rows = crm.rows(crm.get("/Accounts", {**IDS, "sort_by": sort_by, "sort_order": order}))
    assert rows[0]["Account_Name"] == f"Company {first}"
    assert len(rows) == 10


@pytest.mark.parametrize("params", [{"sort_by": "Account_Name"}, {"per_page": "201"}, {"per_page": "x"}, {"page": "0"}])
def test_bad_parameters(crm: Crm, params: dict[str, str]) -> None:
    assert code(crm.get("/Accounts", {**IDS, **params})) == "INVALID_DATA"


def test_unknown_module_is_wrapped(crm: Crm) -> None:
    answer = crm.get("/Nonsense", IDS)
    assert code(answer) == "INVALID_MODULE"
    assert answer.json()["data"][0]["details"] == {"resource_path_index": 0}
    bare = crm.client.get("/crm/v8/Accounts/x/y/z")
    assert (bare.status_code, bare.json()["code"]) == (404, "INVALID_URL_PATTERN")


@pytest.fixture(scope="module")
def big() -> Crm:
    made = Crm(ZohoSettings(concurrency=50))
    rows = [account(number % 600, id=str(4150868000005000000 + number)) for number in range(2_450)]
    made.server.seed("Accounts", rows)
    return made


def test_page_reaches_2000_and_page_token_goes_on(big: Crm) -> None:
    params = {**IDS, "sort_order": "asc"}
    assert big.get("/Accounts", {**params, "page": "10"}).json()["info"]["more_records"] is True
    assert code(big.get("/Accounts", {**params, "page": "11"})) == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"
    ids: list[str] = []
    ask: dict[str, str] = {}
    pages = 0
    while True:
        body = big.get("/Accounts", {**params, **ask}).json()
        ids += [row["id"] for row in body["data"]]
        pages += 1
        assert body["info"]["page"] == pages
        if not body["info"]["more_records"]:
            break
        ask = {"page_token": body["info"]["next_page_token"]}
    assert (pages, len(ids), len(set(ids))) == (13, 2_450, 2_450)
    assert ids == sorted(ids, key=int)


def test_a_token_serves_the_same_rows_as_the_page_number(big: Crm) -> None:
    for order in ("asc", "desc"):
        params = {**IDS, "sort_by": "Modified_Time", "sort_order": order, "per_page": "50"}
        first = big.get("/Accounts", params).json()
        by_page = big.get("/Accounts", {**params, "page": "2"}).json()["data"]
        by_token = big.get("/Accounts", {**params, "page_token": first["info"]["next_page_token"]}).json()["data"]
        assert by_page == by_token


def test_tokens_are_bound_expire_and_exclude_page(crm: Crm) -> None:
    params = {**IDS, "per_page": "4"}
    token = crm.get("/Accounts", params).json()["info"]["next_page_token"]
    ask = {**params, "page_token": token}
    assert crm.get("/Accounts", ask).status_code == 200
    assert code(crm.get("/Accounts", {**ask, "fields": "Phone"})) == "TOKEN_BOUND_DATA_MISMATCH"
    assert code(crm.get("/Contacts", ask)) == "TOKEN_BOUND_DATA_MISMATCH"
    assert code(crm.get("/Accounts", {**ask, "page": "2"})) == "AMBIGUITY_DURING_PROCESSING"
    assert code(crm.get("/Accounts", {**params, "page_token": "garbage"})) == "INVALID_DATA"
    crm.clock.advance(86_400)
    crm.login()
    assert code(crm.get("/Accounts", ask)) == "EXPIRED_VALUE"


def test_tokens_end_at_the_cap(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(token_cap=6))
    crm.server.seed("Accounts", [account(number) for number in range(10)])
    params = {**IDS, "per_page": "3"}
    second = {**params, "page_token": crm.get("/Accounts", params).json()["info"]["next_page_token"]}
    third = {**params, "page_token": crm.get("/Accounts", second).json()["info"]["next_page_token"]}
    assert code(crm.get("/Accounts", third)) == "PAGINATION_LIMIT_EXCEEDED"


def test_an_edit_during_a_scan_by_modified_time_moves_the_row_to_the_end(crm: Crm) -> None:
    params = {**IDS, "sort_by": "Modified_Time", "sort_order": "asc", "per_page": "4"}
    first = crm.get("/Accounts", params).json()
    crm.server.user_change("update", "Accounts", first["data"][0]["id"], {"Phone": "2"})
    second = crm.get("/Accounts", {**params, "page_token": first["info"]["next_page_token"]}).json()
    third = crm.get("/Accounts", {**params, "page_token": second["info"]["next_page_token"]}).json()
    names = [row["Account_Name"] for page in (first, second, third) for row in page["data"]]
    assert names == [f"Company {n}" for n in (*range(10), 0)]


@pytest.mark.parametrize("header", ["2026-02-01T08:06:00+08:00", "Sun, 01 Feb 2026 00:06:00 GMT"])
def test_if_modified_since_gives_only_later_rows(crm: Crm, header: str) -> None:
    for sort_by in ("Modified_Time", "id"):
        params = {**IDS, "sort_by": sort_by, "sort_order": "asc"}
        rows = crm.rows(crm.get("/Accounts", params, If_Modified_Since=header))
        assert [row["Account_Name"] for row in rows] == ["Company 7", "Company 8", "Company 9"]


def test_nothing_newer_is_304_without_a_body(crm: Crm) -> None:
    answer = crm.get("/Accounts", IDS, If_Modified_Since="2026-02-01T08:09:00+08:00")
    assert (answer.status_code, answer.content) == (304, b"")
    crm.server.user_change("update", "Accounts", "4150868000002000003", {"Phone": "3"})
    rows = crm.rows(crm.get("/Accounts", IDS, If_Modified_Since="2026-02-01T08:09:00+08:00"))
    assert [row["id"] for row in rows] == ["4150868000002000003"]
    assert code(crm.get("/Accounts", IDS, If_Modified_Since="yesterday")) == "INVALID_DATA"


def test_the_bound_may_be_set_inclusive(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(modified_since_inclusive=True))
    crm.server.seed("Accounts", [account(number) for number in range(3)])
    rows = crm.rows(crm.get("/Accounts", IDS, If_Modified_Since="2026-02-01T08:02:00+08:00"))
    assert [row["Account_Name"] for row in rows] == ["Company 2"]


def test_ids_filter_and_count_and_gone_record(crm: Crm) -> None:
    rows = crm.rows(crm.get("/Accounts", {**IDS, "ids": "4150868000002000004,4150868000002000002,1"}))
    assert [row["Account_Name"] for row in rows] == ["Company 4", "Company 2"]
    assert crm.get("/Accounts/actions/count").json() == {"count": 10}
    assert crm.get("/Accounts/4150868000002999999").status_code == 204


def test_faults_empty_page_and_bad_row(crm: Crm) -> None:
    crm.faults.add("zoho", "GET /crm/v8/Invoices$", "bad_row")
    rows = crm.rows(crm.get("/Invoices", {"fields": "Subject,Grand_Total"}))
    assert isinstance(rows[0]["Grand_Total"], str)
    assert isinstance(rows[1]["Grand_Total"], Decimal)
    crm.faults.add("zoho", "GET /crm/v8/Invoices$", "empty_page")
    assert crm.get("/Invoices", {"fields": "Subject"}).status_code == 204
    assert len(crm.rows(crm.get("/Invoices", {"fields": "Subject"}))) == 3


def _cpu_per_page(rows: int, page: str) -> float:
    crm = Crm()
    crm.server.seed("Accounts", [account(n % 900, id=str(4150868000005000000 + n)) for n in range(rows)])
    params = {**IDS, "sort_by": "Modified_Time", "page": page}
    crm.get("/Accounts", params)
    started = time.process_time()
    for _ in range(10):
        assert len(crm.rows(crm.get("/Accounts", params))) == 200
    return (time.process_time() - started) / 10


def test_a_page_costs_a_page_at_twenty_thousand_records() -> None:
    assert _cpu_per_page(20_000, "9") < 4 * _cpu_per_page(400, "1")
