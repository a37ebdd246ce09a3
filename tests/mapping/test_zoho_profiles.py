"""Zoho CRM records in the shapes of the Zoho reference (2.9)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mapping.engine import map_record
from mapping.loader import load_profiles
from mapping.profile import MappingContext
from tieout.canonical.documents import ClaimCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.core import exact_json
from tieout.core.errors import MappingError

PROFILES = load_profiles("zoho_crm")
CONTEXT = MappingContext("Asia/Shanghai", companies={"": "cn"})
OWNER = {"name": "P Boyle", "id": "4150868000000225013", "email": "p@x.com"}

ACCOUNT: dict[str, Any] = {
    "id": "4150868000002782004",
    "Owner": OWNER,
    "Account_Name": "Zylker",
    "Account_Number": "0",
    "Phone": "555",
    "Website": "z.com",
    "Billing_Country": "US",
    "Currency": "CNY",
    "Exchange_Rate": 1,
}
DEAL: dict[str, Any] = {
    "id": "41",
    "Deal_Name": "Zylker renewal",
    "Stage": "Closed Won",
    "Amount": 12000,
    "Closing_Date": "2026-02-24",
    "Account_Name": {"name": "Zylker", "id": "4150868000002782004"},
    "Currency": "CNY",
    "Owner": OWNER,
}
INVOICE: dict[str, Any] = {
    "id": "42",
    "Subject": "January",
    "Invoice_Number": "4150868000002692009",
    "Invoice_Date": "2026-01-05",
    "Due_Date": "2026-02-04",
    "Status": "Created",
    "Account_Name": {"name": "Zylker", "id": "4150868000002782004"},
    "Deal_Name__s": None,
    "Sales_Order": {"name": "SO", "id": "43"},
    "Grand_Total": 113,
    "Currency": "CNY",
    "Owner": OWNER,
}


def run(stream: str, record: dict[str, Any], context: MappingContext = CONTEXT) -> Any:
    return map_record(PROFILES[stream], exact_json.dumps(record), context)


def test_an_account() -> None:
    made = run("customers", ACCOUNT)
    assert made == PartyCandidate(
        external_id="4150868000002782004",
        names=("Zylker",),
        legal_name="Zylker",
        currency="CNY",
        phone="555",
        website="z.com",
        country="US",
        owner={"id": "4150868000000225013", "name": "P Boyle", "email": "p@x.com"},
    )


def test_the_legal_name_goes_first_and_account_number_zero_says_nothing() -> None:
    made = run("customers", {**ACCOUNT, "Legal_Name": "Zylker Inc.", "Account_Number": "1007"})
    assert (made.legal_name, made.names, made.number) == ("Zylker Inc.", ("Zylker Inc.", "Zylker"), "1007")


def test_the_first_filled_tax_field_counts() -> None:
    made = run("customers", {**ACCOUNT, "Tax_ID": " ", "USCC": "91110000600037341L", "VAT_No": "DE1"})
    assert made.tax_ids == ("91110000600037341L",)


def test_an_account_without_a_name_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        run("customers", {**ACCOUNT, "Account_Name": None})
    assert (caught.value.path, caught.value.code) == ("Legal_Name + Account_Name", "missing")


def test_a_deal() -> None:
    made = run("deals", {**DEAL, "Order_No": "SO-1", "Contract_No": "HT-9"})
    assert isinstance(made, ClaimCandidate)
    assert (made.kind, made.amount_minor, made.order_numbers) == ("deal", 1200000, ("SO-1", "HT-9"))
    assert (made.status, made.due_on, made.is_active) == ("Closed Won", date(2026, 2, 24), True)
    assert run("deals", {**DEAL, "Stage": "Closed Lost"}).is_active is False
    assert run("deals", {**DEAL, "Amount": None}).amount_minor is None


def test_an_invoice() -> None:
    made = run(
        "invoices", {**INVOICE, "ERP_Bill_No": "AR1", "Order_No": "SO-1", "Deal_Name__s": {"name": "d", "id": "41"}}
    )
    assert made == ClaimCandidate(
        external_id="42",
        kind="invoice",
        label="January",
        party_ref="4150868000002782004",
        currency="CNY",
        amount_minor=11300,
        external_refs=("AR1",),
        numbers=("January", "4150868000002692009"),
        order_numbers=("SO-1", "SO"),
        deal_ref="41",
        status="created",
        issue_on=date(2026, 1, 5),
        due_on=date(2026, 2, 4),
        owner={"id": "4150868000000225013", "name": "P Boyle", "email": "p@x.com"},
    )


def test_a_cancelled_invoice_is_inactive() -> None:
    assert run("invoices", {**INVOICE, "Status": "Cancelled"}).is_active is False


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        run("invoices", {**INVOICE, "Status": "已开票"})
    assert (caught.value.path, caught.value.code) == ("Status", "unmapped_value")
    assert "Delivered" in caught.value.hint


def test_without_multi_currency_only_the_configured_currency_counts() -> None:
    record = {key: value for key, value in INVOICE.items() if key != "Currency"}
    with pytest.raises(MappingError) as caught:
        run("invoices", record)
    assert caught.value.code == "missing"
    assert "Currency" in caught.value.path
    made = run("invoices", record, MappingContext("Asia/Shanghai", default_currency="JPY"))
    assert (made.currency, made.amount_minor) == ("JPY", 113)


def test_amounts_are_exact() -> None:
    payload = exact_json.dumps(INVOICE).replace(b":113,", b":12345678901234567.89,")
    made = map_record(PROFILES["invoices"], payload, CONTEXT)
    assert isinstance(made, ClaimCandidate)
    assert made.amount_minor == 1234567890123456789


def test_the_connector_is_told_top_level_names() -> None:
    assert set(PROFILES["invoices"].source_paths) >= {
        "id",
        "Account_Name",
        "Deal_Name__s",
        "Sales_Order",
        "ERP_Bill_No",
    }
    for profile in PROFILES.values():
        assert not any("." in path or path.startswith("AR_") for path in profile.source_paths)
