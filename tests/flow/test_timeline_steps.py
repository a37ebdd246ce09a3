"""Every step of cases and orders stays in what happened with a customer, with who took it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.flow.books import Synced
from tests.flow.test_dunning_flow import TODAY, debt_of
from tieout.reports.timeline import of_customer
from tieout.store.session import reading


def told_of(service: Any, customer: str, kind: str) -> list[tuple[str, str]]:
    """Value and person of the entries of a kind, oldest first; without what the test of the debt itself entered."""
    with reading(service.ctx.engine) as conn:
        found = of_customer(conn, customer).rows
    return [(one["value"], one["who"]) for one in reversed(found) if one["kind"] == kind and one["who"] != "test"]


def test_a_dispute_rejected_and_taken_up_again_leaves_both_steps(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        desk = service.dunning
        case = desk.open_dispute(debt.document, "user:li", reason="quality", amount_minor=100_00)["id"]
        other = desk.open_pause(debt.customer, "user:li", reason="x", until_on=TODAY + timedelta(days=30))["id"]
        wanted = [("open", "user:li"), ("open", "user:li")]
        for outcome, who in (("rejected", "user:anna"), ("", "user:bert"), ("accepted", "user:cai"), ("", "user:li")):
            world.clock.advance(60)
            if outcome:
                desk.close(case, outcome, who, root_cause="x", team="y")
                wanted.append((outcome, who))
            else:
                desk.undo(case, who)
                wanted.append(("reopened", who))
        world.clock.advance(60)
        desk.undo(case, "user:li")
        world.clock.advance(60)
        desk.close(other, "cancelled", "user:anna")
        wanted += [("undone", "user:li"), ("cancelled", "user:anna")]
        assert told_of(service, debt.customer, "case") == wanted


def test_a_hold_counts_from_the_start_and_never_waits(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        hold = {
            "status": "hold",
            "valid_until": TODAY + timedelta(days=10),
            "reason": "insolvency",
            "company": "cn",
            "amount_minor": None,
            "currency": None,
        }
        made = service.credit.ask_override(debt.customer, hold, "user:anna")
        world.clock.advance(60)
        service.credit.withdraw(made["id"], "paid", "user:bert")
        asked = {**hold, "status": "ok", "amount_minor": 1_00, "currency": "CNY"}
        world.clock.advance(60)
        service.credit.ask_override(debt.customer, asked, "user:li")
        assert told_of(service, debt.customer, "order") == [
            ("active", "user:anna"),
            ("withdrawn", "user:bert"),
            ("waiting", "user:li"),
        ]
