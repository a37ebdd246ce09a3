"""What every record of both CRMs must show on the fixed day, worked out anew from the loaded rows.

Another database adds up the rows; formulas are written down again from what is published about them. Nothing here asks
the product. Sources: the statuses, dates and buckets of an invoice are those of the write-back fields (guide, "Write
back"; receivables reference, section 3: a bucket counts days after the due date, due today is not late); credit is
section 8 of that reference, see `tests/e2e/credit.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.e2e.credit import Bill, grade, status, yardstick
from tests.e2e.receivables import Row

BUCKETS = ((30, "1-30"), (60, "31-60"), (90, "61-90"), (180, "91-180"), (365, "181-365"))
_INVOICE = """
SELECT minor,
       CASE WHEN paid_on IS NOT NULL THEN 'paid' WHEN due_on < :today THEN 'overdue' ELSE 'open' END,
       CASE WHEN paid_on IS NULL THEN minor ELSE 0 END,
       CASE WHEN paid_on IS NULL AND due_on < :today THEN minor ELSE 0 END,
       CASE WHEN paid_on IS NULL AND due_on < :today THEN date(due_on, '+1 day') END,
       CASE WHEN paid_on IS NULL AND due_on >= :today THEN due_on END,
       CASE WHEN paid_on IS NULL THEN julianday(:today) - julianday(due_on) END,
       paid_on
  FROM invoice WHERE number = :number
"""
_ACCOUNT = """
SELECT coalesce(sum(minor), 0), coalesce(sum(CASE WHEN due_on < :today THEN minor END), 0)
  FROM invoice WHERE customer = :customer AND paid_on IS NULL
"""


@dataclass(frozen=True, slots=True)
class Loading:
    """What was loaded, in the words of the source: each bill's customer and row, each customer's limit if it has one.

    Limits are minor units of US dollars.
    """

    rows: Mapping[str, tuple[str, Row]]
    limits: Mapping[str, int]


class Expected:
    """The fields of every invoice and customer on a day, by their default names; amounts in US dollars."""

    def __init__(self, loading: Loading, today: date) -> None:
        self.today, self._limits = today, loading.limits
        self._db = sqlite3.connect(":memory:")
        self._db.execute(
            "CREATE TABLE invoice (number TEXT PRIMARY KEY, customer TEXT, issued_on TEXT, due_on TEXT, paid_on TEXT, "
            "minor INTEGER NOT NULL)"
        )
        self._db.executemany(
            "INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?)",
            [
                (number, who, str(row.issued_on), str(row.due_on), row.paid_on and str(row.paid_on), row.minor)
                for number, (who, row) in loading.rows.items()
            ],
        )
        self._db.execute("CREATE INDEX by_customer ON invoice (customer)")
        self._bills: dict[str, list[Bill]] = {}
        for who, row in loading.rows.values():
            self._bills.setdefault(who, []).append(Bill(row.issued_on, row.due_on, row.paid_on, row.minor))
        self._review_on = today.replace(day=1)
        self._yardstick = yardstick(self._bills.values(), self._review_on)
        self._accounts: dict[str, dict[str, Any]] = {}

    def owed(self) -> int:
        """All that is open, in minor units."""
        total = self._db.execute("SELECT coalesce(sum(minor), 0) FROM invoice WHERE paid_on IS NULL").fetchone()[0]
        return int(total)

    def invoice(self, number: str) -> dict[str, Any]:
        """All ten fields of the invoice of a bill."""
        given = {"today": str(self.today), "number": number}
        minor, value, still_open, late, late_since, due_next, days, paid_on = self._db.execute(
            _INVOICE, given
        ).fetchone()
        return {
            "AR_Payment_Status": value,
            "AR_Invoiced_Amount": _amount(minor),
            "AR_Paid_Amount": _amount(minor - still_open),
            "AR_Open_Amount": _amount(still_open),
            "AR_Overdue_Amount": _amount(late),
            "AR_Overdue_Since": late_since,
            "AR_Aging_Bucket": None if days is None else _bucket(int(days)),
            "AR_Next_Due_Date": due_next,
            "AR_Last_Payment_Date": paid_on,
            "AR_As_Of": str(self.today),
        }

    def account(self, customer: str) -> dict[str, Any]:
        """All nine fields of an account of a customer."""
        if customer not in self._accounts:
            self._accounts[customer] = self._account(customer)
        return self._accounts[customer]

    def _account(self, customer: str) -> dict[str, Any]:
        given = {"today": str(self.today), "customer": customer}
        still_open, late = self._db.execute(_ACCOUNT, given).fetchone()
        bills, limit = self._bills[customer], self._limits.get(customer)
        letter = grade(bills, self._yardstick, self._review_on)
        value, reasons = status(bills, still_open, limit, self.today)
        if limit is None:
            reasons = [*reasons, f"no credit limit known (grade {letter})"]
        overdue = f" (overdue {_amount(late):,.2f})" if late else ""
        return {
            "AR_Credit_Status": value,
            "AR_Credit_Grade": letter,
            "AR_Credit_Limit": None if limit is None else _amount(limit),
            "AR_Credit_Exposure": _amount(still_open),  # nothing is unapplied, nothing ordered and not yet billed
            "AR_Credit_Reasons": "; ".join(reasons) or None,
            "AR_Open_Amount": _amount(still_open),
            "AR_Overdue_Amount": _amount(late),
            "AR_Balances": f"USD {_amount(still_open):,.2f}{overdue}" if still_open else None,
            "AR_As_Of": str(self.today),
        }


def _bucket(days_late: int) -> str:
    if days_late <= 0:
        return "current"
    return next((name for last, name in BUCKETS if days_late <= last), ">365")


def _amount(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
