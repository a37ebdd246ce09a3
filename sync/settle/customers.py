"""Per company and customer: balances, credit status with hysteresis, and one reminder step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select, update

from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, open_conflicts
from sync.settle.decisions import Verdict, current, day, put
from sync.settle.reminding import intend_reminders, takes_reminders
from sync.settle.scope import companies_of, members_of
from sync.settle.statuses import status_of
from tieout.receivables.combine import combine
from tieout.receivables.credit import CreditPolicy, CreditState, OwedItem, credit_status
from tieout.receivables.exposure import exposure_of
from tieout.receivables.reminders import (
    ReminderDecision,
    ReminderFacts,
    ReminderItem,
    ReminderPolicy,
    decide_reminders,
)
from tieout.receivables.status import Reason
from tieout.store.landing import chunks
from tieout.store.tables import balances, decisions, documents, open_items, outbox

CREDIT_POLICY = CreditPolicy()
REMINDER_POLICY = ReminderPolicy()


@dataclass
class Position:
    """What one customer owes one company, from its accounts."""

    customer: str
    company: str
    items: list[dict[str, Any]] = field(default_factory=list)
    open_minor: dict[str, int] = field(default_factory=dict)  # open items, credit notes netted
    credits_minor: dict[str, int] = field(default_factory=dict)  # open credit notes, <= 0
    unapplied_minor: dict[str, int] = field(default_factory=dict)  # unapplied cash, <= 0
    overdue_minor: dict[str, int] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)  # ever posted in

    @property
    def key(self) -> str:
        return f"{self.customer}|{self.company}"

    def currency(self, functional: str) -> str:
        """The currency credit is judged in: the functional one unless all business is in one other currency."""
        used = {code for code, amount in self.open_minor.items() if amount} | {
            code for code, amount in self.unapplied_minor.items() if amount
        }
        return next(iter(used)) if len(used) == 1 else functional


def decide_customers(batch: Batch, keys: Sequence[str]) -> None:
    """Decide credit and reminders of these `customer|company` pairs; members with a changed decision are touched."""
    positions, members = _positions(batch, keys)
    _decide_statuses(batch, positions)
    _decide_credit(batch, positions, members)
    _decide_reminders(batch, positions, members)


def _positions(batch: Batch, keys: Sequence[str]) -> tuple[list[Position], dict[str, list[str]]]:
    pairs = [tuple(key.split("|", 1)) for key in sorted(set(keys)) if "|" in key]
    members = members_of(batch, [customer for customer, _ in pairs])
    accounts = [m for group in members.values() for m in group if m.startswith("acc_")]
    companies = companies_of(batch, accounts)
    owner: dict[str, Position] = {}
    positions = []
    for customer, company in pairs:
        position = Position(customer, company)
        positions.append(position)
        for member in members.get(customer, []):
            if companies.get(member) == company:
                owner[member] = position
    o, d = open_items.c, documents.c
    for part in chunks(sorted(owner)):
        rows = batch.conn.execute(
            select(o.id, o.document_id, o.account_id, o.currency, o.due_on, o.open_minor, d.number)
            .join(documents, d.id == o.document_id)
            .where(o.account_id.in_(part), o.open_minor != 0)
            .order_by(o.due_on, o.id)
        ).mappings()
        for row in rows:
            position = owner[row["account_id"]]
            currency, amount = row["currency"], row["open_minor"]
            _add(position.open_minor, currency, amount)
            if amount < 0:
                _add(position.credits_minor, currency, amount)
                continue
            position.items.append(dict(row))
            if row["due_on"] < batch.on[position.company]:
                _add(position.overdue_minor, currency, amount)
        posted = select(balances.c.account_id, balances.c.currency).where(balances.c.account_id.in_(part)).distinct()
        for account, currency in batch.conn.execute(posted):
            owner[account].currencies.add(currency)
        cash = batch.conn.execute(
            select(d.account_id, d.currency, d.open_minor).where(
                d.account_id.in_(part), d.kind.in_(("payment", "refund")), d.open_minor != 0, d.state == "posted"
            )
        ).mappings()
        for row in cash:
            _add(owner[row["account_id"]].unapplied_minor, row["currency"], row["open_minor"])
    return positions, members


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    sums[currency] = sums.get(currency, 0) + amount


def _decide_credit(batch: Batch, positions: Sequence[Position], members: Mapping[str, list[str]]) -> None:
    held = current(batch, "credit", [position.key for position in positions])
    verdicts = []
    for position in positions:
        before = held.get(position.key)
        if before is None and not position.items and not position.unapplied_minor and not position.credits_minor:
            continue  # never owed anything: nothing to decide
        on = batch.on[position.company]
        functional = batch.config.companies[position.company].functional_currency
        currency = position.currency(functional)
        exposure = exposure_of(position.open_minor, position.unapplied_minor, currency, {})
        previous = None
        if before is not None:
            previous = CreditState(before["value"], day(before["body"].get("hold_since")))
        owed = [OwedItem(row["id"], row["currency"], row["due_on"], row["open_minor"]) for row in position.items]
        decision = credit_status(previous, exposure, None, owed, on, CREDIT_POLICY)
        verdicts.append(
            Verdict(
                subject=position.key,
                company=position.company,
                value=decision.status,
                body={
                    "grade": decision.grade,
                    "limit_minor": decision.limit_minor,
                    "exposure_minor": decision.exposure_minor,
                    "currency": decision.currency,
                    "missing_rates": [row.currency for row in exposure.missing],
                    "hold_since": decision.hold_since,
                    "open_by_currency": position.open_minor,
                    "overdue_by_currency": position.overdue_minor,
                    "unapplied_by_currency": position.unapplied_minor,
                    "credits_by_currency": position.credits_minor,
                },
                reasons=decision.reasons,
                inputs=decision.inputs,
                rule_version=decision.rule_version,
                effective_on=on,
                next_change_on=_soonest(decision.next_change_on, _next_overdue(position, on)),
            )
        )
    _ask_for_rates(batch, verdicts)
    for subject in put(batch, "credit", verdicts):
        customer = subject.split("|")[0]
        batch.touch("push", [member for member in members.get(customer, []) if "/" in member])


def _ask_for_rates(batch: Batch, verdicts: Sequence[Verdict]) -> None:
    """One conflict per company and currency without a rate: exposure is incomplete and its field is left alone."""
    missing = {(verdict.company, code) for verdict in verdicts for code in verdict.body["missing_rates"]}
    open_conflicts(
        batch,
        [
            ConflictCall(
                kind="missing_reference",
                cause=f"rate/{company}/{code}",
                connection=None,
                stream=None,
                external_id=None,
                title=f"{company}: no exchange rate for {code}",
                evidence={
                    "company": company,
                    "currency": code,
                    "functional_currency": batch.config.companies[company].functional_currency,
                    "effect": "customers with several currencies: credit exposure is incomplete and not written back",
                },
            )
            for company, code in sorted(missing)
        ],
    )


def _decide_statuses(batch: Batch, positions: Sequence[Position]) -> None:
    """Payment status per company, customer and currency, over the documents that are still open; none open = paid."""
    every = {row["document_id"] for position in positions for row in position.items}
    standing = current(batch, "payment_status", every)
    verdicts = []
    for position in positions:
        on = batch.on[position.company]
        mine = {row["document_id"] for row in position.items}
        statuses = {key: status_of(standing[key]["body"], standing[key]) for key in sorted(mine) if key in standing}
        for currency in sorted(position.currencies):
            decision = combine(statuses, currency)
            verdicts.append(
                Verdict(
                    subject=f"{position.key}|{currency}",
                    company=position.company,
                    value=decision.value or "paid",
                    body=dict(decision.pushed()),
                    reasons=[reason for reason in decision.reasons if reason.code != "other_currency_left_out"],
                    inputs=decision.inputs,
                    rule_version=decision.rule_version,
                    effective_on=on,
                    next_change_on=decision.next_change_on,
                )
            )
    put(batch, "payment_status", verdicts)


def _next_overdue(position: Position, on: date) -> date | None:
    """The day after the next due date: the overdue amount moves then, with no other input."""
    coming = [row["due_on"] for row in position.items if row["due_on"] >= on]
    return min(coming).fromordinal(min(coming).toordinal() + 1) if coming else None


def _soonest(*days: date | None) -> date | None:
    return min((one for one in days if one is not None), default=None)


def _decide_reminders(batch: Batch, positions: Sequence[Position], members: Mapping[str, list[str]]) -> None:
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
            .where(d.kind == "reminder", d.subject.in_(part), d.value.in_(("send", "withdrawn")))
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
