"""Proposals of cash application in whole: the step, the parts, what is left, whether by machine, and the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ledger.test_cash_application import candidates, receipt
from tieout.ledger.cash_application import MAX_ITEMS, Candidate, Proposal, Receipt, propose


def powers(count: int) -> list[Candidate]:
    """Items of which every set has a sum of its own."""
    return candidates(*[2**n for n in range(count)])


def test_named_documents_that_sum_to_the_receipt_are_paid_and_named_in_the_evidence() -> None:
    rows = candidates(500, 300, 900)
    both = Receipt("pay", "CNY", 800, ("for INV-2026-000", "inv 2026.001 thanks"))
    parts = (("i0:1", 500), ("i1:1", 300))
    assert propose(both, rows) == (
        Proposal("exact_reference", parts, 0, True, {"named": "INV-2026-000, INV-2026-001"}),
    )
    instalments = [replace(rows[0], open_minor=300), replace(rows[1], document_id="i0", number=rows[0].number)]
    (one,) = propose(receipt(600, "INV-2026-000"), instalments)
    assert one.evidence == {"named": "INV-2026-000"}, "a document of two instalments is named once"


def test_one_item_or_one_set_of_exactly_the_amount_is_paid() -> None:
    rows = candidates(500, 300, 900)
    assert propose(receipt(900), rows) == (Proposal("equal_amount", (("i2:1", 900),), 0, True, {"solutions": "1"}),)
    pair = (("i0:1", 500), ("i1:1", 300))
    assert propose(receipt(800), rows) == (Proposal("subset_sum", pair, 0, True, {"solutions": "1"}),)
    assert propose(receipt(1), candidates(1)) == (
        Proposal("equal_amount", (("i0:1", 1),), 0, True, {"solutions": "1"}),
    )


def test_two_explanations_are_shown_both_and_a_third_is_not() -> None:
    twins = propose(receipt(500), candidates(500, 500, 500))
    assert twins == tuple(
        Proposal("equal_amount", ((f"i{n}:1", 500),), 0, False, {"solutions": "at least 2"}) for n in (0, 1)
    )
    single, pair = propose(receipt(800), candidates(500, 300, 800))
    assert (single.step, single.parts, single.evidence) == (
        "equal_amount",
        (("i2:1", 800),),
        {"solutions": "at least 2"},
    )
    assert (pair.step, pair.evidence["solutions"]) == ("subset_sum", "at least 2")


def test_the_only_explanation_is_not_applied_where_the_text_names_another_document() -> None:
    sums, part = propose(receipt(900, "INV-2026-000"), candidates(500, 300, 900))
    assert sums == Proposal("equal_amount", (("i2:1", 900),), 0, False, {"solutions": "1"})
    assert part == Proposal("part_reference", (("i0:1", 500),), 400, False, {"named": "INV-2026-000"})
    (touched,) = propose(receipt(800, "INV-2026-000"), candidates(500, 300, 900))
    assert (touched.step, touched.is_automatic) == ("subset_sum", True), "the set holds what is named"


def test_what_is_named_is_paid_in_part_and_the_oldest_follow_only_when_that_is_wanted() -> None:
    rows = candidates(10, 20, 400)
    (plain,) = propose(receipt(401, "INV-2026-002"), rows)
    assert plain == Proposal("part_reference", (("i2:1", 400),), 1, False, {"named": "INV-2026-002"})
    (spilled,) = propose(receipt(401, "INV-2026-002"), rows, spill_over=True)
    assert spilled == Proposal("part_reference", (("i2:1", 400), ("i0:1", 1)), 0, False, {"named": "INV-2026-002"})


def test_money_that_explains_nothing_goes_to_the_oldest_first() -> None:
    rows = candidates(10, 20, 400)[::-1]
    assert propose(receipt(11), rows) == (
        Proposal("fifo", (("i0:1", 10), ("i1:1", 1)), 0, False, {"order": "due date"}),
    )
    assert propose(receipt(1000), rows) == (
        Proposal("fifo", (("i0:1", 10), ("i1:1", 20), ("i2:1", 400)), 570, False, {"order": "due date"}),
    )
    assert propose(receipt(1000), candidates(-5, -7)) == (), "nothing is owed"


def test_a_spent_receipt_pays_nothing_even_where_items_cancel_out() -> None:
    for amount in (0, -1):
        assert propose(receipt(amount), candidates(500, -500, -1)) == ()


def test_only_items_of_the_receipts_currency_with_something_open_count() -> None:
    rows = candidates(500, 0, 500)
    rows[0] = replace(rows[0], currency="USD")
    (only,) = propose(receipt(500), rows)
    assert (only.parts, only.is_automatic) == ((("i2:1", 500),), True)


@pytest.mark.parametrize(
    ("number", "text", "named"),
    [
        ("A123", "pays A123", True),
        ("A12", "pays A12", False),
        ("INV-2026-1", "INV20261", True),
        ("INV-2026-1", "inv_2026/1.", True),
        ("INV-2026-1", "INV-2026-12", False),
        ("INV-2026-1", "XINV-2026-1", False),
        ("INV-2026-1", "发票INV-2026-1款", True),
        ("inv-2026-1", "INV 2026 1", True),
        ("INV-2026-1", "INV-2026,1", False),
    ],
)
def test_a_number_is_named_whole_whatever_stands_between_its_parts(number: str, text: str, named: bool) -> None:
    rows = [replace(candidates(500)[0], number=number)]
    (made,) = propose(receipt(100, text), rows)
    assert made.step == ("part_reference" if named else "fifo")


def test_numbers_at_the_ends_of_two_texts_are_both_named() -> None:
    (made,) = propose(receipt(100, "pays INV-2026-000", "INV-2026-001 too"), candidates(500, 300))
    assert made.evidence == {"named": "INV-2026-000, INV-2026-001"}


def test_up_to_four_of_eighteen_items_are_searched() -> None:
    rows = powers(MAX_ITEMS)
    (four,) = propose(receipt(1 + 2 + 4 + 2**17), rows)
    assert (four.step, four.is_automatic, len(four.parts)) == ("subset_sum", True, 4)
    (five,) = propose(receipt(1 + 2 + 4 + 8 + 2**17), rows)
    assert five.step == "fifo"
    (two,) = propose(receipt(1 + 2**17), rows)
    assert two.is_automatic


def test_of_more_items_singles_are_paid_and_pairs_only_suggested() -> None:
    rows = powers(MAX_ITEMS + 1)
    (single,) = propose(receipt(2**18), rows)
    assert (single.step, single.is_automatic) == ("equal_amount", True)
    (pair,) = propose(receipt(1 + 2**18), rows)
    assert pair == Proposal("subset_sum", (("i0:1", 1), ("i18:1", 2**18)), 0, False, {"solutions": "1"})
    (three,) = propose(receipt(1 + 2 + 2**18), rows)
    assert three.step == "fifo"
