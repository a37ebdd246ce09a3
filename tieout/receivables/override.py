"""A credit status set by hand: for a while, up to an amount, by two people.

Source: receivables reference, section 8.3 (manual override: approver is not the requester, amount cap, expiry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tieout.receivables.credit import CreditStatus
from tieout.receivables.status import Reason

OVERRIDE_VERSION = "override-1"


@dataclass(frozen=True, slots=True)
class Override:
    """An approved order; `cap_minor` in the currency the exposure is judged in, None = no cap (hold) or no rate."""

    id: str
    status: CreditStatus
    seq: int
    valid_until: date
    cap_minor: int | None
    reason: str
    author: str
    approver: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """What comes of it: the status that counts, what to add to the reasons, the day on which it moves by itself."""

    status: CreditStatus
    reasons: Sequence[Reason]
    applied: str
    next_change_on: date | None


def hold_by_hand(overrides: Sequence[Override], as_of: date) -> Override | None:
    """The latest order to hold that counts on a day: it triggers a hold like any other cause."""
    standing = [one for one in overrides if one.status == "hold" and as_of <= one.valid_until]
    return max(standing, key=lambda one: one.seq, default=None)


def overridden(
    status: CreditStatus, exposure_minor: int, is_complete: bool, overrides: Sequence[Override], as_of: date
) -> Overridden:
    """The status after orders to ok or watch: the latest one that counts, while the exposure is known and within it.

    An order to hold that came later than every other stands. An order that the exposure has outgrown is named, not
    applied.
    """
    standing = [one for one in overrides if as_of <= one.valid_until]
    ends = min((one.valid_until + timedelta(days=1) for one in standing), default=None)
    latest = max(standing, key=lambda one: one.seq, default=None)
    if latest is None or latest.status == "hold":
        return Overridden(status, (), latest.id if latest is not None else "", ends)
    if latest.cap_minor is None or not is_complete or exposure_minor > latest.cap_minor:
        numbers = {"exposure_minor": exposure_minor, "cap_minor": latest.cap_minor, "until": latest.valid_until}
        return Overridden(status, (Reason("override_outgrown", numbers),), "", ends)
    words = {"status": latest.status, "until": latest.valid_until, "reason": latest.reason}
    return Overridden(latest.status, (Reason("override", words),), latest.id, ends)
