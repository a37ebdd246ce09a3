"""Payment status: the values, what is pushed, and that a day passing alone changes nothing unannounced."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.combine import balances_text, combine, customer_totals
from tieout.receivables.status import ItemState, LeftOut, Reason, StatusDecision, invoice_status

DAY = date(2026, 4, 10)


def days(n: int) -> timedelta:
    return timedelta(days=n)


def decide(*items: ItemState, as_of: date = DAY, paid_on: date | None = None, currency: str = "CNY") -> StatusDecision:
    return invoice_status("posted", "invoice", items, as_of, paid_on, currency)


def codes(decision: StatusDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_open_until_the_day_after_due() -> None:
    one = decide(ItemState(DAY, 1000, 1000))
    assert (one.value, one.aging_bucket, one.next_due_on, one.overdue_since) == ("open", "current", DAY, None)
    assert one.next_change_on == DAY + days(1)
    assert codes(one) == ["nothing_paid"]
    late = decide(ItemState(DAY, 1000, 1000), as_of=DAY + days(1))
    assert (late.value, late.aging_bucket, late.next_due_on) == ("overdue", "1-30", None)
    assert (late.overdue_minor, late.overdue_since) == (1000, DAY + days(1))
    assert late.next_change_on == DAY + days(31)


def test_a_decision_is_stored_whole_with_what_it_was_made_from() -> None:
    items = [ItemState(DAY - days(40), 1000, 600), ItemState(DAY + days(3), 500, 500)]
    made = invoice_status("posted", "invoice", items, DAY, DAY - days(2), "USD", credited_minor=100)
    inputs = {
        "as_of": DAY,
        "state": "posted",
        "kind": "invoice",
        "items": [[DAY - days(40), 1000, 600], [DAY + days(3), 500, 500]],
        "last_payment_on": DAY - days(2),
        "credited_minor": 100,
        "aging_edges": [0, 30, 60, 90, 180, 365],
    }
    reasons = (
        Reason("past_due", {"overdue_minor": 600, "oldest_due_on": DAY - days(40)}),
        Reason("paid_in_part", {"paid_minor": 400}),
        Reason("paid_includes_credit_notes", {"credited_minor": 100}),
    )
    assert made == StatusDecision(
        "overdue", "USD", 1500, 400, 1100, 600, DAY - days(39), "31-60", DAY + days(3), DAY - days(2), reasons, inputs,
        "payment-status-1", DAY + days(4),
    )  # fmt: skip
    gone = invoice_status("void", "invoice", items[:1], DAY, DAY, "USD")
    inputs = inputs | {
        "state": "void", "items": [[DAY - days(40), 1000, 600]], "last_payment_on": DAY, "credited_minor": 0,
    }  # fmt: skip
    assert gone == StatusDecision(
        "void", "USD", 0, 0, 0, 0, None, "", None, DAY, (Reason("voided"),), inputs, "payment-status-1", None
    )


def test_a_combined_decision_is_stored_whole_with_what_it_was_made_from() -> None:
    documents = {
        "b": decide(ItemState(DAY - days(40), 1000, 600), paid_on=DAY - days(4)),
        "a": invoice_status("posted", "credit_note", [ItemState(DAY, -100, -100)], DAY, DAY - days(9), "CNY"),
        "c": decide(ItemState(DAY + days(2), 50, 50)),
        "v": invoice_status("void", "invoice", [], DAY, DAY - days(1), "CNY"),
        "u": decide(ItemState(DAY, 7, 7), currency="USD"),
    }
    reasons = (
        Reason("past_due", {"overdue_minor": 550, "overdue_since": DAY - days(39)}),
        Reason("other_currency_left_out", {"currency": "USD"}),
        Reason("credit_notes_net_overdue", {"gross_overdue_minor": 600}),
    )
    inputs = {
        "documents": {"a": ["open", -100, 0], "b": ["overdue", 600, 600], "c": ["open", 50, 0], "v": ["void", 0, 0]}
    }
    assert combine(documents, "CNY") == StatusDecision(
        "overdue", "CNY", 950, 400, 550, 550, DAY - days(39), "31-60", DAY + days(2), DAY - days(1), reasons, inputs,
        "payment-status-1", DAY + days(3), (LeftOut("USD", ("u",), 7),),
    )  # fmt: skip
    only_void = combine({key: documents[key] for key in ("v", "u")}, "CNY")
    assert only_void == StatusDecision(
        "void", "CNY", 0, 0, 0, 0, None, "", None, DAY - days(1),
        (Reason("all_void"), Reason("other_currency_left_out", {"currency": "USD"})),
        {"documents": {"v": ["void", 0, 0]}}, "payment-status-1", None, (LeftOut("USD", ("u",), 7),),
    )  # fmt: skip


def test_a_net_credit_says_how_much_and_what_would_be_late_without_it() -> None:
    note = invoice_status("posted", "credit_note", [ItemState(DAY, -900, -900)], DAY, None, "CNY")
    one = combine({"c": note, "i": decide(ItemState(DAY - days(9), 500, 500))}, "CNY")
    assert one.reasons == (
        Reason("net_credit", {"open_minor": -400}),
        Reason("credit_notes_net_overdue", {"gross_overdue_minor": 500}),
    )
    assert (one.invoiced_minor, one.paid_minor) == (-400, 0)
    even = combine({"i": decide(ItemState(DAY - days(9), 500, 0))}, "CNY")
    assert (even.value, even.aging_bucket, codes(even)) == ("paid", "", ["nothing_open"])
    part = combine({"i": decide(ItemState(DAY, 500, 1))}, "CNY")
    assert (part.value, part.aging_bucket, codes(part)) == ("partially_paid", "current", ["paid_in_part"])


def test_partly_paid_then_paid() -> None:
    part = decide(ItemState(DAY, 1000, 400), paid_on=DAY)
    assert (part.value, part.invoiced_minor, part.paid_minor, part.open_minor) == ("partially_paid", 1000, 600, 400)
    full = decide(ItemState(DAY - days(90), 1000, 0), paid_on=DAY)
    assert (full.value, full.paid_minor, full.aging_bucket, full.next_change_on) == ("paid", 1000, "", None)
    assert full.last_payment_on == DAY
    assert codes(full) == ["nothing_open"]


def test_instalments_age_by_their_own_due_dates() -> None:
    one = decide(
        ItemState(DAY - days(40), 300, 0),
        ItemState(DAY - days(10), 300, 100),
        ItemState(DAY + days(20), 400, 400),
    )
    assert (one.value, one.paid_minor, one.open_minor, one.overdue_minor) == ("overdue", 500, 500, 100)
    assert (one.overdue_since, one.aging_bucket, one.next_due_on) == (DAY - days(9), "1-30", DAY + days(20))
    assert one.next_change_on == DAY + days(21)  # both the bucket of the old row and the next due date
    assert codes(one) == ["past_due", "paid_in_part"]


def test_oldest_overdue_row_decides_bucket_and_since() -> None:
    one = decide(ItemState(DAY - days(70), 300, 100), ItemState(DAY - days(10), 300, 300))
    assert (one.overdue_minor, one.overdue_since, one.aging_bucket) == (400, DAY - days(69), "61-90")
    assert one.reasons[0].params == {"overdue_minor": 400, "oldest_due_on": DAY - days(70)}


@pytest.mark.parametrize(("state", "reason"), [("void", "voided"), ("draft", "not_posted")])
def test_unposted_document_owes_nothing(state: str, reason: str) -> None:
    one = invoice_status(state, "invoice", [ItemState(DAY, 5, 5)], DAY, None, "CNY")  # type: ignore[arg-type]
    assert (one.value, one.open_minor, codes(one), one.next_change_on) == ("void", 0, [reason], None)


def test_credit_note_is_never_overdue() -> None:
    def note(still_open: int) -> StatusDecision:
        return invoice_status("posted", "credit_note", [ItemState(DAY - days(90), -200, still_open)], DAY, None, "CNY")

    assert [(note(n).value, note(n).paid_minor) for n in (-200, -50, 0)] == [
        ("open", 0),
        ("partially_paid", -150),
        ("paid", -200),
    ]
    assert [codes(note(n)) for n in (-200, -50, 0)] == [["credit_unused"], ["credit_partly_used"], ["nothing_open"]]
    assert (note(-200).aging_bucket, note(-200).overdue_minor, note(-200).next_change_on) == ("", 0, None)
    with pytest.raises(ValueError, match="payment"):
        invoice_status("posted", "payment", [], DAY, None, "CNY")


def test_share_paid_by_credit_notes_is_said() -> None:
    one = invoice_status("posted", "invoice", [ItemState(DAY, 1000, 800)], DAY, None, "CNY", credited_minor=200)
    assert one.paid_minor == 200
    assert one.reasons[-1].code == "paid_includes_credit_notes"
    assert one.reasons[-1].params == {"credited_minor": 200}


items_strategy = st.lists(
    st.tuples(st.integers(-500, 200), st.integers(0, 1000), st.integers(0, 1000)).map(
        lambda row: ItemState(DAY + days(row[0]), max(row[1], row[2]), min(row[1], row[2]))
    ),
    min_size=1,
    max_size=4,
)


@given(items=items_strategy, share=st.integers(0, 100))
@settings(max_examples=300)
def test_nothing_pushed_changes_before_the_announced_day_and_something_does_on_it(
    items: list[ItemState], share: int
) -> None:
    one = decide(*items)
    horizon = one.next_change_on or DAY + days(800)
    assert horizon > DAY
    between = DAY + days((horizon - DAY).days * share // 100)
    for day in (min(between, horizon - days(1)), horizon - days(1)):
        again = decide(*items, as_of=day)
        assert again.pushed() == one.pushed()
        assert again.reasons == one.reasons
    if one.next_change_on is not None:
        assert decide(*items, as_of=one.next_change_on).pushed() != one.pushed()


@given(items=items_strategy)
def test_amounts_add_up(items: list[ItemState]) -> None:
    one = decide(*items)
    assert one.paid_minor + one.open_minor == one.invoiced_minor
    assert 0 <= one.overdue_minor <= one.open_minor
    assert (one.value == "overdue") == (one.overdue_minor > 0) == (one.overdue_since is not None)
    assert (one.value == "paid") == (one.open_minor == 0)
    assert (one.aging_bucket == "") == (one.open_minor == 0)


def test_deal_sums_its_invoices_and_takes_the_oldest() -> None:
    deal = combine(
        {
            "i1": decide(ItemState(DAY - days(40), 1000, 700), paid_on=DAY - days(3)),
            "i2": decide(ItemState(DAY - days(5), 500, 500)),
            "i3": decide(ItemState(DAY + days(5), 400, 400), paid_on=None),
            "i4": decide(ItemState(DAY - days(100), 50, 0), paid_on=DAY - days(9)),
            "i5": invoice_status("void", "invoice", [], DAY, None, "CNY"),
        },
        "CNY",
    )
    assert (deal.value, deal.invoiced_minor, deal.paid_minor, deal.open_minor) == ("overdue", 1950, 350, 1600)
    assert (deal.overdue_minor, deal.overdue_since, deal.aging_bucket) == (1200, DAY - days(39), "31-60")
    assert (deal.next_due_on, deal.last_payment_on) == (DAY + days(5), DAY - days(3))
    assert deal.next_change_on == DAY + days(6)
    assert deal.left_out == ()


def test_other_currencies_are_named_not_added() -> None:
    deal = combine({"i1": decide(ItemState(DAY, 100, 100)), "i2": decide(ItemState(DAY, 9, 9), currency="USD")}, "CNY")
    assert deal.open_minor == 100
    assert [(row.currency, row.document_ids, row.open_minor, row.reason) for row in deal.left_out] == [
        ("USD", ("i2",), 9, "other_currency")
    ]
    assert codes(deal) == ["nothing_paid", "other_currency_left_out"]
    none = combine({"i2": decide(ItemState(DAY, 9, 9), currency="USD")}, "CNY")
    assert (none.value, codes(none)) == ("", ["no_documents", "other_currency_left_out"])


def test_only_void_documents_are_void() -> None:
    gone = combine({"i1": invoice_status("void", "invoice", [], DAY, None, "CNY")}, "CNY")
    assert (gone.value, codes(gone), gone.next_change_on) == ("void", ["all_void"], None)


def test_customer_with_more_credit_than_debt_is_not_a_debtor() -> None:
    note = invoice_status("posted", "credit_note", [ItemState(DAY, -900, -900)], DAY, None, "CNY")
    late = decide(ItemState(DAY - days(9), 500, 500))
    one = combine({"c": note, "i": late}, "CNY")
    assert (one.value, one.open_minor, one.overdue_minor, one.overdue_since, one.aging_bucket) == (
        "paid",
        -400,
        0,
        None,
        "",
    )
    assert codes(one) == ["net_credit", "credit_notes_net_overdue"]
    partly = combine(
        {"c": invoice_status("posted", "credit_note", [ItemState(DAY, -200, -200)], DAY, None, "CNY"), "i": late}, "CNY"
    )
    assert (partly.value, partly.open_minor, partly.overdue_minor) == ("overdue", 300, 300)


def test_customer_totals_keep_currencies_apart_and_read_as_text() -> None:
    totals = customer_totals(
        {
            "i1": decide(ItemState(DAY - days(3), 120000, 120000)),
            "i2": decide(ItemState(DAY, 5000, 5000), currency="USD"),
            "i3": decide(ItemState(DAY, 5000, 0), currency="EUR"),
        },
        {"CNY": -20000, "JPY": -300},
    )
    assert list(totals) == ["CNY", "EUR", "JPY", "USD"]
    assert totals["CNY"].balance_minor == 100000
    assert totals["JPY"].status.value == ""
    assert balances_text(totals) == (
        "CNY 1,000.00 (overdue 1,200.00, unapplied 200.00); JPY -300 (unapplied 300); USD 50.00"
    )
    even = customer_totals({"i1": decide(ItemState(DAY - days(3), 300, 300))}, {"CNY": -300})
    assert balances_text(even) == "CNY 0.00 (overdue 3.00, unapplied 3.00)"
    not_due = customer_totals({"i1": decide(ItemState(DAY, 300, 300))}, {"CNY": -300})
    assert balances_text(not_due) == "CNY 0.00 (unapplied 3.00)"


@given(rows=st.lists(st.tuples(items_strategy, st.sampled_from(["CNY", "USD"])), max_size=5), ahead=st.integers(0, 900))
@settings(max_examples=200)
def test_combined_status_holds_until_its_next_change(rows: list[tuple[list[ItemState], str]], ahead: int) -> None:
    def at(day: date) -> StatusDecision:
        return combine(
            {f"i{n}": decide(*items, as_of=day, currency=code) for n, (items, code) in enumerate(rows)}, "CNY"
        )

    one = at(DAY)
    last = (one.next_change_on or DAY + days(1000)) - days(1)
    assert at(min(last, DAY + days(ahead))).pushed() == one.pushed()
