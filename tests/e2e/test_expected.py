"""What the end-to-end run holds both CRMs to: worked numbers, and that every field that is wrong is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.e2e import checks, naming
from tests.e2e.credit import Bill, grade, status, yardstick
from tests.e2e.crms import Crm
from tests.e2e.dated import SHIFT, STARTS_AT, TODAY, command
from tests.e2e.expected import Expected, Loading
from tests.e2e.receivables import Row
from tests.test_house import sources
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company.model import Books
from tieout.sandbox.world import SandboxWorld

REVIEW = TODAY.replace(day=1)


def _row(due_in: int, paid_in: int | None = None, minor: int = 100_000) -> Row:
    due = TODAY + timedelta(days=due_in)
    return Row("1", due - timedelta(days=15), due, None if paid_in is None else TODAY + timedelta(days=paid_in), minor)


@pytest.mark.parametrize(
    ("row", "value", "overdue", "since", "bucket", "due_next"),
    [
        (_row(-40, -41), "paid", 0, None, None, None),
        (_row(5), "open", 0, None, "current", "2026-11-29"),
        (_row(0), "open", 0, None, "current", "2026-11-24"),
        (_row(-1), "overdue", 1000, "2026-11-24", "1-30", None),
        (_row(-30), "overdue", 1000, "2026-10-26", "1-30", None),
        (_row(-31), "overdue", 1000, "2026-10-25", "31-60", None),
        (_row(-365), "overdue", 1000, "2025-11-25", "181-365", None),
        (_row(-366), "overdue", 1000, "2025-11-24", ">365", None),
    ],
)
def test_an_invoice(
    row: Row, value: str, overdue: int, since: str | None, bucket: str | None, due_next: str | None
) -> None:
    shown = Expected(Loading({"AR1": ("CUST0001", row)}, {}), TODAY).invoice("AR1")
    still_open = 0 if value == "paid" else 1000
    assert shown == {
        "AR_Payment_Status": value,
        "AR_Invoiced_Amount": Decimal(1000),
        "AR_Paid_Amount": 1000 - still_open,
        "AR_Open_Amount": still_open,
        "AR_Overdue_Amount": overdue,
        "AR_Overdue_Since": since,
        "AR_Aging_Bucket": bucket,
        "AR_Next_Due_Date": due_next,
        "AR_Last_Payment_Date": row.paid_on and row.paid_on.isoformat(),
        "AR_As_Of": "2026-11-24",
    }


def _bill(due_on: date, paid_on: date | None = None, minor: int = 100_000) -> Bill:
    return Bill(due_on - timedelta(days=15), due_on, paid_on, minor)


def test_a_status_and_its_reasons() -> None:
    late, small = _bill(TODAY - timedelta(days=30)), _bill(TODAY - timedelta(days=99), minor=3_000)
    very_late = _bill(TODAY - timedelta(days=31), minor=3_001)
    over = "exposure 1,000.00 USD is over the limit 999.99 USD"
    assert status([small], 3_000, None, TODAY) == ("ok", [])
    assert status([late, small], 103_000, 103_000, TODAY) == (
        "watch",
        ["overdue: 1,000.00 USD (oldest due 2026-10-25)"],
    )
    assert status([late], 100_000, 99_999, TODAY) == ("hold", [over])
    assert status([late, very_late], 103_001, None, TODAY) == (
        "hold",
        ["overdue more than 30 days: 30.01 USD (oldest due 2026-10-24)"],
    )


def test_a_grade() -> None:
    """Weights known: .225 on time, .135 days late, .175 billing, .075 tenure (36 months: full), .61 in all."""
    first = _bill(date(2023, 10, 1), date(2023, 10, 1))

    def paid_late(days: int) -> list[Bill]:
        due = [date(2026, month, 1) for month in (2, 3, 4)]
        return [first, *(_bill(day, day + timedelta(days=days)) for day in due)]

    assert grade(paid_late(0), [1, 300_000], REVIEW) == "A"
    assert grade(paid_late(0), [300_001], REVIEW) == "B"  # (22.5 + 13.5 + 0 + 7.5) / .61 = 71.3
    assert grade(paid_late(18), [1], REVIEW) == "C"  # (0 + 8.64 + 17.5 + 7.5) / .61 = 55.1
    assert grade(paid_late(20), [1], REVIEW) == "D"  # (0 + 8.1 + 17.5 + 7.5) / .61 = 54.3
    assert grade([_bill(TODAY)], [1], REVIEW) == "N"
    assert yardstick([[_bill(date(2026, 3, 1), minor=minor)] for minor in range(1, 203)], REVIEW)[:3] == [1, 3, 5]


@pytest.fixture
def world() -> SandboxWorld:
    made = SandboxWorld(None, customers=0, clock=SandboxClock(STARTS_AT))
    made.zoho.seed("Invoices", [{"id": "1"}])
    return made


def test_every_field_that_is_wrong_is_noticed(world: SandboxWorld) -> None:
    wanted = Expected(Loading({"AR1": ("CUST0001", _row(-40))}, {}), TODAY).invoice("AR1")
    crm = Crm("zoho", "Invoices", "Accounts", {}, {})
    right = {name: str(value) if isinstance(value, Decimal) else value for name, value in wanted.items()}
    record: dict[str, Any] = {}
    cast(Any, world).store = SimpleNamespace(collection=lambda *_: {"1": record})
    record.update(right)
    assert checks._differences(world, crm, "Invoices", "1", wanted) == []
    for name in wanted:
        for other in (None, "2020-01-01", "0.01"):
            if other != right[name]:
                record.clear()
                record.update(right | {name: other})
                (said,) = checks._differences(world, crm, "Invoices", "1", wanted)
                assert name in said


@pytest.mark.parametrize("count", range(1, 13))
def test_four_fifths_of_few_names_are_sure(count: int) -> None:
    rng = Random(count)
    books = Books()
    some = []
    for number in range(count):
        name = SimpleNamespace(legal=f"Legal {number} GmbH", short=f"Short {number}")
        customer = cast(Any, SimpleNamespace(number=str(number), name=name))
        books.customers.append(customer)
        account = {"Account_Name": rng.choice((name.legal, name.short)), "Tax_ID": rng.choice((None, "7"))}
        tax = [(account, "Tax_ID")]
        some.append(naming.Named(customer, {}, account, "Account_Name", tax, [(account, "Legal_Name")], True))
    naming.settle(some, books)
    assert sum(one.is_sure for one in some) == round(0.8 * count)


def test_a_process_is_at_the_fixed_day() -> None:
    seconds = (STARTS_AT - SandboxClock().now()).total_seconds()
    said = subprocess.run(
        command(["tests.e2e.test_expected"]),
        env={**os.environ, SHIFT: repr(seconds)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout.startswith("2026-11-24 02:0")
    assert [path for path, text in sources() if SHIFT in text] == []  # the product itself cannot be moved


if __name__ == "__main__":
    from tieout.core.clock import SystemClock

    sys.stdout.write(str(SystemClock().now()))
