"""Reconciliation of two lists of money: every record is paired or a break, and the breaks add up or the run is invalid.

Source: receivables reference, section 13; design, promise 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tieout.receivables.breaks import Break, Evidence, Explainer, Explanation, Line, Pair
from tieout.receivables.explain import DEFAULT_EXPLAINERS, explain
from tieout.receivables.pairing import normal_number, pair_lines

RECONCILE_VERSION = "reconcile-1"

KNOWN_STATUSES = frozenset({"open", "partially_paid", "overdue", "paid", "void"})


@dataclass(frozen=True, slots=True)
class CurrencyProof:
    """One currency: both totals, their difference, and what the breaks add up to, in minor units."""

    currency: str
    left_minor: int
    right_minor: int
    breaks_minor: int

    @property
    def difference_minor(self) -> int:
        return self.left_minor - self.right_minor

    @property
    def is_valid(self) -> bool:
        return self.difference_minor == self.breaks_minor


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """Pairs, breaks and the proof per currency; `is_valid` False means the run proves nothing, `invalid_reason` why."""

    pairs: Sequence[Pair]
    breaks: Sequence[Break]
    proofs: Sequence[CurrencyProof]
    is_valid: bool
    invalid_reason: str
    rule_version: str = RECONCILE_VERSION

    @property
    def ties_out(self) -> bool:
        return self.is_valid and not self.breaks


def reconcile(
    left: Sequence[Line],
    right: Sequence[Line],
    explainers: Sequence[Explainer] = DEFAULT_EXPLAINERS,
    *,
    evidence: Evidence | None = None,
    window_days: int = 5,
    left_totals: Mapping[str, int] | None = None,
    right_totals: Mapping[str, int] | None = None,
) -> ReconcileResult:
    """Compare two sides line by line and prove the result per currency.

    `left` is ours (the ledger), `right` the other system. `left_totals`/`right_totals` are each side's own totals per
    currency where the system states them: they take the place of the sum of the lines, so that a list that is not
    complete makes the run invalid instead of quietly right. There is no tolerance: a difference of 0.01 is a break,
    explained as rounding. A pair may have several breaks; its difference is counted once.
    """
    known = evidence if evidence is not None else Evidence()
    pairs, rest_left, rest_right = pair_lines(left, right, window_days)
    found = [one for pair in pairs for one in _pair_breaks(pair)]
    found += _unpaired(rest_left, [pair.left for pair in pairs], "left", known)
    found += _unpaired(rest_right, [pair.right for pair in pairs], "right", known)
    breaks = tuple(
        sorted(
            (
                one if one.explanation is not None else replace(one, explanation=explain(one, known, explainers))
                for one in found
            ),
            key=lambda one: one.key,
        )
    )
    proofs = _proofs(_totals(left, left_totals), _totals(right, right_totals), breaks)
    wrong = [proof for proof in proofs if not proof.is_valid]
    reason = "; ".join(
        f"{proof.currency}: breaks sum to {proof.breaks_minor} minor units, the difference is {proof.difference_minor}"
        for proof in wrong
    )
    return ReconcileResult(tuple(pairs), breaks, proofs, not wrong, reason)


def _pair_breaks(pair: Pair) -> list[Break]:
    left, right = pair.left, pair.right
    out: list[Break] = []
    if left.currency != right.currency:
        differences = {left.currency: left.amount_minor, right.currency: -right.amount_minor}
        out.append(Break("currency", left, right, differences))
    elif left.amount_minor != right.amount_minor:
        out.append(Break("amount", left, right, {left.currency: left.amount_minor - right.amount_minor}))
    if left.customer_id and right.customer_id and left.customer_id != right.customer_id:
        out.append(Break("customer", left, right, {}))
    if left.status and right.status:
        unknown = sorted({left.status, right.status} - KNOWN_STATUSES)
        if unknown:
            out.append(Break("status", left, right, {}, Explanation("unknown_status", "high", {"statuses": unknown})))
        elif left.status != right.status:
            out.append(Break("status", left, right, {}))
    return out


def _unpaired(
    rest: Sequence[Line], paired: Sequence[Line], side: Literal["left", "right"], known: Evidence
) -> list[Break]:
    seen: dict[str, Line] = {}
    for line in paired:
        for name in _fingerprints(line):
            seen.setdefault(name, line)
    out: list[Break] = []
    for line in rest:
        twin = next((seen[name] for name in _fingerprints(line) if name in seen), None)
        for name in _fingerprints(line):
            seen.setdefault(name, line)
        sign = 1 if side == "left" else -1
        one = Break(
            "missing_in_right" if side == "left" else "missing_in_left",
            line if side == "left" else None,
            line if side == "right" else None,
            {line.currency: sign * line.amount_minor},
        )
        read_at = known.right_read_at if side == "left" else known.left_read_at
        if twin is not None:
            one = replace(one, kind="duplicate", other=twin)
        elif line.is_own and side == "left":
            one = replace(one, kind="ours_not_in_accounting")
        elif line.changed_at is not None and read_at is not None and line.changed_at > read_at:
            late = Explanation("changed_after_read", "high", {"changed_at": line.changed_at, "read_at": read_at})
            one = replace(one, kind="timing", explanation=late)
        out.append(one)
    return out


def _fingerprints(line: Line) -> tuple[str, ...]:
    """Names under which the same record would appear twice on one side: its link, or number + customer + money."""
    number = normal_number(line.number)
    names = [f"link:{line.link}"] if line.link else []
    if number:
        names.append(f"number:{number}:{line.customer_id}:{line.currency}:{line.amount_minor}")
    return tuple(names)


def _totals(lines: Iterable[Line], stated: Mapping[str, int] | None) -> Mapping[str, int]:
    if stated is not None:
        return stated
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.currency] += line.amount_minor
    return sums


def _proofs(left: Mapping[str, int], right: Mapping[str, int], breaks: Sequence[Break]) -> Sequence[CurrencyProof]:
    sums: dict[str, int] = defaultdict(int)
    for one in breaks:
        for currency, amount in one.differences.items():
            sums[currency] += amount
    codes = sorted(left.keys() | right.keys() | sums.keys())
    return tuple(CurrencyProof(code, left.get(code, 0), right.get(code, 0), sums.get(code, 0)) for code in codes)
