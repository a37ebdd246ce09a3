"""Payment status of an invoice: the value, its amounts, its reasons, and the next day on which it changes by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from tieout.canonical.documents import DocumentKind, DocumentState
from tieout.receivables.aging import DEFAULT_SCHEME, NO_BUCKET, AgingScheme

STATUS_VERSION = "payment-status-1"

StatusValue = Literal["open", "partially_paid", "overdue", "paid", "void", ""]


class ItemState(msgspec.Struct, frozen=True):
    """An open item as of the day asked: signed amounts in minor units; `open_minor` shrinks towards zero."""

    due_on: date
    original_minor: int
    open_minor: int


class Reason(msgspec.Struct, frozen=True):
    """Why a decision came out as it did: a stable code and its numbers; never a number that moves with the day."""

    code: str
    params: Mapping[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Documents of another currency that a combined status does not contain, said out loud."""

    currency: str
    document_ids: Sequence[str]
    open_minor: int
    reason: str = "other_currency"


class StatusDecision(msgspec.Struct, frozen=True):
    """A stored decision on payment status; `value` and `aging_bucket` are "" where there is nothing to say.

    Amounts are minor units of `currency`. `next_change_on` is the first day on which a pushed field changes with no
    other input (for a combined decision: no later than that day); None = only an event can change it.
    """

    value: StatusValue
    currency: str
    invoiced_minor: int
    paid_minor: int
    open_minor: int
    overdue_minor: int
    overdue_since: date | None
    aging_bucket: str
    next_due_on: date | None
    last_payment_on: date | None
    reasons: Sequence[Reason]
    inputs: Mapping[str, Any]
    rule_version: str
    next_change_on: date | None
    left_out: Sequence[LeftOut] = ()

    def pushed(self) -> Mapping[str, Any]:
        """The fields that go to a CRM; equal dicts mean nothing to write."""
        return {
            "payment_status": self.value,
            "currency": self.currency,
            "invoiced_minor": self.invoiced_minor,
            "paid_minor": self.paid_minor,
            "open_minor": self.open_minor,
            "overdue_minor": self.overdue_minor,
            "overdue_since": self.overdue_since,
            "aging_bucket": self.aging_bucket,
            "next_due_on": self.next_due_on,
            "last_payment_on": self.last_payment_on,
        }


def invoice_status(
    state: DocumentState,
    kind: DocumentKind,
    items: Sequence[ItemState],
    as_of: date,
    last_payment_on: date | None,
    currency: str,
    *,
    credited_minor: int = 0,
    scheme: AgingScheme = DEFAULT_SCHEME,
) -> StatusDecision:
    """The payment status of an invoice or credit note as of a day.

    void: not posted in the book of record; paid: nothing open; overdue: any amount past its due date (due today is
    not); partially_paid: something paid, nothing overdue; open otherwise. A credit note is never overdue: its status
    says how far it is used. `credited_minor` (>= 0) is the share of the paid amount that came from credit notes; it is
    part of `paid_minor` and named in the reasons.
    """
    if kind not in ("invoice", "credit_note"):
        raise ValueError(f"a {kind} has no payment status")
    inputs: dict[str, Any] = {
        "as_of": as_of,
        "state": state,
        "kind": kind,
        "items": [[item.due_on, item.original_minor, item.open_minor] for item in items],
        "last_payment_on": last_payment_on,
        "credited_minor": credited_minor,
        "aging_edges": list(scheme.edges),
    }
    if state != "posted":
        reason = Reason("voided" if state == "void" else "not_posted")
        return StatusDecision(
            "void",
            currency,
            0,
            0,
            0,
            0,
            None,
            NO_BUCKET,
            None,
            last_payment_on,
            (reason,),
            inputs,
            STATUS_VERSION,
            None,
        )
    invoiced = sum(item.original_minor for item in items)
    still_open = sum(item.open_minor for item in items)
    due = [item for item in items if item.open_minor > 0] if kind == "invoice" else []
    late = [item for item in due if item.due_on < as_of]
    overdue = max(0, min(still_open, sum(item.open_minor for item in late)))
    value = value_of(invoiced, still_open, overdue)
    oldest = min((item.due_on for item in late), default=None) if overdue else None
    coming = min((item.due_on for item in due if item.due_on >= as_of), default=None)
    changes = [item.due_on + timedelta(days=1) for item in due if item.due_on >= as_of]
    if oldest is not None:
        moved = scheme.next_change_on(oldest, as_of)
        changes.extend([moved] if moved is not None else [])
    return StatusDecision(
        value=value,
        currency=currency,
        invoiced_minor=invoiced,
        paid_minor=invoiced - still_open,
        open_minor=still_open,
        overdue_minor=overdue,
        overdue_since=oldest + timedelta(days=1) if oldest is not None else None,
        aging_bucket=_bucket(kind, still_open, oldest, as_of, scheme),
        next_due_on=coming,
        last_payment_on=last_payment_on,
        reasons=_reasons(value, kind, invoiced - still_open, overdue, oldest, credited_minor),
        inputs=inputs,
        rule_version=STATUS_VERSION,
        next_change_on=min(changes, default=None),
    )


def value_of(invoiced_minor: int, open_minor: int, overdue_minor: int) -> StatusValue:
    """The status value of amounts: overdue beats paid beats partially paid."""
    if overdue_minor > 0:
        return "overdue"
    if open_minor == 0:
        return "paid"
    return "open" if open_minor == invoiced_minor else "partially_paid"


def _bucket(kind: DocumentKind, still_open: int, oldest: date | None, as_of: date, scheme: AgingScheme) -> str:
    if kind != "invoice" or still_open <= 0:
        return NO_BUCKET
    return scheme.bucket(oldest, as_of) if oldest is not None else scheme.codes[0]


def _reasons(
    value: StatusValue, kind: DocumentKind, paid: int, overdue: int, oldest: date | None, credited: int
) -> Sequence[Reason]:
    out: list[Reason] = []
    if value == "overdue":
        out.append(Reason("past_due", {"overdue_minor": overdue, "oldest_due_on": oldest}))
    elif value == "paid":
        out.append(Reason("nothing_open"))
    elif value == "partially_paid":
        out.append(Reason("credit_partly_used" if kind == "credit_note" else "paid_in_part", {"paid_minor": paid}))
    else:
        out.append(Reason("credit_unused" if kind == "credit_note" else "nothing_paid"))
    if value == "overdue" and paid:
        out.append(Reason("paid_in_part", {"paid_minor": paid}))
    if credited:
        out.append(Reason("paid_includes_credit_notes", {"credited_minor": credited}))
    return tuple(out)
