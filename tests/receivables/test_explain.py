"""Explanations of breaks: what each one takes for a cause, with its words, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tieout.receivables import explain as rules
from tieout.receivables.breaks import Break, BreakKind, CreditNoteFact, Evidence, Explanation, Line

ON = date(2026, 4, 10)
NONE = Evidence()
MINE = Line("l1", "INV-1", "cus", "CNY", 11300, ON, link="doc1")
THEIRS = replace(MINE, line_id="r1", number="inv 1")


def differs(left: int, right: int, **more: object) -> Break:
    one, two = replace(MINE, amount_minor=left), replace(THEIRS, amount_minor=right)
    return Break("amount", replace(one, **more), two, {"CNY": left - right})  # type: ignore[arg-type]  # free keywords


def missing(kind: BreakKind) -> Break:
    left = kind != "missing_in_left"
    return Break(kind, MINE if left else None, None if left else THEIRS, {"CNY": 11300 if left else -11300})


AMOUNT_RULES = (rules.sign_flip, rules.minor_units, rules.credit_note, rules.tax, rules.rounding, rules.transposition)


@pytest.mark.parametrize("rule", AMOUNT_RULES)
def test_rules_about_amounts_are_for_two_lines_of_different_amounts(rule: rules.Explainer) -> None:
    notes = Evidence((CreditNoteFact("CN1", "cus", "CNY", 11300, "right"),))
    for found in (missing("missing_in_right"), missing("missing_in_left")):
        assert rule(found, notes) is None
        assert rule(replace(found, kind="amount"), notes) is None
    for pair in ((5, -5), (500, 5), (5, 4), (12, 21), (11300, 0)):
        assert rule(replace(differs(*pair, tax_minor=11300), kind="status"), notes) is None


def test_the_same_amount_with_the_other_sign() -> None:
    assert rules.sign_flip(differs(500, -500), NONE) == Explanation("sign_flip", "high")
    assert rules.sign_flip(differs(500, -501), NONE) is None


@pytest.mark.parametrize(
    ("left", "right", "larger"),
    [(500, 5, "left"), (5, 500, "right"), (-500, -5, "left"), (-5, -500, "right"), (500, 6, ""), (501, 5, "")],
)
def test_a_hundred_times_as_much(left: int, right: int, larger: str) -> None:
    made = rules.minor_units(differs(left, right), NONE)
    assert made == (Explanation("times_100", "high", {"larger": larger}) if larger else None)


def test_a_credit_note_of_exactly_the_difference_on_the_side_that_shows_less() -> None:
    note = CreditNoteFact("CN1", "cus", "CNY", 300, "right")

    def why(found: Break, *notes: CreditNoteFact) -> Explanation | None:
        return rules.credit_note(found, Evidence(notes))

    high = Explanation("credit_note_not_synced", "high", {"side": "right", "credit_notes": ["CN1"]})
    assert why(differs(1000, 700), note) == high
    assert why(differs(1000, 700), replace(note, customer_id="")) == high  # whose it is is not known
    assert why(differs(700, 1000), replace(note, side="left")) == replace(
        high, params={"side": "left", "credit_notes": ["CN1"]}
    )
    for other in (
        replace(note, side="left"),
        replace(note, currency="USD"),
        replace(note, customer_id="other"),
        replace(note, amount_minor=299),
    ):
        assert why(differs(1000, 700), other) is None
        assert why(differs(1000, 700), other, note) == high
    assert why(differs(1000, 700)) is None


def test_several_credit_notes_are_less_sure() -> None:
    def why(*amounts: int) -> Explanation | None:
        notes = [CreditNoteFact(f"CN{n}", "cus", "CNY", amount, "right") for n, amount in enumerate(amounts)]
        return rules.credit_note(differs(1000, 700), Evidence(notes[::-1]))

    def medium(*numbers: str) -> Explanation:
        return Explanation("credit_note_not_synced", "medium", {"side": "right", "credit_notes": list(numbers)})

    assert why(300, 300) == medium("CN0", "CN1")
    assert why(100, 200) == medium("CN0", "CN1")
    assert why(100, 150, 50) == medium("CN0", "CN1", "CN2")
    assert why(100, 201) is None
    high = why(300, 1)
    assert high is not None
    assert (high.confidence, high.params["credit_notes"]) == ("high", ["CN0"])


def test_gross_against_net_is_the_tax_of_the_side_that_shows_more() -> None:
    left = Explanation("gross_against_net", "high", {"gross": "left", "tax_minor": 1300})
    assert rules.tax(differs(11300, 10000, tax_minor=1300), NONE) == left
    assert rules.tax(differs(10000, 11300, tax_minor=1300), NONE) is None
    assert rules.tax(differs(11300, 10000, tax_minor=1299), NONE) is None
    assert rules.tax(differs(11300, 11300, tax_minor=0), NONE) is None
    found = differs(10000, 11300)
    assert found.right is not None
    other = replace(found, right=replace(found.right, tax_minor=1300))
    assert rules.tax(other, NONE) == replace(left, params={"gross": "right", "tax_minor": 1300})


def test_rounding_is_one_minor_unit_a_document_line_at_most() -> None:
    assert rules.rounding(differs(101, 100), NONE) == Explanation("rounding", "medium", {"rows": 1})
    assert rules.rounding(differs(100, 102), NONE) is None
    assert rules.rounding(differs(100, 103, row_count=3), NONE) == Explanation("rounding", "medium", {"rows": 3})
    assert rules.rounding(differs(104, 100, row_count=3), NONE) is None
    assert rules.rounding(differs(101, 100, row_count=0), NONE) == Explanation("rounding", "medium", {"rows": 1})
    found = differs(100, 104)
    assert found.right is not None
    assert rules.rounding(replace(found, right=replace(found.right, row_count=4)), NONE) is not None


@pytest.mark.parametrize(
    ("left", "right", "is_swapped"),
    [
        (1234, 1324, True),
        (-1234, -1324, True),
        (1234, 2134, True),
        (1234, 1243, True),
        (1234, -1324, False),
        (1234, 1432, False),  # not neighbours
        (1234, 1333, False),  # two digits, divisible by nine, and no swap
        (1212, 2121, False),  # swapped twice
        (1234, 1225, False),
        (91, 100, False),  # divisible by nine, another length
        (90, 9, False),
        (0, 90, False),
        (12, 30, False),
    ],
)
def test_two_neighbouring_digits_that_are_swapped(left: int, right: int, is_swapped: bool) -> None:
    made = rules.transposition(differs(left, right), NONE)
    assert made == (Explanation("digits_transposed", "medium") if is_swapped else None)


@pytest.mark.parametrize("kind", ["missing_in_right", "timing", "ours_not_in_accounting"])
def test_the_other_side_has_it_as_a_draft(kind: BreakKind) -> None:
    found = missing(kind)
    why = Explanation("not_posted", "high", {"state": "draft"})
    assert rules.not_posted(found, Evidence(unposted_right={"doc1": "draft"})) == why
    assert rules.not_posted(found, Evidence(unposted_right={"INV1": "draft"})) == why
    assert rules.not_posted(found, Evidence(unposted_left={"doc1": "draft"})) is None
    assert rules.not_posted(found, Evidence(unposted_right={"INV2": "draft", "": "void"})) is None


@pytest.mark.parametrize("kind", ["missing_in_left", "timing"])
def test_this_side_has_it_as_void(kind: BreakKind) -> None:
    found = Break(kind, None, THEIRS, {"CNY": -11300})
    why = Explanation("not_posted", "high", {"state": "void"})
    assert rules.not_posted(found, Evidence(unposted_left={"doc1": "void"})) == why
    assert rules.not_posted(found, Evidence(unposted_right={"doc1": "void"})) is None
    unlinked = replace(found, right=replace(THEIRS, link=""))
    assert rules.not_posted(unlinked, Evidence(unposted_left={"INV1": "void"})) == why
    assert rules.not_posted(replace(found, kind="amount"), Evidence(unposted_left={"doc1": "void"})) is None
    assert rules.not_posted(Break(kind, None, None, {}), Evidence(unposted_left={"": "void"})) is None


def test_an_open_conflict_is_the_cause_of_a_line_that_stands_alone() -> None:
    known = Evidence(conflicts={"l1": "c1", "r1": "c2"})
    assert rules.conflict_pending(missing("missing_in_right"), known) == Explanation(
        "conflict_pending", "high", {"conflict_id": "c1"}
    )
    assert rules.conflict_pending(missing("missing_in_left"), known) == Explanation(
        "conflict_pending", "high", {"conflict_id": "c2"}
    )
    assert rules.conflict_pending(missing("missing_in_left"), Evidence(conflicts={"l1": "c1"})) is None
    assert rules.conflict_pending(differs(5, 4), known) is None


def test_a_waiting_write_is_named() -> None:
    for line, push in (("l1", "p1"), ("r1", "p2")):
        made = rules.push_pending(differs(5, 4), Evidence(pending_pushes={line: push}))
        assert made == Explanation("push_pending", "high", {"push_id": push})
    assert rules.push_pending(missing("missing_in_left"), Evidence(pending_pushes={"l1": "p1"})) is None


def test_the_first_that_fits_is_kept() -> None:
    found = differs(1234, 1225)
    known = Evidence((CreditNoteFact("CN1", "cus", "CNY", 9, "right"),), pending_pushes={"l1": "p1"})
    chosen = []
    for evidence in (known, replace(known, pending_pushes={})):
        made = rules.explain(found, evidence, rules.DEFAULT_EXPLAINERS)
        chosen.append(made.code if made is not None else "")
    assert chosen == ["push_pending", "credit_note_not_synced"]
    assert rules.explain(found, known, ()) is None
    assert rules.explain(differs(99, 77), NONE, rules.DEFAULT_EXPLAINERS) is None
