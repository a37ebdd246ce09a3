"""The second CRM of the seeded company: a branch that sells through Fxiaoke, with its own names and numbers.

A fifth of the customers are known there as well, under names of its own: its records are made from a separate seed, so
that the first CRM and the books stay as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tieout.sandbox.company.accounting import invented_address
from tieout.sandbox.company.model import RATES, Bill, Books, Customer, Doc, Match, Receipt, amount
from tieout.sandbox.company.names import bracket_or_space_variant

SHARE = 0.2
_ZONE = ZoneInfo("Asia/Shanghai")
_OWNERS = ("1003", "1005", "1007")
# Fields that the branch's administrator made; only their labels say what they hold.
TAX, BILL, ORDER, RECEIPT = "field_K7w2Q__c", "field_A9b3X__c", "field_m4ErP__c", "field_Tz81c__c"
_INVOICE_WAYS, _INVOICE_SHARES = ("bill_number", "order_amount", "no_number"), (88, 8, 4)


@dataclass(slots=True)
class Fxiaoke:
    """Records under construction, with the answers beside them."""

    rng: Random
    today: date
    accounts: list[Doc] = field(default_factory=list)
    finance: list[Doc] = field(default_factory=list)
    deals: list[Doc] = field(default_factory=list)
    orders: list[Doc] = field(default_factory=list)
    invoices: list[Doc] = field(default_factory=list)
    plans: list[Doc] = field(default_factory=list)
    payments: list[Doc] = field(default_factory=list)
    lines: list[Doc] = field(default_factory=list)
    truth_accounts: dict[str, Doc] = field(default_factory=dict)
    truth_invoices: dict[str, Doc] = field(default_factory=dict)
    truth_payments: dict[str, Doc] = field(default_factory=dict)
    count: int = 0

    def records(self) -> dict[str, list[Doc]]:
        """By object, in an order in which references exist."""
        return {
            "AccountObj": self.accounts,
            "AccountFinInfoObj": self.finance,
            "NewOpportunityObj": self.deals,
            "SalesOrderObj": self.orders,
            "InvoiceApplicationObj": self.invoices,
            "PaymentPlanObj": self.plans,
            "PaymentObj": self.payments,
            "OrderPaymentObj": self.lines,
        }

    def record(self, made_on: date, **fields: Any) -> Doc:
        """A record made on a working day, perhaps changed later, never after yesterday."""
        rng = self.rng
        on = min(made_on, self.today - timedelta(days=1))
        at = datetime.combine(on, time(rng.randrange(9, 19), rng.randrange(60), rng.randrange(60)), _ZONE)
        created = int(at.timestamp() * 1000) + rng.randrange(1000)
        self.count += 1
        owner = [rng.choice(_OWNERS)]
        return {
            "_id": f"{created // 1000:08x}0e4400e0{self.count:08x}",
            "owner": owner,
            "created_by": owner,
            "create_time": created,
            "last_modified_time": created,
            "last_modified_by": owner,
            **{name: value for name, value in fields.items() if value is not None},
        }


def midnight(on: date) -> int:
    """A date as Fxiaoke stores it."""
    return int(datetime.combine(on, time(), _ZONE).timestamp() * 1000)


def money(minor: int) -> str:
    return f"{amount(minor):.2f}"


def build_fxiaoke(seed: int, books: Books, today: date) -> Fxiaoke:
    """The branch's CRM; the same seed and books give the same records."""
    made = Fxiaoke(Random(f"{seed}:fxiaoke"), today)  # noqa: S311 - a made-up company, nothing secret
    shorts = Counter(customer.name.short for customer in books.customers)
    known: dict[str, Doc] = {}
    for customer in books.customers:
        chosen = customer.mark in ("story-1", "story-2") or (not customer.mark and made.rng.random() < SHARE)
        if chosen:
            known[customer.number] = _account(made, customer, alone=shorts[customer.name.short] == 1)
    orders = _orders(made, books, known)
    _invoices(made, books, orders)
    _payments(made, books, known, orders)
    return made


def _account(made: Fxiaoke, customer: Customer, *, alone: bool) -> Doc:
    """A customer under its legal name, a variant or its short one; its tax id here, with finance, or nowhere."""
    rng, name = made.rng, customer.name
    style = rng.choices(("exact", "bracket", "short"), (45, 20, 35))[0] if alone else "exact"
    shown = {"exact": name.legal, "bracket": bracket_or_space_variant(rng, name.legal), "short": name.short}[style]
    place = rng.choices(("finance", "account", "none"), (50, 20, 30))[0] if not customer.mark else "finance"
    made_on = made.today - timedelta(days=rng.randrange(560, 900))
    account = made.record(
        made_on,
        name=shown,
        account_no=f"KH{1000 + len(made.accounts)}",
        tel=f"+86 000 {rng.randrange(10**7, 10**8)}" if rng.random() < 0.5 else None,
        address=invented_address(customer) or None,
        mc_currency=customer.currency,
        mc_exchange_rate=str(RATES[customer.currency]),
    )
    if place == "account":
        account[TAX] = customer.tax_id
    made.accounts.append(account)
    titled = place == "finance"
    if titled or rng.random() < 0.3:
        made.finance.append(
            made.record(
                made_on,
                account_id=account["_id"],
                invoice_title=name.legal if titled else None,
                tax_no=customer.tax_id if titled else None,
                bank="示例银行",
                bank_no=str(rng.randrange(10**15, 10**16)),
            )
        )
    way = "tax_id" if place != "none" else "legal_name" if style != "short" else "name_only"
    made.truth_accounts[account["_id"]] = {
        "customer": customer.number,
        "way": way,
        "expect": "conflict" if way == "name_only" else "link",
        "name_style": style,
    }
    return account


def _orders(made: Fxiaoke, books: Books, known: dict[str, Doc]) -> dict[str, Doc]:
    """One order per order number of the books, most of them won from an opportunity; orders by number."""
    rng = made.rng
    bills: dict[str, list[Bill]] = {}
    for bill in books.bills:
        if bill.customer.number in known and bill.minor > 0:
            bills.setdefault(bill.order_no, []).append(bill)
    out: dict[str, Doc] = {}
    for order_no, some in bills.items():
        first, account = some[0], known[some[0].customer.number]
        signed = first.issued_on - timedelta(days=rng.randrange(3, 40))
        total = sum(bill.minor for bill in some)
        deal = None
        if rng.random() < 0.6:
            deal = made.record(
                signed - timedelta(days=rng.randrange(5, 30)),
                name=f"{account['name']} {signed:%Y-%m} 商机",
                account_id=account["_id"],
                amount=money(total),
                close_date=midnight(signed),
                sales_stage="5",
                sales_status="2",
                probability="100",
                mc_currency=first.currency,
            )
            made.deals.append(deal)
        # Sales mostly take over the number of the books as the order's own.
        numbered = rng.random() < 0.7
        order = made.record(
            signed,
            name=order_no if numbered else f"{signed:%Y%m%d}-{len(made.orders) + 1:06d}",
            account_id=account["_id"],
            new_opportunity_id=deal["_id"] if deal else None,
            order_time=midnight(signed),
            order_amount=money(total),
            order_status="已确认",
            mc_currency=first.currency,
        )
        if not numbered or rng.random() < 0.5:
            order[ORDER] = order_no
        made.orders.append(order)
        out[order_no] = order
    return out


def _invoices(made: Fxiaoke, books: Books, orders: dict[str, Doc]) -> None:
    """An application per posted bill, and a plan row per due date."""
    rng = made.rng
    alike = Counter((bill.order_no, bill.minor) for bill in books.bills)
    for bill in books.bills:
        order = orders.get(bill.order_no)
        if order is None or not bill.posted or bill.minor <= 0:
            continue
        way = "bill_number" if bill.story else rng.choices(_INVOICE_WAYS, _INVOICE_SHARES)[0]
        alone = alike[bill.order_no, bill.minor] == 1
        if way == "order_amount" and not (alone and order["name"] == bill.order_no):
            way = "bill_number"
        invoice = made.record(
            bill.issued_on + timedelta(days=rng.randrange(0, 3)),
            account_id=order["account_id"],
            order_id=order["_id"] if way != "no_number" else None,
            invoice_applied_amount=money(bill.minor),
            invoice_date=midnight(bill.issued_on),
            invoice_no=f"{rng.randrange(10**7, 10**8)}" if rng.random() < 0.8 else None,
            invoice_type="1",
            title_type="2",
            mc_currency=bill.currency,
        )
        if way == "bill_number":
            invoice[BILL] = bill.number
        made.invoices.append(invoice)
        made.truth_invoices[invoice["_id"]] = {
            "bill": None if way == "no_number" else bill.number,
            "meant": bill.number,
            "way": way,
            "expect": "conflict" if way == "no_number" else "link",
        }
        for row in bill.plan:
            made.plans.append(
                made.record(
                    bill.issued_on,
                    account_id=order["account_id"],
                    order_id=order["_id"],
                    plan_payment_amount=money(row.minor),
                    plan_payment_time=midnight(row.due_on),
                    mc_currency=bill.currency,
                )
            )


def _payments(made: Fxiaoke, books: Books, known: dict[str, Doc], orders: dict[str, Doc]) -> None:
    """Sales note most receipts, nearly always with the number of the books, and which orders they pay."""
    rng = made.rng
    matches: dict[int, list[Match]] = defaultdict(list)
    for match in books.matches:
        matches[id(match.source)].append(match)
    for receipt in books.receipts:
        account = known.get(receipt.customer.number)
        if account is None or receipt.status != "C" or rng.random() < 0.3:
            continue
        numbered = rng.random() < 0.95
        payment = made.record(
            receipt.received_on,
            account_id=account["_id"],
            payment_amount=money(receipt.minor),
            payment_time=midnight(receipt.received_on),
            payment_term="post",
            mc_currency=receipt.currency,
        )
        if numbered:
            payment[RECEIPT] = receipt.number
        made.payments.append(payment)
        made.truth_payments[payment["_id"]] = {
            "receipt": receipt.number,
            "way": "receipt_number" if numbered else "no_number",
            "expect": "link" if numbered else "conflict",
        }
        _lines(made, matches[id(receipt)], receipt, payment, orders)


def _lines(made: Fxiaoke, matches: list[Match], receipt: Receipt, payment: Doc, orders: dict[str, Doc]) -> None:
    for match in matches:
        order = orders.get(match.target.order_no)
        if order is None:
            continue
        made.lines.append(
            made.record(
                receipt.received_on,
                payment_id=payment["_id"],
                account_id=payment["account_id"],
                order_id=order["_id"],
                payment_amount=money(match.minor),
                payment_time=payment["payment_time"],
                mc_currency=receipt.currency,
            )
        )
