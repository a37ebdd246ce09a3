"""Who is who in a running installation: why two records are one customer, and decisions undone without a trace."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from sync.answering import AnswerError
from sync.service import Service
from tests.flow.books import Synced, journal, open_conflicts, rows
from tieout.core.errors import Gone
from tieout.store.tables import balances, memberships, relations


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
        found, again, strange = (service.why(*pair) for pair in ((record, mine), (mine, record), (record, other)))
        assert (found["outcome"], found["rule"], found["same_customer"]) == ("link", "tax_id", True)
        assert {one["code"] for one in again["reasons"]} == {one["code"] for one in found["reasons"]}
        assert found["prior"] + sum(one["weight"] for one in found["reasons"]) == found["score"]
        assert (strange["outcome"], strange["same_customer"]) == ("separate", False)
        conflict = next(one for one in open_conflicts(service, "identity").values() if one["suggestions"])
        weighed = [reason for one in conflict["suggestions"] for reason in one["reasons"]]
        assert any(reason.get("weight") for reason in weighed)
        cause, target = conflict["cause"], conflict["suggestions"][0]["target"]
        service.resolve(conflict["id"], {"action": "separate", "target": target}, "li")
        parted = service.why(cause, target)
        assert (parted["outcome"], parted["against"]) == ("separate", "must_not_link")
        assert [(one["action"], one["actor"]) for one in parted["answers"]] == [("separate", "li")]


def test_an_unmerge_restores_exactly_what_stood_before(synced: Synced) -> None:
    _, service = synced
    with service:
        before, lines = standing(service), journal(service)
        a, b, c = sorted({customer for member, (customer, _) in before.items() if member.startswith("acc_")})[:3]
        service.merge(a, b, "li")
        once = standing(service)
        service.merge(c, a, "li")
        service.unmerge(c, [], "li")
        assert standing(service) == once, "an earlier merge stands when a later one is taken back"
        record = next(member for member, (home, _) in sorted(once.items()) if "/" in member and home not in (a, c))
        service.relink(c, [record], "wang")
        assert standing(service)[record] == (c, "must_link")
        with pytest.raises(AnswerError):
            service.relink(c, [record], "wang")
        with pytest.raises(Gone):
            service.relink(c, ["zoho/customers/nobody"], "wang")
        service.unmerge(c, [record], "wang")
        assert standing(service) == once
        service.unmerge(a, [], "li")
        assert standing(service) == before
        assert journal(service) == lines
        assert service.rebuild_check().differences == []


def test_random_merges_relinks_and_unmerges_end_where_they_began_and_move_no_journal_row(synced: Synced) -> None:
    _, service = synced
    chance = random.Random(11)
    with service:
        before, lines = standing(service), journal(service)
        books = sorted({customer for member, (customer, _) in before.items() if member.startswith("acc_")})
        merged: list[str] = []
        for _ in range(5):
            held = standing(service)
            owners = sorted({held[member][0] for member in held if member.startswith("acc_")})
            lot = chance.random()
            records = sorted(member for member in held if "/" in member)
            if lot < 0.3:
                record = chance.choice(records)
                service.relink(chance.choice([one for one in owners if one != held[record][0]]), [record], "li")
            elif merged and lot < 0.65:
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


def related(service: Service) -> set[tuple[str, ...]]:
    """Standing relations as people know them."""
    r = relations.c
    found = rows(service, select(r.member, r.kind, r.target, r.name, r.rule).where(r.to_seq.is_(None)))
    return {tuple(row.values()) for row in found}


def test_related_is_an_answer_that_parts_two_and_moves_no_balance(synced: Synced) -> None:
    _, service = synced
    with service:
        lines, owed, before = journal(service), rows(service, select(balances)), related(service)
        homes = standing(service)
        conflict = next(one for one in open_conflicts(service, "identity").values() if one["suggestions"])
        cause, target = conflict["cause"], conflict["suggestions"][0]["target"]
        with pytest.raises(AnswerError):
            service.resolve(conflict["id"], {"action": "branch_of", "target": "acc_nobody"}, "li")
        service.resolve(conflict["id"], {"action": "branch_of", "target": target, "note": "厦门"}, "li")
        assert related(service) - before == {(cause, "branch_of", target, "", "stated")}
        assert service.why(cause, target)["outcome"] == "separate"
        home = standing(service)[target][0]
        other = sorted({customer for customer, _ in homes.values() if customer != home})[0]
        service.merge(other, home, "wang")
        assert (cause, "branch_of", target, "", "stated") in related(service), (
            "a merge moves the customer, not the fact"
        )
        service.unmerge(other, [], "wang")
        assert service.rebuild_check().differences == []
        service.undo(conflict["id"], "li")
        assert related(service) == before
        assert standing(service) == homes
        assert journal(service) == lines
        assert rows(service, select(balances)) == owed
        assert service.verify() == []
        assert service.rebuild_check().differences == []
