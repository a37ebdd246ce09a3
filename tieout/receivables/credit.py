"""Credit status of a customer: ok, watch or hold, with hysteresis so that it does not flap around the limit.

Source: receivables reference, section 8.3. Hold: utilisation above 100 %, or an undisputed item overdue more than X
days and above a minimum, or broken promises, or a person. Released only when utilisation is at most 90 %, no overdue or
other trigger stands, and at least one day has passed since the hold began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from tieout.receivables.credit_score import Grade
from tieout.receivables.exposure import Exposure
from tieout.receivables.status import Reason

CREDIT_VERSION = "credit-1"

CreditStatus = Literal["ok", "watch", "hold"]


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """Thresholds in whole percent of the limit, days, and minimum amounts per currency in minor units.

    An amount counts when it is above the minimum; a currency without one counts from any amount. `watch_above_percent`
    None: utilisation alone gives no early warning (the reference's timeline is ok at 99 %).
    """

    version: str = "1"
    hold_above_percent: int = 100
    release_at_percent: int = 90
    watch_above_percent: int | None = None
    hold_days: int = 30
    min_days_on_hold: int = 1
    max_broken_promises: int = 2
    min_overdue_minor: Mapping[str, int] = field(default_factory=lambda: {"CNY": 20000, "USD": 3000, "EUR": 3000})


@dataclass(frozen=True, slots=True)
class CreditState:
    """What the last decision left behind: the status and the day the present hold began."""

    status: CreditStatus
    hold_since: date | None = None


class OwedItem(msgspec.Struct, frozen=True):
    """An open item as credit sees it: `undisputed_minor` is the part that may count as overdue."""

    item_id: str
    currency: str
    due_on: date
    undisputed_minor: int


@dataclass(frozen=True, slots=True)
class CreditDecision:
    """A stored decision; `next_change_on` is the first day on which it may change with no other input."""

    status: CreditStatus
    grade: Grade
    exposure_minor: int
    limit_minor: int | None
    currency: str
    reasons: Sequence[Reason]
    inputs: Mapping[str, Any]
    rule_version: str
    hold_since: date | None
    next_change_on: date | None

    @property
    def state(self) -> CreditState:
        return CreditState(self.status, self.hold_since)


def credit_status(
    previous: CreditState | None,
    exposure: Exposure,
    limit_minor: int | None,
    items: Sequence[OwedItem],
    as_of: date,
    policy: CreditPolicy,
    *,
    grade: Grade = "N",
    broken_promises: int = 0,
    manual_hold: str = "",
) -> CreditDecision:
    """The credit status as of a day, from the previous state and the facts of the day.

    `limit_minor` is in the exposure's currency; None = not known: the overdue and manual triggers alone decide, and the
    reasons say so. `items` are all open items, overdue or not: they also tell when the status moves by itself. While a
    rate is missing the exposure is a lower bound: it can start a hold, it cannot end one. `manual_hold` is the reason a
    person gave, "" for none.
    """
    amount = exposure.amount_minor
    owed = [item for item in items if item.undisputed_minor > policy.min_overdue_minor.get(item.currency, 0)]
    late = [item for item in owed if item.due_on < as_of]
    very_late = [item for item in late if (as_of - item.due_on).days > policy.hold_days]
    triggers: list[Reason] = []
    if limit_minor is not None and _above(amount, limit_minor, policy.hold_above_percent):
        triggers.append(Reason("over_limit", {"exposure_minor": amount, "limit_minor": limit_minor}))
    if very_late:
        triggers.append(Reason("overdue_beyond_hold_days", {"hold_days": policy.hold_days, **_oldest(very_late)}))
    if broken_promises >= policy.max_broken_promises:
        triggers.append(Reason("broken_promises", {"count": broken_promises}))
    if manual_hold:
        triggers.append(Reason("manual_hold", {"reason": manual_hold}))

    on_hold = previous is not None and previous.status == "hold"
    began = previous.hold_since if on_hold and previous is not None else None
    reasons = list(triggers)
    waiting_until: date | None = None
    if triggers:
        status: CreditStatus = "hold"
        hold_since = began or as_of
    else:
        blockers, waiting_until = _release(exposure, limit_minor, began, as_of, policy) if on_hold else ([], None)
        if blockers:
            status, hold_since = "hold", began or as_of
            reasons.extend(blockers)
        else:
            hold_since = None
            reasons.extend(_watch(amount, limit_minor, late, policy))
            status = "watch" if reasons else "ok"
    reasons.extend(
        Reason("rate_missing", {"currency": row.currency, "open_minor": row.open_minor}) for row in exposure.missing
    )
    if limit_minor is None:
        reasons.append(Reason("no_limit_known", {"grade": grade}))
    changes = [item.due_on + timedelta(days=1) for item in owed if item.due_on >= as_of]
    held_from = timedelta(days=policy.hold_days + 1)
    changes += [item.due_on + held_from for item in owed if item.due_on + held_from > as_of]  # the others hold already
    if waiting_until is not None:
        changes.append(waiting_until)
    return CreditDecision(
        status=status,
        grade=grade,
        exposure_minor=amount,
        limit_minor=limit_minor,
        currency=exposure.currency,
        reasons=tuple(reasons),
        inputs={
            "as_of": as_of,
            "previous": [previous.status, previous.hold_since] if previous is not None else None,
            "exposure_minor": amount,
            "exposure_version": exposure.rule_version,
            "limit_minor": limit_minor,
            "items": [[item.item_id, item.currency, item.due_on, item.undisputed_minor] for item in items],
            "broken_promises": broken_promises,
            "manual_hold": manual_hold,
            "policy_version": policy.version,
        },
        rule_version=CREDIT_VERSION,
        hold_since=hold_since,
        next_change_on=min((day for day in changes if day > as_of), default=None),
    )


def _above(amount: int, limit: int, percent: int) -> bool:
    return amount * 100 > limit * percent


def _oldest(items: Sequence[OwedItem]) -> dict[str, Any]:
    sums: dict[str, int] = {}
    for item in items:
        sums[item.currency] = sums.get(item.currency, 0) + item.undisputed_minor
    return {"oldest_due_on": min(item.due_on for item in items), "overdue_minor": dict(sorted(sums.items()))}


def _release(
    exposure: Exposure, limit: int | None, began: date | None, as_of: date, policy: CreditPolicy
) -> tuple[list[Reason], date | None]:
    """Why a hold without a trigger still stands, and the day on which it ends if only the wait is left."""
    reasons: list[Reason] = []
    if limit is not None and _above(exposure.amount_minor, limit, policy.release_at_percent):
        numbers = {"exposure_minor": exposure.amount_minor, "limit_minor": limit, "percent": policy.release_at_percent}
        reasons.append(Reason("above_release_level", numbers))
    if limit is not None and not exposure.is_complete:
        reasons.append(Reason("release_needs_rate"))
    free_on = (began or as_of) + timedelta(days=policy.min_days_on_hold)
    if as_of < free_on:
        reasons.append(Reason("hold_waits", {"until": free_on}))
        return reasons, free_on
    return reasons, None


def _watch(amount: int, limit: int | None, late: Sequence[OwedItem], policy: CreditPolicy) -> list[Reason]:
    reasons: list[Reason] = []
    percent = policy.watch_above_percent
    if limit is not None and percent is not None and _above(amount, limit, percent):
        numbers = {"exposure_minor": amount, "limit_minor": limit, "percent": percent}
        reasons.append(Reason("near_limit", numbers))
    if late:
        reasons.append(Reason("overdue", _oldest(late)))
    return reasons
