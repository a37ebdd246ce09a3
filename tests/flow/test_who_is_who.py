"""What people say of who is who: a rule's wrong link is taken back, no word is lost, none overtakes another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from mapping.identity.contradictions import ranked
from sync import merging
from sync.answering import AnswerError
from sync.apply import LANE
from sync.merging import Contradiction
from sync.service import Service
from tests.flow.books import Synced, differences, journal, open_conflicts, rows
from tests.flow.test_identity_decided import standing
from tests.flow.test_unmerge_restores import state
from tieout.core.errors import Gone, StaleWrite
from tieout.store import leases
from tieout.store.tables import answers, outbox
from tieout.store.tables import audit as trail


def owners(service: Service) -> list[str]:
    return sorted({customer for member, (customer, _) in standing(service).items() if member.startswith("acc_")})


def written_to(service: Service) -> set[str]:
    """Customers of whom a reminder was sent."""
    o = outbox.c
    sent = rows(service, select(o.subject).where(o.event_key.is_not(None), o.state == "done"))
    return {row["subject"].split("|")[0] for row in sent}


@contextmanager
def held_back(service: Service) -> Iterator[None]:
    """The lane is busy: answers are taken, and folded later."""
    ctx = service.ctx
    lease = leases.acquire(ctx.engine, LANE, "elsewhere", ttl_seconds=600, clock=ctx.clock)
    assert lease is not None
    yield
    leases.release(ctx.engine, lease)


def test_a_link_that_a_rule_made_is_taken_back_and_that_is_undone(synced: Synced) -> None:
    _, service = synced
    with service:
        before, lines = state(service), journal(service)
        written = written_to(service)  # what has left cannot come back: it starts a cooldown
        record, (home, _) = next(
            (m, v) for m, v in sorted(standing(service).items()) if "/" in m and v[0] not in written
        )
        with pytest.raises(AnswerError, match="separate"):
            service.unmerge(home, [record], "li")
        shown = service.regroup.separate(home, [record])
        assert [one["member"] for one in shown["moves"]] == [record]
        assert record in standing(service), "it was only a look"
        done = service.answers.separate(home, [record], "li", "another firm of that name")
        assert record not in standing(service) or standing(service)[record][0] != home
        books = [m for m, (c, _) in standing(service).items() if c == home and m.startswith("acc_")]
        assert len(done["answers"]) == len(books)
        listed = service.answers.listed(about=record)["items"]
        assert {(one["action"], one["actor"], one["reason"]) for one in listed} == {
            ("separate", "li", "another firm of that name")
        }
        assert service.why(record, books[0])["outcome"] == "separate"
        assert service.rebuild_check().differences == []
        service.answers.undo(listed[0]["seq"], "wang", "it was the same after all")
        assert service.answers.listed(about=record)["items"] == []
        with pytest.raises(StaleWrite, match="already"):
            service.answers.undo(listed[0]["seq"], "wang")
        assert standing(service)[record][0] == home
        assert differences(state(service), before) == []
        assert journal(service) == lines
        acts = [row["action"] for row in rows(service, select(trail.c.action).order_by(trail.c.seq))]
        assert acts[-2:] == ["customer.separate", "answer.undo"]
        assert service.rebuild_check().differences == []


def test_what_cannot_be_parted_by_hand_is_refused(synced: Synced) -> None:
    _, service = synced
    with service:
        a, b = owners(service)[:2]
        account = next(m for m, (c, _) in standing(service).items() if c == a and m.startswith("acc_"))
        record = next(m for m, (c, _) in sorted(standing(service).items()) if "/" in m and c not in (a, b))
        for members, words in (([], "say which"), ([account], "is the customer"), ([record], "not a member")):
            with pytest.raises(AnswerError, match=words):
                service.answers.separate(a, members, "li")
        service.relink(a, [record], "li")
        with pytest.raises(AnswerError, match="a person put"):
            service.answers.separate(a, [record], "li")
        with pytest.raises(Gone):
            service.answers.undo(10**9, "li")


def test_two_merges_before_one_fold_never_swap_customers(synced: Synced) -> None:
    _, service = synced
    with service:
        a, b, c, d = owners(service)[:4]
        held = standing(service)
        record = next(m for m, (home, _) in sorted(held.items()) if "/" in m and home == a)
        with held_back(service):
            merging.merge(service.ctx, a, b, "li")
            for late in (
                lambda: merging.merge(service.ctx, b, a, "wang"),
                lambda: merging.merge(service.ctx, b, c, "wang"),
                lambda: merging.relink(service.ctx, c, [record], "wang"),
                lambda: service.regroup.merge(b, c),
                lambda: service.answers.separate(a, [record], "wang"),
            ):
                with pytest.raises(StaleWrite, match="being worked in"):
                    late()
            merging.merge(service.ctx, c, d, "wang")  # others wait for nobody
        service.apply()
        now = standing(service)
        of = {key: {now[m][0] for m, (home, _) in held.items() if home == key} for key in (a, b, c, d)}
        assert of == {a: {a}, b: {a}, c: {c}, d: {c}}
        with pytest.raises(Gone, match=f"merged into {a}"):
            service.relink(b, [next(m for m in now if "/" in m and now[m][0] != a)], "li")
        with pytest.raises(Gone, match=f"merged into {a}"):
            service.merge(b, c, "li")
        assert service.rebuild_check().differences == []


def test_two_people_at_once_merge_two_customers_once(synced: Synced) -> None:
    _, service = synced
    with service:
        a, b = owners(service)[:2]
        held = standing(service)
        told: list[str] = []
        start = threading.Barrier(2)

        def give(keep: str, gone: str) -> None:
            start.wait()
            try:
                merging.merge(service.ctx, keep, gone, "li")
                told.append("merged")
            except StaleWrite:
                told.append("refused")

        with held_back(service):
            people = [threading.Thread(target=give, args=pair) for pair in ((a, b), (b, a))]
            for one in people:
                one.start()
            for one in people:
                one.join()
        assert sorted(told) == ["merged", "refused"]
        service.apply()
        now = standing(service)
        assert len({now[m][0] for m, (home, _) in held.items() if home in (a, b)}) == 1


def test_a_record_put_into_a_customer_follows_its_accounts(synced: Synced) -> None:
    _, service = synced
    with service:
        a, b, *_ = owners(service)
        record = next(m for m, (c, _) in sorted(standing(service).items()) if "/" in m and c not in (a, b))
        service.relink(b, [record], "li")
        between = standing(service)
        merged = service.merge(a, b, "wang")["members"]
        assert standing(service)[record][0] == a, "no balance is left with a customer that is no more"
        assert service.rebuild_check().differences == []
        service.unmerge(a, [], "wang")
        assert standing(service) == between, f"one merge of {merged} is one act; the relink by li stands"
        service.unmerge(b, [], "li")
        assert standing(service)[record][0] != b


def test_not_the_same_is_overruled_openly_or_not_at_all(synced: Synced) -> None:
    _, service = synced
    with service:
        conflict = next(one for one in open_conflicts(service, "identity").values() if one["suggestions"])
        cause, target = conflict["cause"], conflict["suggestions"][0]["target"]
        home = standing(service)[target][0]
        service.resolve(conflict["id"], {"action": "separate", "target": target}, "li")
        other = next(one for one in owners(service) if one != home)
        with pytest.raises(Contradiction, match="li said on"):
            service.relink(home, [cause], "wang")
        service.relink(other, [cause], "wang")
        apart = state(service)
        shown = service.regroup.merge(other, home)
        assert [(one["subject"], one["target"], one["actor"]) for one in shown["against"]] == [(cause, target, "li")]
        with pytest.raises(Contradiction, match="is not"):
            service.merge(other, home, "wang")
        assert differences(state(service), apart) == []
        service.merge(other, home, "wang", "it is one firm: seen on the licence", overrule=True)
        assert standing(service)[cause][0] == standing(service)[target][0] == other
        n = answers.c
        said = select(n.is_active).where(n.subject == cause, n.target == target, n.action == "separate")
        assert [row["is_active"] for row in rows(service, said)] == [False]
        assert service.rebuild_check().differences == []
        service.unmerge(other, [], "wang")
        assert [row["is_active"] for row in rows(service, said)] == [True], "li's word stands again"
        assert differences(state(service), apart) == []
        assert service.rebuild_check().differences == []


def test_a_reminder_that_never_left_starts_no_cooldown(synced: Synced) -> None:
    """A record comes by an answer, its reminder is made ready, and the answer is taken back before it is written."""
    _, service = synced
    with service:
        before = state(service)
        asked = [one for one in open_conflicts(service, "identity").values() if one["suggestions"]]
        conflict = max(asked, key=lambda one: (one["money_minor"], one["cause"]))
        found = ranked(conflict["suggestions"], conflict["evidence"].get("reasons"))
        despite = sorted({code for one in found for code in one["contradictions"]})
        answer = {"action": "link", "target": conflict["suggestions"][0]["target"], "despite": despite}
        service.resolve(conflict["id"], answer, "li")
        service.apply()
        home = standing(service)[conflict["cause"]][0]
        query = select(outbox.c.state, outbox.c.parent_id).where(
            outbox.c.event_key.is_not(None), outbox.c.subject.like(f"{home}|%"), outbox.c.parent_id != ""
        )
        ready = {row["parent_id"] for row in rows(service, query) if row["state"] not in ("done", "cancelled")}
        assert ready == {conflict["cause"].split("/", 2)[2]}
        service.undo(conflict["id"], "wang")
        service.apply()
        assert {row["state"] for row in rows(service, query)} == {"cancelled"}, "nobody is reminded at a stranger's"
        assert differences(state(service), before) == []
        service.resolve(conflict["id"], answer, "li")
        service.apply()
        assert ready == {row["parent_id"] for row in rows(service, query) if row["state"] != "cancelled"}
        service.unmerge(home, [conflict["cause"]], "wang")
        assert differences(state(service), before) == []
        assert service.sync().ok
        assert service.rebuild_check().differences == []
