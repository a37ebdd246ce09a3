"""Promises to pay and payment plans: what was promised, what came, and whether the word was kept.

Source: receivables reference, section 9: evaluated after the day plus the tolerance as kept, partly kept or broken; a
missed row of a plan breaks the plan after its grace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

PROMISE_VERSION, PLAN_VERSION = "promise-1", "plan-1"
PromiseValue = Literal["open", "kept", "partly_kept", "broken", "cancelled"]
PlanValue = Literal["active", "done", "broken", "cancelled"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money or credit that reached the promised items, by its effective date; minor units, negative = taken back."""

    on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Promise:
    """So much by that day; `before_minor` had reached the items already when it was given."""

    id: str
    made_on: date
    promised_on: date
    amount_minor: int
    tolerance_days: int = 2
    before_minor: int = 0
    is_cancelled: bool = False

    @property
    def until_on(self) -> date:
        """The last day on which the promise still holds dunning back."""
        return self.promised_on + timedelta(days=self.tolerance_days)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One instalment of a payment plan."""

    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Instalments whose amounts sum to the debt when the plan was made."""

    id: str
    made_on: date
    rows: Sequence[PlanRow]
    grace_days: int = 3
    before_minor: int = 0
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """What became of a promise or plan; `holds_until` is the last day it holds dunning back (None = it does not)."""

    value: str
    paid_minor: int
    due_minor: int
    holds_until: date | None
    next_change_on: date | None
    inputs: Mapping[str, Any]
    rule_version: str


def judge_promise(promise: Promise, receipts: Sequence[Receipt], as_of: date) -> Word:
    """Open until the day plus the tolerance has passed, then judged by what had come by then.

    Money that came in time but was recorded late still counts, and money taken back does not: the judgement may change.
    """
    paid = max(0, _paid_by(receipts, promise.until_on) - promise.before_minor)
    value: PromiseValue
    if promise.is_cancelled:
        value = "cancelled"
    elif paid >= promise.amount_minor:
        value = "kept"
    elif as_of <= promise.until_on:
        value = "open"
    else:
        value = "partly_kept" if paid else "broken"
    return Word(
        value=value,
        paid_minor=paid,
        due_minor=promise.amount_minor,
        holds_until=promise.until_on if value == "open" else None,
        next_change_on=promise.until_on + timedelta(days=1) if value == "open" else None,
        inputs={
            "as_of": as_of,
            "promised_on": promise.promised_on,
            "tolerance_days": promise.tolerance_days,
            "before_minor": promise.before_minor,
            "receipts": [[one.on, one.amount_minor] for one in sorted(receipts, key=lambda one: one.on)],
        },
        rule_version=PROMISE_VERSION,
    )


def judge_plan(plan: Plan, receipts: Sequence[Receipt], as_of: date) -> Word:
    """Broken from the day after a row's grace on which less had come than was due by then; done when all has come."""
    total = sum(row.amount_minor for row in plan.rows)
    due = 0
    broken_on: date | None = None
    nxt: date | None = None
    for row in sorted(plan.rows, key=lambda row: row.due_on):
        due += row.amount_minor
        last = row.due_on + timedelta(days=plan.grace_days)
        if max(0, _paid_by(receipts, last) - plan.before_minor) >= due:
            continue
        if as_of > last:
            broken_on = broken_on or last + timedelta(days=1)
        else:
            nxt = nxt or last + timedelta(days=1)
    paid = max(0, _paid_by(receipts, as_of) - plan.before_minor)
    value: PlanValue
    if plan.is_cancelled:
        value = "cancelled"
    elif paid >= total:
        value = "done"
    else:
        value = "broken" if broken_on else "active"
    holds = value == "active"
    return Word(
        value=value,
        paid_minor=paid,
        due_minor=total,
        holds_until=nxt - timedelta(days=1) if holds and nxt is not None else None,
        next_change_on=nxt if holds else None,
        inputs={
            "as_of": as_of,
            "rows": [[row.due_on, row.amount_minor] for row in plan.rows],
            "grace_days": plan.grace_days,
            "before_minor": plan.before_minor,
            "broken_on": broken_on,
            "receipts": [[one.on, one.amount_minor] for one in sorted(receipts, key=lambda one: one.on)],
        },
        rule_version=PLAN_VERSION,
    )


def _paid_by(receipts: Sequence[Receipt], day: date) -> int:
    return sum(one.amount_minor for one in receipts if one.on <= day)
