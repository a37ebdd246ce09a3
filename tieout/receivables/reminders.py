"""Reminders: one message per company, customer and currency when a step falls due, and why none was sent.

Source: receivables reference, section 9 (semantics 1, 2, 5 to 9 and 12). Anchored to the items' due dates, never to the
last run; a level belongs to an item, survives part payment, and an item is reminded once per step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from tieout.core.exact_json import digest

REMINDER_VERSION = "reminder-1"

WhyNot = Literal[
    "",
    "not_due",
    "disputed",
    "promised",
    "paused",
    "net_credit",
    "below_minimum",
    "already_sent",
    "cooldown",
    "stale_data",
    "no_record",
    "settled",
]
GroupKey = tuple[str, str, str]  # company, customer, currency


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """A declarative step: so many days after the due date; minimum amounts per currency in minor units."""

    version: str = "1"
    step: str = "L1"
    level: int = 1
    offset_days: int = 7
    cooldown_days: int = 5
    min_amount_minor: Mapping[str, int] = field(default_factory=lambda: {"CNY": 20000, "USD": 3000, "EUR": 3000})


@dataclass(frozen=True, slots=True)
class ReminderItem:
    """An open item of a customer; `disputed_minor` is the part in dispute, `promised_until` includes the tolerance."""

    item_id: str
    document_id: str
    number: str
    company_id: str
    customer_id: str
    currency: str
    due_on: date
    open_minor: int
    disputed_minor: int = 0
    promised_until: date | None = None

    @property
    def group(self) -> GroupKey:
        return (self.company_id, self.customer_id, self.currency)

    @property
    def claim_minor(self) -> int:
        return max(0, self.open_minor - self.disputed_minor)


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """What is known about one group; the defaults are the safe ones: no record, data not fresh, nothing sent.

    `credits_minor` (>= 0) is unapplied cash plus open credit notes; `reminded_items` and `sent_keys` come from the
    reminders sent or waiting to be sent for this step; `is_paused` without `paused_until` = until further notice.
    """

    credits_minor: int = 0
    reminded_items: frozenset[str] = frozenset()
    sent_keys: frozenset[str] = frozenset()
    last_sent_on: date | None = None
    is_paused: bool = False
    paused_until: date | None = None
    is_fresh: bool = False
    has_record: bool = False


@dataclass(frozen=True, slots=True)
class ReminderDecision:
    """Send or not, stored either way: `why_not` is the first reason, `also` the others that hold.

    `items` are (item id, claimed minor units) the message lists; `key` is unique per (company, customer, currency,
    step, item set, policy version), "" while nothing is due; `next_change_on` is the next day the answer may differ.
    """

    company_id: str
    customer_id: str
    currency: str
    send: bool
    why_not: WhyNot
    also: Sequence[WhyNot]
    items: Sequence[tuple[str, int]]
    amount_minor: int
    step: str
    level: int
    key: str
    inputs: Mapping[str, Any]
    rule_version: str
    next_change_on: date | None


def reminder_key(group: GroupKey, policy: ReminderPolicy, item_ids: Iterable[str]) -> str:
    """The unique key of a reminder: the same items at the same step of the same policy give the same key."""
    company_id, customer_id, currency = group
    return "/".join((company_id, customer_id, currency, policy.step, digest(sorted(item_ids)), policy.version))


def decide_reminders(
    items: Iterable[ReminderItem], facts: Mapping[GroupKey, ReminderFacts], policy: ReminderPolicy, as_of: date
) -> Sequence[ReminderDecision]:
    """One decision per (company, customer, currency) that has an open debit item, sorted by group.

    An item is due for the step from `due_on + offset_days` on. Paid items never appear; the disputed part and promised
    items are not claimed. Credits that cover what is claimed mean `net_credit`: money that arrived but is not applied
    yet is not asked for again. A group without facts counts as `no_record` and `stale_data`.
    """
    groups: dict[GroupKey, list[ReminderItem]] = defaultdict(list)
    for item in items:
        if item.open_minor > 0:
            groups[item.group].append(item)
    return tuple(
        _decide(key, rows, facts.get(key, ReminderFacts()), policy, as_of) for key, rows in sorted(groups.items())
    )


def recheck(
    decision: ReminderDecision,
    items: Iterable[ReminderItem],
    facts: ReminderFacts,
    policy: ReminderPolicy,
    as_of: date,
) -> ReminderDecision:
    """The decision as it stands immediately before sending; send stays True only for exactly the same message.

    `facts` must not count this reminder itself as sent. Anything paid, disputed, promised or paused since then stops
    it; a message whose items or amounts changed is `settled`: the next run decides anew.
    """
    group = (decision.company_id, decision.customer_id, decision.currency)
    rows = [item for item in items if item.group == group and item.open_minor > 0]
    now = _decide(group, rows, facts, policy, as_of)
    if now.send and (now.key != decision.key or now.items != decision.items):
        return _refused(now, "settled")
    if not rows:
        return _refused(now, "settled")
    return now


def _decide(
    group: GroupKey, rows: Sequence[ReminderItem], facts: ReminderFacts, policy: ReminderPolicy, as_of: date
) -> ReminderDecision:
    at_step = [row for row in rows if row.due_on + timedelta(days=policy.offset_days) <= as_of]
    unpromised = [row for row in at_step if row.promised_until is None or row.promised_until < as_of]
    claimed = sorted((row for row in unpromised if row.claim_minor), key=lambda row: (row.due_on, row.item_id))
    amount = sum(row.claim_minor for row in claimed)
    key = reminder_key(group, policy, (row.item_id for row in claimed)) if claimed else ""
    paused = facts.is_paused and (facts.paused_until is None or facts.paused_until >= as_of)
    free_on = facts.last_sent_on + timedelta(days=policy.cooldown_days) if facts.last_sent_on is not None else None
    minimum = policy.min_amount_minor.get(group[2], 0)
    reasons: list[WhyNot] = []
    if not at_step:
        reasons.append("not_due")
    elif not claimed:
        reasons.append("disputed" if unpromised else "promised")
    checks: Sequence[tuple[bool, WhyNot]] = (
        (paused, "paused"),
        (bool(claimed) and facts.credits_minor >= amount, "net_credit"),
        (bool(claimed) and amount < minimum, "below_minimum"),
        (bool(claimed) and _was_sent(claimed, key, facts), "already_sent"),
        (free_on is not None and as_of < free_on, "cooldown"),
        (not facts.is_fresh, "stale_data"),
        (not facts.has_record, "no_record"),
    )
    reasons.extend(code for holds, code in checks if holds)
    return ReminderDecision(
        company_id=group[0],
        customer_id=group[1],
        currency=group[2],
        send=not reasons,
        why_not=reasons[0] if reasons else "",
        also=tuple(reasons[1:]),
        items=tuple((row.item_id, row.claim_minor) for row in claimed),
        amount_minor=amount,
        step=policy.step,
        level=policy.level if claimed else 0,
        key=key,
        inputs=_inputs(rows, facts, policy, as_of, minimum),
        rule_version=REMINDER_VERSION,
        next_change_on=_next_change(rows, facts, policy, as_of, free_on, paused),
    )


def _was_sent(claimed: Sequence[ReminderItem], key: str, facts: ReminderFacts) -> bool:
    return key in facts.sent_keys or all(row.item_id in facts.reminded_items for row in claimed)


def _refused(decision: ReminderDecision, code: WhyNot) -> ReminderDecision:
    others = tuple(one for one in (decision.why_not, *decision.also) if one and one != code)
    return replace(decision, send=False, why_not=code, also=others)


def _next_change(
    rows: Sequence[ReminderItem],
    facts: ReminderFacts,
    policy: ReminderPolicy,
    as_of: date,
    free_on: date | None,
    paused: bool,
) -> date | None:
    days = [row.due_on + timedelta(days=policy.offset_days) for row in rows]
    days += [row.promised_until + timedelta(days=1) for row in rows if row.promised_until is not None]
    if free_on is not None:
        days.append(free_on)
    if paused and facts.paused_until is not None:
        days.append(facts.paused_until + timedelta(days=1))
    if not facts.is_fresh:
        days.append(as_of + timedelta(days=1))  # the books may have been read again by then
    return min((day for day in days if day > as_of), default=None)


def _inputs(
    rows: Sequence[ReminderItem], facts: ReminderFacts, policy: ReminderPolicy, as_of: date, minimum: int
) -> Mapping[str, Any]:
    return {
        "as_of": as_of,
        "items": [
            [row.item_id, row.due_on, row.open_minor, row.disputed_minor, row.promised_until]
            for row in sorted(rows, key=lambda row: row.item_id)
        ],
        "credits_minor": facts.credits_minor,
        "reminded_items": sorted(facts.reminded_items),
        "last_sent_on": facts.last_sent_on,
        "is_paused": facts.is_paused,
        "paused_until": facts.paused_until,
        "is_fresh": facts.is_fresh,
        "has_record": facts.has_record,
        "minimum_minor": minimum,
        "policy": [policy.version, policy.step, policy.offset_days, policy.cooldown_days],
    }
