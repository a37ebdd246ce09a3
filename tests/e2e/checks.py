"""What must hold at the end, told by the loaded rows alone: nothing here asks the product's own rules."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, func, select

from tests.e2e.company import CURRENCY, Loaded
from tests.e2e.receivables import Row
from tieout.sandbox.company.model import Bill
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import conflicts, open_items


def owed(rows: Sequence[Row]) -> int:
    """What is open, summed by another database from the rows themselves."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE invoice (minor INTEGER NOT NULL, paid_on TEXT)")
    db.executemany("INSERT INTO invoice VALUES (?, ?)", [(r.minor, r.paid_on and r.paid_on.isoformat()) for r in rows])
    return int(db.execute("SELECT coalesce(sum(minor), 0) FROM invoice WHERE paid_on IS NULL").fetchone()[0])


def ledger(engine: Engine) -> Mapping[str, int]:
    """Open minor units by currency as the product holds them."""
    o = open_items.c
    with reading(engine) as conn:
        return {
            code: int(minor)
            for code, minor in conn.execute(select(o.currency, func.sum(o.open_minor)).group_by(o.currency))
        }


def open_conflicts(engine: Engine) -> int:
    """How many questions wait for a person."""
    c = conflicts.c
    with reading(engine) as conn:
        return int(conn.execute(select(func.count()).select_from(conflicts).where(c.state == "open")).scalar_one())


def wrong_invoices(world: SandboxWorld, loaded: Loaded, today: date) -> tuple[int, list[str]]:
    """Zoho invoices that must be bound: how many were looked at, and each field that does not say what the rows say."""
    bills = {bill.number: bill for bill in loaded.books.bills}
    wrong: list[str] = []
    looked = 0
    for record_id, truth in loaded.invoices.items():
        if truth["expect"] != "link":
            continue
        looked += 1
        record = world.zoho.store.collection("zoho", "Invoices").get(record_id) or {}
        for name, value in _expected(bills[truth["bill"]], today).items():
            if _plain(record.get(name)) != value:
                wrong.append(f"{truth['bill']} {record_id} {name}: {record.get(name)!r}, should be {value!r}")
    return looked, wrong


def _expected(bill: Bill, today: date) -> dict[str, Any]:
    row = bill.plan[0]
    open_minor = bill.minor - bill.settled_minor
    late = open_minor > 0 and row.due_on < today
    status = "paid" if open_minor == 0 else "overdue" if late else "open"
    return {
        "AR_Payment_Status": status,
        "AR_Invoiced_Amount": _amount(bill.minor),
        "AR_Open_Amount": _amount(open_minor),
        "AR_Overdue_Amount": _amount(open_minor if late else 0),
    }


def wrong_accounts(world: SandboxWorld, loaded: Loaded, account_ids: Sequence[str], today: date) -> list[str]:
    """Zoho accounts of known customers whose balance does not say what the rows say."""
    open_of: dict[str, int] = defaultdict(int)
    late_of: dict[str, int] = defaultdict(int)
    for bill in loaded.books.bills:
        rest = bill.minor - bill.settled_minor
        open_of[bill.customer.number] += rest
        late_of[bill.customer.number] += rest if bill.plan[0].due_on < today else 0
    wrong = []
    for account_id in account_ids:
        customer = loaded.accounts[account_id]["customer"]
        record = world.zoho.store.collection("zoho", "Accounts").get(account_id) or {}
        for name, minor in (("AR_Open_Amount", open_of[customer]), ("AR_Overdue_Amount", late_of[customer])):
            if _plain(record.get(name)) != _amount(minor):
                wrong.append(f"{customer} {account_id} {name}: {record.get(name)!r}, should be {_amount(minor)}")
    return wrong


def state(world: SandboxWorld) -> dict[str, dict[str, Any]]:
    """Our own fields of every record of both CRMs, to compare two runs by."""
    out: dict[str, dict[str, Any]] = {}
    for vendor, modules in (
        ("zoho", ("Accounts", "Deals", "Invoices")),
        ("fxiaoke", ("AccountObj", "NewOpportunityObj", "SalesOrderObj", "InvoiceApplicationObj")),
    ):
        for module in modules:
            for record in world.store.collection(vendor, module).values():
                ours = {name: str(value) for name, value in record.items() if name.lower().startswith("ar_")}
                out[f"{module} {record.get('id') or record.get('_id')}"] = ours
    return out


def _amount(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _plain(value: Any) -> Any:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value)).quantize(Decimal("0.01"))
    return value


assert CURRENCY == "USD"  # two decimal places, as `_amount` has them
