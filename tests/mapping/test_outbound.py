"""Remote fields, differences by value, and reminders as tasks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.outbound import (
    CustomerView,
    FieldNames,
    InvoiceView,
    ReminderLine,
    ReminderView,
    changed_fields,
    differs,
    own_fields,
    reminder_change,
    reminder_task,
    remote_fields,
    writable_fields,
)
from tieout.core import exact_json
from tieout.core.errors import ConfigError, MappingError
from tieout.core.money import to_minor

INVOICE = InvoiceView(
    payment_status="overdue",
    invoiced_minor=22600,
    paid_minor=10000,
    open_minor=12600,
    overdue_minor=12600,
    overdue_since=date(2026, 11, 1),
    aging_bucket="1-30",
    next_due_on=None,
    last_payment_on=date(2026, 10, 5),
    currency="CNY",
)
CUSTOMER = CustomerView(
    credit_status="hold",
    credit_grade="C",
    credit_limit_minor=10000000,
    exposure_minor=12000000,
    reasons=("utilisation 120 %", "overdue 45 days"),
    open_by_currency={"CNY": 1234567},
    overdue_by_currency={"CNY": 34500},
    currency="CNY",
)


def test_an_invoice() -> None:
    assert remote_fields("zoho_crm", "Invoices", INVOICE) == {
        "AR_Payment_Status": "overdue",
        "AR_Invoiced_Amount": Decimal("226.00"),
        "AR_Paid_Amount": Decimal("100.00"),
        "AR_Open_Amount": Decimal("126.00"),
        "AR_Overdue_Amount": Decimal("126.00"),
        "AR_Overdue_Since": "2026-11-01",
        "AR_Aging_Bucket": "1-30",
        "AR_Next_Due_Date": None,
        "AR_Last_Payment_Date": "2026-10-05",
    }


def test_a_deal_without_documents_shows_nothing_rather_than_zero() -> None:
    nothing = replace(INVOICE, payment_status="", aging_bucket="")
    assert set(remote_fields("zoho_crm", "Deals", nothing).values()) == {None}


def test_a_customer() -> None:
    assert remote_fields("zoho_crm", "Accounts", CUSTOMER) == {
        "AR_Credit_Status": "hold",
        "AR_Credit_Grade": "C",
        "AR_Credit_Limit": Decimal("100000.00"),
        "AR_Credit_Exposure": Decimal("120000.00"),
        "AR_Credit_Reasons": "utilisation 120 %; overdue 45 days",
        "AR_Open_Amount": Decimal("12345.67"),
        "AR_Overdue_Amount": Decimal("345.00"),
        "AR_Balances": "CNY 12,345.67 (overdue 345.00)",
    }


def test_other_currencies_are_not_added_without_a_rate() -> None:
    two = replace(CUSTOMER, open_by_currency={"USD": 800, "CNY": 1234567})
    fields = remote_fields("zoho_crm", "Accounts", two)
    assert "AR_Open_Amount" not in fields
    assert fields["AR_Overdue_Amount"] == Decimal("345.00")
    assert fields["AR_Balances"] == "CNY 12,345.67 (overdue 345.00); USD 8.00"
    assert remote_fields("zoho_crm", "Accounts", replace(two, open_minor=1240000))["AR_Open_Amount"] == Decimal("12400")
    assert "AR_Credit_Exposure" not in remote_fields("zoho_crm", "Accounts", replace(two, exposure_minor=None))
    assert "AR_Credit_Limit" not in remote_fields("zoho_crm", "Accounts", replace(two, limit_currency="USD"))


def test_balances_given_by_the_caller_win() -> None:
    given_text = remote_fields("zoho_crm", "Accounts", replace(CUSTOMER, balances="CNY 1.00; USD 2.00"))
    assert given_text["AR_Balances"] == "CNY 1.00; USD 2.00"


@pytest.mark.parametrize(
    ("module", "view"),
    [
        ("Invoices", replace(INVOICE, payment_status="late")),
        ("Invoices", replace(INVOICE, aging_bucket="soon")),
        ("Accounts", replace(CUSTOMER, credit_status="stop")),
    ],
)
def test_codes_that_would_grow_a_picklist_are_refused(module: str, view: InvoiceView | CustomerView) -> None:
    with pytest.raises(MappingError) as caught:
        remote_fields("zoho_crm", module, view)
    assert caught.value.code == "unmapped_value"


@pytest.mark.parametrize(
    ("vendor", "module"), [("kingdee", "AR_receivable"), ("zoho_crm", "Contacts"), ("zoho_crm", "Accounts")]
)
def test_fields_go_only_where_they_belong(vendor: str, module: str) -> None:
    with pytest.raises(ConfigError):
        remote_fields(vendor, module, INVOICE)


@given(st.lists(st.text("abc ;", min_size=1, max_size=60), max_size=20))
def test_reasons_fit_their_field(reasons: list[str]) -> None:
    text = remote_fields("zoho_crm", "Accounts", replace(CUSTOMER, reasons=reasons))["AR_Credit_Reasons"]
    assert text is None or 0 < len(text) <= 255


def test_long_reasons_say_how_many_are_missing() -> None:
    text = remote_fields("zoho_crm", "Accounts", replace(CUSTOMER, reasons=["x" * 100] * 5))["AR_Credit_Reasons"]
    assert text == "; ".join(["x" * 100] * 2) + "; … +3"
    one = remote_fields("zoho_crm", "Accounts", replace(CUSTOMER, reasons=["y" * 300]))["AR_Credit_Reasons"]
    assert one == "y" * 254 + "…"


@pytest.mark.parametrize(
    ("desired", "seen"),
    [
        (Decimal("1.10"), Decimal("1.1")),
        (Decimal("100.00"), 100),
        (Decimal("100.00"), "100.0"),
        (None, ""),
        ("", None),
        (None, "-None-"),
        ("a\nb", "a\r\nb "),
        ("2026-11-01", date(2026, 11, 1)),
        (date(2026, 11, 1), "2026-11-01"),
    ],
)
def test_equal_by_value(desired: object, seen: object) -> None:
    assert differs({"f": desired}, {"f": seen}) == {}


@pytest.mark.parametrize(
    ("desired", "seen"),
    [
        (Decimal("0.00"), None),
        (None, Decimal("0")),
        (Decimal("1.10"), Decimal("1.11")),
        (Decimal("1.10"), "one"),
        ("paid", "open"),
        (None, "paid"),
        ("2026-11-01", "2026-11-02"),
    ],
)
def test_different_by_value(desired: object, seen: object) -> None:
    assert differs({"f": desired}, {"f": seen}) == {"f": desired}


def test_a_field_the_record_does_not_show_counts_as_null() -> None:
    assert differs({"a": None, "b": "x"}, {}) == {"b": "x"}


def test_as_of_is_written_only_with_something_else() -> None:
    desired = remote_fields("zoho_crm", "Invoices", INVOICE)
    today = date(2026, 11, 24)
    assert changed_fields(desired, {**desired, "AR_As_Of": "2026-11-01"}, today) == {}
    moved = changed_fields(desired, {**desired, "AR_Open_Amount": Decimal("1")}, today)
    assert moved == {"AR_Open_Amount": Decimal("126.00"), "AR_As_Of": "2026-11-24"}


def test_the_day_goes_with_the_fields_that_are_taken_back() -> None:
    shown = {"AR_Open_Amount": Decimal("1"), "AR_As_Of": "2026-11-24"}
    assert changed_fields({"AR_Open_Amount": None}, shown, None) == {"AR_Open_Amount": None, "AR_As_Of": None}
    assert changed_fields({"AR_Open_Amount": None}, {"AR_As_Of": "2026-11-24"}, None) == {}


@given(minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(("CNY", "JPY", "KWD")))
def test_amounts_survive_the_wire_exactly(minor: int, currency: str) -> None:
    view = replace(INVOICE, open_minor=minor, currency=currency)
    fields = remote_fields("zoho_crm", "Invoices", view)
    back = exact_json.loads(exact_json.dumps(fields))
    assert to_minor(back["AR_Open_Amount"], currency) == minor
    assert differs(fields, back) == {}


def test_names_can_be_set_by_either_spelling() -> None:
    names = FieldNames.of({"open_amount": "Open__c", "AR_Payment_Status": "Status__c"})
    assert (names.open_amount, names.payment_status, names.paid_amount) == ("Open__c", "Status__c", "AR_Paid_Amount")
    assert remote_fields("zoho_crm", "Invoices", INVOICE, names)["Open__c"] == Decimal("126.00")
    for wrong in ({"opn": "x"}, {"open_amount": " "}, {"open_amount": "Same", "paid_amount": "Same"}):
        with pytest.raises(ConfigError):
            FieldNames.of(wrong)


def test_setup_creates_every_field_and_at_most_two_unique_ones_a_module() -> None:
    fields = writable_fields("zoho_crm")
    assert {(f.module, f.api_name) for f in fields} == {
        (module, name) for module, names in own_fields("zoho_crm").items() for name in names
    }
    assert [(f.module, f.api_name) for f in fields if f.unique] == [("Tasks", "AR_Key")]
    written = {**remote_fields("zoho_crm", "Accounts", CUSTOMER), "AR_As_Of": ""}
    assert set(written) == set(own_fields("zoho_crm")["Accounts"])
    assert {f.data_type for f in fields if f.api_name.endswith("Amount")} == {"currency"}
    statuses = next(f for f in fields if f.api_name == "AR_Payment_Status")
    assert statuses.values == ("open", "partially_paid", "overdue", "paid", "void")
    assert own_fields("kingdee") == {}
    with pytest.raises(ConfigError):
        writable_fields("kingdee")


REMINDER = ReminderView(
    key="cn/cus_1/CNY/L1/abc/1",
    customer_name="深圳市澄砚{科技}有限公司",
    company_name="示例科技有限公司",
    currency="CNY",
    amount_minor=15000,
    step="L1",
    lines=(ReminderLine("AR2", date(2026, 11, 5), 5000), ReminderLine("AR1", date(2026, 11, 1), 10000)),
    as_of=date(2026, 11, 12),
    task_due_on=date(2026, 11, 13),
    parent_module="Accounts",
    parent_id="41",
)


def test_a_reminder_in_both_languages() -> None:
    chinese = reminder_task("zoho_crm", REMINDER, "zh-CN")
    assert chinese["Subject"] == "催款提醒 L1：深圳市澄砚{科技}有限公司，逾期 150.00 CNY"
    assert chinese["Due_Date"] == "2026-11-13"
    lines = chinese["Description"].split("\n")
    assert lines[1] == "AR1：到期日 2026-11-01，逾期 11 天，未收 100.00 CNY"
    assert lines[2].startswith("AR2：")
    english = reminder_task("zoho_crm", REMINDER, "en")
    assert "AR1: due 2026-11-01, 11 days overdue, open 100.00 CNY" in english["Description"]
    with pytest.raises(ConfigError):
        reminder_task("zoho_crm", REMINDER, "fr")
    with pytest.raises(ConfigError):
        reminder_task("kingdee", REMINDER)


def test_a_reminder_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        reminder_task("zoho_crm", replace(REMINDER, amount_minor=15001))
    assert caught.value.code == "sum_mismatch"


def test_long_reminders_stay_within_limits_and_count_the_rest() -> None:
    lines = tuple(ReminderLine(f"AR{i:03d}", date(2026, 11, 1), 100) for i in range(60))
    fields = reminder_task(
        "zoho_crm", replace(REMINDER, lines=lines, amount_minor=6000, customer_name="长" * 400), "en"
    )
    assert len(fields["Subject"]) <= 255
    assert fields["Subject"].endswith("60.00 CNY overdue")
    assert "… and 20 more." in fields["Description"]


def test_a_reminder_is_found_again_by_its_key() -> None:
    change = reminder_change("zoho_crm", REMINDER, change_id="out_1", version=3)
    assert (change.module, change.operation, change.key, change.key_field) == (
        "Tasks",
        "create",
        REMINDER.key,
        "AR_Key",
    )
    assert (change.parent_module, change.parent_id, change.version) == ("Accounts", "41", 3)
    for key in ("", "k" * 256):
        with pytest.raises(MappingError):
            reminder_change("zoho_crm", replace(REMINDER, key=key), change_id="out_1")


def test_fxiaoke_has_names_of_its_style_and_reminders_that_are_all_text() -> None:
    assert own_fields("fxiaoke")["AccountObj"][0] == "ar_credit_status__c"
    assert own_fields("fxiaoke", {"ar_open_amount__c": "field_x__c"})["SalesOrderObj"][3] == "field_x__c"
    assert own_fields("fxiaoke", {"open_amount": "field_y__c"})["SalesOrderObj"][3] == "field_y__c"
    labels = {one.api_name: one.label for one in writable_fields("fxiaoke")}
    assert labels["ar_next_due_date__c"] == "AR Next Due Date"
    text = reminder_task("fxiaoke", REMINDER, "zh-CN")
    assert list(text) == ["active_record_content"]
    change = reminder_change("fxiaoke", REMINDER, change_id="c1")
    assert (change.module, change.key_field, change.key) == ("ActiveRecordObj", "ar_key__c", REMINDER.key)
    subject, act, *_ = text["active_record_content"].splitlines()
    assert subject == reminder_task("zoho_crm", REMINDER, "zh-CN")["Subject"]
    assert REMINDER.task_due_on.isoformat() in act
