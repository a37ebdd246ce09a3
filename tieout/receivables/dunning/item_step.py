"""Which step one item is due for today, or why none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from tieout.receivables.dunning.items import DunningItem
from tieout.receivables.dunning.policy import Policy, Step
from tieout.receivables.dunning.timeline import Planned, next_level

ItemWhy = Literal["", "not_due", "already_sent", "disputed", "promised", "plan", "paused", "legal", "pay_by"]


_DAY = timedelta(days=1)


class ItemStep(msgspec.Struct, frozen=True):
    """One item on one day: the step it is due for, or why it is not asked for, and when that may change.

    `is_resumed` = the notice after a rejected dispute, at the level the part had; `skipped` steps were missed or
    superseded and will not be sent. `reached_on` is the day the step was planned for, or that of the rejection.
    """

    item: DunningItem
    step: Step | None
    why: ItemWhy
    skipped: Sequence[tuple[str, str]] = ()  # step id, what was sent instead or "missed"
    next_on: date | None = None
    is_resumed: bool = False
    case: str = ""
    reached_on: date | None = None

    @property
    def is_blocked(self) -> bool:
        return self.why in ("disputed", "promised", "plan", "paused", "legal")


def item_step(
    item: DunningItem,
    policy: Policy,
    planned: Sequence[Planned],
    as_of: date,
    *,
    reach_minor: int = 0,
) -> ItemStep:
    """The latest step whose day has come, at most one level above the item's own.

    `planned` is the timeline of its due date; `reach_minor` is what the customer owes on reached items in all: a step's
    minimum is compared with it.
    """
    days = [one.on for one in planned if one.on > as_of]
    if (overdue := item.due_on + _DAY) > as_of:
        days.append(overdue)
    if item.last is not None and item.due_on > as_of:
        days.append(item.due_on)  # a due date that was moved: from it on the item is named with the others again
    coming = min(days) if days else None
    block = item.block(as_of)
    if block is not None:
        free = block.until_on + timedelta(days=1) if block.until_on is not None else None
        return ItemStep(item, None, block.kind, next_on=_soonest(free, coming), case=block.case)
    if item.resumed_on is not None and item.resumed_on <= as_of and item.last is not None:
        if item.last.sent_on < item.resumed_on:
            step = policy.step(item.last.step) or _nearest(policy, item.last.offset)
            return ItemStep(item, step, "", is_resumed=True, next_on=coming, reached_on=item.resumed_on)
        if item.pay_by_on is not None and as_of <= item.pay_by_on:
            return ItemStep(item, None, "pay_by", next_on=_soonest(item.pay_by_on + timedelta(days=1), coming))
    if not planned:
        return ItemStep(item, None, "already_sent" if item.last is not None else "not_due", (), coming)
    ahead = [one for one in planned if _is_ahead(item, one.step)]
    reached = [one for one in ahead if one.on <= as_of and not one.superseded_by and not _has_lapsed(item, one, as_of)]
    allowed = next_level(policy, item.level)
    usable = [
        one
        for one in reached
        if one.step.level <= allowed and reach_minor >= one.step.min_amount_minor.get(item.currency, 0)
    ]
    if not usable:
        why: ItemWhy = "already_sent" if item.last is not None and not reached else "not_due"
        return ItemStep(item, None, why, _skipped(item, ahead, as_of, None), coming)
    step = usable[-1].step
    return ItemStep(item, step, "", _skipped(item, ahead, as_of, step), coming, reached_on=usable[-1].on)


def has_reached(planned: Sequence[Planned], as_of: date) -> bool:
    """Whether any step of a timeline has come, sent or not."""
    return any(one.on <= as_of for one in planned)


def _soonest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _is_ahead(item: DunningItem, step: Step) -> bool:
    return item.last is None or (step.offset > item.last.offset and step.level >= item.last.level)


def _has_lapsed(item: DunningItem, one: Planned, as_of: date) -> bool:
    """A courtesy before the due date makes no sense after it."""
    return one.step.offset < 0 and as_of > item.due_on


def _skipped(item: DunningItem, ahead: Sequence[Planned], as_of: date, sent: Step | None) -> Sequence[tuple[str, str]]:
    out = []
    for one in ahead:
        if one.superseded_by and one.on <= as_of:
            out.append((one.step.id, one.superseded_by))
        elif one.on <= as_of and (
            _has_lapsed(item, one, as_of) or (sent is not None and one.step.offset < sent.offset)
        ):
            out.append((one.step.id, sent.id if sent is not None else "missed"))
    return tuple(out)


def _nearest(policy: Policy, offset: int) -> Step:
    """The step of a changed policy that stands where the item's last one stood."""
    before = [step for step in policy.steps if step.offset <= offset]
    return before[-1] if before else policy.steps[0]
