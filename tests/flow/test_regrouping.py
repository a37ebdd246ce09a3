"""A merge is shown before it is made: what the preview says of balances and reminders is what then stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from sync.answering import AnswerError
from sync.service import Service
from tests.flow.books import Synced, journal, rows
from tieout.core.errors import Gone
from tieout.reports.values import today_by_company
from tieout.store.queries import customers as customer_rows
from tieout.store.session import reading
from tieout.store.tables import accounts, decisions, inputs, memberships, open_items

Group = dict[str, Any]


def _owing(service: Service) -> list[str]:
    """Customers with overdue money in CNY, most open items first."""
    m, o = memberships.c, open_items.c
    query = (
        select(m.customer_id, func.count().label("items"))
        .join(open_items, (o.account_id == m.member) & (o.open_minor > 0) & (o.currency == "CNY"))
        .where(m.to_seq.is_(None), o.due_on < service.ctx.clock.now().date())
        .group_by(m.customer_id)
        .order_by(func.count().desc(), m.customer_id)
    )
    return [str(row["customer_id"]) for row in rows(service, query)]


def _stands(service: Service, customer: str) -> dict[str, tuple[int, ...]]:
    """Owed, overdue, credits, unapplied and balance of each currency, as the page of the customer sums them."""
    today = today_by_company(service.config, service.ctx.clock)
    with reading(service.ctx.engine) as conn:
        found = customer_rows.balances(conn, [customer], today).get(customer, [])
    return _figures(found)


def _figures(lines: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    names = ("owed", "overdue", "credits", "unapplied", "balance")
    found = {line["currency"]: tuple(int(line[name]) for name in names) for line in lines}
    return {code: figures for code, figures in found.items() if any(figures)}


def _decided(service: Service, customer: str) -> dict[str, str]:
    d = decisions.c
    query = select(d.subject, d.value).where(
        d.kind == "reminder", d.is_current.is_(True), d.subject.like(f"{customer}|%")
    )
    return {row["subject"].rsplit("|", 1)[1]: row["value"] for row in rows(service, query)}


def _of(shown: dict[str, Any], side: str, customer: str) -> Group:
    (group,) = [one for one in shown[side] if one["id"] == customer]
    return dict(group)


def test_what_a_merge_and_its_undoing_show_is_what_then_stands(synced: Synced) -> None:
    _, service = synced
    with service:
        mine, theirs, *_ = _owing(service)
        before = {key: _stands(service, key) for key in (mine, theirs)}
        logged = rows(service, select(func.count()).select_from(inputs))
        lines = journal(service)
        shown = service.regroup.merge(mine, theirs)
        assert rows(service, select(func.count()).select_from(inputs)) == logged, "looking is no input"
        for key in (mine, theirs):
            assert _figures(_of(shown, "before", key)["balances"]) == before[key] != {}
        assert [one["id"] for one in shown["after"]] == [mine]
        members = rows(service, select(memberships.c.member).where(memberships.c.customer_id == theirs))
        assert {one["member"] for one in shown["moves"]} == {
            row["member"] for row in members if row["member"].startswith("acc_")
        }
        assert shown["along"] == len(members) - len(shown["moves"]) > 0
        assert shown["items_count"] == len(shown["items"]) == _of(shown, "before", theirs)["items"] > 0

        for key in (mine, theirs):
            on = service.ctx.clock.now().date() + timedelta(days=9)
            service.dunning.open_pause(key, "user:li", reason="a fair", until_on=on)
        assert service.regroup.merge(mine, theirs)["cases"] == 1
        for case in service.dunning.cases()["items"]:
            service.dunning.close(case["id"], "cancelled", "user:li")
        assert service.regroup.merge(mine, theirs)["cases"] == 0
        service.merge(mine, theirs, "user:li", "one firm, two numbers")
        together = _of(shown, "after", mine)
        assert _stands(service, mine) == _figures(together["balances"])
        assert _decided(service, mine) == {one["currency"]: one["value"] for one in together["reminders"]}
        assert journal(service) == lines

        moved = [one["member"] for one in shown["moves"]]
        on = service.ctx.clock.now().date() + timedelta(days=9)
        case = service.dunning.open_pause(mine, "user:li", reason="a fair", until_on=on)["id"]
        assert service.regroup.unmerge(mine, moved)["cases"] == 1
        service.dunning.close(case, "cancelled", "user:li")
        back = service.regroup.unmerge(mine, moved)
        assert [(one["member"], one["home"]) for one in back["moves"]] == [(member, theirs) for member in moved]
        service.unmerge(mine, moved, "user:li", "two firms after all")
        for key in (mine, theirs):
            assert _figures(_of(back, "after", key)["balances"]) == before[key] == _stands(service, key)
        assert service.rebuild_check().as_dict()["differences"] == []


def test_the_level_of_an_item_goes_with_it_through_a_merge(synced: Synced) -> None:
    """Who was reminded yesterday is not reminded of the same again because two customers became one."""
    world, service = synced
    with service:
        d = decisions.c
        query = select(d.subject, d.value, d.body).where(
            d.kind == "reminder", d.is_current.is_(True), d.subject.like("%|cn|CNY")
        )
        standing = {row["subject"].split("|")[0]: row for row in rows(service, query.order_by(d.subject))}
        theirs = next(key for key, row in standing.items() if row["value"] == "send")
        mine = next(key for key, row in standing.items() if row["value"] == "not_due")
        asked = {line[0] for line in standing[theirs]["body"]["lines"]}
        world.clock.advance(86_400)
        assert service.sync().ok
        service.merge(mine, theirs, "user:li")
        together = {row["subject"].split("|")[0]: row for row in rows(service, query)}[mine]
        assert asked <= {step[0] for step in together["body"]["steps"]}
        assert together["value"] != "send", together["body"]
        service.unmerge(mine, [], "user:li")
        apart = {row["subject"].split("|")[0]: row for row in rows(service, query)}[theirs]
        assert apart["value"] != "send"
        assert service.rebuild_check().as_dict()["differences"] == []


def test_what_cannot_be_merged_or_parted_is_refused_before_anything_is_shown(synced: Synced) -> None:
    _, service = synced
    with service:
        mine = _owing(service)[0]
        with pytest.raises(AnswerError):
            service.regroup.merge(mine, mine)
        with pytest.raises(Gone):
            service.regroup.merge(mine, "cus_nobody")
        with pytest.raises(AnswerError, match="no member"):
            service.regroup.unmerge(mine, [])
        (other, *_) = [
            row["member"]
            for row in rows(service, select(memberships.c.member).join(accounts, accounts.c.id == memberships.c.member))
        ]
        with pytest.raises(AnswerError):
            service.regroup.unmerge("cus_nobody", [other])
