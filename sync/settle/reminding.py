"""Messages that are due become events in the outbox: one per channel, each with a key that is unique for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mapping.outbound import FieldNames
from mapping.outbound_fields import NOTE_MODULES, REMINDER_MODULES
from mapping.reminder_text import (
    ReminderLine,
    ReminderView,
    note_in_words,
    reminder_note,
    reminder_task,
    task_in_words,
)
from sync.fold.batch import Batch
from sync.settle.modules import module_of
from sync.settle.outgoing import send_events
from sync.settle.policies import Rules
from sync.settle.positions import Position
from sync.settle.reach import Reach
from sync.settle.wording import Occasion, Wording
from tieout.core.dates import zone
from tieout.core.exact_json import digest
from tieout.core.ports import JsonValue
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
    wording = Wording.standing(batch.conn)
    events: list[EventIntent] = []
    for one in messages:
        view = view_of(batch, one, names.get(one.position.customer, one.position.customer))
        for channel in one.decision.channels:
            if channel == "crm_task":
                events.append(_task(batch, one, view, wording))
            elif channel == "crm_note":
                events.append(_note(batch, one, view, wording))
            elif channel == "email":
                events += _mails(batch, one, view, wording)
            elif channel in one.reach.connections:
                events.append(_chat(batch, one, view, channel, wording))
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


def occasion_of(message: Message) -> Occasion:
    """What the words of a message are chosen by."""
    decision = message.decision
    step = message.rules.policy.step(decision.step)
    pay_by = max((line.pay_by_on for line in decision.lines if line.pay_by_on is not None), default=decision.pay_by_on)
    return Occasion(
        company=message.position.company,
        step=decision.step,
        level=decision.level,
        tone=decision.tone,
        template=step.template if step is not None else "",
        pay_by=pay_by.isoformat() if pay_by is not None else "",
    )


def _task(batch: Batch, message: Message, view: ReminderView, wording: Wording) -> EventIntent:
    connection, stream, parent_id = message.reach.record.split("/", 2)
    settings = batch.config.connections[connection]
    words = wording.own(view, occasion_of(message), batch.config.language, "crm_task")
    return EventIntent(
        connection=connection,
        module=REMINDER_MODULES[settings.vendor],
        event_key=message.decision.key,
        key_field=FieldNames.of(settings.fields, settings.vendor).key,
        parent_module=module_of(settings.vendor, stream),
        parent_id=parent_id,
        fields=reminder_task(settings.vendor, view, batch.config.language)
        if words is None
        else task_in_words(settings.vendor, view, words.subject, words.text),
        reason=reason_of(message.decision) | ({} if words is None else {"template": words.version}),
        subject=message.position.key,
        currency=message.decision.currency,
        money_minor=message.decision.amount_minor,
        needs_approval=message.decision.needs_approval,
    )


def _note(batch: Batch, message: Message, view: ReminderView, wording: Wording) -> EventIntent:
    """A note on the account that the task would hang on, in the same words."""
    connection, stream, parent_id = message.reach.record.split("/", 2)
    vendor = batch.config.connections[connection].vendor
    words = wording.own(view, occasion_of(message), batch.config.language, "crm_note")
    return EventIntent(
        connection=connection,
        module=NOTE_MODULES[vendor],
        event_key=f"{message.decision.key}/note",
        key_field="",  # a note takes no field of ours: its key is the last line of its text
        parent_module=module_of(vendor, stream),
        parent_id=parent_id,
        fields=reminder_note(vendor, view, batch.config.language)
        if words is None
        else note_in_words(vendor, words.subject, words.text),
        reason=reason_of(message.decision)
        | {"channel": "crm_note"}
        | ({} if words is None else {"template": words.version}),
        subject=message.position.key,
        currency=message.decision.currency,
        money_minor=message.decision.amount_minor,
        needs_approval=message.decision.needs_approval,
    )


def _mails(batch: Batch, message: Message, view: ReminderView, wording: Wording) -> list[EventIntent]:
    """One mail per address, to the customer, in its language."""
    decision, contact = message.decision, message.reach.contact
    words = wording.mail(view, occasion_of(message), contact.language or batch.config.language)
    return [
        _event(
            batch,
            message,
            "email",
            f"{decision.key}/email/{digest(address)[:12]}",
            {"to": address, "subject": words.subject, "text": words.text},
            words.version,
        )
        for address in contact.emails
    ]


def _chat(batch: Batch, message: Message, view: ReminderView, channel: str, wording: Wording) -> EventIntent:
    """A note to the company's own people in their group: the words of a task."""
    key = f"{message.decision.key}/{channel}"
    words = wording.own(view, occasion_of(message), batch.config.language, channel)
    if words is not None:
        return _event(batch, message, channel, key, {"text": f"{words.subject}\n{words.text}"}, words.version)
    task = reminder_task("zoho_crm", view, batch.config.language)
    text = f"{task['Subject']}\n{task['Description']}"
    return _event(batch, message, channel, key, {"text": text}, "")


def _event(
    batch: Batch, message: Message, channel: str, key: str, fields: dict[str, JsonValue], template: str
) -> EventIntent:
    decision = message.decision
    return EventIntent(
        connection=message.reach.connections[channel],
        module="Messages",
        event_key=key,
        key_field="",
        parent_module="",
        parent_id="",
        fields=fields,
        reason={**reason_of(decision), "channel": channel, "template": template},
        subject=message.position.key,
        currency=decision.currency,
        money_minor=decision.amount_minor,
        needs_approval=decision.needs_approval,
        not_before_at=_window_opens(batch, message),
    )


def _window_opens(batch: Batch, message: Message) -> datetime | None:
    """When the policy's sending window is next open; None = it is open now, or there is none."""
    window = message.rules.policy.window
    if window is None:
        return None
    local = batch.now.astimezone(zone(batch.config.companies[message.position.company].timezone))
    day = local.date()
    if local.time() < window[0]:
        return datetime.combine(day, window[0], local.tzinfo)
    if local.time() < window[1]:
        return None
    following = day + timedelta(days=1)
    if not message.rules.policy.any_day:
        following = message.rules.calendar.following(following)
    return datetime.combine(following, window[0], local.tzinfo)


def reason_of(decision: DunningDecision) -> dict[str, Any]:
    """Why an event is sent, kept with it: `key` is that of the message, the same for all its channels.

    `reached` is the day on which each item that the message moves came to its step: no such message can be older.
    """
    return {
        "kind": "reminder",
        "key": decision.key,
        "step": decision.step,
        "level": decision.level,
        "currency": decision.currency,
        "items": [list(item) for item in decision.items],
        "reached": {one.item.id: str(one.reached_on) for one in decision.steps if one.reached_on is not None},
        "needs_approval": decision.needs_approval,
        "policy": decision.policy,
        "rule_version": decision.rule_version,
    }


def _names(batch: Batch, ids: Sequence[str]) -> Mapping[str, str]:
    out: dict[str, str] = {}
    for part in chunks(sorted(set(ids))):
        out.update(batch.conn.execute(select(customers.c.id, customers.c.name).where(customers.c.id.in_(part))).all())
    return out
