"""What people enter while two customers are merged is, once they are parted, where it was said of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from sync.service import Service
from tests.flow.books import Synced, examples, rows
from tests.flow.test_identity_decided import standing
from tieout.store.session import unit
from tieout.store.tables import case_links, decisions

KINDS = ("dispute", "promise", "plan", "pause", "contact", "limit", "override")


def _enter(service: Service, what: str, customer: str, item: Any) -> None:
    today, li = service.ctx.clock.now().date(), "user:li"
    soon = today + timedelta(days=5)
    if what == "dispute":
        service.dunning.open_dispute(item.document_id, li, reason="quality")
    elif what == "promise":
        service.dunning.open_promise(customer, li, items=[item.document_id], promised_on=soon)
    elif what == "plan":
        service.dunning.open_plan(customer, li, items=[item.document_id], rows=[(soon, item.open_minor)])
    elif what == "pause":
        service.dunning.open_pause(customer, li, reason="a fair", until_on=soon)
    elif what == "contact":
        service.dunning.set_contact(customer, li, emails=["ap@theirs.example"], language="en")
    elif what == "limit":
        body = {"amount_minor": 100, "currency": item.currency, "reason": "x"}
        service.credit.approve(service.credit.ask_limit(customer, body, li)["id"], "user:wang")
    else:
        service.credit.ask_override(customer, {"status": "hold", "reason": "x", "valid_until": soon}, li)


def _standing(service: Service, customer: str) -> dict[str, Any]:
    """The standing decisions about a customer, by kind and what is behind its name: what words change."""
    d = decisions.c
    names = ("lines", "steps", "limit_minor", "override")
    found = rows(service, select(decisions).where(d.is_current.is_(True), d.subject.like(f"{customer}|%")))
    return {
        f"{row['kind']} {row['subject'].split('|', 1)[1]}": (row["value"], [row["body"].get(one) for one in names])
        for row in found
        if row["kind"] not in ("credit_alert", "payment_status")
    }


@pytest.mark.parametrize("what", KINDS)
def test_what_is_entered_during_a_merge_stays_with_what_it_was_said_of(synced: Synced, what: str) -> None:
    world, service = synced
    with service:
        world.clock.advance(86_400 * 40)
        assert service.sync().ok
        held = standing(service)
        one = examples(service)[0]
        mine = held[one.account_id][0]
        item = next(
            other for other in examples(service) if held[other.account_id][0] != mine and other.currency == one.currency
        )
        theirs = held[item.account_id][0]
        before = {key: _standing(service, key) for key in (mine, theirs)}
        service.merge(mine, theirs, "user:li")
        service.apply()
        _enter(service, what, mine, item)
        service.apply()
        service.unmerge(mine, [], "user:li")
        service.apply()
        after = {key: _standing(service, key) for key in (mine, theirs)}
        changed = {key for key in (mine, theirs) if after[key] != before[key]}
        expected = {"pause": {mine, theirs}, "contact": set(), "limit": {mine}, "override": {mine}}
        assert changed == expected.get(what, {theirs})
        assert service.verify() == []
        assert service.rebuild_check().differences == []
        if what in ("pause", "contact"):
            homes = {standing(service)[row["ref"]][0] for row in rows(service, select(case_links.c.ref))}
            assert homes == {mine, theirs}, "it was said of every account of the two"
        if what not in ("promise", "plan"):
            return
        (word,) = [key for key in after[theirs] if key.startswith(what)]
        subject = f"{theirs}|{word.split(' ', 1)[1]}"
        d = decisions.c
        with unit(service.ctx.engine, "admin.commit") as conn:  # as it was left before: under the other customer
            conn.execute(
                update(decisions)
                .where(d.subject == subject, d.is_current.is_(True))
                .values(subject=subject.replace(theirs, mine))
            )
        assert [one.invariant for one in service.verify()] == ["words stand with their items"]
