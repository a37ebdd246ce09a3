"""Money that came in: receipts, their allocations, red bills netted against blue ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from tieout.sandbox.company.model import Bill, Customer, Match, PlanRow, Receipt

FIRST_RECEIPT_FID, FIRST_RECEIPT_ENTRY = 500001, 600001
OVERPAID, PREPAID, NOT_AUDITED = 0.03, 0.025, 0.01
# Days after the due date on which customers pay (mean, deviation), and how often they do not pay at all.
_MANNERS = {"prompt": (-2.0, 5.0, 0.02), "late": (18.0, 12.0, 0.05), "bad": (65.0, 40.0, 0.35)}


@dataclass(slots=True)
class _Payment:
    paid_on: date
    bill: Bill
    row: PlanRow
    minor: int


def net_red_bills(rng: Random, bills: list[Bill], today: date) -> list[Match]:
    """Net about half of the red bills against a blue bill of the same order (红蓝对冲)."""
    blue: dict[tuple[str, str, str], list[Bill]] = defaultdict(list)
    matches = []
    for bill in bills:
        if bill.minor > 0 and bill.posted:
            blue[bill.customer.number, bill.currency, bill.order_no].append(bill)
        if bill.minor >= 0 or not bill.posted or rng.random() < 0.5:
            continue
        minor = -bill.minor
        for target in reversed(blue[bill.customer.number, bill.currency, bill.order_no]):
            row = target.plan[0]
            if len(target.plan) == 1 and row.minor - row.settled_minor >= minor:
                verified_on = min(bill.issued_on + timedelta(days=rng.randrange(0, 6)), today - timedelta(days=1))
                row.settled_minor += minor
                bill.plan[0].settled_minor -= minor
                matches.append(Match(bill, bill.plan[0].entry_id, target, row.entry_id, minor, verified_on))
                break
    return matches


def pay_bills(rng: Random, bills: list[Bill], today: date) -> tuple[list[Receipt], list[Match]]:
    """Receipts for the bills whose payers have paid by yesterday, oldest first, without numbers yet."""
    by_payer: dict[tuple[str, str], list[_Payment]] = defaultdict(list)
    for bill in bills:
        if bill.minor > 0 and bill.posted and not bill.story:
            for payment in _payments(rng, bill, today - timedelta(days=1)):
                by_payer[bill.customer.number, bill.currency].append(payment)
    receipts: list[Receipt] = []
    matches: list[Match] = []
    for payments in by_payer.values():
        payments.sort(key=lambda p: (p.paid_on, p.bill.fid, p.row.entry_id))
        start = 0
        while start < len(payments):
            end = start + 1
            near = payments[start].paid_on + timedelta(days=7)
            while end < len(payments) and end - start < 4 and payments[end].paid_on <= near and rng.random() < 0.5:
                end += 1
            _receive(rng, payments[start:end], today - timedelta(days=1), receipts, matches)
            start = end
    return receipts, matches


def _payments(rng: Random, bill: Bill, last: date) -> list[_Payment]:
    mean, deviation, never = _MANNERS[bill.customer.manner]
    if rng.random() < never:
        return []
    out = []
    for row in bill.plan:
        open_minor = row.minor - row.settled_minor
        paid_on = max(
            row.due_on + timedelta(days=round(rng.gauss(mean, deviation))), bill.issued_on + timedelta(days=1)
        )
        if open_minor <= 0 or paid_on > last:
            continue
        if rng.random() < 0.08:
            part = max(1, open_minor * rng.randrange(25, 80) // 100)
            out.append(_Payment(paid_on, bill, row, part))
            later = paid_on + timedelta(days=rng.randrange(10, 40))
            if rng.random() < 0.5 and later <= last and part < open_minor:
                out.append(_Payment(later, bill, row, open_minor - part))
        else:
            out.append(_Payment(paid_on, bill, row, open_minor))
    return out


def _receive(rng: Random, payments: list[_Payment], last: date, receipts: list[Receipt], matches: list[Match]) -> None:
    received_on = max(payment.paid_on for payment in payments)
    total = sum(payment.minor for payment in payments)
    extra = rng.randrange(37, 250_017) if rng.random() < OVERPAID else 0
    first = payments[0].bill
    numbers = " ".join(dict.fromkeys(payment.bill.number for payment in payments))
    receipt = make_receipt(first.customer, first.currency, received_on, total + extra, f"货款 {numbers}")
    receipts.append(receipt)
    if rng.random() < NOT_AUDITED:
        receipt.status = "A"  # money entered but not yet audited: nothing is allocated
        return
    for payment in payments:
        verified_on = min(received_on + timedelta(days=rng.randrange(0, 3)), last)
        payment.row.settled_minor += payment.minor
        receipt.settled_minor += payment.minor
        matches.append(Match(receipt, 0, payment.bill, payment.row.entry_id, payment.minor, verified_on))


def prepay(rng: Random, customers: list[Customer], count: int, today: date) -> list[Receipt]:
    """Prepayments (预收款): receipts without an allocation."""
    payers = [customer for customer in customers if not customer.mark.startswith("story")]
    out = []
    for _ in range(count if payers else 0):
        customer = rng.choice(payers)
        on = today - timedelta(days=rng.randrange(1, 200))
        receipt = make_receipt(customer, customer.currency, on, rng.randrange(100_000, 8_000_019), "预收款")
        receipt.prepayment = True
        out.append(receipt)
    return out


def make_receipt(customer: Customer, currency: str, on: date, minor: int, remark: str) -> Receipt:
    """A receipt that has no id and number yet: `number_receipts` gives them in date order."""
    return Receipt(0, "", customer, currency, on, minor, 0, remark=remark)


def number_receipts(rng: Random, receipts: list[Receipt], matches: list[Match], first: int = 0) -> None:
    """Give ids, numbers (SKD00000001 …) and stamps in date order, then the entry ids to the allocations."""
    receipts.sort(key=lambda r: (r.received_on, r.customer.number, r.currency, r.minor))
    for index, receipt in enumerate(receipts, start=first):
        receipt.fid = FIRST_RECEIPT_FID + index
        receipt.entry_id = FIRST_RECEIPT_ENTRY + index
        receipt.number = f"SKD{index + 1:08d}"
        stamp = f"{receipt.received_on}T{rng.randrange(9, 18):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"
        receipt.created_at = receipt.modified_at = stamp
    for match in matches:
        if isinstance(match.source, Receipt):
            match.source_entry_id = match.source.entry_id
