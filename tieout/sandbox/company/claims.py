"""Deals and invoices of the CRM: claims about the books that link by number, by order or not at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal

from tieout.sandbox.company.crm import Crm, account_ref, home_rate
from tieout.sandbox.company.model import Bill, Books, Doc, amount

_DEALS, _INVOICES = 100_000_000, 200_000_000
# Kinds of a posted bill's CRM invoice and their shares in 1,000.
_KINDS = ("bill_number", "subject", "order_amount", "no_number", "wrong_number", "amount", "currency", "duplicate")
_SHARES = (700, 120, 120, 10, 10, 15, 5, 20)
_LINKED = ("bill_number", "subject", "order_amount")


def add_deals(crm: Crm, books: Books) -> dict[str, Doc]:
    """One deal per order of a customer that the CRM knows, plus open deals of prospects; deals by order number."""
    rng = crm.rng
    orders: dict[str, list[Bill]] = defaultdict(list)
    for bill in books.bills:
        if bill.customer.in_crm and bill.minor > 0:
            orders[bill.order_no].append(bill)
    by_order: dict[str, Doc] = {}
    for order_no, bills in orders.items():
        first = bills[0]
        account = rng.choice(crm.by_customer[first.customer.number])
        signed = first.issued_on - timedelta(days=rng.randrange(3, 40))
        deal = _deal(
            crm, account, f"{account['Account_Name']} {signed:%Y-%m} 采购", "Closed Won", first.currency, signed
        )
        deal["Amount"] = amount(sum(bill.minor for bill in bills))
        deal["Order_No"] = order_no if rng.random() < 0.92 or first.story else None
        by_order[order_no] = deal
    billed = {account["id"] for accounts in crm.by_customer.values() for account in accounts}
    for account in crm.accounts:
        if account["id"] not in billed:
            closing = crm.today + timedelta(days=rng.randrange(5, 90))
            deal = _deal(crm, account, f"{account['Account_Name']} 意向", "Negotiation/Review", "CNY", closing)
            deal["Amount"] = amount(rng.randrange(1_000_000, 90_000_000))
    return by_order


def _deal(crm: Crm, account: Doc, name: str, stage: str, currency: str, closing: object) -> Doc:
    deal = crm.record(_DEALS + len(crm.deals) * 11, crm.today - timedelta(days=crm.rng.randrange(1, 560)))
    deal |= {
        "Deal_Name": name,
        "Stage": stage,
        "Pipeline": "Standard (Standard)",
        "Amount": Decimal(0),
        "Closing_Date": str(closing),
        "Probability": 100 if stage == "Closed Won" else 60,
        "Account_Name": account_ref(account),
        "Contact_Name": None,
        "Lead_Source": None,
        "Type": None,
        "Currency": currency,
        "Exchange_Rate": home_rate(currency),
        "Order_No": None,
    }
    crm.deals.append(deal)
    return deal


def add_invoices(crm: Crm, books: Books, deals: dict[str, Doc]) -> None:
    """CRM invoices for about 93 % of the bills; red bills and customers outside the CRM have none."""
    rng = crm.rng
    amounts: dict[str, Counter[int]] = defaultdict(Counter)
    for bill in books.bills:
        amounts[bill.order_no][bill.minor] += 1
    for bill in books.bills:
        if not bill.customer.in_crm or bill.minor < 0:
            continue
        if not bill.posted:
            if rng.random() < 0.5:
                _claim(crm, bill, deals, "bill_number", "not_posted")
            continue
        if rng.random() < 0.005 and not bill.story:
            continue  # the bill was entered in the books only
        kind = "bill_number" if bill.story else rng.choices(_KINDS, _SHARES)[0]
        if kind == "order_amount" and amounts[bill.order_no][bill.minor] > 1:
            kind = "bill_number"  # two bills of one order and amount: nothing could tell which one is meant
        _claim(crm, bill, deals, kind, kind, other_amounts=amounts[bill.order_no])
        if kind == "duplicate":
            _claim(crm, bill, deals, kind, kind)


def _claim(
    crm: Crm, bill: Bill, deals: dict[str, Doc], kind: str, way: str, other_amounts: Collection[int] = ()
) -> None:
    rng, index = crm.rng, len(crm.invoices)
    account = rng.choice(crm.by_customer[bill.customer.number])
    currency, minor = bill.currency, bill.minor
    if kind == "amount":
        while minor in other_amounts:
            minor += rng.choice((-1, 1)) * rng.randrange(101, max(202, bill.minor // 10))
    elif kind == "currency":
        currency = "USD" if bill.currency == "CNY" else "CNY"
    numbered = kind in ("bill_number", "duplicate")
    needs_order = kind in ("order_amount", "amount", "currency")
    created = bill.issued_on + timedelta(days=rng.randrange(0, 3))
    invoice = crm.record(_INVOICES + index * 13, created, created + timedelta(days=rng.randrange(0, 20)))
    deal = deals.get(bill.order_no)
    net = sum(line[1] for line in bill.lines)
    tax = bill.minor - net
    subject = bill.number if kind == "subject" else f"{account['Account_Name']} {bill.issued_on:%Y年%m月}货款"
    order_no = bill.order_no if needs_order or (kind not in ("no_number",) and rng.random() < 0.6) else None
    if kind in ("no_number", "wrong_number"):
        order_no = None
    invoice |= {
        "Subject": subject,
        "Invoice_Number": str(int(invoice["id"]) + 3),
        "Invoice_Date": bill.issued_on.isoformat(),
        "Due_Date": bill.plan[-1].due_on.isoformat(),
        "Status": rng.choice(("Created", "Approved", "Delivered")),
        "Account_Name": account_ref(account),
        "Contact_Name": None,
        "Deal_Name__s": {"name": deal["Deal_Name"], "id": deal["id"]} if deal and rng.random() < 0.55 else None,
        "Sales_Order": None,
        "Purchase_Order": None,
        "Sub_Total": amount(minor - tax),
        "Discount": Decimal(0),
        "Tax": amount(tax),
        "Adjustment": Decimal(0),
        "Grand_Total": amount(minor),
        "Currency": currency,
        "Exchange_Rate": home_rate(currency),
        "ERP_Bill_No": bill.number if numbered else (f"AR9{bill.fid:07d}" if kind == "wrong_number" else None),
        "Order_No": order_no,
        "Invoiced_Items": [
            {
                "id": str(int(invoice["id"]) + 5),
                "Product_Name": {"name": "Goods", "id": str(5725767 * 10**12 + 900_000_001)},
                "Quantity": 1,
                "List_Price": amount(minor - tax),
                "Total": amount(minor - tax),
                "Discount": Decimal(0),
                "Tax": amount(tax),
                "Net_Total": amount(minor),
                "Description": None,
            }
        ],
    }
    crm.invoices.append(invoice)
    linked = way in _LINKED
    crm.truth_invoices[invoice["id"]] = {
        "bill": None if way in ("no_number", "wrong_number", "amount", "currency") else bill.number,
        "meant": bill.number,
        "way": way,
        "expect": "link" if linked else "conflict",
    }
