"""The reference's dunning timeline: due 2026-03-31, weekends only, cooldown of five days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from tieout.receivables.disputes import Dispute, parts_of
from tieout.receivables.dunning.calendar import calendar_of
from tieout.receivables.dunning.decide import DunningDecision, decide_dunning
from tieout.receivables.dunning.items import Block, DunningItem, GroupFacts, History
from tieout.receivables.dunning.policy import ChannelName, Policy, Step
from tieout.receivables.dunning.timeline import timeline
from tieout.receivables.promises import Promise, Receipt, judge_promise

WEEKENDS = calendar_of("weekends")
DUE = date(2026, 3, 31)
EMAIL: tuple[ChannelName, ...] = ("email",)
POLICY = Policy(
    name="standard-cn",
    version="7",
    steps=(
        Step("P7", -7, 0, EMAIL, tone="courtesy"),
        Step("P3", -3, 0, EMAIL, tone="courtesy", min_amount_minor={"CNY": 50_000_00}),
        Step("D0", 0, 0, EMAIL, tone="notice"),
        Step("L1", 7, 1, EMAIL, tone="friendly"),
        Step("L2", 15, 2, EMAIL, tone="firm"),
        Step("L3", 30, 3, EMAIL, tone="formal", pay_within=14),
        Step("L4", 60, 4, EMAIL, tone="final"),
        Step("LEGAL", 90, 5, EMAIL, tone="final", approve=True),
    ),
    grace_days=3,
    cooldown_days=5,
    max_per_month=4,
    min_amount_minor={"CNY": 200_00},
)
AMOUNT = 100_000_00


def day(month: int, number: int) -> date:
    return date(2026, month, number)


class Debtor:
    """One item with everything that happened to it; `run` walks the days and sends what is decided."""

    def __init__(self, amount: int = AMOUNT) -> None:
        self.amount = amount
        self.sent: list[DunningDecision] = []
        self.sent_on: list[date] = []
        self.last: dict[str, History] = {}
        self.disputes: list[Dispute] = []
        self.promises: list[Promise] = []
        self.receipts: list[Receipt] = []

    def open_minor(self, on: date) -> int:
        return self.amount - sum(one.amount_minor for one in self.receipts if one.on <= on)

    def decide(self, on: date) -> DunningDecision | None:
        holds = [judge_promise(one, self.receipts, on) for one in self.promises if one.made_on <= on]
        blocks = [Block("promised", word.holds_until) for word in holds if word.holds_until is not None]
        known = [one for one in self.disputes if one.opened_on <= on]
        known = [
            one if one.resolved_on is None or one.resolved_on <= on else replace(one, state="open") for one in known
        ]
        items = []
        for part in parts_of("i", self.open_minor(on), known):
            last = self.last.get(part.id) or (self._before(part.dispute) if part.dispute else None)
            resumed = part.dispute is not None and part.dispute.state == "rejected"
            items.append(
                DunningItem(
                    part.id,
                    "d",
                    "INV-1",
                    "cn",
                    "c",
                    "CNY",
                    DUE,
                    part.amount_minor,
                    blocks=[*blocks, Block("disputed")] if part.is_blocked else blocks,
                    last=last,
                    resumed_on=part.dispute.resolved_on if resumed and part.dispute else None,
                    pay_by_on=part.dispute.pay_by_on if resumed and part.dispute else None,
                )
            )
        facts = GroupFacts(sent_on=self.sent_on, is_fresh=True, channels=frozenset(EMAIL))
        found = decide_dunning(items, {("cn", "c", "CNY"): facts}, POLICY, WEEKENDS, on)
        return found[0] if found else None

    def _before(self, dispute: Dispute | None) -> History | None:
        had = self.history.get("i", []) if dispute is not None else []
        return next((one for one in reversed(had) if dispute is not None and one.sent_on <= dispute.opened_on), None)

    @property
    def history(self) -> dict[str, list[History]]:
        out: dict[str, list[History]] = {}
        for decision, on in zip(self.sent, self.sent_on, strict=True):
            for line in decision.lines:
                out.setdefault(line.item_id, []).append(History(line.step, line.level, line.offset, on))
        return out

    def run(self, start: date, end: date) -> list[tuple[date, str, int]]:
        made = []
        on = start
        while on <= end:
            decision = self.decide(on)
            if decision is not None and decision.send:
                self.sent.append(decision)
                self.sent_on.append(on)
                for line in decision.lines:
                    self.last[line.item_id] = History(line.step, line.level, line.offset, on)
                made.append((on, decision.step, decision.amount_minor))
            on += timedelta(days=1)
        return made


def test_planned_days_of_the_reference() -> None:
    planned = {one.step.id: (one.on, one.superseded_by) for one in timeline(DUE, POLICY, WEEKENDS)}
    assert planned == {
        "P7": (day(3, 24), ""),
        "P3": (day(3, 30), "D0"),
        "D0": (day(3, 31), ""),
        "L1": (day(4, 7), ""),
        "L2": (day(4, 15), ""),
        "L3": (day(4, 30), ""),
        "L4": (day(6, 1), ""),
        "LEGAL": (day(6, 29), ""),
    }


def test_an_undisturbed_item_gets_each_step_once() -> None:
    made = Debtor().run(day(3, 1), day(7, 31))
    assert [(on, step) for on, step, _ in made] == [
        (day(3, 24), "P7"),
        (day(3, 31), "D0"),
        (day(4, 7), "L1"),
        (day(4, 15), "L2"),
        (day(4, 30), "L3"),
        (day(6, 1), "L4"),
        (day(6, 29), "LEGAL"),
    ]


def test_the_superseded_step_says_by_what() -> None:
    debtor = Debtor()
    debtor.run(day(3, 1), day(3, 29))
    decision = debtor.decide(day(3, 30))
    assert decision is not None
    assert (decision.send, decision.why_not) == (False, "already_sent")
    assert list(decision.steps[0].skipped) == [("P3", "D0")]


def test_after_an_outage_one_message_one_level_up_and_the_next_after_the_cooldown() -> None:
    debtor = Debtor()
    debtor.run(day(3, 1), day(4, 5))
    made = debtor.run(day(4, 20), day(4, 29))
    assert [(on, step) for on, step, _ in made] == [(day(4, 20), "L1"), (day(4, 27), "L2")]


def test_never_reminded_before_starts_at_the_first_level_however_old() -> None:
    made = Debtor().run(day(7, 1), day(7, 31))
    assert [(on, step) for on, step, _ in made] == [
        (day(7, 1), "L1"),
        (day(7, 6), "L2"),
        (day(7, 13), "L3"),
        (day(7, 20), "L4"),
    ]
    # the fifth in a month is one too many: the legal step waits for August


def test_a_partial_dispute_leaves_the_rest_dunned_and_a_rejection_brings_the_part_back_at_its_level() -> None:
    debtor = Debtor()
    debtor.run(day(3, 1), day(4, 9))
    debtor.disputes = [Dispute("x", "i", day(4, 10), 40_000_00)]
    assert debtor.run(day(4, 10), day(5, 4)) == [(day(4, 15), "L2", 60_000_00), (day(4, 30), "L3", 60_000_00)]
    debtor.disputes = [
        Dispute("x", "i", day(4, 10), 40_000_00, "rejected", resolved_on=day(5, 5), pay_by_on=day(5, 19))
    ]
    decision = debtor.decide(day(5, 5))
    assert decision is not None
    assert decision.send
    part = next(line for line in decision.lines if line.item_id == "i#x")
    assert (part.step, part.level, part.amount_minor, part.pay_by_on) == ("L1", 1, 40_000_00, day(5, 19))
    debtor.run(day(5, 5), day(5, 5))
    waiting = debtor.decide(day(5, 18))
    assert waiting is not None
    assert [one.why for one in waiting.steps] == ["already_sent", "pay_by"]
    made = debtor.run(day(5, 6), day(5, 31))
    assert made[0][0] == day(5, 20), "the new pay-by date has passed"
    assert next(line.step for line in debtor.sent[-1].lines if line.item_id == "i#x") in ("L2", "L3")
    assert debtor.history["i#x"][1].step == "L2", "one level up from where it was"


def test_a_promise_holds_until_its_tolerance_and_the_rest_resumes_when_partly_kept() -> None:
    debtor = Debtor()
    debtor.run(day(3, 1), day(4, 17))
    debtor.promises = [Promise("p", day(4, 18), day(4, 25), AMOUNT, tolerance_days=2)]
    debtor.receipts = [Receipt(day(4, 25), 60_000_00)]
    assert debtor.run(day(4, 18), day(4, 27)) == []
    held = debtor.decide(day(4, 27))
    assert held is not None
    assert held.steps[0].why == "promised"
    word = judge_promise(debtor.promises[0], debtor.receipts, day(4, 28))
    assert (word.value, word.paid_minor, word.holds_until) == ("partly_kept", 60_000_00, None)
    assert judge_promise(debtor.promises[0], debtor.receipts, day(4, 27)).next_change_on == day(4, 28)
    assert debtor.run(day(4, 28), day(5, 4)) == [(day(4, 30), "L3", 40_000_00)]
