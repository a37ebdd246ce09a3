"""Credit limits and exchange rates of the seeded company as its finance team keeps them, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from tieout.sandbox.company.model import CURRENCIES, ORG, RATES, Books, Customer, Doc, amount

# Shares of customers: with a line in the archive, of those over it, with a temporary limit, not checked.
WITH_LINE, OVER, TEMPORARY, UNCHECKED, IN_YUAN = 0.70, 0.10, 0.06, 0.08, 0.15
STORY_LIMITS = {"story-1": 20_000_000, "story-2": 10_000_000, "story-3": 300_000_000}
FIXED, OTHER = {"FNumber": "HLTX01_SYS", "FName": "固定汇率"}, {"FNumber": "HLTX02_SYS", "FName": "即期汇率"}
LINES_PER_ARCHIVE = 120
NO_END = "2099-12-31T00:00:00"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the credit archive."""

    entry_id: int
    customer: Customer
    currency: str
    minor: int
    temporary_minor: int = 0
    temporary_from: date | None = None
    temporary_until: date | None = None
    approved: bool = True


def make_lines(seed: int, books: Books, today: date) -> list[Line]:
    """Archive lines; drawn apart from the rest of the company, so that its other numbers do not move."""
    rng = Random(seed * 7919 + 17)  # noqa: S311 - a made-up company, nothing secret
    owed = exposures(books)
    lines: list[Line] = []
    for customer in books.customers:
        entry_id = 900001 + len(lines)
        draws = [rng.random() for _ in range(5)]  # always so many, whatever comes of them
        if customer.mark in STORY_LIMITS:
            lines.append(Line(entry_id, customer, "CNY", STORY_LIMITS[customer.mark]))
            customer.credit_checked = True
            continue
        if draws[0] >= WITH_LINE:
            continue
        currency = "CNY" if draws[4] < IN_YUAN else customer.currency
        open_minor = max(0, in_currency(owed.get(customer.number, {}), currency))
        if draws[1] < OVER and open_minor:
            line = Line(entry_id, customer, currency, _round(open_minor * 8 // 10))
        elif draws[2] < TEMPORARY and open_minor:
            start, end = today - timedelta(days=10), today + timedelta(days=20)
            line = Line(entry_id, customer, currency, _round(open_minor * 9 // 10), _round(open_minor), start, end)
        else:
            line = Line(entry_id, customer, currency, _round(open_minor * 16 // 10) + 5_000_000)
        customer.credit_checked = draws[3] >= UNCHECKED
        lines.append(line)
    for customer in books.customers[-2:]:  # a raise that nobody has approved yet
        if any(line.customer is customer for line in lines):
            lines.append(Line(900001 + len(lines), customer, customer.currency, 99_999_900, approved=False))
    return lines


def _round(minor: int) -> int:
    """Limits are whole hundreds of the currency."""
    return max(10_000, minor // 10_000 * 10_000)


def exposures(books: Books) -> dict[str, dict[str, int]]:
    """Open bills (red ones included) less receipts not allocated, by customer number and currency."""
    out: dict[str, dict[str, int]] = {}
    for bill in books.bills:
        if bill.posted:
            per = out.setdefault(bill.customer.number, {})
            per[bill.currency] = per.get(bill.currency, 0) + bill.minor - bill.settled_minor
    for receipt in books.receipts:
        if receipt.status == "C":
            per = out.setdefault(receipt.customer.number, {})
            per[receipt.currency] = per.get(receipt.currency, 0) - receipt.minor + receipt.settled_minor
    return out


def in_currency(owed: dict[str, int], currency: str) -> int:
    """Amounts in one currency at the year's rates, each converted once and rounded half up."""
    total = 0
    for code, minor in owed.items():
        exact = Decimal(minor) * RATES[code] / RATES[currency]
        total += int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return total


def expected(lines: list[Line], books: Books, today: date) -> dict[str, Any]:
    """The oracle: per customer number the limit in force, the exposure in its currency, and whether it is over."""
    owed = exposures(books)
    out: dict[str, Any] = {}
    for line in lines:
        if not line.approved:
            continue
        checked = line.customer.credit_checked
        temporary = line.temporary_from is not None and line.temporary_from <= today <= (line.temporary_until or today)
        limit = line.minor + (line.temporary_minor if temporary else 0)
        exposure = in_currency(owed.get(line.customer.number, {}), line.currency)
        out[line.customer.number] = {
            "currency": line.currency,
            "limit_minor": limit if checked else None,
            "exposure_minor": exposure,
            "over": checked and exposure > limit,
            "temporary": temporary,
        }
    return out


def archives(lines: list[Line], since: str) -> list[Doc]:
    """CRE_CustArchives documents: many lines each; one also holds a line about a group, one is not approved."""
    approved = [line for line in lines if line.approved]
    out: list[Doc] = []
    for start in range(0, len(approved), LINES_PER_ARCHIVE):
        out.append(_archive(len(out), approved[start : start + LINES_PER_ARCHIVE], since, "C"))
    waiting = [line for line in lines if not line.approved]
    if waiting:
        out.append(_archive(len(out), waiting, since, "A"))
    if out:
        group = {"FNumber": "CG01", "FName": "华东客户组"}
        out[0]["FEntity"].append({**_row(lines[0], 990001), "FOBJECTTYPEID": "BD_CustomerGroup", "FOBJECTID": group})
    return out


def _archive(index: int, lines: list[Line], since: str, status: str) -> Doc:
    return {
        "FID": 880001 + index,
        "FBillNo": f"XYDA{index + 1:06d}",
        "FUseOrgId": ORG,
        "FDocumentStatus": status,
        "FCreateDate": since,
        "FModifyDate": since,
        "FApproveDate": since if status == "C" else None,
        "FEntity": [_row(line, line.entry_id) for line in lines],
    }


def _row(line: Line, entry_id: int) -> Doc:
    return {
        "FEntity_FEntryID": entry_id,
        "FOBJECTTYPEID": "BD_Customer",
        "FOBJECTID": {"FNumber": line.customer.number, "FName": line.customer.name.legal},
        "FCURRENCYID": CURRENCIES[line.currency],
        "FCREDITAMOUNT": amount(line.minor),
        "FTEMPCREDITAMOUNT": amount(line.temporary_minor),
        "FTEMPBEGDATE": f"{line.temporary_from}T00:00:00" if line.temporary_from else None,
        "FTEMPENDDATE": f"{line.temporary_until}T00:00:00" if line.temporary_until else None,
        "FOVERDUEDAYS": 30,
    }


def rate_documents(today: date, since: str) -> list[Doc]:
    """BD_Rate: last year's and this year's fixed rates; a draft, a forbidden one and one of another type mislead."""
    year = date(today.year, 1, 1)
    before = (f"{date(today.year - 1, 1, 1)}T00:00:00", f"{year - timedelta(days=1)}T00:00:00")
    now = (f"{year}T00:00:00", NO_END)
    later = (f"{today - timedelta(days=3)}T00:00:00", NO_END)
    table = [
        ("USD", Decimal("7.05"), before, "C", "A", FIXED),
        ("EUR", Decimal("7.61"), before, "C", "A", FIXED),
        ("USD", RATES["USD"], now, "C", "A", FIXED),
        ("EUR", RATES["EUR"], now, "C", "A", FIXED),
        ("USD", Decimal("6.90"), later, "A", "A", FIXED),
        ("EUR", Decimal("8.10"), later, "C", "B", FIXED),
        ("USD", Decimal("7.2233"), later, "C", "A", OTHER),
    ]
    return [
        {
            "FRateID": 100 + index,
            "FRATETYPEID": kind,
            "FCyForID": CURRENCIES[code],
            "FCyToID": CURRENCIES["CNY"],
            "FExchangeRate": rate,
            "FReverseExRate": (1 / rate).quantize(Decimal("0.0000000001")),
            "FBegDate": start,
            "FEndDate": end,
            "FUseOrgId": ORG,
            "FDocumentStatus": status,
            "FForbidStatus": forbidden,
            "FCreateDate": since,
            "FModifyDate": since,
        }
        for index, (code, rate, (start, end), status, forbidden, kind) in enumerate(table)
    ]
