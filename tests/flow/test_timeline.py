"""What happened with a customer, told in order: what the rules decided, what was sent, what people did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.flow.books import Synced, receive, rows
from tests.flow.test_credit_terms import limit
from tests.flow.test_dunning_flow import DAY, TODAY, debt_of
from tieout.reports.timeline import of_customer
from tieout.store.session import reading
from tieout.store.tables import credit_terms


def test_decisions_messages_cases_and_orders_stand_in_the_order_in_which_they_happened(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        debt.days(8)
        assert len(debt.tasks()) == 1
        asked = service.credit.ask_limit(debt.customer, limit(50_000_000), "user:anna")
        world.clock.advance(60)
        service.credit.approve(asked["id"], "user:bert")
        world.clock.advance(60)
        promise = service.dunning.open_promise(
            debt.customer,
            "user:li",
            promised_on=TODAY + timedelta(days=20),
            amount_minor=None,
            currency="CNY",
            company="cn",
            by="Wang",
            note="by phone",
        )
        world.clock.advance(60)
        service.dunning.undo(promise["id"], "user:li")
        world.clock.advance(DAY)
        receive(world, debt.number, "5000.00")
        assert service.sync().ok
        with reading(service.ctx.engine) as conn:
            told = list(of_customer(conn, debt.customer).rows)
            paged: list[dict[str, Any]] = []
            page = of_customer(conn, debt.customer, limit=2)
            while page.next is not None:
                assert len(page.rows) == 2
                paged += page.rows
                page = of_customer(conn, debt.customer, page.next, limit=2)
            paged += page.rows
        assert len(told) > 6
        assert paged == told
        at = [one["at"] for one in told]
        assert at == sorted(at, reverse=True)
        (sent,) = [one for one in told if one["kind"] == "message"]
        assert (sent["channel"], sent["step"], sent["value"], sent["minor"]) == ("crm_task", "L1", "done", 5_000_00)
        assert [(one["value"], one["who"]) for one in told if one["kind"] == "order"] == [
            ("active", "user:bert"),
            ("waiting", "user:anna"),
        ]
        assert rows(service, credit_terms.select())[0]["author"] == "user:anna"
        mine = [(one["case"], one["value"], one["who"]) for one in told if one["kind"] == "case"]
        assert mine[:2] == [("promise", "undone", "user:li"), ("promise", "open", "user:li")]
        decided = [one["value"] for one in told if one["kind"] == "reminder"]
        assert "send" in decided
        assert "promised" in decided
        assert all(one["who"] == "" for one in told if one["kind"] in ("reminder", "credit"))
