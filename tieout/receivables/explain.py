"""Automatic explanations of reconciliation breaks, tried in order; the first that fits is kept.

Source: receivables reference, section 13. An explanation never removes a break or its difference.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.receivables.breaks import Break, Confidence, Evidence, Explainer, Explanation, Line
from tieout.receivables.pairing import normal_number


def _amounts(found: Break) -> tuple[Line, Line, int] | None:
    if found.kind != "amount" or found.left is None or found.right is None:
        return None
    return found.left, found.right, found.left.amount_minor - found.right.amount_minor


def sign_flip(found: Break, evidence: Evidence) -> Explanation | None:
    """One side has the same amount with the other sign."""
    amounts = _amounts(found)
    if amounts is None or amounts[0].amount_minor != -amounts[1].amount_minor:
        return None
    return Explanation("sign_flip", "high")


def minor_units(found: Break, evidence: Evidence) -> Explanation | None:
    """One side is exactly 100 times the other: minor units read as major ones."""
    amounts = _amounts(found)
    if amounts is None:
        return None
    left, right, _ = amounts
    if left.amount_minor == right.amount_minor * 100 or right.amount_minor == left.amount_minor * 100:
        return Explanation(
            "times_100", "high", {"larger": "left" if abs(left.amount_minor) > abs(right.amount_minor) else "right"}
        )
    return None


def credit_note(found: Break, evidence: Evidence) -> Explanation | None:
    """The side that shows less has a credit note of exactly the difference, or several that sum to it."""
    amounts = _amounts(found)
    if amounts is None:
        return None
    left, right, diff = amounts
    side = "right" if diff > 0 else "left"
    customers = {left.customer_id, right.customer_id}
    notes = [
        note
        for note in evidence.credit_notes
        if note.side == side
        and note.currency == left.currency
        and (not note.customer_id or note.customer_id in customers)
    ]
    fits = [note for note in notes if note.amount_minor == abs(diff)]
    confidence: Confidence = "high" if len(fits) == 1 else "medium"
    if not fits and len(notes) > 1 and sum(note.amount_minor for note in notes) == abs(diff):
        fits = notes
    if not fits:
        return None
    numbers = sorted(note.number for note in fits)
    return Explanation("credit_note_not_synced", confidence, {"side": side, "credit_notes": numbers})


def tax(found: Break, evidence: Evidence) -> Explanation | None:
    """The difference is exactly the tax of one side: gross against net."""
    amounts = _amounts(found)
    if amounts is None:
        return None
    left, right, diff = amounts
    for line, sign, name in ((left, 1, "left"), (right, -1, "right")):
        if line.tax_minor and diff * sign == line.tax_minor:
            return Explanation("gross_against_net", "high", {"gross": name, "tax_minor": line.tax_minor})
    return None


def rounding(found: Break, evidence: Evidence) -> Explanation | None:
    """At most one minor unit for each document line."""
    amounts = _amounts(found)
    if amounts is None:
        return None
    left, right, diff = amounts
    rows = max(left.row_count, right.row_count, 1)
    return Explanation("rounding", "medium", {"rows": rows}) if abs(diff) <= rows else None


def transposition(found: Break, evidence: Evidence) -> Explanation | None:
    """Two neighbouring digits are swapped; the difference is then divisible by 9."""
    amounts = _amounts(found)
    if amounts is None or amounts[2] % 9:
        return None
    left, right, _ = amounts
    one, two = str(abs(left.amount_minor)), str(abs(right.amount_minor))
    if left.amount_minor * right.amount_minor <= 0 or len(one) != len(two):
        return None
    at = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    if len(at) == 2 and at[1] == at[0] + 1 and one[at[0]] == two[at[1]] and one[at[1]] == two[at[0]]:
        return Explanation("digits_transposed", "medium")
    return None


def not_posted(found: Break, evidence: Evidence) -> Explanation | None:
    """The other side has it as a draft or void."""
    line, states = found.left, evidence.unposted_right
    if found.kind in ("missing_in_left", "timing") and found.right is not None:
        line, states = found.right, evidence.unposted_left
    elif found.kind not in ("missing_in_right", "timing", "ours_not_in_accounting"):
        return None
    if line is None:
        return None
    for name in (line.link, normal_number(line.number)):
        if name and name in states:
            return Explanation("not_posted", "high", {"state": states[name]})
    return None


def conflict_pending(found: Break, evidence: Evidence) -> Explanation | None:
    """An open conflict keeps the record unlinked; where both sides are joined it is no cause of what differs."""
    if found.left is not None and found.right is not None:
        return None
    for line in (found.left, found.right):
        if line is not None and line.line_id in evidence.conflicts:
            return Explanation("conflict_pending", "high", {"conflict_id": evidence.conflicts[line.line_id]})
    return None


def push_pending(found: Break, evidence: Evidence) -> Explanation | None:
    """Our value is decided but not written yet."""
    for line in (found.left, found.right):
        if line is not None and line.line_id in evidence.pending_pushes:
            return Explanation("push_pending", "high", {"push_id": evidence.pending_pushes[line.line_id]})
    return None


DEFAULT_EXPLAINERS: Sequence[Explainer] = (
    conflict_pending,
    push_pending,
    not_posted,
    sign_flip,
    minor_units,
    credit_note,
    tax,
    transposition,
    rounding,
)


def explain(found: Break, evidence: Evidence, explainers: Sequence[Explainer]) -> Explanation | None:
    """The first explanation that fits, or None."""
    for explainer in explainers:
        answer = explainer(found, evidence)
        if answer is not None:
            return answer
    return None
