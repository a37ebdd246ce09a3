"""Real receivables: the cleared and open invoices of a B2B seller in 2019 and 2020, moved so that they end yesterday.

Source: the `highradius` folder of the shared data (its README tells how the rows were recovered). Made here, because
the source does not say it: invoice ids, issue dates of cleared invoices (15 days before they fall due, the commonest
term), and one receipt per customer and clear date.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

EXTRACTED_ON = date(2020, 5, 25)  # after the last clear date of the cleared part
TERM = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Row:
    """One invoice: who, when, how much in US cents, and the day it was paid (None: open)."""

    customer: str
    issued_on: date
    due_on: date
    paid_on: date | None
    minor: int


def cents(text: str) -> int:
    """US cents, half up: the source holds floats such as 2309.7899999999995."""
    return int(Decimal(text).scaleb(2).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def read_rows(folder: Path, today: date, limit: int | None = None, each: int | None = None) -> list[Row]:
    """All invoices, every day moved by the same number of days, so that the extract was made today.

    For a quick run `limit` keeps about so many customers, spread over large and small ones, and `each` about so many
    invoices of one customer, spread over its years; the same ones in every run.
    """
    move = today - EXTRACTED_ON
    rows = [*_cleared(folder / "cleared_invoices.csv.gz"), *_open(folder / "open_invoices.csv.gz")]
    if limit is not None:
        everybody = sorted({row.customer for row in rows})
        kept = set(everybody[:: max(1, len(everybody) // limit)])
        rows = [row for row in rows if row.customer in kept]
    if each is not None:
        mine: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda one: (one.issued_on, one.due_on, one.minor)):
            mine.setdefault(row.customer, []).append(row)
        rows = [row for some in mine.values() for row in some[:: max(1, len(some) // each)]]
    return [
        Row(row.customer, row.issued_on + move, row.due_on + move, row.paid_on and row.paid_on + move, row.minor)
        for row in rows
        if row.minor > 0
    ]


def _lines(path: Path) -> Iterator[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _cleared(path: Path) -> Iterator[Row]:
    for line in _lines(path):
        due, paid = date.fromisoformat(line["due_date"]), date.fromisoformat(line["clear_date"])
        customer = line["cust_number"].lstrip("0")
        yield Row(
            customer, min(due - TERM, paid), due, min(paid, EXTRACTED_ON - timedelta(days=1)), cents(line["amount"])
        )


def _open(path: Path) -> Iterator[Row]:
    for line in _lines(path):
        issued, due = date.fromisoformat(line["posting_date"]), date.fromisoformat(line["due_in_date"])
        customer = line["cust_number"].lstrip("0")
        yield Row(customer, min(issued, due, EXTRACTED_ON), due, None, cents(line["amount_usd"]))
