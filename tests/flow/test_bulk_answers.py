"""Many conflicts at once: what was shown is what is answered, each on its own, and the batch is taken back as one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from mapping.identity.contradictions import ranked
from sync.answering import AnswerError
from tests.flow.books import Synced, rows
from tieout.core.errors import Gone, StaleWrite
from tieout.store.tables import audit, conflicts, memberships


def states(service: Any) -> dict[str, str]:
    return {row["id"]: row["state"] for row in rows(service, select(conflicts.c.id, conflicts.c.state))}


def test_what_was_shown_is_answered_and_taken_back_as_one(synced: Synced) -> None:
    _, service = synced
    before = states(service)
    wish = {"how": "suggested"}
    shown = service.bulk.preview(wish)
    assert states(service) == before, "looking changes nothing"
    answered = {row["id"]: row for row in shown["rows"] if not row["why_not"]}
    assert answered
    assert shown["answered"] == len(answered)
    assert {row["why_not"] for row in shown["rows"]} <= {"", "no_suggestion", "contradicted", "tie", "not_possible"}
    totals: dict[str, int] = {}
    for row in answered.values():
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["money_minor"]
    assert {one["currency"]: one["money_minor"] for one in shown["totals"]} == totals
    with pytest.raises(StaleWrite):
        service.bulk.answer(wish, "0" * 32, "", "user:mei")
    assert states(service) == before
    done = service.bulk.answer(wish, shown["digest"], "先按建议处理", "user:mei")
    assert set(done["ids"]) | {one["id"] for one in done["lost"]} == set(answered)
    c = conflicts.c
    for row in rows(service, select(conflicts).where(c.id.in_(done["ids"]))):
        if row["state"] == "resolved":  # an answer may do away with the question altogether
            assert row["answered_by"] == "user:mei"
            assert row["answer"]["action"] == answered[row["id"]]["action"]
            assert row["answer"]["note"] == "先按建议处理"
    (line,) = rows(service, select(audit).where(audit.c.action == "conflict.bulk"))
    assert (line["subject"], line["actor"], line["body"]["ids"]) == (done["batch"], "user:mei", done["ids"])
    with pytest.raises(StaleWrite):
        service.bulk.answer(wish, shown["digest"], "", "user:mei")
    undone = service.bulk.undo(done["batch"], "user:li")
    assert undone["undone"] + len(undone["kept"]) == len(done["ids"])
    assert service.sync().ok
    after = states(service)
    assert {key: after[key] for key in answered} == {key: before[key] for key in answered}
    with pytest.raises(StaleWrite):
        service.bulk.undo(done["batch"], "user:li")
    with pytest.raises(Gone):
        service.bulk.undo("blk_none", "user:li")
    assert service.verify() == []


def test_a_chosen_few_are_left_and_what_is_closed_says_so(synced: Synced) -> None:
    _, service = synced
    keys = sorted(key for key, state in states(service).items() if state == "open")[:3]
    service.resolve(keys[0], {"action": "leave", "target": "", "note": ""}, "user:li")
    wish = {"how": "leave", "ids": tuple(keys)}
    shown = service.bulk.preview(wish)
    assert {row["id"]: row["why_not"] for row in shown["rows"]} == {keys[0]: "closed", keys[1]: "", keys[2]: ""}
    done = service.bulk.answer(wish, shown["digest"], "", "user:mei")
    assert sorted(done["ids"]) == keys[1:]
    nothing = service.bulk.preview(wish)
    with pytest.raises(AnswerError):
        service.bulk.answer(wish, nothing["digest"], "", "user:mei")
    with pytest.raises(AnswerError, match="at most 200"):
        service.bulk.preview({"how": "leave", "ids": tuple(f"cfl_{n}" for n in range(201))})


def test_what_is_contradicted_is_linked_by_nobody_who_has_not_named_it(synced: Synced) -> None:
    world, service = synced
    planted = {key for key, told in world.truth["accounts"].items() if told["way"] == "tax_id_contradiction"}
    assert planted
    found = {row["external_id"]: row for row in rows(service, select(conflicts).where(conflicts.c.kind == "identity"))}
    shown = {row["id"]: row for row in service.bulk.preview({"how": "suggested"})["rows"]}
    asked = [found[key] for key in planted if key in found]
    assert asked
    for row in asked:
        line = shown[row["id"]]
        assert (line["why_not"], line["action"]) == ("contradicted", "")
        (choice, *_) = ranked(row["suggestions"])
        assert "tax_id_conflict" in choice["contradictions"]
        link = {"action": "link", "target": choice["target"], "note": ""}
        for said in ({"despite": "address_differs"}, {"despite": []}):
            with pytest.raises(AnswerError, match="tax_id_conflict") as refused:
                service.resolve(row["id"], {**link, **said}, "user:li")
            assert refused.value.code == "contradicted"
        (home,) = rows(service, select(memberships.c.customer_id).where(memberships.c.member == choice["target"]))
        with pytest.raises(AnswerError, match="tax_id_conflict"):
            service.resolve(row["id"], {**link, "target": home["customer_id"], "despite": []}, "user:li")
    told = ",".join(choice["contradictions"])
    service.resolve(row["id"], {**link, "despite": told}, "user:li")
    (kept,) = rows(service, select(conflicts).where(conflicts.c.id == row["id"]))
    assert (kept["state"], kept["answer"]["despite"]) == ("resolved", choice["contradictions"])
    service.undo(row["id"], "user:li")
    assert service.rebuild_check().as_dict()["differences"] == []
