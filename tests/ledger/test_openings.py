"""Opening items: what a document from before the books still had open, and the entry that carries it forward."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.canonical.documents import DocumentCandidate, DocumentKind, Installment
from tieout.ledger import chart
from tieout.ledger.entries import post_document
from tieout.ledger.openings import (
    carried_forward_on,
    full_postings,
    is_before,
    lines_left,
    post_opening,
    restore,
)

START = date(2026, 1, 1)


def opening(kind: DocumentKind, lines: list[tuple[str, int]]) -> list[tuple[str, int, str]] | None:
    entry = post_opening("doc", "cn", "acc", kind, "CNY", lines, START)
    return None if entry is None else [(row.code, row.amount_minor, row.line_id) for row in entry.postings]


@pytest.mark.parametrize(
    ("kind", "total", "items", "paid", "used", "lines"),
    [
        ("invoice", 400_000, {"1": 400_000}, {"1": 300_000}, 0, [("1", 100_000)]),
        ("invoice", 90_000, {"a": 30_000, "b": 30_000, "c": 30_000}, {"a": 30_000, "b": 15_000}, 0,
         [("a", 0), ("b", 15_000), ("c", 30_000)]),
        ("credit_note", -30_000, {"1": -30_000}, {}, 12_000, [("1", -18_000)]),
        ("payment", -25_000, {}, {}, 0, [("", -25_000)]),
        ("payment", -25_000, {}, {}, 25_000, [("", 0)]),
        ("refund", 7_000, {}, {"1": 2_000}, 0, [("", 5_000)]),
        ("refund", 7_000, {}, {}, 0, [("", 7_000)]),
    ],
)  # fmt: skip
def test_what_is_left_line_by_line(
    kind: str, total: int, items: dict[str, int], paid: dict[str, int], used: int, lines: list[tuple[str, int]]
) -> None:
    assert list(lines_left(kind, total, items, paid, used)) == lines


def test_an_opening_is_dated_the_day_before_and_stands_against_the_opening_account() -> None:
    entry = post_opening("doc", "cn", "acc", "invoice", "CNY", [("1", 100_000)], START)
    assert entry is not None
    assert (entry.kind, entry.origin, entry.effective_on) == ("opening", "mirrored", date(2025, 12, 31))
    assert opening("invoice", [("1", 100_000)]) == [("ar", 100_000, "1"), ("opening", -100_000, "")]
    assert opening("invoice", [("a", 0), ("b", 5), ("c", 7)]) == [("ar", 5, "b"), ("ar", 7, "c"), ("opening", -12, "")]
    assert opening("credit_note", [("1", -180)]) == [("ar", -180, "1"), ("opening", 180, "")]
    assert opening("payment", [("", -250)]) == [("unapplied_cash", -250, ""), ("opening", 250, "")]
    assert opening("refund", [("", 250)]) == [("unapplied_cash", 250, ""), ("opening", -250, "")]


def test_an_opening_names_its_company_customer_and_document_on_every_row() -> None:
    entry = post_opening("doc", "cn", "acc", "invoice", "CNY", [("1", 100_000)], START)
    assert entry is not None
    assert (entry.company_id, entry.document_id) == ("cn", "doc")
    assert [(row.account_id, row.currency, row.document_id) for row in entry.postings] == [("acc", "CNY", "doc")] * 2


def test_what_was_settled_is_history_without_postings() -> None:
    assert opening("invoice", [("1", 0)]) is None
    assert opening("payment", [("", 0)]) is None


def test_the_day_itself_belongs_to_the_books() -> None:
    assert is_before(START, date(2025, 12, 31))
    assert not is_before(START, START)
    assert not is_before(None, date(1999, 1, 1))
    assert carried_forward_on(START) < START


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.booleans())
def test_a_document_comes_back_as_it_would_have_been_posted(net: int, tax: int, is_split: bool) -> None:
    total = net + tax
    plan = (Installment("a", START, total - 1), Installment("b", START, 1)) if is_split and total > 1 else ()
    doc = DocumentCandidate(
        "x", "invoice", "N", "C", "100", "CNY", total, date(2025, 6, 1), "posted",
        net_minor=net, tax_minor=tax, installments=plan,
    )  # fmt: skip
    entry = post_document("doc", "cn", "acc", doc)
    assert entry is not None
    kept = [(str(code), int(amount), str(line)) for code, amount, line in full_postings(entry)]
    assert restore("doc", "cn", "acc", "invoice", "CNY", doc.issue_on, kept) == entry
    assert sum(amount for code, amount, _ in kept if code == chart.AR) == total
    assert full_postings(None) == []
    assert restore("doc", "cn", "acc", "invoice", "CNY", doc.issue_on, []) is None
