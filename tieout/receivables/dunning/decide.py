"""Dunning: one message per company, customer and currency when a step falls due, and why none was sent.

Source: receivables reference, section 9. A level belongs to an item, survives part payment and rises by one a run;
paid, disputed, promised and planned amounts are not asked for; credits that cover the claim silence it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from tieout.core.exact_json import digest
from tieout.receivables.dunning.calendar import WorkCalendar
from tieout.receivables.dunning.item_step import ItemStep, has_reached, item_step
from tieout.receivables.dunning.items import DunningItem, GroupFacts, GroupKey
from tieout.receivables.dunning.policy import ChannelName, Policy, Step
from tieout.receivables.dunning.timeline import Planned, timeline

DUNNING_VERSION = "dunning-1"

WhyNot = Literal[
    "",
    "not_due",
    "already_sent",
    "disputed",
    "promised",
    "plan",
    "paused",
    "legal",
    "pay_by",
    "net_credit",
    "below_minimum",
    "waiting",
    "cooldown",
    "monthly_limit",
    "day_off",
    "stale_data",
    "no_record",
    "no_contact",
    "settled",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One item in a message: what is asked for, the step it is (or was) at, and whether this message moves it."""

    item_id: str
    amount_minor: int
    step: str
    level: int
    offset: int
    is_new: bool
    pay_by_on: date | None = None


@dataclass(frozen=True, slots=True)
class DunningDecision:
    """Send or not, stored either way: `why_not` is the first reason, `also` the others that hold.

    `key` is unique per (company, customer, currency, step, item set, policy version), "" while nothing is due;
    `next_change_on` is the next day on which the answer may differ; `steps` is the answer per item.
    """

    company_id: str
    customer_id: str
    currency: str
    send: bool
    why_not: WhyNot
    also: Sequence[WhyNot]
    lines: Sequence[Line]
    amount_minor: int
    step: str
    level: int
    tone: str
    channels: Sequence[ChannelName]
    pay_by_on: date | None
    needs_approval: bool
    steps: Sequence[ItemStep]
    key: str
    policy: str
    inputs: Mapping[str, Any]
    rule_version: str
    next_change_on: date | None
    is_calendar_known: bool = True

    @property
    def items(self) -> Sequence[tuple[str, int]]:
        """(item id, claimed minor units) of every line."""
        return tuple((line.item_id, line.amount_minor) for line in self.lines)


def decide_dunning(
    items: Iterable[DunningItem],
    facts: Mapping[GroupKey, GroupFacts],
    policy: Policy,
    calendar: WorkCalendar,
    as_of: date,
) -> Sequence[DunningDecision]:
    """One decision per (company, customer, currency) that has an item, sorted by group.

    A group without facts counts as unreachable and not fresh.
    """
    groups: dict[GroupKey, list[DunningItem]] = defaultdict(list)
    for item in items:
        groups[item.group].append(item)
    return tuple(
        _decide(key, rows, facts.get(key, GroupFacts()), policy, calendar, as_of)
        for key, rows in sorted(groups.items())
    )


def _decide(
    group: GroupKey,
    items: Sequence[DunningItem],
    facts: GroupFacts,
    policy: Policy,
    calendar: WorkCalendar,
    as_of: date,
) -> DunningDecision:
    items = sorted(items, key=lambda item: (item.due_on, item.id))
    days_due = {item.due_on for item in items}
    plans = {day: timeline(day, policy, calendar, was_late=facts.was_late) for day in days_due}
    reach = sum(
        item.claim_minor for item in items if has_reached(plans[item.due_on], as_of) and item.block(as_of) is None
    )
    steps = [item_step(item, policy, plans[item.due_on], as_of, reach_minor=reach) for item in items]
    stepping = [one for one in steps if one.step is not None]
    step, lines = _message(steps, policy, as_of)
    amount = sum(line.amount_minor for line in lines)
    key = _key(group, step, lines, steps, policy) if step is not None else ""
    channels, unreachable = _channels(step, facts)
    reasons: list[WhyNot] = []
    if not stepping:
        reasons.append(_why_none(steps, plans, as_of))
    held = next((block for block in facts.blocks if block.holds(as_of)), None)
    free_on = _free_on(facts, policy, calendar)
    this_month = [day for day in facts.sent_on if (day.year, day.month) == (as_of.year, as_of.month)]
    is_full = bool(policy.max_per_month) and len(this_month) >= policy.max_per_month
    net = amount - facts.credits_minor
    minimum = policy.min_amount_minor.get(group[2], 0)
    is_due = bool(stepping)  # what only delays a message is no news while there is none
    checks: Sequence[tuple[bool, WhyNot]] = (
        (held is not None, "legal" if held is not None and held.kind == "legal" else "paused"),
        (bool(lines) and net <= 0, "net_credit"),
        (bool(lines) and 0 < net < minimum, "below_minimum"),
        (bool(key) and key in facts.sent_keys, "already_sent"),
        (is_due and facts.is_waiting, "waiting"),
        (is_due and free_on is not None and as_of < free_on, "cooldown"),
        (is_due and is_full, "monthly_limit"),
        (step is not None and step.level > 0 and not facts.is_fresh, "stale_data"),
        (bool(unreachable), unreachable or "no_record"),
    )
    reasons.extend(code for holds, code in checks if holds and code not in reasons)
    is_day_off = is_due and not policy.any_day and not calendar.is_open(as_of)
    if is_day_off and not reasons:  # beside another reason it would only come and go with every weekend
        reasons.append("day_off")
    pay_by = as_of + timedelta(days=step.pay_within) if step is not None and step.pay_within else None
    days = [one.next_on for one in steps if one.next_on is not None]
    days += [block.until_on + timedelta(days=1) for block in facts.blocks if block.until_on is not None]
    if is_due and free_on is not None:
        days.append(free_on)
    if is_due and is_full:
        days.append((as_of.replace(day=1) + timedelta(days=32)).replace(day=1))
    if is_day_off:
        days.append(calendar.following(as_of))
    if is_due and (facts.is_waiting or not facts.is_fresh):
        days.append(as_of + timedelta(days=1))  # the books may have been read again, the message may have left
    return DunningDecision(
        company_id=group[0],
        customer_id=group[1],
        currency=group[2],
        send=not reasons,
        why_not=reasons[0] if reasons else "",
        also=tuple(reasons[1:]),
        lines=lines,
        amount_minor=amount,
        step=step.id if step is not None else "",
        level=step.level if step is not None else 0,
        tone=step.tone if step is not None else "",
        channels=channels,
        pay_by_on=pay_by,
        needs_approval=step is not None and step.approve,
        steps=tuple(steps),
        key=key,
        policy=policy.version,
        inputs=_inputs(items, facts, policy, calendar, as_of),
        rule_version=DUNNING_VERSION,
        next_change_on=min((day for day in days if day > as_of), default=None),
        is_calendar_known=calendar.is_known(as_of),
    )


def _message(steps: Sequence[ItemStep], policy: Policy, as_of: date) -> tuple[Step | None, Sequence[Line]]:
    """The message's step and its lines: a courtesy names only what is about to fall due, a claim all that is due.

    The message is at the highest level any of its items has, except that a step which needs approval is only reached by
    an item that is due for it.
    """
    moving = [(one, one.step) for one in steps if one.step is not None]
    if not moving:
        return None, ()
    top = max((step for _, step in moving), key=lambda step: (step.level, step.offset))
    lines = [
        Line(
            one.item.id,
            one.item.claim_minor,
            step.id,
            step.level,
            step.offset,
            is_new=True,
            pay_by_on=one.item.pay_by_on if one.is_resumed else None,
        )
        for one, step in moving
    ]
    if top.level > 0:
        for one in steps:
            last = one.item.last
            if one.step is not None or one.is_blocked or one.why == "pay_by" or last is None or one.item.due_on > as_of:
                continue
            lines.append(Line(one.item.id, one.item.claim_minor, last.step, last.level, last.offset, is_new=False))
            known = policy.step(last.step)
            if known is not None and not known.approve and (known.level, known.offset) > (top.level, top.offset):
                top = known
    order = {one.item.id: at for at, one in enumerate(steps)}
    return top, tuple(sorted(lines, key=lambda line: order[line.item_id]))


def _why_none(steps: Sequence[ItemStep], plans: Mapping[date, Sequence[Planned]], as_of: date) -> WhyNot:
    """Why no item is due for a step: what blocks one that would be; else all were reminded; else it is early."""
    for one in steps:
        if one.is_blocked and has_reached(plans[one.item.due_on], as_of):
            return one.why
    for why in ("pay_by", "already_sent"):
        if any(one.why == why for one in steps):
            return why
    return "not_due"


def _free_on(facts: GroupFacts, policy: Policy, calendar: WorkCalendar) -> date | None:
    if facts.last_sent_on is None:
        return None
    day = facts.last_sent_on + timedelta(days=policy.cooldown_days)
    return day if policy.any_day else calendar.following(day)


def _channels(step: Step | None, facts: GroupFacts) -> tuple[Sequence[ChannelName], WhyNot]:
    """The channels of a step that can be used, its fallback if none can, and the reason if that cannot either."""
    if step is None:
        return (), "" if facts.channels else "no_record"
    for wanted in (step.channels, step.fallback):
        usable = tuple(name for name in wanted if name in facts.channels)
        if usable:
            return usable, ""
    return (), "no_record" if {"crm_task", "crm_note"} & {*step.channels, *step.fallback} else "no_contact"


def _key(group: GroupKey, step: Step, lines: Sequence[Line], steps: Sequence[ItemStep], policy: Policy) -> str:
    resumed = {one.item.id: str(one.item.resumed_on) for one in steps if one.is_resumed}
    named = sorted(f"{line.item_id}@{resumed.get(line.item_id, '')}" for line in lines)
    return "/".join((*group, step.id, digest(named), policy.version))


def recheck(before: DunningDecision, now: DunningDecision | None) -> DunningDecision:
    """A decision as it stands immediately before sending: it still sends only if exactly the same message would go out.

    `now` is decided anew without counting this message as sent; None = nothing is open any more.
    """
    if now is None:
        return replace(before, send=False, why_not="settled", also=())
    if now.send and (now.key != before.key or now.items != before.items):
        return replace(now, send=False, why_not="settled", also=())
    return now


def _inputs(
    items: Sequence[DunningItem], facts: GroupFacts, policy: Policy, calendar: WorkCalendar, as_of: date
) -> Mapping[str, Any]:
    return {
        "as_of": as_of,
        "items": [
            [
                item.id,
                item.due_on,
                item.claim_minor,
                [[block.kind, block.until_on, block.case] for block in item.blocks],
                [item.last.step, item.last.level, item.last.sent_on] if item.last is not None else None,
                item.resumed_on,
                item.pay_by_on,
            ]
            for item in items
        ],
        "credits_minor": facts.credits_minor,
        "sent_on": sorted(facts.sent_on),
        "blocks": [[block.kind, block.until_on, block.case] for block in facts.blocks],
        "is_fresh": facts.is_fresh,
        "was_late": facts.was_late,
        "is_waiting": facts.is_waiting,
        "channels": sorted(facts.channels),
        "policy": policy.version,
        "calendar": calendar.name,
    }
