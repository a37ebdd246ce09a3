"""Reminders that are due become events in the outbox: one task per company, customer and currency, once for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from mapping.outbound import FieldNames
from mapping.outbound_fields import MODULES
from mapping.reminder_text import ReminderLine, ReminderView, reminder_task
from sync.fold.batch import Batch
from sync.settle.modules import module_of
from sync.settle.outgoing import send_events
from sync.settle.positions import Position
from tieout.receivables.reminders import ReminderDecision, ReminderPolicy
from tieout.store.outbox import EventIntent
from tieout.store.tables import customers

ACT_WITHIN = timedelta(days=3)  # the day by which sales should have called


def intend_reminders(
    batch: Batch, rows: Sequence[tuple[ReminderDecision, Position, str]], policy: ReminderPolicy
) -> None:
    """Write one event per reminder; `rows` are (decision, position, record key of the CRM account)."""
    if not rows:
        return
    names = dict(
        batch.conn.execute(
            select(customers.c.id, customers.c.name).where(customers.c.id.in_([p.customer for _, p, _ in rows]))
        ).all()
    )
    events = []
    for decision, position, record in rows:
        connection, stream, parent_id = record.split("/", 2)
        settings = batch.config.connections[connection]
        items = {row["id"]: row for row in position.items}
        view = ReminderView(
            key=decision.key,
            customer_name=names.get(position.customer, position.customer),
            company_name=batch.config.companies[position.company].name,
            currency=decision.currency,
            amount_minor=decision.amount_minor,
            step=policy.step,
            lines=[
                ReminderLine(items[item]["number"], items[item]["due_on"], amount) for item, amount in decision.items
            ],
            as_of=batch.on[position.company],
            task_due_on=batch.on[position.company] + ACT_WITHIN,
            parent_module=module_of(settings.vendor, stream),
            parent_id=parent_id,
        )
        events.append(
            EventIntent(
                connection=connection,
                module="Tasks",
                event_key=decision.key,
                key_field=FieldNames.of(settings.fields).key,
                parent_module=view.parent_module,
                parent_id=parent_id,
                fields=reminder_task(settings.vendor, view, batch.config.language),
                reason={
                    "kind": "reminder",
                    "step": policy.step,
                    "currency": decision.currency,
                    "items": [list(item) for item in decision.items],
                    "rule_version": decision.rule_version,
                },
                subject=position.key,
                currency=decision.currency,
                money_minor=decision.amount_minor,
            )
        )
    send_events(batch, events)
    batch.count("reminders", len(events))


def takes_reminders(vendor: str) -> bool:
    """True for vendors where a reminder can be a task."""
    return "Tasks" in MODULES.get(vendor, {})
