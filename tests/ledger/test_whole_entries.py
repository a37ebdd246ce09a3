"""Entries in whole: every posting with its account, document and instalment, its sources, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from tieout.canonical.documents import DocumentCandidate, Installment
from tieout.core.errors import LedgerError
from tieout.ledger import chart
from tieout.ledger.allocation import AllocationFact, Split
from tieout.ledger.documents import WHOLE_LINE
from tieout.ledger.entries import Entry, Posting, balances, check, post_allocation, post_document, reverse

ON, LATER = date(2026, 3, 1), date(2026, 3, 9)
FACT = AllocationFact("alo", "pay", "inv", "", 500, ON, "CNY")
PARTS = (
    Split("alo", "inv/1", "1", 300, ON),
    Split("other", "inv/1", "1", 7, ON),
    Split("alo", "inv/2", "2", 200, ON),
)


def posting(code: str, account: str, amount: int, document: str, line: str = "", currency: str = "CNY") -> Posting:
    return Posting(code, account, currency, amount, document, line)


def two(amount: int, *, code: str = chart.AR, currency: str = "CNY", against: int | None = None) -> Entry:
    rows = (
        posting(code, "acc", amount, "doc", WHOLE_LINE, currency),
        posting(chart.REVENUE, "acc", -amount if against is None else against, "doc", "", currency),
    )
    return Entry("invoice", "mirrored", "cn", ON, "doc", rows)


def allocated(from_kind: str, to_kind: str, payer: str = "acc", bearer: str = "acc") -> Entry | None:
    return post_allocation(
        "cn",
        FACT,
        PARTS,
        from_kind=from_kind,  # type: ignore[arg-type]  # also kinds that are refused
        to_kind=to_kind,  # type: ignore[arg-type]
        from_account_id=payer,
        to_account_id=bearer,
        origin="own",
        source_versions=["s1", "s2"],
    )


def test_an_invoice_without_instalments_stands_on_the_whole_line_and_names_its_sources() -> None:
    doc = DocumentCandidate("x1", "invoice", "N-1", "C1", "100", "CNY", 900, ON, "posted")
    made = post_document("doc", "cn", "acc", doc, origin="own", source_versions=["s1", "s2"])
    rows = (posting(chart.AR, "acc", 900, "doc", WHOLE_LINE), posting(chart.TAX_UNSTATED, "acc", -900, "doc"))
    assert made == Entry("invoice", "own", "cn", ON, "doc", rows, source_versions=("s1", "s2"))


def test_an_invoice_with_instalments_stands_on_their_lines() -> None:
    lines = (Installment("1", ON, 400), Installment("2", LATER, 500))
    doc = DocumentCandidate("x1", "invoice", "N-1", "C1", "100", "CNY", 900, ON, "posted", installments=lines)
    made = post_document("doc", "cn", "acc", doc)
    assert made is not None
    assert [(row.code, row.amount_minor, row.line_id) for row in made.postings] == [
        (chart.AR, 400, "1"),
        (chart.AR, 500, "2"),
        (chart.TAX_UNSTATED, -900, ""),
    ]


def test_a_payment_takes_its_cash_and_the_receivable_of_each_of_its_own_parts() -> None:
    rows = (
        posting(chart.UNAPPLIED_CASH, "payer", 500, "pay"),
        posting(chart.AR, "bearer", -300, "inv", "1"),
        posting(chart.AR, "bearer", -200, "inv", "2"),
    )
    expected = Entry("allocation", "own", "cn", ON, "pay", rows, source_versions=("s1", "s2"))
    assert allocated("payment", "invoice", "payer", "bearer") == expected


def test_a_credit_note_paid_out_clears_its_whole_line_against_cash_that_has_no_lines() -> None:
    rows = (
        posting(chart.AR, "acc", 500, "pay", WHOLE_LINE),
        posting(chart.UNAPPLIED_CASH, "acc", -300, "inv"),
        posting(chart.UNAPPLIED_CASH, "acc", -200, "inv"),
    )
    assert allocated("credit_note", "refund") == Entry(
        "allocation", "own", "cn", ON, "pay", rows, source_versions=("s1", "s2")
    )


def test_a_credit_note_of_the_same_account_stays_a_link() -> None:
    assert allocated("credit_note", "invoice") is None
    assert allocated("credit_note", "invoice", "acc", "another") is not None


def test_a_reversal_takes_back_every_side_and_says_what_and_why() -> None:
    entry = allocated("payment", "invoice")
    assert entry is not None
    back = reverse(entry, LATER, entry_id="ent_1", source_versions=["s3"])
    rows = (
        posting(chart.UNAPPLIED_CASH, "acc", -500, "pay"),
        posting(chart.AR, "acc", 300, "inv", "1"),
        posting(chart.AR, "acc", 200, "inv", "2"),
    )
    assert back == Entry("reversal", "own", "cn", LATER, "pay", rows, reverses="ent_1", source_versions=("s3",))
    assert balances([entry, back]) == {}
    unsaid = reverse(entry, LATER)
    assert (unsaid.reverses, unsaid.source_versions) == ("", ())


def test_balances_have_the_sign_of_their_postings_and_pass_over_what_came_later() -> None:
    late = Entry("invoice", "mirrored", "cn", LATER, "doc", two(50).postings)
    assert balances([late, two(100)], as_of=ON) == {
        ("cn", "acc", chart.AR, "CNY"): 100,
        ("cn", "acc", chart.REVENUE, "CNY"): -100,
    }
    assert balances([two(100), late])[("cn", "acc", chart.AR, "CNY")] == 150


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        (Entry("invoice", "mirrored", "cn", ON, "doc", ()), "empty_entry", "no postings"),
        (two(100, currency="XQX"), "unknown_currency", "'XQX' in doc"),
        (two(100, against=-99), "ledger", "by 1 CNY"),
        (two(100, against=-101), "ledger", "by -1 CNY"),
    ],
)
def test_an_entry_that_cannot_stand_is_refused_by_name(entry: Entry, code: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words) as refused:
        check(entry)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("from_kind", "to_kind"), [("invoice", "payment"), ("payment", "payment"), ("refund", "invoice")]
)
def test_an_allocation_between_other_kinds_is_refused_by_name(from_kind: str, to_kind: str) -> None:
    with pytest.raises(LedgerError, match=f"alo goes from {from_kind} to {to_kind}") as refused:
        allocated(from_kind, to_kind)
    assert refused.value.code == "allocation_kinds"


def test_parts_that_do_not_sum_to_their_allocation_are_refused_by_name() -> None:
    with pytest.raises(LedgerError, match="parts of allocation alo") as refused:
        post_allocation(
            "cn", FACT, PARTS[:2], from_kind="payment", to_kind="invoice", from_account_id="a", to_account_id="a"
        )
    assert refused.value.code == "allocation_parts"
