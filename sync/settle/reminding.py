"""Messages that are due become events in the outbox: one per channel, each with a key that is unique for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from mapping.outbound import FieldNames
from mapping.outbound_fields import REMINDER_MODULES
from mapping.reminder_text import ReminderLine, ReminderView, reminder_task
from sync.fold.batch import Batch
from sync.settle.modules import module_of
from sync.settle.outgoing import send_events
from sync.settle.policies import Rules
from sync.settle.positions import Position
from sync.settle.reach import Reach
from tieout.receivables.dunning.decide import DunningDecision
from tieout.receivables.dunning.items import DunningItem
from tieout.store.landing import chunks
from tieout.store.outbox import EventIntent
from tieout.store.tables import customers

ACT_WITHIN = timedelta(days=3)  # the day by which sales should have called


@dataclass(frozen=True, slots=True)
class Message:
    """A decision to send with all that its words are made from."""

    decision: DunningDecision
    position: Position
    items: Sequence[DunningItem]
    reach: Reach
    rules: Rules

    @property
    def subject(self) -> str:
        return f"{self.position.key}|{self.decision.currency}"


def intend_reminders(batch: Batch, messages: Sequence[Message]) -> None:
    """Write one event per message and channel."""
    if not messages:
        return
    names = _names(batch, [one.position.customer for one in messages])
    events = [
        _task(batch, one, view_of(batch, one, names.get(one.position.customer, one.position.customer)))
        for one in messages
        if "crm_task" in one.decision.channels
    ]
    send_events(batch, events)
    batch.count("reminders", len(messages))


def view_of(batch: Batch, message: Message, customer: str) -> ReminderView:
    """What the words of a message are made from."""
    decision, position = message.decision, message.position
    items = {item.id: item for item in message.items}
    on = batch.on[position.company]
    return ReminderView(
        key=decision.key,
        customer_name=customer,
        company_name=batch.config.companies[position.company].name,
        currency=decision.currency,
        amount_minor=decision.amount_minor,
        step=decision.step,
        lines=[
            ReminderLine(items[line.item_id].number, items[line.item_id].due_on, line.amount_minor)
            for line in decision.lines
        ],
        as_of=on,
        task_due_on=on + ACT_WITHIN,
        parent_module="",
        parent_id="",
    )


def _task(batch: Batch, message: Message, view: ReminderView) -> EventIntent:
    connection, stream, parent_id = message.reach.record.split("/", 2)
    settings = batch.config.connections[connection]
    return EventIntent(
        connection=connection,
        module=REMINDER_MODULES[settings.vendor],
        event_key=message.decision.key,
        key_field=FieldNames.of(settings.fields, settings.vendor).key,
        parent_module=module_of(settings.vendor, stream),
        parent_id=parent_id,
        fields=reminder_task(settings.vendor, view, batch.config.language),
        reason=reason_of(message.decision),
        subject=message.position.key,
        currency=message.decision.currency,
        money_minor=message.decision.amount_minor,
        needs_approval=message.decision.needs_approval,
    )


def reason_of(decision: DunningDecision) -> dict[str, Any]:
    """Why an event is sent, kept with it: `key` is that of the message, the same for all its channels."""
    return {
        "kind": "reminder",
        "key": decision.key,
        "step": decision.step,
        "level": decision.level,
        "currency": decision.currency,
        "items": [list(item) for item in decision.items],
        "needs_approval": decision.needs_approval,
        "policy": decision.policy,
        "rule_version": decision.rule_version,
    }


def _names(batch: Batch, ids: Sequence[str]) -> Mapping[str, str]:
    out: dict[str, str] = {}
    for part in chunks(sorted(set(ids))):
        out.update(batch.conn.execute(select(customers.c.id, customers.c.name).where(customers.c.id.in_(part))).all())
    return out
