"""Rows of the settlement log: each allocation is written twice, once from the view of either side."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One document of an allocation: its form, id, number, entry line and the amount written off there.

    A red bill is written off towards zero, so its amount is negative.
    """

    form: str
    bill_id: int
    bill_no: str
    entry_id: int
    amount: Decimal


def log_pair(first_id: int, shared: Doc, target: Side, source: Side, rate: Decimal) -> tuple[Doc, Doc]:
    """Two mirrored rows with the ids `first_id` and `first_id` + 1; `rate` converts to the base currency."""
    rows = []
    for offset, (mine, other) in enumerate(((target, source), (source, target))):
        rows.append(
            {
                "FID": first_id + offset,
                **shared,
                "FTARGETFROMID": mine.form,
                "FTARGETBILLID": mine.bill_id,
                "FTARGETBILLNO": mine.bill_no,
                "FTARGETENTRYID": mine.entry_id,
                "FSOURCEFROMID": other.form,
                "FSRCBILLID": other.bill_id,
                "FSRCBILLNO": other.bill_no,
                "FSRCROWID": other.entry_id,
                "FCURWRITTENOFFAMOUNTFOR": mine.amount,
                "FCURWRITTENOFFAMOUNT": (mine.amount * rate).quantize(Decimal("0.01")),
            }
        )
    return rows[0], rows[1]


def match_method(source_form: str) -> str:
    """How the two sides met: money against a bill, or a red bill against a blue one."""
    return "收款核销" if source_form == "AR_RECEIVEBILL" else "红蓝对冲核销"


def written_off_status(settled: Decimal | int, total: Decimal | int) -> str:
    """核销状态: A none, B partly, C fully written off; a red bill counts by its absolute amounts."""
    if settled == 0:
        return "A"
    return "C" if abs(Decimal(settled)) >= abs(Decimal(total)) else "B"
