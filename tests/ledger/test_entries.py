"""What documents and allocations do to the books, and that it can be taken back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tieout.canonical.documents import DocumentCandidate, DocumentKind, Installment
from tieout.core.errors import LedgerError
from tieout.ledger import chart
from tieout.ledger.allocation import AllocationFact, Split
from tieout.ledger.documents import problems_of
from tieout.ledger.entries import Entry, Posting, balances, check, post_allocation, post_document, reverse
from tieout.ledger.open_items import capacity_of, debit_lines_of, items_of

ON = date(2026, 3, 1)


def document(kind: DocumentKind, total: int, **more: object) -> DocumentCandidate:
    plain = DocumentCandidate("x1", kind, "N-1", "C1", "100", "CNY", total, ON, "posted")
    return structs.replace(plain, **more)  # type: ignore[arg-type]  # any fields


def rows(entry: Entry | None) -> list[tuple[str, int]]:
    assert entry is not None
    return [(row.code, row.amount_minor) for row in entry.postings]


def post(doc: DocumentCandidate) -> Entry | None:
    return post_document("doc", "cn", "acc", doc)


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        (
            document("invoice", 113000, net_minor=100000, tax_minor=13000),
            [("ar", 113000), ("revenue", -100000), ("output_tax", -13000)],
        ),
        (document("invoice", 113000), [("ar", 113000), ("tax_unstated", -113000)]),
        (document("invoice", 5000, net_minor=5000, tax_minor=0), [("ar", 5000), ("revenue", -5000)]),
        (
            document("credit_note", -11300, net_minor=-10000, tax_minor=-1300),
            [("ar", -11300), ("revenue", 10000), ("output_tax", 1300)],
        ),
        (document("payment", -100000), [("unapplied_cash", -100000), ("bank", 100000)]),
        (document("refund", 700), [("unapplied_cash", 700), ("bank", -700)]),
        (document("invoice", 900, is_opening=True, net_minor=800, tax_minor=100), [("ar", 900), ("opening", -900)]),
        (document("payment", -900, is_opening=True), [("unapplied_cash", -900), ("opening", 900)]),
    ],
)
def test_document_posts_the_worked_entry(doc: DocumentCandidate, expected: list[tuple[str, int]]) -> None:
    entry = post(doc)
    assert rows(entry) == expected
    assert entry is not None
    assert (entry.kind, entry.effective_on, entry.origin) == (doc.kind, ON, "mirrored")


@pytest.mark.parametrize("state", ["draft", "void"])
def test_draft_and_void_post_nothing_and_have_no_items(state: str) -> None:
    doc = document("invoice", 100, state=state)
    assert post(doc) is None
    assert items_of("doc", "cn", "acc", doc) == ()


def test_zero_invoice_posts_nothing_but_has_its_item() -> None:
    assert post(document("invoice", 0)) is None
    assert [item.original_minor for item in items_of("doc", "cn", "acc", document("invoice", 0))] == [0]


PLAN = (
    Installment("a", date(2026, 3, 31), 3333),
    Installment("b", date(2026, 4, 30), 3333),
    Installment("c", date(2026, 5, 31), 3334),
)


def test_each_instalment_is_an_item_and_a_posting_of_its_own() -> None:
    doc = document("invoice", 10000, installments=PLAN)
    items = items_of("doc", "cn", "acc", doc)
    assert [(item.item_id, item.due_on, item.original_minor) for item in items] == [
        ("doc:a", date(2026, 3, 31), 3333),
        ("doc:b", date(2026, 4, 30), 3333),
        ("doc:c", date(2026, 5, 31), 3334),
    ]
    entry = post(doc)
    assert entry is not None
    assert [(row.line_id, row.amount_minor) for row in entry.postings if row.code == chart.AR] == [
        ("a", 3333),
        ("b", 3333),
        ("c", 3334),
    ]


def test_zero_instalment_is_kept_as_an_item() -> None:
    plan = (Installment("a", ON, 0), Installment("b", ON, 0), Installment("c", ON, 1))
    doc = document("invoice", 1, installments=plan)
    assert [item.original_minor for item in items_of("doc", "cn", "acc", doc)] == [0, 0, 1]


def test_missing_due_date_takes_the_issue_date_and_says_so() -> None:
    (item,) = items_of("doc", "cn", "acc", document("invoice", 100))
    assert (item.due_on, item.due_is_issue) == (ON, True)
    (item,) = items_of("doc", "cn", "acc", document("invoice", 100, due_on=date(2026, 4, 1)))
    assert (item.due_on, item.due_is_issue) == (date(2026, 4, 1), False)


def test_credit_note_is_one_negative_item_and_payment_none() -> None:
    plan = (Installment("a", date(2026, 4, 1), -40), Installment("b", date(2026, 3, 15), -60))
    note = document("credit_note", -100, installments=plan)
    (item,) = items_of("doc", "cn", "acc", note)
    assert (item.original_minor, item.due_on, item.due_is_issue) == (-100, date(2026, 3, 15), False)
    assert items_of("doc", "cn", "acc", document("payment", -100)) == ()
    assert capacity_of(note).minor == 100
    assert capacity_of(document("payment", -100, state="void")).minor == 0
    assert [line.original_minor for line in debit_lines_of("doc", "cn", "acc", document("refund", 70))] == [70]
    assert debit_lines_of("doc", "cn", "acc", note) == ()


@pytest.mark.parametrize(
    ("doc", "problem"),
    [
        (document("invoice", -1), "sign_contradicts_kind"),
        (document("payment", 1), "sign_contradicts_kind"),
        (document("invoice", 100, net_minor=90), "tax_half_stated"),
        (document("invoice", 100, net_minor=90, tax_minor=11), "net_and_tax_not_total"),
        (document("invoice", 9999, installments=PLAN), "installments_not_total"),
        (document("invoice", 100, currency="XXX"), "unknown_currency"),
        (
            document("invoice", 100, installments=(Installment("a", ON, 150), Installment("b", ON, -50))),
            "installment_sign",
        ),
        (
            document("invoice", 100, installments=(Installment("a", ON, 50), Installment("a", ON, 50))),
            "installment_line_ids",
        ),
        (document("payment", -100, installments=(Installment("a", ON, -100),)), "installments_on_cash"),
    ],
)
def test_document_that_contradicts_itself_is_refused(doc: DocumentCandidate, problem: str) -> None:
    assert problem in problems_of(doc)
    with pytest.raises(LedgerError) as caught:
        post(doc)
    assert caught.value.code == problem


def test_entry_out_of_balance_is_refused() -> None:
    lopsided = (Posting("ar", "acc", "CNY", 100, "doc"), Posting("revenue", "acc", "USD", -100, "doc"))
    with pytest.raises(LedgerError, match="out of balance"):
        check(Entry("invoice", "mirrored", "cn", ON, "doc", lopsided))
    with pytest.raises(LedgerError, match="no postings"):
        check(Entry("invoice", "mirrored", "cn", ON, "doc", ()))
    with pytest.raises(LedgerError, match="unknown ledger account"):
        check(Entry("invoice", "mirrored", "cn", ON, "doc", (Posting("cash", "acc", "CNY", 0, "doc"),)))


def allocate(from_kind: DocumentKind, to_kind: DocumentKind, to_account: str = "acc") -> Entry | None:
    fact = AllocationFact("a1", "pay", "inv", "", 500, ON, "CNY")
    splits = (Split("a1", "inv:a", "a", 300, ON), Split("a1", "inv:b", "b", 200, ON), Split("a2", "inv:b", "b", 9, ON))
    return post_allocation(
        "cn", fact, splits, from_kind=from_kind, to_kind=to_kind, from_account_id="acc", to_account_id=to_account
    )


def test_payment_to_invoice_moves_unapplied_cash_to_its_lines() -> None:
    entry = allocate("payment", "invoice")
    assert entry is not None
    assert [(row.code, row.amount_minor, row.document_id, row.line_id) for row in entry.postings] == [
        ("unapplied_cash", 500, "pay", ""),
        ("ar", -300, "inv", "a"),
        ("ar", -200, "inv", "b"),
    ]


def test_links_within_an_account_have_no_entry_and_across_accounts_they_move_the_balance() -> None:
    assert allocate("credit_note", "invoice") is None
    assert allocate("payment", "refund") is None
    assert rows(allocate("credit_note", "invoice", "other")) == [("ar", 500), ("ar", -300), ("ar", -200)]
    assert rows(allocate("credit_note", "refund")) == [("ar", 500), ("unapplied_cash", -300), ("unapplied_cash", -200)]


def test_allocation_of_the_wrong_kinds_or_parts_is_refused() -> None:
    with pytest.raises(LedgerError, match="from invoice"):
        allocate("invoice", "invoice")
    fact = AllocationFact("a9", "pay", "inv", "", 500, ON, "CNY")
    with pytest.raises(LedgerError, match="do not sum"):
        post_allocation(
            "cn", fact, (), from_kind="payment", to_kind="invoice", from_account_id="acc", to_account_id="acc"
        )


KINDS: dict[DocumentKind, int] = {"invoice": 1, "credit_note": -1, "payment": -1, "refund": 1}


@given(
    kind=st.sampled_from(sorted(KINDS)),
    total=st.integers(1, 10**12),
    tax=st.one_of(st.none(), st.integers(0, 10**6)),
    opening=st.booleans(),
)
def test_taking_back_an_entry_leaves_no_trace(kind: DocumentKind, total: int, tax: int | None, opening: bool) -> None:
    signed = total * KINDS[kind]
    taxes = {} if tax is None else {"net_minor": signed - tax, "tax_minor": tax}
    entry = post(document(kind, signed, is_opening=opening, **taxes))
    assert entry is not None
    assert sum(row.amount_minor for row in entry.postings) == 0
    taken_back = reverse(entry, date(2026, 4, 1), entry_id="e1")
    assert taken_back.reverses == "e1"
    assert taken_back.effective_on == date(2026, 4, 1)
    assert check(taken_back) is taken_back
    assert balances([entry, taken_back]) == {}
    assert balances([entry, taken_back], as_of=ON) == balances([entry])
    assert reverse(taken_back, ON).postings == entry.postings


def test_chart_has_one_account_per_code_and_knows_no_other() -> None:
    codes = [one.code for one in chart.CHART]
    assert len(set(codes)) == len(codes)
    assert all(one.zh and one.en and one.prc_hint for one in chart.CHART)
    assert chart.account(chart.AR).prc_hint == "1122"
    with pytest.raises(LedgerError):
        chart.account("nope")
