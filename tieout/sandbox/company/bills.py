"""Receivables of the seeded company: blue and red bills, instalments, bills not posted."""

from __future__ import annotations

import calendar
from bisect import bisect
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from tieout.sandbox.company.model import Bill, Customer, PlanRow

DAYS_BACK = 548  # 18 months
RED, INSTALMENTS, NOT_AUDITED, CANCELLED = 0.031, 0.05, 0.02, 0.01
STORY_BILLS = 6  # AR00000001 to AR00000006 belong to the three demo stories
FIRST_FID, FIRST_LINE, FIRST_PLAN = 100001, 200001, 1000001


def due_on(customer: Customer, issued_on: date) -> date:
    """Due date of the customer's terms: net days, or 月结 (end of the month, then days)."""
    base = issued_on
    if customer.end_of_month:
        base = issued_on.replace(day=calendar.monthrange(issued_on.year, issued_on.month)[1])
    return base + timedelta(days=customer.term_days)


def tax_of(net_minor: int, currency: str) -> int:
    """13 % VAT rounded half up per line; exports (not CNY) are zero-rated."""
    if currency != "CNY":
        return 0
    sign = -1 if net_minor < 0 else 1
    return sign * ((abs(net_minor) * 13 + 50) // 100)


class BillMaker:
    """Draws bills in date order; ids of heads, lines and plan rows never repeat."""

    def __init__(self, rng: Random, customers: list[Customer], today: date) -> None:
        self._rng, self._today = rng, today
        self._line, self._plan = FIRST_LINE, FIRST_PLAN
        self._orders: dict[tuple[str, str], tuple[str, int]] = {}
        self._order_count = 0
        self._amounts: set[tuple[str, int]] = set()
        self._blue: dict[tuple[str, str], list[Bill]] = {}
        pools: dict[str, list[Customer]] = {"CNY": [], "USD": [], "EUR": []}
        for customer in customers:
            if not customer.mark.startswith("story"):
                pools[customer.currency].append(customer)
        self._pools = {code: (pool, list(accumulate(c.weight for c in pool))) for code, pool in pools.items() if pool}

    def bills(self, count: int) -> list[Bill]:
        """So many bills over the past 18 months, oldest first, numbered after the story bills."""
        if count <= 0 or not self._pools:
            return []
        days = sorted(int(DAYS_BACK * (1 - self._rng.random() ** 0.85)) + 1 for _ in range(count))
        issued = [self._today - timedelta(days=back) for back in reversed(days)]
        return [self._draw(STORY_BILLS + index, on) for index, on in enumerate(issued)]

    def _draw(self, index: int, on: date) -> Bill:
        rng = self._rng
        wanted = rng.choices(("CNY", "USD", "EUR"), (75, 15, 10))[0]
        currency = wanted if wanted in self._pools else next(iter(self._pools))
        # Now and then a domestic customer is billed in dollars, so that one customer owes in two currencies.
        abroad = currency == "USD" and rng.random() < 0.1 and "CNY" in self._pools
        pool, weights = self._pools["CNY" if abroad else currency]
        customer = pool[min(bisect(weights, rng.random() * weights[-1]), len(pool) - 1)]
        earlier = self._blue.get((customer.number, currency), [])
        if earlier and rng.random() < RED * 1.15:
            bill = self._red(index, on, rng.choice(earlier[-6:]))
            if bill is not None:
                return bill
        bill = self.blue(index, customer, currency, on, self._nets(currency, customer))
        self._blue.setdefault((customer.number, currency), []).append(bill)
        return bill

    def _nets(self, currency: str, customer: Customer) -> list[int]:
        rng = self._rng
        middle = 9.6 if currency == "CNY" else 8.2
        count = rng.choices((1, 2, 3, 4), (55, 25, 14, 6))[0]
        scale = 1.0 if customer.manner != "bad" else 0.7
        return [max(100, int(rng.lognormvariate(middle, 0.9) * 100 * scale / count)) for _ in range(count)]

    def blue(
        self, index: int, customer: Customer, currency: str, on: date, nets: list[int], due: date | None = None
    ) -> Bill:
        """An ordinary bill with its lines, order number and one to three plan rows."""
        rng = self._rng
        order_no = self._order(customer, currency, on)
        while (order_no, sum(n + tax_of(n, currency) for n in nets)) in self._amounts:
            nets[0] += 1
        lines = [(self._next_line(), net, tax_of(net, currency)) for net in nets]
        total = sum(net + tax for _, net, tax in lines)
        self._amounts.add((order_no, total))
        first_due = due or due_on(customer, on)
        parts = [total]
        if due is None and rng.random() < INSTALMENTS and total > 1000:
            parts = [total * 3 // 10, total - total * 3 // 10]
            if rng.random() < 0.4:
                parts = [total * 3 // 10, total * 6 // 10]
                parts.append(total - sum(parts))
        plan = [
            PlanRow(self._next_plan(), first_due + timedelta(days=30 * step), part) for step, part in enumerate(parts)
        ]
        bill = self._bill(index, customer, currency, on, order_no, lines, plan)
        if due is None:
            fate = rng.random()
            if fate < NOT_AUDITED:
                bill.status = rng.choice(("A", "B", "Z"))
            elif fate < NOT_AUDITED + CANCELLED:
                bill.cancelled, bill.status = True, rng.choice(("A", "C"))
        return bill

    def _red(self, index: int, on: date, blue: Bill) -> Bill | None:
        """A negative bill (红字应收单) for part of an earlier blue one."""
        if not blue.posted or blue.issued_on >= on or len(blue.plan) != 1:
            return None
        net = -max(100, blue.lines[0][1] * self._rng.randrange(5, 60) // 100)
        tax = tax_of(net, blue.currency)
        if -(net + tax) >= blue.minor:
            return None
        plan = [PlanRow(self._next_plan(), on, net + tax)]
        lines = [(self._next_line(), net, tax)]
        return self._bill(index, blue.customer, blue.currency, on, blue.order_no, lines, plan)

    def _bill(
        self,
        index: int,
        customer: Customer,
        currency: str,
        on: date,
        order_no: str,
        lines: list[tuple[int, int, int]],
        plan: list[PlanRow],
    ) -> Bill:
        # One bill in twelve is entered at a round minute, so that many rows share one modification second.
        second = 0 if self._rng.random() < 0.08 else self._rng.randrange(60)
        stamp = f"{on.isoformat()}T{self._rng.randrange(9, 19):02d}:{self._rng.randrange(60):02d}:{second:02d}"
        return Bill(
            fid=FIRST_FID + index,
            number=f"AR{index + 1:08d}",
            customer=customer,
            currency=currency,
            issued_on=on,
            order_no=order_no,
            lines=lines,
            plan=plan,
            created_at=stamp,
            modified_at=stamp,
        )

    def _order(self, customer: Customer, currency: str, on: date) -> str:
        key = (customer.number, currency)
        order_no, left = self._orders.get(key, ("", 0))
        if left == 0:
            self._order_count += 1
            order_no, left = f"SO{on:%Y%m}{self._order_count:05d}", self._rng.randrange(3, 11)
        self._orders[key] = (order_no, left - 1)
        return order_no

    def _next_line(self) -> int:
        self._line += 1
        return self._line - 1

    def _next_plan(self) -> int:
        self._plan += 1
        return self._plan - 1
