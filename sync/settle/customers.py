"""Per company and customer: balances, credit status with hysteresis, and one reminder step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, open_conflicts
from sync.settle.decisions import Verdict, current, day, put
from sync.settle.positions import Position, positions_of
from sync.settle.reminders import decide_reminding
from sync.settle.statuses import status_of
from tieout.receivables.combine import combine
from tieout.receivables.credit import CreditPolicy, CreditState, OwedItem, credit_status
from tieout.receivables.exposure import exposure_of

CREDIT_POLICY = CreditPolicy()


def decide_customers(batch: Batch, keys: Sequence[str]) -> None:
    """Decide credit and reminders of these `customer|company` pairs; members with a changed decision are touched."""
    positions, members = positions_of(batch, keys)
    _decide_statuses(batch, positions)
    _decide_credit(batch, positions, members)
    decide_reminding(batch, positions, members)


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
