"""The reference's timeline of a credit hold (receivables reference, section 8.3), played on a customer of a world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tests.flow.books import receive
from tieout.sandbox.world import SandboxWorld

LIMIT_MINOR = 50_000_000
Step = tuple[Callable[[], Any], int, list[str]]  # what happens, the exposure after it in thousands, statuses written


def begin(world: SandboxWorld, party_ref: Any, exposure_minor: int) -> Sequence[Step]:
    """Bring a customer in yuan to an exposure of 495 thousand at its next sync; the steps that follow it."""

    def bill(amount: Decimal) -> str:
        fields = {"FCUSTOMERID": party_ref, "FALLAMOUNTFOR": amount, "FENDDATE_H": "2027-06-30T00:00:00"}
        return str(world.kingdee.user_change("create", "AR_receivable", "", fields)["FBillNo"])

    first_bill = bill(Decimal(555_000) - Decimal(exposure_minor) / 100)
    early = receive(world, first_bill, Decimal(60_000))
    return [
        (lambda: bill(Decimal(15_000)), 510, ["hold"]),
        (lambda: receive(world, first_bill, Decimal(30_000)), 480, []),
        (lambda: receive(world, first_bill, Decimal(35_000)), 445, []),
        (lambda: world.clock.advance(86400), 445, ["ok"]),
        (lambda: world.kingdee.user_change("cancel", "AR_RECEIVEBILL", early), 505, ["hold"]),
    ]
