"""Reconciliation: every record ends in a pair or a break, and the breaks prove the whole difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.breaks import Break, CreditNoteFact, Evidence, Line
from tieout.receivables.pairing import MAX_OPTIONS, normal_number, pair_lines
from tieout.receivables.reconcile import ReconcileResult, reconcile

DAY = date(2026, 3, 1)
READ = datetime(2026, 4, 1, tzinfo=UTC)


def line(name: str, amount: int, **more: object) -> Line:
    return replace(Line(name, name.lstrip("LR"), "cus", "CNY", amount, DAY), **more)  # type: ignore[arg-type]  # any fields


def shape(result: ReconcileResult) -> list[tuple[str, dict[str, int], str]]:
    return [(b.kind, dict(b.differences), b.explanation.code if b.explanation else "") for b in result.breaks]


def only(result: ReconcileResult) -> Break:
    assert result.is_valid
    (one,) = result.breaks
    return one


def test_worked_example_proves_the_whole_difference() -> None:
    left = [line("Li1", 100000), line("Li2", 50000), line("Li3", 20000), line("Li4", 30000)]
    right = [line("Ri1", 100000), line("Ri2", 48000), line("Ri4", 30000), line("Ri5", 7500)]
    evidence = Evidence(credit_notes=[CreditNoteFact("CN-9", "cus", "CNY", 2000, "right")])
    result = reconcile(left, right, evidence=evidence)
    assert shape(result) == [
        ("amount", {"CNY": 2000}, "credit_note_not_synced"),
        ("missing_in_left", {"CNY": -7500}, ""),
        ("missing_in_right", {"CNY": 20000}, ""),
    ]
    credit = result.breaks[0].explanation
    assert credit is not None
    assert (credit.confidence, credit.params) == ("high", {"side": "right", "credit_notes": ["CN-9"]})
    (proof,) = result.proofs
    assert (proof.left_minor, proof.right_minor, proof.difference_minor, proof.breaks_minor) == (
        200000,
        185500,
        14500,
        14500,
    )
    assert result.is_valid
    assert not result.ties_out


def test_equal_sides_tie_out_and_nothing_ties_out_with_nothing() -> None:
    result = reconcile([line("Li1", 5)], [line("Ri1", 5)])
    assert result.ties_out
    assert [pair.by for pair in result.pairs] == ["number"]
    assert reconcile([], []).ties_out


def test_totals_that_the_lines_do_not_reach_make_the_run_invalid() -> None:
    result = reconcile([line("Li1", 500)], [line("Ri1", 500)], right_totals={"CNY": 730, "USD": 9})
    assert not result.is_valid
    assert not result.ties_out
    assert result.invalid_reason == (
        "CNY: breaks sum to 0 minor units, the difference is -230; "
        "USD: breaks sum to 0 minor units, the difference is -9"
    )
    assert reconcile([line("Li1", 500)], [line("Ri1", 500)], right_totals={"CNY": 500}).ties_out


def test_keys_are_tried_in_order() -> None:
    left = [
        line("L1", 100, link="inv_1", number="A-1"),
        line("L2", 100, number="ＩＮＶ－００２"),
        line("L3", 300, number="", on=DAY),
    ]
    right = [
        line("R1", 100, link="inv_1", number="B-7"),
        line("R2", 100, number="inv 002"),
        line("R3", 300, number="other", on=DAY + timedelta(days=5)),
    ]
    result = reconcile(left, right)
    assert [(pair.left.line_id, pair.right.line_id, pair.by) for pair in result.pairs] == [
        ("L1", "R1", "external_id"),
        ("L2", "R2", "number"),
        ("L3", "R3", "customer_amount_date"),
    ]
    assert result.ties_out
    assert normal_number("ＩＮＶ－００２") == normal_number("inv 002") == "INV002"


def test_amount_match_needs_customer_and_window() -> None:
    far = reconcile([line("La", 300)], [line("Rb", 300, on=DAY + timedelta(days=6))])
    assert [one.kind for one in far.breaks] == ["missing_in_left", "missing_in_right"]
    nobody = reconcile([line("La", 300, customer_id="")], [line("Rb", 300, customer_id="")])
    assert len(nobody.breaks) == 2


def test_known_different_documents_are_not_paired_by_number() -> None:
    result = reconcile([line("L1", 100, link="inv_1", number="X")], [line("R1", 100, link="inv_2", number="X")])
    assert result.pairs == ()
    assert len(result.breaks) == 2


def amount_break(left: int, right: int, **more: object) -> str:
    evidence = more.pop("evidence", Evidence())
    one = only(
        reconcile([line("Li1", left, **more)], [line("Ri1", right)], evidence=evidence)  # type: ignore[arg-type]
    )
    assert one.kind == "amount"
    return one.explanation.code if one.explanation else ""


def test_amount_explanations() -> None:
    assert amount_break(113000, 100000, tax_minor=13000) == "gross_against_net"
    assert amount_break(100000, 113000, tax_minor=13000) == ""
    gross = only(reconcile([line("Li1", 100000)], [line("Ri1", 113000, tax_minor=13000)]))
    assert gross.explanation is not None
    assert gross.explanation.params == {"gross": "right", "tax_minor": 13000}
    assert amount_break(123400, 1234) == "times_100"
    assert amount_break(1234, 123400) == "times_100"
    assert amount_break(5000, -5000) == "sign_flip"
    assert amount_break(154300, 145300) == "digits_transposed"
    assert amount_break(154300, -145300) == ""
    assert amount_break(154309, 145300) == ""  # divisible by 9, but no swap
    assert amount_break(10001, 10000) == "rounding"
    assert amount_break(10003, 10000) == ""
    assert amount_break(10003, 10000, row_count=3) == "rounding"
    assert amount_break(70000, 10000) == ""


def test_credit_notes_explain_only_on_the_side_that_shows_less() -> None:
    def notes(side: str, *amounts: int, customer: str = "cus") -> Evidence:
        facts = [CreditNoteFact(f"C{n}", customer, "CNY", amount, side) for n, amount in enumerate(amounts)]  # type: ignore[arg-type]
        return Evidence(credit_notes=facts)

    assert amount_break(50000, 48000, evidence=notes("right", 2000)) == "credit_note_not_synced"
    assert amount_break(48000, 50000, evidence=notes("left", 2000)) == "credit_note_not_synced"
    assert amount_break(50000, 48000, evidence=notes("left", 2000)) == ""
    assert amount_break(50000, 48000, evidence=notes("right", 1500, 500)) == "credit_note_not_synced"
    assert amount_break(50000, 48000, evidence=notes("right", 1500, 600)) == ""
    assert amount_break(50000, 48000, evidence=notes("right", 2000, customer="other")) == ""


def test_currency_break_counts_in_both_currencies() -> None:
    result = reconcile([line("Li1", 7100)], [line("Ri1", 1000, currency="USD")])
    assert shape(result) == [("currency", {"CNY": 7100, "USD": -1000}, "")]
    assert result.is_valid


def test_customer_and_status_breaks_carry_no_money() -> None:
    left = line("Li1", 100, customer_id="a", status="paid")
    result = reconcile([left], [line("Ri1", 100, customer_id="b", status="open")])
    assert [(one.kind, dict(one.differences)) for one in result.breaks] == [("customer", {}), ("status", {})]
    assert result.is_valid
    unknown = only(reconcile([replace(left, customer_id="cus")], [line("Ri1", 100, status="Chargeback")]))
    assert unknown.explanation is not None
    assert (unknown.kind, unknown.explanation.code) == ("status", "unknown_status")
    assert reconcile([left], [line("Ri1", 100, customer_id="a")]).ties_out  # a side that states none is not compared


def test_pair_with_two_breaks_counts_its_difference_once() -> None:
    result = reconcile([line("Li1", 100, status="paid")], [line("Ri1", 60, status="open")])
    assert [one.kind for one in result.breaks] == ["amount", "status"]
    assert result.is_valid


def test_second_copy_is_a_duplicate() -> None:
    right = [line("R1", 500, number="i1"), line("R2", 500, number="i1")]
    one = only(reconcile([line("Li1", 500)], right))
    assert (one.kind, one.differences, one.right, one.other) == ("duplicate", {"CNY": -500}, right[1], right[0])
    linked = [line("R1", 500, link="inv_1", number=""), line("R2", 450, link="inv_1", number="")]
    assert only(reconcile([line("L1", 500, link="inv_1")], linked)).kind == "duplicate"
    alone = reconcile([], right)
    assert [found.kind for found in alone.breaks] == ["duplicate", "missing_in_left"]
    assert alone.is_valid


def test_same_line_object_twice_is_not_lost() -> None:
    twin = line("Li1", 500)
    one = only(reconcile([twin, twin], [line("Ri1", 500)]))
    assert (one.kind, one.differences) == ("duplicate", {"CNY": 500})


def test_change_after_the_other_side_was_read_is_timing() -> None:
    evidence = Evidence(left_read_at=READ, right_read_at=READ)
    late = line("Li1", 500, changed_at=READ + timedelta(seconds=1))
    one = only(reconcile([late], [], evidence=evidence))
    assert one.explanation is not None
    assert (one.kind, one.explanation.code, one.differences) == ("timing", "changed_after_read", {"CNY": 500})
    assert only(reconcile([replace(late, changed_at=READ)], [], evidence=evidence)).kind == "missing_in_right"
    assert one.explanation.params == {"changed_at": late.changed_at, "read_at": READ}
    assert only(reconcile([], [replace(late, line_id="R1")], evidence=evidence)).kind == "timing"


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_counts_is_when_the_side_was_read_that_lacks_it(side: str) -> None:
    late = line("i1", 500, changed_at=READ + timedelta(seconds=1))
    sides = ([late], []) if side == "left" else ([], [late])
    for read, kind in (
        (READ, "timing"),
        (READ + timedelta(seconds=2), f"missing_in_{'right' if side == 'left' else 'left'}"),
    ):
        late_read = READ + timedelta(days=1)  # of the side that has it: tells nothing
        evidence = Evidence(left_read_at=late_read, right_read_at=read)
        if side == "right":
            evidence = Evidence(left_read_at=read, right_read_at=late_read)
        assert only(reconcile(*sides, evidence=evidence)).kind == kind


def test_a_break_of_a_pair_shows_both_sides() -> None:
    ours, theirs = line("Li1", 100, customer_id="a", status="paid"), line("Ri1", 90, customer_id="b", status="Odd")
    abroad = replace(theirs, currency="USD", customer_id="a", status="paid")
    found = [*reconcile([ours], [theirs]).breaks, *reconcile([ours], [abroad]).breaks]
    assert [(one.kind, one.left) for one in found] == [
        (kind, ours) for kind in ("amount", "customer", "status", "currency")
    ]
    assert [one.right for one in found] == [theirs, theirs, theirs, abroad]


def test_our_own_posting_is_not_called_missing() -> None:
    one = only(reconcile([line("Lp1", -500, is_own=True)], []))
    assert (one.kind, one.differences) == ("ours_not_in_accounting", {"CNY": -500})


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (Evidence(conflicts={"Li1": "cfl_1"}), "conflict_pending"),
        (Evidence(pending_pushes={"Li1": "psh_1"}), "push_pending"),
        (Evidence(unposted_right={"I1": "draft"}), "not_posted"),
        (Evidence(unposted_left={"I1": "draft"}), ""),
    ],
)
def test_missing_is_explained_by_what_is_pending(evidence: Evidence, code: str) -> None:
    one = only(reconcile([line("Li1", 500)], [], evidence=evidence))
    assert (one.explanation.code if one.explanation else "") == code


def test_draft_on_our_side_explains_what_only_they_have() -> None:
    one = only(reconcile([], [line("Ri1", 500)], evidence=Evidence(unposted_left={"I1": "void"})))
    assert one.explanation is not None
    assert (one.kind, one.explanation.params) == ("missing_in_left", {"state": "void"})
    assert only(reconcile([], [line("Ri1", 500)], evidence=Evidence(unposted_right={"I1": "void"}))).explanation is None


def test_number_shared_by_thousands_pairs_by_customer_and_money() -> None:
    left = [line(f"L{n}", 100 + n % 7, number="N/A", customer_id=f"c{n % 50}") for n in range(700)]
    right = [line(f"R{n}", 100 + n % 7, number="N/A", customer_id=f"c{n % 50}") for n in reversed(range(700))]
    result = reconcile(left, right[1:])
    one = only(result)
    assert one.kind == "duplicate"
    assert sum(one.differences.values()) == result.proofs[0].difference_minor


lines_strategy = st.lists(
    st.builds(
        Line,
        line_id=st.integers(0, 9999).map(str),
        number=st.sampled_from(["", "a1", "A-1", "a2", "a3"]),
        customer_id=st.sampled_from(["", "x", "y"]),
        currency=st.sampled_from(["CNY", "USD"]),
        amount_minor=st.integers(-300, 300),
        on=st.integers(0, 12).map(lambda n: DAY + timedelta(days=n)),
        link=st.sampled_from(["", "", "k1", "k2"]),
        status=st.sampled_from(["", "open", "paid", "??"]),
        is_own=st.booleans(),
    ),
    max_size=9,
    unique_by=lambda one: one.line_id,
)


@given(left=lines_strategy, right=lines_strategy, data=st.data())
@settings(max_examples=300)
def test_breaks_always_add_up_and_every_line_ends_once(
    left: list[Line], right: list[Line], data: st.DataObject
) -> None:
    result = reconcile(left, right)
    assert result.is_valid
    for proof in result.proofs:
        total = sum(x.amount_minor for x in left if x.currency == proof.currency)
        total -= sum(x.amount_minor for x in right if x.currency == proof.currency)
        found = sum(one.differences.get(proof.currency, 0) for one in result.breaks)
        assert total == found == proof.difference_minor
    paired = {(pair.left, pair.right) for pair in result.pairs}
    ends = Counter(pair.left.line_id for pair in result.pairs)
    ends.update(one.left.line_id for one in result.breaks if one.left is not None and one.right is None)
    assert ends == Counter(one.line_id for one in left)
    for one in result.breaks:
        if one.left is not None and one.right is not None:
            assert (one.left, one.right) in paired
    shuffled = reconcile(data.draw(st.permutations(left)), data.draw(st.permutations(right)))
    assert set(shuffled.pairs) == set(result.pairs)
    assert [one.key for one in shuffled.breaks] == [one.key for one in result.breaks]


@given(left=lines_strategy)
def test_a_side_against_itself_ties_out(left: list[Line]) -> None:
    known = [replace(one, status="open", link=f"k{n}") for n, one in enumerate(left)]
    assert reconcile(known, known).ties_out


def test_a_number_that_thousands_share_pairs_equal_money_in_the_order_of_its_dates() -> None:
    count = int(MAX_OPTIONS**0.5) + 1

    def lines(side: str, order: list[int]) -> list[Line]:
        return [
            Line(f"{side}{n:05}", "N/A", "c", "CNY", 100, date(2020, 1, 1) + timedelta(days=day))
            for n, day in enumerate(order)
        ]

    mixed = [(day * 7919) % count for day in range(count)]
    assert sorted(mixed) == list(range(count))
    pairs, left, right = pair_lines(lines("l", mixed), lines("r", [*mixed[::-1], count]), 0)
    assert (len(pairs), left, [line.on for line in right]) == (count, [], [date(2020, 1, 1) + timedelta(days=count)])
    assert all(pair.left.on == pair.right.on for pair in pairs)
    late = lines("r", [day + 1 for day in mixed])
    pairs, _, _ = pair_lines(lines("l", mixed), late, 0)
    assert all((pair.right.on - pair.left.on).days == 1 for pair in pairs)
