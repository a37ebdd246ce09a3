"""Invented invoices that follow from their number alone: as JSON objects and as rows of an accounting system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

FIRST_STAMP = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED_EVERY = 100  # one invoice in a hundred changes: 1 %
PER_CUSTOMER = 50
SHANGHAI = timedelta(hours=8)


def stamp_of(number: int) -> datetime:
    """One invoice a second."""
    return FIRST_STAMP + timedelta(seconds=number)


def cents(number: int, line: int, changed: bool) -> int:
    """Net amount of a line in minor units."""
    return 10_000 + (number * 7919 + line * 104_729) % 900_000 + (12_345 if changed else 0)


def tax(net: int) -> int:
    """13 % tax of a net amount, in minor units."""
    return (net * 13 + 50) // 100


def total(number: int, changed: bool) -> int:
    """What an invoice sums to with tax, in minor units."""
    return sum(cents(number, line, changed) + tax(cents(number, line, changed)) for line in range(3))


def issued(number: int) -> date:
    return date(2026, 1, 5) + timedelta(days=number % 300)


def text(minor: int) -> msgspec.Raw:
    """Minor units as a JSON number with two decimals."""
    return msgspec.Raw(f"{minor // 100}.{minor % 100:02d}".encode())


def as_object(number: int, modified_at: datetime, changed: bool) -> dict[str, Any]:
    """An invoice as CRMs send it: 25 fields, nested lookups, 3 lines."""
    customer = number // PER_CUSTOMER
    day = issued(number)
    lines = []
    for line in range(3):
        net = cents(number, line, changed)
        lines.append(
            {
                "id": f"{number}-{line}",
                "Product": f"Product {line + 1}",
                "Quantity": line + 1,
                "Net": text(net),
                "Tax": text(tax(net)),
            }
        )
    net_sum = sum(cents(number, line, changed) for line in range(3))
    return {
        "id": str(5_000_000_000_000 + number),
        "Modified_Time": modified_at.isoformat(),
        "Created_Time": stamp_of(number).isoformat(),
        "Subject": f"AR{number:08d}",
        "Invoice_Number": f"AR{number:08d}",
        "Invoice_Date": day.isoformat(),
        "Due_Date": (day + timedelta(days=30)).isoformat(),
        "Status": "Approved",
        "Account_Name": {"id": str(6_000_000_000_000 + customer), "name": f"Customer {customer}"},
        "Owner": {"id": "7000000000001", "name": "Chen Yu", "email": "chen.yu@example.com"},
        "Currency": "CNY",
        "Exchange_Rate": 1,
        "Sub_Total": text(net_sum),
        "Tax": text(total(number, changed) - net_sum),
        "Grand_Total": text(total(number, changed)),
        "Discount": 0,
        "Adjustment": 0,
        "Order_No": f"SO{number // 3:08d}",
        "Contract_No": f"HT{number // 40:06d}",
        "Billing_Street": f"No. {number % 900} Zhongshan Road",
        "Billing_City": "Shanghai",
        "Billing_State": "Shanghai",
        "Billing_Code": "200001",
        "Billing_Country": "China",
        "Description": "Delivered as ordered, payable to the account on the invoice within thirty days.",
        "Invoiced_Items": lines,
    }


def local(at: datetime) -> str:
    """An instant as the accounting system writes it, in Shanghai."""
    return (at + SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S")


def bill_cells(number: int, modified_at: datetime, changed: bool, keys: Sequence[str]) -> list[Any]:
    """Header cells of a receivable in the order asked; a key it does not have is null."""
    known = _head(number, modified_at, changed)
    return [known.get(key.lower()) for key in keys]


def _head(number: int, modified_at: datetime, changed: bool) -> dict[str, Any]:
    day = issued(number)
    return {
        "fid": number,
        "fbillno": f"AR{number:08d}",
        "fdocumentstatus": "C",
        "fcancelstatus": "A",
        "fmodifydate": local(modified_at),
        "fapprovedate": local(stamp_of(number)),
        "fcurrencyid.fcode": "CNY",
        "fallamountfor": text(total(number, changed)),
        "fcustomerid.fnumber": f"C{number // PER_CUSTOMER:06d}",
        "fdate": f"{day.isoformat()}T00:00:00",
        "fenddate_h": f"{(day + timedelta(days=30)).isoformat()}T00:00:00",
        "fsettleorgid.fnumber": "100",
        "fisinit": False,
        "far_remark": "Delivered as ordered, payable within thirty days.",
    }


def line_cells(entry: str, number: int, line: int, changed: bool, keys: Sequence[str]) -> list[Any]:
    """Cells of one entry line: the plan has one, the detail three."""
    net = cents(number, line, changed)
    known = {
        "fid": number,
        f"{entry}_fentryid".lower(): number * 10 + line,
        "fenddate": f"{(issued(number) + timedelta(days=30)).isoformat()}T00:00:00",
        "fwrittenoffamountfor": 0,
        "fpayamountfor": text(total(number, changed)),
        "fordernumber": f"SO{number // 3:08d}",
        "fnotaxamountfor_d": text(net),
        "ftaxamountfor_d": text(tax(net)),
        "fallamountfor_d": text(net + tax(net)),
    }
    if any(key.lower() == "fbillno" for key in keys):
        known = _head(number, stamp_of(number), changed) | known
    return [known.get(key.lower()) for key in keys]


def customer_cells(number: int, keys: Sequence[str]) -> list[Any]:
    """Cells of a customer in the order asked."""
    known = {
        "fcustid": number + 1,
        "fnumber": f"C{number:06d}",
        "fname": f"上海第{number}贸易有限公司",
        "fmodifydate": local(FIRST_STAMP),
        "fdocumentstatus": "C",
        "fforbidstatus": "A",
        "ftradingcurrid.fcode": "CNY",
        "fuseorgid.fnumber": "100",
    }
    return [known.get(key.lower()) for key in keys]
