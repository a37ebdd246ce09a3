"""Who is who in a running installation: why two records are one customer, and decisions undone without a trace."""

from __future__ import annotations

import random

from sqlalchemy import select

from sync.service import Service
from tests.flow.books import Synced, journal, open_conflicts, rows
from tieout.reports import same
from tieout.store.tables import memberships


def standing(service: Service) -> dict[str, tuple[str, str]]:
    """Customer and rule of every member now."""
    m = memberships.c
    return {
        row["member"]: (row["customer_id"], row["rule"])
        for row in rows(service, select(m.member, m.customer_id, m.rule).where(m.to_seq.is_(None)))
    }


def test_why_two_records_are_one_customer_and_why_not(synced: Synced) -> None:
    _, service = synced
    with service:
        held = standing(service)
        record = next(member for member, (_, rule) in sorted(held.items()) if "/" in member and rule == "tax_id")
        home = held[record][0]
        mine = next(member for member, (customer, _) in held.items() if customer == home and member.startswith("acc_"))
        other = next(member for member, (customer, _) in held.items() if customer != home and member.startswith("acc_"))
        with service.ctx.engine.connect() as conn:
            found = same.why(conn, record, mine)
            again = same.why(conn, mine, record)
            strange = same.why(conn, record, other)
        assert (found["outcome"], found["rule"], found["same_customer"]) == ("link", "tax_id", True)
        assert {one["code"] for one in again["reasons"]} == {one["code"] for one in found["reasons"]}
        assert found["prior"] + sum(one["weight"] for one in found["reasons"]) == found["score"]
        assert (strange["outcome"], strange["same_customer"]) == ("separate", False)
        conflict = next(one for one in open_conflicts(service, "identity").values() if one["suggestions"])
        weighed = [reason for one in conflict["suggestions"] for reason in one["reasons"]]
        assert any(reason.get("weight") for reason in weighed)
        cause, target = conflict["cause"], conflict["suggestions"][0]["target"]
        service.resolve(conflict["id"], {"action": "separate", "target": target}, "li")
        with service.ctx.engine.connect() as conn:
            parted = same.why(conn, cause, target)
        assert (parted["outcome"], parted["against"]) == ("separate", "must_not_link")
        assert [(one["action"], one["actor"]) for one in parted["answers"]] == [("separate", "li")]


def test_random_merges_and_unmerges_end_where_they_began_and_move_no_journal_row(synced: Synced) -> None:
    _, service = synced
    chance = random.Random(11)
    with service:
        before, lines = standing(service), journal(service)
        books = sorted({customer for member, (customer, _) in before.items() if member.startswith("acc_")})
        merged: list[str] = []
        for _ in range(5):
            held = standing(service)
            owners = sorted({held[member][0] for member in held if member.startswith("acc_")})
            if merged and chance.random() < 0.5:
                customer = merged.pop(chance.randrange(len(merged)))
                inside = [m for m, (c, rule) in held.items() if c == customer and rule == "must_link"]
                if inside:
                    service.unmerge(customer, [chance.choice(inside)] if chance.random() < 0.5 else [], "li")
            else:
                keep, gone = chance.sample(owners, 2)
                service.merge(keep, gone, "li")
                merged.append(keep)
            assert journal(service) == lines
        left = {customer for customer, rule in standing(service).values() if rule == "must_link"}
        while left:
            for customer in sorted(left):
                service.unmerge(customer, [], "li")
            left = {customer for customer, rule in standing(service).values() if rule == "must_link"}
        assert standing(service) == before
        assert books == sorted({c for member, (c, _) in standing(service).items() if member.startswith("acc_")})
        assert journal(service) == lines
        assert service.verify() == []
        assert service.rebuild_check().differences == []
