"""Cash application: automatic only when exactly one explanation exists."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.ledger.cash_application import Candidate, Receipt, propose

DAY = date(2026, 1, 10)


def candidates(*amounts: int) -> list[Candidate]:
    return [
        Candidate(f"i{n}:1", f"i{n}", f"INV-2026-{n:03}", "CNY", DAY + timedelta(days=30 * n), amount)
        for n, amount in enumerate(amounts)
    ]


def receipt(amount: int, *texts: str) -> Receipt:
    return Receipt("pay", "CNY", amount, texts)


def test_named_invoice_of_equal_amount_is_applied() -> None:
    (only,) = propose(receipt(500, "货款 inv 2026/001 谢谢"), candidates(500, 500, 900))
    assert (only.step, only.is_automatic, only.parts) == ("exact_reference", True, (("i1:1", 500),))
    (both,) = propose(receipt(1400, "INV-2026-001、ＩＮＶ－2026－002"), candidates(500, 500, 900))
    assert (both.is_automatic, both.parts) == (True, (("i1:1", 500), ("i2:1", 900)))


def test_number_inside_a_longer_number_is_no_reference() -> None:
    out = propose(receipt(500, "INV-2026-0011"), candidates(500, 500))
    assert [one.is_automatic for one in out] == [False, False]
    assert {one.evidence["solutions"] for one in out} == {"at least 2"}


def test_unique_equal_amount_is_applied_and_a_twin_is_not() -> None:
    (only,) = propose(receipt(900), candidates(800, 500, 900))
    assert (only.step, only.is_automatic, only.parts) == ("equal_amount", True, (("i2:1", 900),))
    twins = propose(receipt(500), candidates(500, 500, 900))
    assert [one.is_automatic for one in twins] == [False, False]


def test_equal_amount_that_a_pair_explains_too_is_not_applied() -> None:
    out = propose(receipt(1300), candidates(800, 500, 1300))
    assert [(one.step, one.is_automatic) for one in out] == [("equal_amount", False), ("subset_sum", False)]


def test_two_sets_with_the_same_sum_are_both_suggested() -> None:
    out = propose(receipt(2450), candidates(1000, 950, 500, 450, 1450))
    assert [sorted(amount for _, amount in one.parts) for one in out] == [[1000, 1450], [500, 950, 1000]]
    assert not any(one.is_automatic for one in out)


def test_single_set_is_applied() -> None:
    (only,) = propose(receipt(1700), candidates(800, 500, 900))
    assert (only.step, only.is_automatic) == ("subset_sum", True)
    assert only.parts == (("i0:1", 800), ("i2:1", 900))


def test_payment_without_reference_is_only_suggested_in_due_order() -> None:
    (fifo,) = propose(receipt(1500), candidates(800, 500, 900))
    assert (fifo.step, fifo.is_automatic, fifo.unapplied_minor) == ("fifo", False, 0)
    assert fifo.parts == (("i0:1", 800), ("i1:1", 500), ("i2:1", 200))


def test_named_invoice_in_part_leaves_the_rest_unapplied_or_spills_over() -> None:
    (rest,) = propose(receipt(1500, "INV-2026-002"), candidates(800, 500, 900))
    assert (rest.step, rest.is_automatic) == ("part_reference", False)
    assert (rest.parts, rest.unapplied_minor) == ((("i2:1", 900),), 600)
    (spilled,) = propose(receipt(1500, "INV-2026-002"), candidates(800, 500, 900), spill_over=True)
    assert (spilled.parts, spilled.unapplied_minor) == ((("i2:1", 900), ("i0:1", 600)), 0)


def test_credit_note_is_netted_only_when_the_text_names_a_document() -> None:
    rows = candidates(1200, -200)
    (plain,) = propose(receipt(1000), rows)
    assert plain.evidence == {"solutions": "1"}
    assert (plain.is_automatic, plain.parts) == (False, (("i0:1", 1200), ("i1:1", -200)))
    (named,) = propose(receipt(1000, "inv2026001"), rows)
    assert named.is_automatic
    assert named.parts == plain.parts


def test_many_items_are_searched_for_single_amounts_and_pairs_only() -> None:
    rows = candidates(*[10_000 + 7 * n * n for n in range(40)])
    (single,) = propose(receipt(10_000 + 7 * 39 * 39), rows)
    assert (single.step, single.is_automatic) == ("equal_amount", True)
    (pair,) = propose(receipt(20_000 + 7 * (39 * 39 + 38 * 38)), rows)
    assert (pair.step, pair.is_automatic) == ("subset_sum", False)


def test_other_currency_and_spent_receipt_are_left_alone() -> None:
    assert propose(Receipt("pay", "USD", 500, ("INV-2026-000",)), candidates(500)) == ()
    assert propose(receipt(0), candidates(500)) == ()


@given(
    amounts=st.lists(st.integers(-300, 900).filter(bool), max_size=9), money=st.integers(1, 2000), spill=st.booleans()
)
@settings(max_examples=200)
def test_parts_never_exceed_receipt_or_item_and_automatic_stands_alone(
    amounts: list[int], money: int, spill: bool
) -> None:
    rows = candidates(*amounts)
    open_of = {row.item_id: row.open_minor for row in rows}
    out = propose(receipt(money, "INV-2026-000"), rows, spill_over=spill)
    assert len(out) == 1 or not any(one.is_automatic for one in out)
    for one in out:
        assert sum(part for _, part in one.parts) + one.unapplied_minor == money
        assert one.unapplied_minor >= 0
        for item_id, part in one.parts:
            assert part == open_of[item_id] or 0 < part < open_of[item_id]
