"""Per company and customer: balances, credit status with hysteresis, and one reminder step."""

from __future__ import annotations

from collections.abc import Sequence

from sync.fold.batch import Batch
from sync.settle.cases import view_cases
from sync.settle.credit import decide_credit
from sync.settle.decisions import Verdict, put
from sync.settle.positions import Position, positions_of
from sync.settle.reminders import decide_reminding
from sync.settle.statuses import standing_of, stands_on
from tieout.receivables.combine import combine


def decide_customers(batch: Batch, keys: Sequence[str]) -> None:
    """Decide credit and reminders of these `customer|company` pairs; members with a changed decision are touched."""
    positions, members = positions_of(batch, keys)
    _decide_statuses(batch, positions)
    view = view_cases(batch, positions)  # first: whether a promise was kept is a cause of its own
    decide_credit(batch, positions, members, view)
    decide_reminding(batch, positions, members, view)


def _decide_statuses(batch: Batch, positions: Sequence[Position]) -> None:
    """Payment status per company, customer and currency, over the documents that are still open; none open = paid."""
    standing = standing_of(batch, {row["document_id"] for position in positions for row in position.items})
    verdicts = []
    for position in positions:
        on = batch.on[position.company]
        mine = {row["document_id"] for row in position.items}
        statuses = {key: standing[key] for key in sorted(mine) if key in standing}
        for currency in sorted(position.currencies):
            decision = combine(statuses, currency)
            verdicts.append(
                Verdict(
                    subject=f"{position.key}|{currency}",
                    company=position.company,
                    value=decision.value or "paid",
                    body=dict(decision.pushed()),
                    reasons=[reason for reason in decision.reasons if reason.code != "other_currency_left_out"],
                    inputs={**decision.inputs, "decisions": stands_on(statuses)},
                    rule_version=decision.rule_version,
                    effective_on=on,
                    next_change_on=decision.next_change_on,
                )
            )
    put(batch, "payment_status", verdicts)
