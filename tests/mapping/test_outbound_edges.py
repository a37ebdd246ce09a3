"""What CRM records are told, to the letter: fields and their kinds, balances cut to fit, tasks, notes and reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mapping.credit_words import credit_words
from mapping.outbound import FieldNames, changed_fields, differs, own_fields, remote_fields, writable_fields
from mapping.reminder_text import (
    ReminderLine,
    note_in_words,
    reminder_change,
    reminder_note,
    reminder_task,
    task_in_words,
)
from tests.mapping.test_outbound import CUSTOMER, INVOICE, REMINDER
from tieout.core.errors import TieoutError

KNOWN = (
    "payment_status, invoiced_amount, paid_amount, open_amount, overdue_amount, overdue_since, aging_bucket, "
    "next_due_date, last_payment_date, credit_status, credit_grade, credit_limit, credit_exposure, credit_reasons, "
    "balances, as_of, key"
)


def refusal(call: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(TieoutError) as refused:
        call()
    return refused.value.message, refused.value.hint, str(refused.value.code)


def account(**changes: Any) -> dict[str, Any]:
    return dict(remote_fields("zoho_crm", "Accounts", replace(CUSTOMER, **changes)))


def test_what_cannot_be_shown_is_refused_by_name() -> None:
    for call, said in (
        (lambda: remote_fields("kingdee", "X", INVOICE), ("kingdee X has no write-back fields", "", "config")),
        (
            lambda: remote_fields("zoho_crm", "Accounts", INVOICE),
            ("AR_Payment_Status does not belong on zoho_crm Accounts", "", "config"),
        ),
        (
            lambda: remote_fields("zoho_crm", "Deals", replace(INVOICE, payment_status="late")),
            ("unknown payment_status 'late'", "", "unmapped_value"),
        ),
        (
            lambda: remote_fields("zoho_crm", "Deals", replace(INVOICE, aging_bucket="1-30\n")),
            ("unknown aging bucket '1-30\\n'", "", "unmapped_value"),
        ),
        (lambda: account(credit_status="stop"), ("unknown credit_status 'stop'", "", "unmapped_value")),
        (
            lambda: writable_fields("kingdee"),
            ("vendor 'kingdee' has no write-back fields", "Known: zoho_crm, fxiaoke.", "config"),
        ),
        (lambda: FieldNames.of({"opn": "x"}), ("unknown write-back field 'opn'", f"Known: {KNOWN}.", "config")),
        (lambda: FieldNames.of({"key": " "}), ("write-back field 'key' has an empty name", "", "config")),
        (
            lambda: FieldNames.of({"open_amount": "B", "paid_amount": " B ", "key": "A", "balances": "A"}),
            ("two write-back fields share the name 'A'", "", "config"),
        ),
    ):
        assert refusal(call) == said


@pytest.mark.parametrize("bucket", ["current", "1-30", "181-365", ">365"])
def test_every_age_of_a_policy_can_be_shown_where_there_is_something_to_say(bucket: str) -> None:
    assert remote_fields("zoho_crm", "Deals", replace(INVOICE, aging_bucket=bucket))["AR_Aging_Bucket"] == bucket
    silent = replace(INVOICE, aging_bucket=bucket, payment_status="", next_due_on=date(2026, 1, 1))
    assert set(remote_fields("zoho_crm", "Deals", silent).values()) == {None}


def test_all_days_and_amounts_of_an_invoice_are_shown() -> None:
    made = remote_fields("zoho_crm", "Deals", replace(INVOICE, next_due_on=date(2026, 12, 1), last_payment_on=None))
    assert (made["AR_Next_Due_Date"], made["AR_Last_Payment_Date"]) == ("2026-12-01", None)


def test_what_a_customer_does_not_have_is_cleared_and_what_is_not_known_is_left_as_it_is() -> None:
    bare = account(
        credit_status="",
        credit_grade="",
        credit_limit_minor=None,
        reasons=(),
        open_by_currency={},
        overdue_by_currency={},
    )
    assert bare == {
        "AR_Credit_Status": None, "AR_Credit_Grade": None, "AR_Credit_Reasons": None, "AR_Balances": None,
        "AR_Credit_Limit": None, "AR_Credit_Exposure": Decimal("120000.00"), "AR_Open_Amount": Decimal("0.00"),
        "AR_Overdue_Amount": Decimal("0.00"),
    }  # fmt: skip
    assert account(limit_currency="CNY")["AR_Credit_Limit"] == Decimal("100000.00")
    other = account(open_by_currency={"USD": 0, "CNY": 5}, overdue_by_currency={"USD": 1})
    assert other["AR_Open_Amount"] == Decimal("0.05"), "nothing open in another currency hides nothing"
    assert "AR_Overdue_Amount" not in other
    given = account(overdue_by_currency={"USD": 1}, overdue_minor=0, open_minor=7)
    assert (given["AR_Overdue_Amount"], given["AR_Open_Amount"]) == (Decimal("0.00"), Decimal("0.07"))


def test_balances_name_each_currency_with_something_open_or_overdue() -> None:
    found = account(open_by_currency={"USD": 800, "JPY": 0, "CNY": -5}, overdue_by_currency={"EUR": 10, "JPY": 0})
    assert found["AR_Balances"] == "CNY -0.05; EUR 0.00 (overdue 0.10); USD 8.00"
    assert account(balances=" CNY 1.00 ;  ; USD 2.00 ")["AR_Balances"] == "CNY 1.00; USD 2.00"


def test_a_list_that_fits_exactly_is_whole_and_one_that_does_not_is_counted() -> None:
    fits = account(reasons=["x" * 126, "y" * 127])["AR_Credit_Reasons"]
    assert fits == "x" * 126 + "; " + "y" * 127
    assert len(fits) == 255
    assert account(reasons=["x" * 126, "y" * 128])["AR_Credit_Reasons"] == "x" * 126 + "; … +1"
    assert account(reasons=[" ", "z" * 255, ""])["AR_Credit_Reasons"] == "z" * 255
    assert account(reasons=["z" * 256])["AR_Credit_Reasons"] == "z" * 254 + "…"
    long = "; ".join(f"{n:04d}" + "b" * 400 for n in range(6))
    cut = account(balances=long)["AR_Balances"]
    assert cut == "; ".join(f"{n:04d}" + "b" * 400 for n in range(4)) + "; … +2"


@pytest.mark.parametrize(
    ("desired", "seen", "same"),
    [
        (True, True, True), (True, 1, True), (False, None, False), (True, "true", False),
        (1, "1.00", True), (1, " 1 ", True), (0, "", False), (Decimal("1"), "-None-", False),
        ("-None-", None, True), ("a\r\nb", "a\nb", True), (" a", "a ", True), ("a", "A", False),
        (["a"], ["a"], True), (["a"], ["b"], False), ("1.0", "1.00", False), ("1", 1, False),
    ],
)  # fmt: skip
def test_values_are_compared_by_what_they_mean(desired: Any, seen: Any, same: bool) -> None:
    assert (differs({"f": desired}, {"f": seen}) == {}) is same


def test_the_day_is_written_under_the_connections_own_name() -> None:
    day = date(2026, 11, 2)
    assert changed_fields({"a": 1}, {}, day, {"as_of": "Day__c"}) == {"a": 1, "Day__c": "2026-11-02"}
    assert changed_fields({"a": 1}, {}, day, FieldNames.of(None, "fxiaoke")) == {"a": 1, "ar_as_of__c": "2026-11-02"}
    assert changed_fields({"a": 1}, {"a": 1}, day) == {}


def test_setup_makes_each_field_of_its_kind() -> None:
    made = {one.api_name: one for one in writable_fields("zoho_crm", decimals=3, buckets=("current", "1-60", ">60"))}
    assert {name: one.data_type for name, one in made.items()} == {
        "AR_Payment_Status": "picklist", "AR_Invoiced_Amount": "currency", "AR_Paid_Amount": "currency",
        "AR_Open_Amount": "currency", "AR_Overdue_Amount": "currency", "AR_Overdue_Since": "date",
        "AR_Aging_Bucket": "picklist", "AR_Next_Due_Date": "date", "AR_Last_Payment_Date": "date",
        "AR_Credit_Status": "picklist", "AR_Credit_Grade": "text", "AR_Credit_Limit": "currency",
        "AR_Credit_Exposure": "currency", "AR_Credit_Reasons": "text", "AR_Balances": "textarea", "AR_As_Of": "date",
        "AR_Key": "text",
    }  # fmt: skip
    assert {name: one.length for name, one in made.items() if one.data_type.startswith("text")} == {
        "AR_Credit_Grade": 20, "AR_Credit_Reasons": 255, "AR_Balances": 2000, "AR_Key": 255
    }  # fmt: skip
    amount = made["AR_Open_Amount"]
    assert (amount.length, amount.decimals, amount.label) == (16, 3, "AR Open Amount")
    assert made["AR_Aging_Bucket"].values == ("current", "1-60", ">60")
    assert made["AR_Credit_Status"].values == ("ok", "watch", "hold")
    assert {one.decimals for one in writable_fields("zoho_crm") if one.data_type == "currency"} == {2}
    own = writable_fields("zoho_crm", {"open_amount": "Rest_of_it"})
    assert {one.label for one in own if one.api_name == "Rest_of_it"} == {"Rest of it"}
    assert own_fields("fxiaoke")["ActiveRecordObj"] == ("ar_key__c",)
    assert {one.label for one in writable_fields("fxiaoke") if one.api_name == "ar_as_of__c"} == {"AR As Of"}


def test_a_task_is_whole_in_both_languages() -> None:
    assert reminder_task("zoho_crm", REMINDER, "en") == {
        "Subject": "Payment reminder L1: 深圳市澄砚{科技}有限公司, 150.00 CNY overdue",
        "Due_Date": "2026-11-13",
        "Status": "Not Started",
        "Priority": "High",
        "Description": "深圳市澄砚{科技}有限公司 owes 示例科技有限公司 150.00 CNY that is past due (2 items).\n"
        "AR1: due 2026-11-01, 11 days overdue, open 100.00 CNY\n"
        "AR2: due 2026-11-05, 7 days overdue, open 50.00 CNY\n"
        "Please remind the customer and note the answer here. If it was paid or is disputed, close this task.",
    }
    assert reminder_task("fxiaoke", REMINDER)["active_record_content"] == (
        "催款提醒 L1：深圳市澄砚{科技}有限公司，逾期 150.00 CNY\n请于 2026-11-13 前跟进。\n"
        "深圳市澄砚{科技}有限公司 欠 示例科技有限公司 逾期款项 150.00 CNY（共 2 笔）。\n"
        "AR1：到期日 2026-11-01，逾期 11 天，未收 100.00 CNY\nAR2：到期日 2026-11-05，逾期 7 天，未收 50.00 CNY\n"
        "请联系客户催收，并在此记录答复；若已付款或有争议，请关闭此任务。"
    )
    assert "Please act by 2026-11-13." in str(reminder_task("fxiaoke", REMINDER, "en")["active_record_content"])


def test_forty_lines_are_shown_and_from_the_next_on_counted() -> None:
    def description(count: int, language: str) -> list[str]:
        lines = tuple(ReminderLine(f"{n:03d}", date(2026, 11, 1), 1) for n in range(count))
        made = reminder_task("zoho_crm", replace(REMINDER, lines=lines, amount_minor=count), language)
        return str(made["Description"]).split("\n")

    assert len(description(40, "en")) == 42
    assert description(41, "en")[-2] == "… and 1 more."
    assert description(41, "zh-CN")[-2] == "……另有 1 笔。"
    assert len(description(41, "en")) == 43


def test_long_names_and_subjects_are_cut_where_the_crm_would_refuse_them() -> None:
    long = replace(REMINDER, customer_name="长" * 121, step="s" * 200)
    subject = str(reminder_task("zoho_crm", long)["Subject"])
    assert len(subject) == 255
    assert subject.count("长") == 255 - len("催款提醒 ") - 200 - 1
    assert str(reminder_task("zoho_crm", replace(long, step="L1"))["Subject"]).count("长") == 120
    words = task_in_words("zoho_crm", REMINDER, "s" * 300, "text \n\n")
    assert words == {
        "Subject": "s" * 255,
        "Due_Date": "2026-11-13",
        "Status": "Not Started",
        "Priority": "High",
        "Description": "text",
    }
    assert task_in_words("fxiaoke", REMINDER, "s", "text\n") == {"active_record_content": "s\ntext"}
    assert note_in_words("zoho_crm", "s" * 121, "text\n") == {"Note_Title": "s" * 120, "Note_Content": "text"}
    task = reminder_task("zoho_crm", REMINDER, "en")
    assert reminder_note("zoho_crm", REMINDER, "en") == {
        "Note_Title": task["Subject"], "Note_Content": task["Description"]
    }  # fmt: skip
    assert "催款提醒" in str(reminder_note("zoho_crm", REMINDER)["Note_Title"])


def test_what_is_no_reminder_is_refused_by_name() -> None:
    for call, said in (
        (lambda: reminder_task("kingdee", REMINDER), ("vendor 'kingdee' takes no reminders as tasks", "", "config")),
        (
            lambda: reminder_task("zoho_crm", REMINDER, "fr"),
            ("no reminder text in language 'fr'", "Known: en, zh-CN.", "config"),
        ),
        (
            lambda: reminder_task("zoho_crm", replace(REMINDER, amount_minor=1)),
            ("the lines of the reminder do not sum to its amount", "", "sum_mismatch"),
        ),
        (lambda: note_in_words("fxiaoke", "s", "t"), ("vendor 'fxiaoke' takes no reminders as notes", "", "config")),
        (
            lambda: reminder_change("zoho_crm", replace(REMINDER, key="k" * 256), change_id="c"),
            ("the key of a reminder has 1 to 255 characters", "", "bad_key"),
        ),
    ):
        assert refusal(call) == said
    change = reminder_change(
        "zoho_crm", replace(REMINDER, key="k" * 255), change_id="c", names={"key": "K"}, language="en"
    )
    assert (change.change_id, change.key_field, change.remote_id, change.version) == ("c", "K", "", 0)
    assert change.fields == reminder_task("zoho_crm", REMINDER, "en")


@pytest.mark.parametrize(
    ("code", "params", "english", "chinese"),
    [
        (
            "over_limit",
            {"exposure_minor": 5, "limit_minor": 4},
            "exposure 0.05 CNY is over the limit 0.04 CNY",
            "风险敞口 0.05 CNY 超过信用额度 0.04 CNY",
        ),
        (
            "near_limit",
            {"exposure_minor": 5},
            "exposure 0.05 CNY is near the limit ?",
            "风险敞口 0.05 CNY 接近信用额度 ?",
        ),
        (
            "override_outgrown",
            {"exposure_minor": 5, "cap_minor": 4},
            "an order of a person no longer counts: exposure 0.05 CNY is above 0.04 CNY",
            "人工设定已失效：风险敞口 0.05 CNY 超过上限 0.04 CNY",
        ),
        (
            "above_release_level",
            {"exposure_minor": 0, "limit_minor": None},
            "still above the release level: exposure 0.00 CNY, limit ?",
            "仍高于解除水平：风险敞口 0.00 CNY，额度 ?",
        ),
        (
            "rate_missing",
            {"open_minor": 7, "currency": "USD"},
            "0.07 USD is not in the exposure: no rate",
            "0.07 USD 未计入风险敞口：缺少汇率",
        ),
        (
            "overdue_beyond_hold_days",
            {"hold_days": 30, "overdue_minor": {"CNY": 1}, "oldest_due_on": "2026-01-01"},
            "overdue more than 30 days: 0.01 CNY (oldest due 2026-01-01)",
            "逾期超过 30 天：0.01 CNY（最早到期日 2026-01-01）",
        ),
        ("broken_promises", {"count": 2}, "2 broken promises to pay", "付款承诺违约 2 次"),
        ("manual_hold", {"reason": "r"}, "held by a person: r", "人工冻结：r"),
        (
            "override",
            {"status": "ok", "until": "2026-01-01", "reason": "r"},
            "ok by order of a person until 2026-01-01: r",
            "人工设定为 ok，有效至 2026-01-01：r",
        ),
        ("release_needs_rate", {}, "a rate is missing, so the hold cannot end", "缺少汇率，暂不能解除冻结"),
        ("hold_waits", {"until": "2026-01-01"}, "the hold ends 2026-01-01 at the earliest", "最早 2026-01-01 解除冻结"),
        ("no_limit_known", {"grade": "C"}, "no credit limit known (grade C)", "尚无信用额度（等级 C）"),
        ("something_new", {}, "something_new", "something_new"),
    ],
)
def test_every_reason_of_credit_is_a_sentence(code: str, params: dict[str, Any], english: str, chinese: str) -> None:
    reason = {"code": code, "params": params}
    assert [credit_words(reason, "CNY", language) for language in ("en", "zh-CN", "fr")] == [english, chinese, english]
    assert credit_words({"code": "release_needs_rate"}, "CNY", "en") == "a rate is missing, so the hold cannot end"
