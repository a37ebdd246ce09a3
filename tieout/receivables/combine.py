"""Several payment statuses as one: a deal or order with its invoices, a customer per currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from tieout.core.money import format_minor
from tieout.receivables.aging import DEFAULT_SCHEME, NO_BUCKET, AgingScheme
from tieout.receivables.status import STATUS_VERSION, LeftOut, Reason, StatusDecision, StatusValue, value_of

_PLAIN_REASON = {"paid": "nothing_open", "partially_paid": "paid_in_part", "open": "nothing_paid"}


@dataclass(frozen=True, slots=True)
class CustomerTotal:
    """One currency of a customer: the combined status of its documents and its unapplied cash (<= 0), minor units."""

    currency: str
    status: StatusDecision
    unapplied_minor: int

    @property
    def balance_minor(self) -> int:
        """Open items less unapplied cash."""
        return self.status.open_minor + self.unapplied_minor


class DocumentStatus(Protocol):
    """What a combination needs of one document's status."""

    @property
    def value(self) -> StatusValue: ...

    @property
    def currency(self) -> str: ...

    @property
    def invoiced_minor(self) -> int: ...

    @property
    def open_minor(self) -> int: ...

    @property
    def overdue_minor(self) -> int: ...

    @property
    def overdue_since(self) -> date | None: ...

    @property
    def aging_bucket(self) -> str: ...

    @property
    def next_due_on(self) -> date | None: ...

    @property
    def last_payment_on(self) -> date | None: ...

    @property
    def next_change_on(self) -> date | None: ...


def combine(
    statuses: Mapping[str, DocumentStatus], currency: str, *, scheme: AgingScheme = DEFAULT_SCHEME
) -> StatusDecision:
    """The status of a deal, order or customer from its documents (id -> decision), in one currency.

    Amounts are sums; bucket and overdue-since come from the oldest overdue document; documents of another currency are
    left out and named, never converted or dropped silently. Open credit notes reduce what is open, and what is overdue
    is never shown above what is open in total. No document in the currency: value "" (nothing to say).
    """
    mine = {key: one for key, one in sorted(statuses.items()) if one.currency == currency}
    left_out = _left_out(statuses, currency)
    reasons = [Reason("other_currency_left_out", {"currency": row.currency}) for row in left_out]
    live = [one for one in mine.values() if one.value != "void"]
    inputs = {"documents": {key: [one.value, one.open_minor, one.overdue_minor] for key, one in mine.items()}}
    if not live:
        value: StatusValue = "void" if mine else ""
        reasons.insert(0, Reason("all_void" if mine else "no_documents"))
        paid_on = _latest(one.last_payment_on for one in mine.values())
        return StatusDecision(
            value,
            currency,
            0,
            0,
            0,
            0,
            None,
            NO_BUCKET,
            None,
            paid_on,
            tuple(reasons),
            inputs,
            STATUS_VERSION,
            None,
            left_out,
        )
    invoiced = sum(one.invoiced_minor for one in live)
    still_open = sum(one.open_minor for one in live)
    gross_overdue = sum(one.overdue_minor for one in live)
    overdue = max(0, min(still_open, gross_overdue))
    since = min((one.overdue_since for one in live if one.overdue_since is not None), default=None) if overdue else None
    if since is not None:
        oldest = next(one for one in live if one.overdue_since == since)
        bucket = oldest.aging_bucket
        reasons.insert(0, Reason("past_due", {"overdue_minor": overdue, "overdue_since": since}))
    else:
        bucket = scheme.codes[0] if still_open > 0 else NO_BUCKET
    value = "paid" if still_open < 0 else value_of(invoiced, still_open, overdue)
    if still_open < 0:
        reasons.insert(0, Reason("net_credit", {"open_minor": still_open}))
    elif value != "overdue":
        reasons.insert(0, Reason(_PLAIN_REASON[value]))
    if overdue < gross_overdue:
        reasons.append(Reason("credit_notes_net_overdue", {"gross_overdue_minor": gross_overdue}))
    return StatusDecision(
        value=value,
        currency=currency,
        invoiced_minor=invoiced,
        paid_minor=invoiced - still_open,
        open_minor=still_open,
        overdue_minor=overdue,
        overdue_since=since,
        aging_bucket=bucket,
        next_due_on=min((one.next_due_on for one in live if one.next_due_on is not None), default=None),
        last_payment_on=_latest(one.last_payment_on for one in mine.values()),
        reasons=tuple(reasons),
        inputs=inputs,
        rule_version=STATUS_VERSION,
        next_change_on=min((one.next_change_on for one in live if one.next_change_on is not None), default=None),
        left_out=left_out,
    )


def customer_totals(
    statuses: Mapping[str, StatusDecision], unapplied: Mapping[str, int]
) -> Mapping[str, CustomerTotal]:
    """A customer's totals per currency, sorted by code; `unapplied` maps a currency to unapplied cash (negative)."""
    currencies = sorted(
        {one.currency for one in statuses.values()} | {code for code, amount in unapplied.items() if amount}
    )
    return {
        code: CustomerTotal(
            code,
            combine({key: one for key, one in statuses.items() if one.currency == code}, code),
            unapplied.get(code, 0),
        )
        for code in currencies
    }


def balances_text(totals: Mapping[str, CustomerTotal]) -> str:
    """The exact balances as text for `AR_Balances`: `CNY 1,200.00 (overdue 200.00, unapplied 50.00); USD …`."""
    parts = []
    for code, total in sorted(totals.items()):
        if not (total.balance_minor or total.status.overdue_minor or total.unapplied_minor):
            continue
        notes = [
            f"{word} {format_minor(abs(amount), code, code=False)}"
            for word, amount in (("overdue", total.status.overdue_minor), ("unapplied", total.unapplied_minor))
            if amount
        ]
        text = f"{code} {format_minor(total.balance_minor, code, code=False)}"
        parts.append(f"{text} ({', '.join(notes)})" if notes else text)
    return "; ".join(parts)


def _left_out(statuses: Mapping[str, DocumentStatus], currency: str) -> Sequence[LeftOut]:
    others: dict[str, list[str]] = defaultdict(list)
    for key, one in sorted(statuses.items()):
        if one.currency != currency:
            others[one.currency].append(key)
    return tuple(
        LeftOut(code, tuple(keys), sum(statuses[key].open_minor for key in keys))
        for code, keys in sorted(others.items())
    )


def _latest(days: Iterable[date | None]) -> date | None:
    return max((day for day in days if day is not None), default=None)
