"""What the platform works out itself: received and receivable amounts of orders, state of payment plans."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tieout.sandbox.fxiaoke.tenant import Tenant
from tieout.sandbox.state import Doc


def money(value: object) -> Decimal:
    """An amount as stored; what cannot be read counts as nothing."""
    try:
        return Decimal(str(value or "0"))
    except InvalidOperation:
        return Decimal(0)


def text(amount: Decimal) -> str:
    """An amount on the wire: a string with two places."""
    return f"{amount:.2f}"


class Derived:
    """Recomputes orders and plans; it never moves their last_modified_time, as statistic fields are feared to do."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def after(self, api_name: str, row: Doc, now_ms: int) -> None:
        """Follow a written or invalidated row of `api_name`."""
        if api_name == "OrderPaymentObj":
            if row.get("order_id"):
                self.order(str(row["order_id"]))
            if row.get("payment_plan_id"):
                self.plan(str(row["payment_plan_id"]), now_ms)
        elif api_name == "SalesOrderObj":
            self.order(str(row["_id"]))
        elif api_name == "PaymentPlanObj":
            self.plan(str(row["_id"]), now_ms)

    def order(self, order_id: str) -> None:
        """`payment_amount` = sum of living payment lines, `receivable_amount` = the rest of the order amount."""
        table = self._tenant.table("SalesOrderObj")
        order = table.get(order_id)
        if order is None:
            return
        paid = self._paid("order_id", order_id)
        rest = money(order.get("order_amount")) - paid
        table.put({**order, "payment_amount": text(paid), "receivable_amount": text(rest)})

    def plan(self, plan_id: str, now_ms: int) -> None:
        """Completed when the actual amount reaches the planned one, else overdue when its time is over."""
        table = self._tenant.table("PaymentPlanObj")
        plan = table.get(plan_id)
        if plan is None:
            return
        paid = self._paid("payment_plan_id", plan_id)
        table.put(self.shown({**plan, "actual_payment_amount": text(paid)}, now_ms))

    @staticmethod
    def shown(plan: Doc, now_ms: int) -> Doc:
        """A plan with its state as of now: time alone makes it overdue."""
        paid, planned = money(plan.get("actual_payment_amount")), money(plan.get("plan_payment_amount"))
        overdue = int(plan.get("plan_payment_time") or now_ms) < now_ms
        state = "completed" if paid >= planned else "overdue" if overdue else "incomplete"
        return {**plan, "plan_payment_status": state}

    def _paid(self, name: str, value: str) -> Decimal:
        rows = self._tenant.table("OrderPaymentObj").find(name, value)
        return sum(
            (money(row.get("payment_amount")) for row in rows if row.get("life_status") != "invalid"), Decimal(0)
        )
