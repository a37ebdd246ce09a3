"""Kingdee documents, receipts and settlement rows in the shapes of the accounting reference."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from mapping.engine import map_record
from mapping.loader import load_profiles
from mapping.profile import MappingContext, Skip
from tieout.canonical.documents import AllocationCandidate, DocumentCandidate, Installment
from tieout.canonical.parties import PartyCandidate
from tieout.core import exact_json
from tieout.core.errors import MappingError

PROFILES = load_profiles("kingdee")
CONTEXT = MappingContext("Asia/Shanghai", companies={"": "cn"})

BILL = b"""{"FID": 100001, "FBillNo": "AR00000001", "FDATE": "2026-11-01T00:00:00", "FENDDATE_H": "2026-12-31T00:00:00",
 "FCUSTOMERID": {"FNumber": "CUST0001"}, "FCURRENCYID": {"FNumber": "PRE001", "FCode": "CNY"},
 "FSETTLEORGID": {"FNumber": "100"}, "FALLAMOUNTFOR": 226.00, "FDOCUMENTSTATUS": "C", "FCancelStatus": "A",
 "FISINIT": false, "FAR_Remark": "",
 "FEntityDetail": [
  {"FEntityDetail_FEntryID": 7, "FNoTaxAmountFor_D": 100, "FTAXAMOUNTFOR_D": 13, "FORDERNUMBER": "SO-1"},
  {"FEntityDetail_FEntryID": 8, "FNoTaxAmountFor_D": 100.0000, "FTAXAMOUNTFOR_D": 13.0, "FORDERNUMBER": "SO-1"}],
 "FEntityPlan": [
  {"FEntityPlan_FEntryID": 900, "FENDDATE": "2026-11-30T00:00:00", "FPAYAMOUNTFOR": 100.00, "FWRITTENOFFAMOUNTFOR": 0},
  {"FEntityPlan_FEntryID": 901, "FENDDATE": "2026-12-31T00:00:00", "FPAYAMOUNTFOR": 126.0000000000}]}"""

# The same header as ExecuteBillQuery returns it: flat keys in FieldKeys order.
FLAT = {
    "FCUSTOMERID": {"FCUSTOMERID.FNumber": "CUST0001"},
    "FCURRENCYID": {"FCURRENCYID.FCode": "CNY"},
    "FSETTLEORGID": {"FSETTLEORGID.FNumber": "100"},
}


def bill(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = exact_json.loads(BILL)
    made.update(copy.deepcopy(changes))
    return made


def run(stream: str, record: dict[str, Any], context: MappingContext = CONTEXT) -> Any:
    return map_record(PROFILES[stream], exact_json.dumps(record), context)


def test_bill_with_two_plan_rows() -> None:
    made = map_record(PROFILES["invoices"], BILL, CONTEXT)
    assert made == DocumentCandidate(
        external_id="AR_receivable:100001",
        kind="invoice",
        number="AR00000001",
        party_ref="CUST0001",
        company_ref="cn",
        currency="CNY",
        total_minor=22600,
        issue_on=date(2026, 11, 1),
        state="posted",
        due_on=date(2026, 12, 31),
        installments=(Installment("900", date(2026, 11, 30), 10000), Installment("901", date(2026, 12, 31), 12600)),
        net_minor=20000,
        tax_minor=2600,
        order_numbers=("SO-1",),
    )


def test_flat_query_keys_read_the_same() -> None:
    record = bill()
    for nested, flat in FLAT.items():
        del record[nested]
        record.update(flat)
    assert run("invoices", record) == map_record(PROFILES["invoices"], BILL, CONTEXT)


def test_red_bill_is_a_credit_note() -> None:
    record = bill(
        FALLAMOUNTFOR=-113,
        FEntityDetail=[{"FNoTaxAmountFor_D": -100, "FTAXAMOUNTFOR_D": -13, "FORDERNUMBER": ""}],
        FEntityPlan=[{"FEntityPlan_FEntryID": 1, "FENDDATE": "2026-11-01", "FPAYAMOUNTFOR": -113}],
    )
    made = run("invoices", record)
    assert (made.kind, made.total_minor, made.net_minor, made.tax_minor) == ("credit_note", -11300, -10000, -1300)
    assert made.order_numbers == ()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "posted"),
        *[({"FDOCUMENTSTATUS": letter}, "draft") for letter in "ZABD"],
        ({"FCancelStatus": "B"}, "void"),
        ({"FCancelStatus": "B", "FDOCUMENTSTATUS": "Z"}, "void"),
        ({"FCancelStatus": None}, "posted"),
    ],
)
def test_states(changes: dict[str, Any], state: str) -> None:
    assert run("invoices", bill(**changes)).state == state


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"FDOCUMENTSTATUS": "X"}, "FDOCUMENTSTATUS", "unmapped_value"),
        ({"FDOCUMENTSTATUS": None}, "FCancelStatus | FDOCUMENTSTATUS", "missing"),
        ({"FCURRENCYID": {"FCode": "RMB"}}, "FCURRENCYID.FCode", "unknown_currency"),
        ({"FCURRENCYID": None}, "FCURRENCYID.FCode", "missing"),
        ({"FALLAMOUNTFOR": "226.00"}, "FALLAMOUNTFOR", "not_amount"),
        ({"FALLAMOUNTFOR": None}, "FALLAMOUNTFOR", "not_amount"),
        ({"FCUSTOMERID": {"FNumber": " "}}, "FCUSTOMERID.FNumber", "missing"),
        ({"FCUSTOMERID": 80001}, "FCUSTOMERID.FNumber", "bad_shape"),
        ({"FDATE": "01/11/2026"}, "FDATE", "not_date"),
        ({"FALLAMOUNTFOR": 227}, "installments", "plan_mismatch"),
        ({"FEntityPlan": [], "FENDDATE_H": None}, "due_on", "missing"),
        (
            {"FEntityPlan": [{"FENDDATE": "2026-12-31", "FPAYAMOUNTFOR": 226}]},
            "FEntityPlan[0].FEntityPlan_FEntryID",
            "missing",
        ),
    ],
)
def test_refusals_name_path_and_code(changes: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        run("invoices", bill(**changes))
    assert (caught.value.path, caught.value.code) == (path, code)


def test_too_many_decimal_places_are_not_rounded() -> None:
    payload = BILL.replace(b"226.00", b"226.001")
    with pytest.raises(MappingError) as caught:
        map_record(PROFILES["invoices"], payload, CONTEXT)
    assert caught.value.code == "too_precise"


def test_twin_keys_and_nan_are_refused() -> None:
    for payload in (b'{"FID": 1, "FID": 2}', b'{"FALLAMOUNTFOR": NaN}', b"[1]", b"{"):
        with pytest.raises(MappingError) as caught:
            map_record(PROFILES["invoices"], payload, CONTEXT)
        assert caught.value.code == "bad_payload"


def test_a_void_bill_maps_even_when_its_plan_is_wrong() -> None:
    made = run("invoices", bill(FALLAMOUNTFOR=227, FCancelStatus="B"))
    assert (made.state, made.total_minor, made.installments) == ("void", 22700, ())


def test_without_plan_rows_the_header_date_counts() -> None:
    made = run("invoices", bill(FEntityPlan=[]))
    assert made.installments == (Installment("", date(2026, 12, 31), 22600),)


def test_without_header_date_the_last_plan_row_counts() -> None:
    assert run("invoices", bill(FENDDATE_H=None)).due_on == date(2026, 12, 31)


@pytest.mark.parametrize(
    "detail",
    [
        [],
        [{"FNoTaxAmountFor_D": 100, "FTAXAMOUNTFOR_D": 13}],
        [{"FNoTaxAmountFor_D": 226, "FTAXAMOUNTFOR_D": None}],
    ],
)
def test_tax_is_not_stated_when_the_rows_do_not_sum(detail: list[dict[str, Any]]) -> None:
    made = run("invoices", bill(FEntityDetail=detail))
    assert (made.net_minor, made.tax_minor) == (None, None)


def test_large_amounts_stay_exact() -> None:
    payload = BILL.replace(b"226.00", b"12345678901234567.89").replace(b"126.0000000000", b"12345678901234467.89")
    made = map_record(PROFILES["invoices"], payload, CONTEXT)
    assert isinstance(made, DocumentCandidate)
    assert made.total_minor == 1234567890123456789


def test_opening_documents() -> None:
    assert run("invoices", bill(FISINIT=True)).is_opening is True
    assert run("invoices", bill(FISINIT="1")).is_opening is True
    with pytest.raises(MappingError):
        run("invoices", bill(FISINIT="maybe"))


def test_organisations_become_companies() -> None:
    two = MappingContext("Asia/Shanghai", companies={"100": "cn", "200": "hk"})
    assert run("invoices", bill(), two).company_ref == "cn"
    assert run("invoices", bill(FSETTLEORGID={"FNumber": "200"}), two).company_ref == "hk"
    for organisation, code in (("300", "unmapped_company"), (None, "missing")):
        with pytest.raises(MappingError) as caught:
            run("invoices", bill(FSETTLEORGID={"FNumber": organisation}), two)
        assert (caught.value.path, caught.value.code) == ("FSETTLEORGID.FNumber", code)


RECEIPT: dict[str, Any] = {
    "FID": 100001,
    "FBillNo": "SKD00000001",
    "FDATE": "2026-11-05T00:00:00",
    "FCONTACTUNITTYPE": "BD_Customer",
    "FCONTACTUNIT": {"FNumber": "CUST0001"},
    "FCURRENCYID": {"FCode": "CNY"},
    "FSETTLEORGID": {"FNumber": "100"},
    "FRECAMOUNTFOR": 100,
    "FREALRECAMOUNTFOR": 99,
    "FISINIT": False,
    "FREMARK": "AR00000001",
    "FDOCUMENTSTATUS": "C",
    "FCancelStatus": "A",
}


def test_a_receipt_is_a_negative_payment() -> None:
    made = run("payments", RECEIPT)
    assert (made.external_id, made.kind, made.total_minor) == ("AR_RECEIVEBILL:100001", "payment", -10000)
    assert (made.installments, made.note, made.state) == ((), "AR00000001", "posted")


def test_receipts_from_others_are_skipped_with_a_reason() -> None:
    for unit in ("BD_Supplier", "BD_Empinfo", "BD_BANK"):
        assert run("payments", {**RECEIPT, "FCONTACTUNITTYPE": unit}) == Skip("not_a_customer")
    with pytest.raises(MappingError) as caught:
        run("payments", {**RECEIPT, "FCONTACTUNITTYPE": None})
    assert (caught.value.path, caught.value.code) == ("FCONTACTUNITTYPE", "missing")


def test_a_negative_receipt_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        run("payments", {**RECEIPT, "FRECAMOUNTFOR": -5})
    assert caught.value.code == "wrong_sign"


def test_a_refund_is_positive() -> None:
    record = {key: value for key, value in RECEIPT.items() if "RECAMOUNT" not in key}
    made = run("refunds", {**record, "FREFUNDTOTALAMOUNTFOR": 12})
    assert (made.external_id, made.kind, made.total_minor) == ("AR_REFUNDBILL:100001", "refund", 1200)


def log_rows(credit_form: str, credit_id: int, credit_amount: int) -> list[dict[str, Any]]:
    """One settlement as the log shows it: once per side."""
    shared = {
        "FMATCHID": 300001,
        "FVERIFYDATE": "2026-11-06T00:00:00",
        "FISACTIVATION": True,
        "FCURRENCYID": {"FCode": "CNY"},
        "FCONTACTUNITTYPE": "BD_Customer",
        "FCONTACTUNIT": {"FNumber": "CUST0001"},
        "FSETTLEORGID": {"FNumber": "100"},
    }
    debit, credit = ("AR_receivable", 100001, 900, 100), (credit_form, credit_id, 55, credit_amount)
    rows = []
    for number, (mine, other) in enumerate(((debit, credit), (credit, debit))):
        rows.append(
            {
                **shared,
                "FID": 700001 + number,
                "FTARGETFROMID": mine[0],
                "FTARGETBILLID": mine[1],
                "FTARGETENTRYID": mine[2],
                "FSOURCEFROMID": other[0],
                "FSRCBILLID": other[1],
                "FSRCROWID": other[2],
                "FCURWRITTENOFFAMOUNTFOR": mine[3],
            }
        )
    return rows


@pytest.mark.parametrize(("form", "amount"), [("AR_RECEIVEBILL", 100), ("AR_receivable", -100)])
def test_both_log_rows_are_one_settlement(form: str, amount: int) -> None:
    first, second = (run("allocations", row) for row in log_rows(form, 100002, amount))
    assert isinstance(first, AllocationCandidate)
    assert first.group_key == second.group_key
    for made in (first, second):
        assert (made.from_ref, made.to_ref, made.to_line) == (f"{form}:100002", "AR_receivable:100001", "900")
        assert (made.amount_minor, made.effective_on, made.is_active) == (10000, date(2026, 11, 6), True)
        assert (made.company_ref, made.party_ref) == ("cn", "CUST0001")
    assert (first.external_id, second.external_id) == ("700001", "700002")


def test_the_same_fid_of_two_forms_is_two_documents() -> None:
    first = run("allocations", log_rows("AR_RECEIVEBILL", 100001, 100)[0])
    assert (first.from_ref, first.to_ref) == ("AR_RECEIVEBILL:100001", "AR_receivable:100001")


def test_an_undone_settlement_keeps_its_key() -> None:
    row = log_rows("AR_RECEIVEBILL", 100002, 100)[0]
    undone = run("allocations", {**row, "FISACTIVATION": False})
    assert undone.is_active is False
    assert undone.group_key == run("allocations", row).group_key


def test_settlements_of_two_plan_rows_differ() -> None:
    row = log_rows("AR_RECEIVEBILL", 100002, 100)[0]
    assert run("allocations", row).group_key != run("allocations", {**row, "FTARGETENTRYID": 901}).group_key


def test_a_settlement_with_an_unknown_form_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        run("allocations", log_rows("AP_Payable", 1, 100)[0])
    assert caught.value.code == "missing"


CUSTOMER: dict[str, Any] = {
    "FCUSTID": 80001,
    "FNumber": "CUST0001",
    "FName": "深圳市示例科技有限公司",
    "FShortName": "示例",
    "FUseOrgId": {"FNumber": "100"},
    "FTRADINGCURRID": {"FCode": "CNY"},
    "FTAXREGISTERCODE": "91110000600037341L",
    "FSOCIALCRECODE": "91110000600037341L",
    "FForbidStatus": "A",
    "FINVOICETEL": "0755-26731188",
    "FINVOICEADDRESS": "深圳市南山区科苑路15号",
}


def test_a_customer() -> None:
    made = run("customers", CUSTOMER)
    assert isinstance(made, PartyCandidate)
    assert (made.external_id, made.number, made.legal_name) == ("80001", "CUST0001", "深圳市示例科技有限公司")
    assert made.names == ("深圳市示例科技有限公司", "示例")
    assert made.tax_ids == ("91110000600037341L",)
    assert (made.phone, made.address) == ("0755-26731188", "深圳市南山区科苑路15号")
    assert (made.currency, made.company_ref, made.is_active) == ("CNY", "cn", True)
    assert run("customers", {**CUSTOMER, "FForbidStatus": "B"}).is_active is False


def test_the_connector_is_told_what_to_ask() -> None:
    paths = PROFILES["invoices"].source_paths
    assert {"FID", "FCUSTOMERID.FNumber", "FEntityPlan.FPAYAMOUNTFOR", "FEntityPlan.FEntityPlan_FEntryID"} <= set(paths)
    assert "FEntityDetail.FORDERNUMBER" in paths
    assert len(paths) == len(set(paths))
    assert {"FINVOICETEL", "FINVOICEADDRESS"} <= set(PROFILES["customers"].source_paths)
    assert "FCONTACTUNITTYPE" in PROFILES["payments"].source_paths
    assert {"FSRCROWID", "FMATCHID"} <= set(PROFILES["allocations"].source_paths)
