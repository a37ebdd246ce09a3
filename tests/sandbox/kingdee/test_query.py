"""ExecuteBillQuery: bodies, fields, filters, joins, order and pages."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.kingdee.conftest import BASE, FORM_SERVICE, Books, MakeBooks


def _bills(books: Books) -> list[dict[str, Any]]:
    return books.company.kingdee["AR_receivable"]


def test_rows_are_arrays_in_field_order_with_exact_amounts(books: Books) -> None:
    fields = "FBillNo, FID,FDATE,FCUSTOMERID.FNumber,FCURRENCYID.FCode,FALLAMOUNTFOR,FDOCUMENTSTATUS,FISINIT"
    (row,) = books.query("AR_receivable", fields, "FBillNo='AR00000001'")
    expected = ["AR00000001", 100001, "2026-09-25T00:00:00", "CUST0001", "CNY", Decimal("113000.00"), "C", False]
    assert row == expected
    (plain,) = books.query("AR_receivable", "FCUSTOMERID,FCURRENCYID", "FID=100001")
    assert plain == [80001, 1]


@pytest.mark.parametrize(
    "body",
    [
        lambda data: {"data": data},
        lambda data: {"data": json.dumps(data)},
        lambda data: {"parameters": [data]},
        lambda data: {"parameters": [json.dumps(data)]},
        lambda data: {"parameters": json.dumps([json.dumps(data)])},
        lambda data: {
            "format": 1,
            "useragent": "ApiClient",
            "rid": "1",
            "parameters": [json.dumps(data)],
            "timestamp": "2026-11-24",
            "v": "1.0",
        },
    ],
    ids=["named", "named text", "positional", "positional text", "all text", "old client"],
)
def test_body_styles(books: Books, body: Any) -> None:
    data = {"FormId": "BD_Customer", "FieldKeys": "FNumber", "FilterString": "FNumber='CUST0002'"}
    assert books.call(FORM_SERVICE, "ExecuteBillQuery", body(data)) == [["CUST0002"]]


@pytest.mark.parametrize("path", ["/K3Cloud/{}", "/{}", "/galaxy/k3cloud/{}"])
def test_path_case_and_prefix_do_not_matter(books: Books, path: str) -> None:
    call = path.format(f"{FORM_SERVICE}.ExecuteBillQuery.common.kdsvc".lower())
    body = {"data": {"FormId": "BD_Customer", "FieldKeys": "FNumber", "Limit": 1}}
    assert books.http.post("http://kingdee.sandbox" + call, json=body).json() == [["CUST0001"]]
    assert books.http.post(BASE + "index.html", json={}).status_code == 404


def test_errors_come_inside_the_array(books: Books) -> None:
    assert books.message("AR_receivable", "FID,FWrong") == "元数据中标识为FWrong的字段不存在"
    assert books.message("BD_Customer", "FID") == "元数据中标识为FID的字段不存在"
    assert books.message("AR_receivable", "FBillNo", "FNope=1") == "元数据中标识为FNope的字段不存在"
    assert books.message("AR_receivable", "FBillNo.FName") == "元数据中标识为FBillNo.FName的字段不存在"
    assert "业务对象不存在" in books.message("ar_receivable", "FID")
    assert "业务对象不存在" in books.message("AR_Nothing", "FID")
    for broken in ("FBillNo=", "FBillNo='a' FBillNo='b'", "(FID>1", "FID>'x'", "FDATE>='yesterday'", "FID=1;drop"):
        assert "过滤条件解析错误" in books.message("AR_receivable", "FID", broken)


def test_entry_fields_multiply_rows(books: Books) -> None:
    plan = books.query("AR_receivable", "FID,FEntityPlan_FEntryID,FENDDATE,FPAYAMOUNTFOR")
    assert len(plan) == sum(len(bill["FEntityPlan"]) for bill in _bills(books)) > 300
    both = books.query("AR_receivable", "FID,FEntityPlan_FEntryID,FEntityDetail_FEntryID")
    assert len(both) == sum(len(bill["FEntityPlan"]) * len(bill["FEntityDetail"]) for bill in _bills(books))
    per_bill = Counter(row[0] for row in plan)
    several = next(bill for bill in _bills(books) if len(bill["FEntityPlan"]) > 1)
    assert per_bill[several["FID"]] == len(several["FEntityPlan"])
    # A filter on an entry field joins as well, even when no entry field is asked for.
    joined = books.query("AR_receivable", "FID", f"FID={several['FID']} and FPAYAMOUNTFOR>0")
    assert joined == [[several["FID"]]] * len(several["FEntityPlan"])


FILTERS = [
    ("FCURRENCYID.FCode='USD'", lambda b: b["FCURRENCYID"]["FCode"] == "USD"),
    (
        "FCURRENCYID.FCode <> 'USD' and FALLAMOUNTFOR<0",
        lambda b: b["FCURRENCYID"]["FCode"] != "USD" and b["FALLAMOUNTFOR"] < 0,
    ),
    (
        "(FDOCUMENTSTATUS='C' or FDOCUMENTSTATUS='A') and FCancelStatus='A'",
        lambda b: b["FDOCUMENTSTATUS"] in "CA" and b["FCancelStatus"] == "A",
    ),
    (
        "FDOCUMENTSTATUS='C' and FCancelStatus='A' or FALLAMOUNTFOR >= 100000.5",
        lambda b: (
            (b["FDOCUMENTSTATUS"] == "C" and b["FCancelStatus"] == "A") or b["FALLAMOUNTFOR"] >= Decimal("100000.5")
        ),
    ),
    ("FBillNo in ('AR00000003', 'ar00000007','none')", lambda b: b["FBillNo"] in ("AR00000003", "AR00000007")),
    ("FWRITTENOFFSTATUS not in ('A','B')", lambda b: b["FWRITTENOFFSTATUS"] == "C"),
    ("FBillNo like 'AR0000001%'", lambda b: b["FBillNo"].startswith("AR0000001")),
    ("FBillNo NOT LIKE '%1'", lambda b: not b["FBillNo"].endswith("1")),
    ("FAPPROVEDATE is null", lambda b: b["FAPPROVEDATE"] is None),
    ("FAPPROVEDATE IS NOT NULL and 1=1", lambda b: b["FAPPROVEDATE"] is not None),
    ("FDATE>='2026-06-01' and FDATE<{ts'2026-09-01 00:00:00'}", lambda b: "2026-06" <= b["FDATE"] < "2026-09"),
    ("FDATE between '2026-06-01' and '2026-06-30'", lambda b: b["FDATE"].startswith("2026-06")),
    ("FModifyDate >= '2026-10-01 12:30:00'", lambda b: b["FModifyDate"] >= "2026-10-01T12:30:00"),
    ("FModifyDate > '2026-10-01T12:30:00' and FISTAX='1'", lambda b: b["FModifyDate"] > "2026-10-01T12:30:00"),
    ("not (FSETTLEORGID.FNumber='100')", lambda b: False),
    ("FAR_Remark = N'红字应收单'", lambda b: b["FALLAMOUNTFOR"] < 0),
    ("FCUSTOMERID.FName like '%''%'", lambda b: "'" in b["FCUSTOMERID"]["FName"]),
]


@pytest.mark.parametrize(("where", "wanted"), FILTERS, ids=[where for where, _ in FILTERS])
def test_filters(books: Books, where: str, wanted: Any) -> None:
    got = [row[0] for row in books.query("AR_receivable", "FBillNo", where)]
    assert got == [bill["FBillNo"] for bill in _bills(books) if wanted(bill)]


def test_filter_as_array(books: Books) -> None:
    where = [
        {"Left": "(", "FieldName": "FCURRENCYID.FCode", "Compare": "=", "Value": "USD", "Right": "", "Logic": "or"},
        {"Left": "", "FieldName": "FCURRENCYID.FCode", "Compare": "=", "Value": "EUR", "Right": ")", "Logic": "and"},
        {"Left": "", "FieldName": "FALLAMOUNTFOR", "Compare": "<", "Value": "0", "Right": "", "Logic": ""},
    ]
    got = [row[0] for row in books.query("AR_receivable", "FBillNo", where)]
    text = "(FCURRENCYID.FCode='USD' or FCURRENCYID.FCode='EUR') and FALLAMOUNTFOR<0"
    assert got == [row[0] for row in books.query("AR_receivable", "FBillNo", text)]


def test_order_and_pages(books: Books) -> None:
    everything = books.query("AR_receivable", "FID,FModifyDate", OrderString="FModifyDate,FID")
    assert everything == sorted(everything, key=lambda row: (row[1], row[0]))
    newest = books.query("AR_receivable", "FID,FModifyDate", OrderString="FModifyDate desc, FID DESC")
    assert newest == everything[::-1]
    paged: list[list[Any]] = []
    while True:
        page = books.query(
            "AR_receivable", "FID,FModifyDate", OrderString="FModifyDate ASC,FID", StartRow=len(paged), Limit=70
        )
        paged += page
        if len(page) < 70:
            break
    assert paged == everything
    assert len(books.query("AR_receivable", "FID", TopRowCount=5)) == 5
    assert books.query("AR_receivable", "FID", StartRow=290, Limit=100, TopRowCount=295) == [
        [100291 + i] for i in range(5)
    ]


def test_limit_default_and_clamp(make_books: MakeBooks) -> None:
    books = make_books(limit_default=50, limit_max=120)
    books.login()
    assert len(books.query("AR_receivable", "FID")) == 50
    assert len(books.query("AR_receivable", "FID", Limit=100)) == 100
    assert len(books.query("AR_receivable", "FID", Limit=5000)) == 120
    assert (make_books().server.settings.limit_default, make_books().server.settings.limit_max) == (2000, 10000)


def test_a_page_sees_a_change_at_once(books: Books) -> None:
    where = "FDOCUMENTSTATUS='C'"
    before = books.query("AR_receivable", "FBillNo", where)
    books.server.user_change("unaudit", "AR_receivable", "AR00000002")
    after = books.query("AR_receivable", "FBillNo", where)
    assert [row for row in before if row not in after] == [["AR00000002"]]


def test_bill_query_gives_objects(books: Books) -> None:
    data = {"FormId": "BD_Currency", "FieldKeys": "FNumber,FCode", "OrderString": "FCode"}
    got = books.call(FORM_SERVICE, "BillQuery", {"data": data})
    assert got[0] == {"FNumber": "PRE001", "FCode": "CNY"}
    assert [row["FCode"] for row in got] == ["CNY", "EUR", "USD"]
    failed = books.call(FORM_SERVICE, "BillQuery", {"data": {**data, "FieldKeys": "FOops"}})
    assert failed[0]["Result"]["ResponseStatus"]["IsSuccess"] is False


def test_view_business_info_and_data_centres(make_books: MakeBooks) -> None:
    books = make_books()
    centres = books.call("Kingdee.BOS.ServiceFacade.ServicesStub.Account.AccountService", "GetDataCenterList", {})
    assert centres[0]["Id"] == books.server.settings.acct_id
    books.login()
    doc = books.call(FORM_SERVICE, "View", {"parameters": ["AR_receivable", json.dumps({"Number": "AR00000003"})]})
    shown = doc["Result"]["Result"]
    assert shown["BillNo"] == "AR00000003"
    assert shown["CUSTOMERID"]["Number"] == "CUST0002"
    assert shown["EntityPlan"][0]["WRITTENOFFAMOUNTFOR"] == Decimal("20000.00")
    missing = books.call(FORM_SERVICE, "View", {"formid": "AR_receivable", "data": {"Number": "none"}})
    assert missing["Result"]["ResponseStatus"]["IsSuccess"] is False
    info = books.call(FORM_SERVICE, "QueryBusinessInfo", {"data": {"FormId": "AR_receivable"}})
    entries = {
        entry["Key"]: [f["Key"] for f in entry["Fields"]] for entry in info["Result"]["NeedReturnData"]["Entrys"]
    }
    assert set(entries) == {"FBillHead", "FEntityDetail", "FEntityPlan"}
    for entry, keys in entries.items():
        rows = books.query("AR_receivable", ",".join(keys), "FBillNo='AR00000001'")
        assert len(rows[0]) == len(keys), entry


def test_rights_and_data_scope(make_books: MakeBooks) -> None:
    books = make_books(forbidden_forms=frozenset({"AR_RECEIVEBILL"}), hidden_customers=frozenset({"CUST0001"}))
    books.login()
    assert books.message("AR_RECEIVEBILL", "FID") == "您没有该功能的操作权限"
    assert books.query("AR_receivable", "FID", "FCUSTOMERID.FNumber='CUST0001'") == []
    assert len(books.query("BD_Customer", "FNumber")) == 39


def test_builds_differ(make_books: MakeBooks) -> None:
    books = make_books(log_modify_date=False, amount_places=10)
    books.login()
    assert books.message("AR_RECMacthLog", "FModifyDate") == "元数据中标识为FModifyDate的字段不存在"
    body = {"data": {"FormId": "AR_receivable", "FieldKeys": "FALLAMOUNTFOR", "FilterString": "FID=100001"}}
    raw = books.http.post(f"{BASE}{FORM_SERVICE}.ExecuteBillQuery.common.kdsvc", json=body).text
    assert raw == "[[113000.0000000000]]"


def test_request_limit_is_off_by_default(make_books: MakeBooks) -> None:
    books = make_books(requests_per_second=3)
    books.login()
    body = {"data": {"FormId": "BD_Currency", "FieldKeys": "FCode"}}
    url = f"{BASE}{FORM_SERVICE}.ExecuteBillQuery.common.kdsvc"
    assert [books.http.post(url, json=body).status_code for _ in range(3)] == [200, 200, 429]
    books.clock.advance(1)
    assert books.http.post(url, json=body).status_code == 200


def test_faults_of_a_page(books: Books) -> None:
    books.faults.add("kingdee", "ExecuteBillQuery", "empty_page")
    assert books.query("AR_receivable", "FID,FALLAMOUNTFOR") == []
    books.faults.add("kingdee", "ExecuteBillQuery", "bad_row")
    rows = books.query("AR_receivable", "FID,FALLAMOUNTFOR")
    assert rows[0][1] == "N/A"
    assert isinstance(rows[1][1], Decimal)
    assert books.query("AR_receivable", "FID,FALLAMOUNTFOR", Limit=1)[0][1] == Decimal("113000.00")


def test_requests_are_logged_with_rows(books: Books) -> None:
    books.query("BD_Customer", "FNumber")
    entry = books.server.library.store.requests.since(vendor="kingdee")[-1]
    assert (entry.rows, entry.note, entry.status) == (40, "ExecuteBillQuery BD_Customer", 200)
