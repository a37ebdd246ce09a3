"""A dunning policy: declarative steps before and after the due date, and the limits every message keeps to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Literal

from tieout.receivables.dunning.calendar import Span, WorkCalendar, calendar_of

ChannelName = Literal["crm_task", "crm_note", "email", "wecom", "dingtalk", "feishu"]
CHANNELS: tuple[ChannelName, ...] = ("crm_task", "crm_note", "email", "wecom", "dingtalk", "feishu")
Tone = Literal["courtesy", "notice", "friendly", "firm", "formal", "final"]
TONES: tuple[Tone, ...] = ("courtesy", "notice", "friendly", "firm", "formal", "final")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `offset` days after (before, if negative) the due date; level 0 claims nothing overdue yet.

    `channels` all get the message; `fallback` is used when none of them can. `min_amount_minor` per currency: smaller
    messages skip this step. `approve` = nothing is sent before a person lets it go.
    """

    id: str
    offset: int
    level: int
    channels: Sequence[ChannelName]
    fallback: Sequence[ChannelName] = ()
    tone: Tone = "friendly"
    template: str = ""
    approve: bool = False
    pay_within: int = 0  # days; a new pay-by date, printed and stored (0 = none)
    min_amount_minor: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy; `version` is a digest of its content, so that an edited policy is another one.

    `calendar` "company" takes the calendar of the company. Amounts in minor units per currency.
    """

    name: str
    version: str
    steps: Sequence[Step]
    calendar: str = "company"
    days_off: Sequence[date] = ()
    workdays: Sequence[date] = ()
    quiet: Sequence[Span | str] = ()  # spans, or names of festivals
    any_day: bool = False  # messages go out on days off too
    window: tuple[time, time] | None = None
    grace_days: int = 0
    first_time_late_extra_grace: int = 0
    cooldown_days: int = 5
    max_per_month: int = 0  # 0 = no limit
    promise_tolerance_days: int = 2
    plan_grace_days: int = 3
    pay_by_days: int = 14  # after a rejected dispute
    min_amount_minor: Mapping[str, int] = field(default_factory=dict)
    label: str = ""

    def work_calendar(self, company_calendar: str) -> WorkCalendar:
        """The calendar this policy goes by in a company."""
        name = company_calendar if self.calendar == "company" else self.calendar
        return calendar_of(name, days_off=self.days_off, workdays=self.workdays, quiet=self.quiet)

    def reduced(self, channels: Iterable[str]) -> Policy:
        """The policy without the steps that no channel of this company could ever carry."""
        usable = set(channels)
        return replace(self, steps=tuple(step for step in self.steps if usable & {*step.channels, *step.fallback}))

    def step(self, step_id: str) -> Step | None:
        """The step of this id."""
        return next((step for step in self.steps if step.id == step_id), None)
