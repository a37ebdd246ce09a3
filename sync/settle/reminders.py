"""Reminders per company, customer and currency: decided, taken back when paid, sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, update

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, current, put
from sync.settle.positions import Position
from sync.settle.reminding import intend_reminders, takes_reminders
from tieout.receivables.reminders import (
    ReminderDecision,
    ReminderFacts,
    ReminderItem,
    ReminderPolicy,
    decide_reminders,
)
from tieout.receivables.status import Reason
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import decisions, outbox

REMINDER_POLICY = ReminderPolicy()


def decide_reminding(batch: Batch, positions: Sequence[Position], members: Mapping[str, list[str]]) -> None:
    """Decide the reminders of these positions and hand those that are due to the outbox."""
    for position in positions:
        _withdraw(batch, position)  # first: what is left of it is decided anew below
    sent = _sent(batch, positions)
    held = current(batch, "reminder", {f"{one.key}|{code}" for one in positions for code in one.currencies})
    verdicts: list[Verdict] = []
    to_send: list[tuple[ReminderDecision, Position, str]] = []
    for position in positions:
        record = next((m for m in members.get(position.customer, []) if _can_remind(batch, m)), "")
        facts: dict[tuple[str, str, str], ReminderFacts] = {}
        items = [_reminder_item(position, row) for row in position.items]
        for currency in {item.currency for item in items}:
            history = sent.get(f"{position.key}|{currency}", [])
            facts[position.company, position.customer, currency] = ReminderFacts(
                credits_minor=-(position.unapplied_minor.get(currency, 0) + position.credits_minor.get(currency, 0)),
                reminded_items=frozenset(item for row in history for item, _ in row["body"]["items"]),
                sent_keys=frozenset(row["body"]["key"] for row in history),
                last_sent_on=max((row["effective_on"] for row in history), default=None),
                is_fresh=batch.is_fresh(position.company),
                has_record=bool(record),
            )
        decided = {d.currency: d for d in decide_reminders(items, facts, REMINDER_POLICY, batch.on[position.company])}
        for currency, decision in sorted(decided.items()):
            verdicts.append(_reminder_verdict(position, currency, decision, batch.on[position.company]))
            if decision.send:
                to_send.append((decision, position, record))
        over = sorted(f"{position.key}|{code}" for code in position.currencies - decided.keys())
        on = batch.on[position.company]
        verdicts += [_settled(position, held[subject], on) for subject in over if _has_more_to_come(held.get(subject))]
    changed = put(batch, "reminder", verdicts)
    intend_reminders(batch, [row for row in to_send if f"{row[1].key}|{row[0].currency}" in changed], REMINDER_POLICY)


def _has_more_to_come(standing: Mapping[Any, Any] | None) -> bool:
    return standing is not None and standing["value"] not in ("settled", "withdrawn")


def _settled(position: Position, standing: Mapping[Any, Any], on: date) -> Verdict:
    """Nothing is owed in this currency any more: no passing day changes the answer."""
    return Verdict(
        subject=standing["subject"],
        company=position.company,
        value="settled",
        body={**standing["body"], "key": "", "items": [], "amount_minor": 0, "level": 0},
        reasons=[Reason("settled")],
        inputs={"items": []},
        rule_version=standing["rule_version"],
        effective_on=on,
        next_change_on=None,
    )


def _can_remind(batch: Batch, member: str) -> bool:
    if "/" not in member:
        return False
    connection = batch.config.connections[member.split("/", 1)[0]]
    return "reminders" in connection.push and takes_reminders(connection.vendor)


def _reminder_item(position: Position, row: Mapping[Any, Any]) -> ReminderItem:
    return ReminderItem(
        item_id=row["id"],
        document_id=row["document_id"],
        number=row["number"],
        company_id=position.company,
        customer_id=position.customer,
        currency=row["currency"],
        due_on=row["due_on"],
        open_minor=row["open_minor"],
    )


def _reminder_verdict(position: Position, currency: str, decision: ReminderDecision, on: date) -> Verdict:
    return Verdict(
        subject=f"{position.key}|{currency}",
        company=position.company,
        value="send" if decision.send else decision.why_not,
        body={
            "key": decision.key,
            "items": [list(item) for item in decision.items],
            "amount_minor": decision.amount_minor,
            "currency": currency,
            "step": decision.step,
            "level": decision.level,
        },
        reasons=[Reason(code) for code in ([decision.why_not] if decision.why_not else ["due"])]
        + [Reason(code) for code in decision.also],
        inputs=decision.inputs,
        rule_version=decision.rule_version,
        effective_on=on,
        next_change_on=decision.next_change_on,
    )


def _sent(batch: Batch, positions: Sequence[Position]) -> dict[str, list[Mapping[Any, Any]]]:
    """Reminders decided to be sent and not withdrawn, by subject."""
    d = decisions.c
    out: dict[str, list[Mapping[Any, Any]]] = {}
    subjects = sorted({f"{position.key}|{code}" for position in positions for code in position.open_minor})
    for part in chunks(subjects):
        for row in batch.conn.execute(
            select(d.subject, d.body, d.effective_on, d.value)
            .where(d.kind == "reminder", among(d.subject, part), d.value.in_(("send", "withdrawn")))
            .order_by(d.seq, d.id)
        ).mappings():
            rows = out.setdefault(row["subject"], [])
            if row["value"] == "send":
                rows.append(row)
            else:
                out[row["subject"]] = [kept for kept in rows if kept["body"]["key"] != row["body"]["key"]]
    return out


def _withdraw(batch: Batch, position: Position) -> None:
    """A reminder still waiting in the outbox is taken back when what it asks for has been paid or changed."""
    o = outbox.c
    waiting = batch.conn.execute(
        select(o.id, o.event_key, o.reason).where(
            o.subject == position.key, o.event_key.is_not(None), o.state.in_(("planned", "parked", "ready"))
        )
    ).mappings()
    open_by_item = {row["id"]: row["open_minor"] for row in position.items}
    for row in waiting:
        asked = dict(tuple(pair) for pair in row["reason"].get("items", []))
        if all(open_by_item.get(item, 0) >= amount for item, amount in asked.items()):
            continue
        batch.conn.execute(
            update(outbox).where(o.id == row["id"]).values(state="cancelled", updated_at=batch.now, error="settled")
        )
        currency = row["reason"].get("currency", "")
        subject = f"{position.key}|{currency}"
        put(
            batch,
            "reminder",
            [
                Verdict(
                    subject=subject,
                    company=position.company,
                    value="withdrawn",
                    body={"key": row["event_key"], "items": [list(pair) for pair in sorted(asked.items())]},
                    reasons=[Reason("settled")],
                    inputs={"open": {item: open_by_item.get(item, 0) for item in sorted(asked)}},
                    rule_version="reminder-withdrawal-1",
                    effective_on=batch.on[position.company],
                    next_change_on=None,
                )
            ],
        )
        batch.count("reminders_withdrawn")
