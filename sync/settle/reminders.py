"""Dunning per company, customer and currency: taken back when overtaken, decided, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sync.fold.batch import Batch
from sync.settle.cases import CaseView
from sync.settle.decisions import Verdict, current, put
from sync.settle.dunning_items import Sent, dunning_items, sent_of
from sync.settle.policies import Rules, active_policy, rules_for
from sync.settle.positions import Position
from sync.settle.reach import Contact, Reach, company_channels, reach_of
from sync.settle.reminding import Message, intend_reminders
from sync.settle.withdrawals import waiting_of, withdraw
from tieout.receivables.dunning.decide import DunningDecision, decide_dunning
from tieout.receivables.dunning.items import DunningItem, GroupFacts
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.status import Reason


@dataclass(frozen=True, slots=True)
class Judged:
    """The dunning of one position: its decisions by currency, and what they were made from."""

    position: Position
    rules: Rules
    reach: Reach
    items: Sequence[DunningItem]
    decisions: Mapping[str, DunningDecision]


def decide_reminding(
    batch: Batch, positions: Sequence[Position], members: Mapping[str, list[str]], view: CaseView
) -> None:
    """Decide the reminders of these positions and hand those that are due to the outbox."""
    # First: what is left of a message that was overtaken is decided anew below.
    withdraw(batch, positions, members, lambda one: _claims(batch, one, view))
    judged = judge(batch, positions, members, view)
    quiet = {f"{one.position.key}|{code}" for one in judged for code in one.position.currencies - one.decisions.keys()}
    held = current(batch, "reminder", quiet)
    verdicts: list[Verdict] = []
    messages: list[Message] = []
    for one in judged:
        position, on = one.position, batch.on[one.position.company]
        for currency, decision in sorted(one.decisions.items()):
            verdicts.append(_verdict(position, currency, decision, on))
            if decision.send:
                messages.append(Message(decision, position, one.items, one.reach, one.rules))
        over = sorted(f"{position.key}|{code}" for code in position.currencies - one.decisions.keys())
        verdicts += [_settled(position, held[subject], on) for subject in over if _has_more_to_come(held.get(subject))]
    changed = put(batch, "reminder", verdicts)
    intend_reminders(batch, [one for one in messages if one.subject in changed])


def judge(
    batch: Batch,
    positions: Sequence[Position],
    members: Mapping[str, list[str]],
    view: CaseView,
    policies: Mapping[str, Policy] | None = None,
) -> list[Judged]:
    """Decide without storing anything; `policies` by company stand in for the active ones (a preview)."""
    sent = sent_of(batch, positions)
    waiting = waiting_of(batch, positions)
    out: list[Judged] = []
    rules: dict[str, Rules] = {}
    for position in positions:
        company = position.company
        if company not in rules:
            policy = (policies or {}).get(company) or active_policy(batch.conn, company)
            rules[company] = rules_for(
                batch.config, company, policy, frozenset(company_channels(batch.config, company))
            )
        reach = reach_of(batch.config, company, members.get(position.customer, []), _contact(position, view))
        items = dunning_items(position, view, sent)
        facts = {
            (company, position.customer, currency): _facts(batch, position, currency, sent, waiting, reach)
            for currency in {item.currency for item in items}
        }
        mine = rules[company]
        found = decide_dunning(items, facts, mine.policy, mine.calendar, batch.on[company])
        out.append(Judged(position, mine, reach, items, {one.currency: one for one in found}))
    return out


def _facts(
    batch: Batch, position: Position, currency: str, sent: Mapping[str, Sent], waiting: set[str], reach: Reach
) -> GroupFacts:
    subject = f"{position.key}|{currency}"
    history = sent.get(subject, Sent())
    return GroupFacts(
        credits_minor=-(position.unapplied_minor.get(currency, 0) + position.credits_minor.get(currency, 0)),
        sent_on=tuple(history.on),
        sent_keys=frozenset(history.keys),
        is_fresh=batch.is_fresh(position.company),
        was_late=history.was_late,
        is_waiting=subject in waiting,
        channels=reach.channels,
    )


def _contact(position: Position, view: CaseView) -> Contact:
    return next((view.contacts[one] for one in position.accounts if one in view.contacts), Contact())


def _claims(batch: Batch, position: Position, view: CaseView) -> dict[str, tuple[str, int]]:
    """What may be asked for today, by part: (currency, minor units)."""
    on = batch.on[position.company]
    return {
        item.id: (item.currency, item.claim_minor if item.block(on) is None else 0)
        for item in dunning_items(position, view, {})
    }


def _has_more_to_come(standing: Mapping[Any, Any] | None) -> bool:
    return standing is not None and standing["value"] not in ("settled", "withdrawn")


def _settled(position: Position, standing: Mapping[Any, Any], on: date) -> Verdict:
    """Nothing is owed in this currency any more: no passing day changes the answer."""
    return Verdict(
        subject=standing["subject"],
        company=position.company,
        value="settled",
        body={**standing["body"], "key": "", "items": [], "lines": [], "steps": [], "amount_minor": 0, "level": 0},
        reasons=[Reason("settled")],
        inputs={"items": []},
        rule_version=standing["rule_version"],
        effective_on=on,
        next_change_on=None,
    )


def _verdict(position: Position, currency: str, decision: DunningDecision, on: date) -> Verdict:
    return Verdict(
        subject=f"{position.key}|{currency}",
        company=position.company,
        value="send" if decision.send else decision.why_not,
        body=decision_body(decision),
        reasons=[Reason(code) for code in ([decision.why_not] if decision.why_not else ["due"])]
        + [Reason(code) for code in decision.also],
        inputs=decision.inputs,
        rule_version=decision.rule_version,
        effective_on=on,
        next_change_on=decision.next_change_on,
    )


def decision_body(decision: DunningDecision) -> dict[str, Any]:
    """A decision as it is stored: lines are [item, minor units, step, level, offset, pay-by date], `steps` the answer
    per item: [item, document, minor units, step or "", why not, next day, skipped steps, case]."""
    return {
        "key": decision.key,
        "items": [list(item) for item in decision.items],
        "lines": [
            [line.item_id, line.amount_minor, line.step, line.level, line.offset, line.pay_by_on]
            for line in decision.lines
        ],
        "steps": [
            [
                one.item.id,
                one.item.document_id,
                one.item.claim_minor,
                one.step.id if one.step is not None else "",
                one.why,
                one.next_on,
                [list(pair) for pair in one.skipped],
                one.case,
            ]
            for one in decision.steps
        ],
        "amount_minor": decision.amount_minor,
        "currency": decision.currency,
        "step": decision.step,
        "level": decision.level,
        "tone": decision.tone,
        "channels": list(decision.channels),
        "pay_by_on": decision.pay_by_on if decision.send else None,
        "needs_approval": decision.needs_approval,
        "policy": decision.policy,
        "calendar_known": decision.is_calendar_known,
    }
