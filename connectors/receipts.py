"""What became of a change whose request failed, in the words every vendor's receipts share."""

from __future__ import annotations

from datetime import datetime

from tieout.core.errors import TieoutError
from tieout.core.ports import Outcome, Receipt, RemoteChange

_MOST_TEXT = 300  # characters


def failed(change: RemoteChange, outcome: Outcome, error: Exception, retry_at: datetime | None = None) -> Receipt:
    """The receipt of a change that ended in an error; anything but a known error has the code `error`."""
    code = error.code if isinstance(error, TieoutError) else "error"
    return Receipt(change.change_id, outcome, change.remote_id, code, str(error)[:_MOST_TEXT], retry_at=retry_at)


def not_sent(change: RemoteChange, why: Receipt) -> Receipt:
    """The receipt of a change that was held back because of what became of an earlier one."""
    text = f"not sent: {why.message}"[:_MOST_TEXT]
    return Receipt(change.change_id, "retry", change.remote_id, "not_sent", text, retry_at=why.retry_at)


def stops(receipt: Receipt) -> bool:
    """After these nothing more is sent in this call: the remote is unwell or has had enough."""
    return receipt.outcome == "uncertain" or (receipt.outcome == "retry" and receipt.retry_at is not None)
