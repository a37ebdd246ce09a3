"""Rules over the page and the API: offered where one answer fits others, shown, made, listed, switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from sync.service import Service
from tests.web.conftest import Csrf, Site
from tests.web.factory import Books
from tieout.store.session import unit
from tieout.store.tables import conflicts
from tieout.web.app import build

UNLINKED = {"record": {"label": "INV-1", "kind": "invoice", "amount": "100.00"}, "reasons": []}
UNMAPPED = {
    "code": "unmapped_value",
    "path": "Status",
    "value": "<已开票>",
    "message": "not in the map",
    "record": "{}",
}


def _unlinked(books: Books, title: str, minor: int, **more: Any) -> str:
    return books.conflict(title, minor, kind="unlinked_document", stream="invoices", evidence=UNLINKED, **more)


@pytest.fixture
def real(service: Service) -> Iterator[TestClient]:
    with TestClient(build(service.config, service=service), raise_server_exceptions=False) as client:
        client.headers["X-API-Key"] = service.create_api_key("test", "operator", "cli:test")
        yield client


def test_a_rule_is_offered_shown_made_and_ended_over_the_api(real: TestClient, service: Service) -> None:
    books = Books(service.ctx.engine)
    first, second = _unlinked(books, "INV-1", 100_00), _unlinked(books, "INV-2", 30_00)
    hinted = _unlinked(books, "INV-3", 5_00, suggestions=[{"action": "bind", "target": "inv_x"}])
    person = books.conflict("A 公司", 10_00)
    assert real.get(f"/v1/conflict-rules/offers/{person}").json() == {"offers": []}
    assert real.get(f"/v1/conflict-rules/offers/{hinted}").json() == {"offers": []}
    assert real.get("/v1/conflict-rules/offers/cfl_none").status_code == 404
    offered = real.get(f"/v1/conflict-rules/offers/{first}").json()["offers"]
    assert offered == [{"action": "leave", "targets": []}]
    refused = real.post("/v1/conflict-rules/preview", json={"conflict": person, "action": "leave"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_rule_for_this")
    wish = {"conflict": first, "action": "leave"}
    shown = real.post("/v1/conflict-rules/preview", json=wish).json()
    assert {row["id"] for row in shown["rows"]} == {first, second}
    assert (shown["answered"], shown["totals"]) == (2, [{"currency": "CNY", "money_minor": 130_00}])
    late = _unlinked(books, "INV-4", 7_00)
    stale = real.post("/v1/conflict-rules", json={**wish, "digest": shown["digest"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "moved")
    shown = real.post("/v1/conflict-rules/preview", json=wish).json()
    made = real.post("/v1/conflict-rules", json={**wish, "digest": shown["digest"], "note": "旧单据"})
    assert made.status_code == 201, made.text
    rule = made.json()["id"]
    (listed,) = real.get("/v1/conflict-rules?state=active").json()["items"]
    assert (listed["id"], listed["note"], listed["answered"], listed["field"]) == (rule, "旧单据", 3, "invoice")
    assert listed["author"].startswith("key:tok_")
    detail = real.get(f"/v1/conflicts/{late}").json()
    assert (detail["state"], detail["rule"], detail["may_overrule"]) == ("resolved", rule, True)
    assert real.get(f"/v1/conflicts/{hinted}").json()["state"] == "open"
    taken = real.delete(f"/v1/conflicts/{late}/resolution")
    assert (taken.status_code, taken.json()["code"]) == (409, "answered_by_rule")
    by_hand = real.post(f"/v1/conflicts/{late}/resolution", json={"action": "leave", "note": "看过"})
    assert by_hand.status_code == 200, by_hand.text
    assert real.post(f"/v1/conflict-rules/{rule}/end", json={"note": "不再适用"}).status_code == 200
    states = {key: real.get(f"/v1/conflicts/{key}").json()["state"] for key in (first, second, late)}
    assert states[late] == "resolved", "what a person answered by hand stays"
    assert "resolved" not in (states[first], states[second])
    again = real.post(f"/v1/conflict-rules/{rule}/end", json={})
    assert (again.status_code, again.json()["code"]) == (409, "rule_ended")
    assert real.post("/v1/conflict-rules/rul_none/end", json={}).status_code == 404
    (listed,) = real.get("/v1/conflict-rules?state=ended").json()["items"]
    assert (listed["end_note"], listed["answered"]) == ("不再适用", 0)


def test_the_page_offers_words_shows_the_effect_and_refuses_who_may_not(site: Site, csrf_of: Csrf) -> None:
    asked = site.books.conflict("INV-9", 0, kind="unmapped_value", stream="invoices", evidence=UNMAPPED)
    browser = site.browser("operator")
    page = browser.get(f"/conflicts/{asked}?lang=en").text
    assert "Always do this" in page
    assert re.findall(r'<option value="([a-z]+)"', page) == ["approved", "cancelled", "created", "delivered"]
    assert "“&lt;已开票&gt;” in Status means" in page
    csrf = csrf_of(page)
    wish = {"csrf": csrf, "conflict": asked, "action": "map", "target": "created"}
    shown = browser.post("/conflicts/rules/preview", data=wish).text
    assert "1 open conflicts would be answered" in shown
    assert "Status = “&lt;已开票&gt;”" in shown
    digest = re.search(r'name="digest" value="([0-9a-f]+)"', shown)
    assert digest is not None
    made = browser.post("/conflicts/rules", data={**wish, "digest": digest.group(1), "note": "本公司的说法"})
    assert made.status_code == 303, made.text
    assert "The rule stands" in browser.get(made.headers["location"]).text
    assert browser.post("/conflicts/rules/preview", data={**wish, "target": "posted"}).status_code == 409
    assert browser.post("/conflicts/rules/preview", data={**wish, "csrf": "x"}).status_code == 403
    assert browser.post("/conflicts/rules/preview", data={**wish, "action": "link"}).status_code == 422
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/conflicts/{asked}?lang=en").text
    assert "Always do this" not in page
    assert viewer.post("/conflicts/rules", data={**wish, "csrf": csrf_of(page)}).status_code == 403
    identity = site.books.conflict("B 公司", 5_00)
    assert "Always do this" not in browser.get(f"/conflicts/{identity}?lang=en").text


def test_the_page_of_a_conflict_says_which_rule_answered_it(site: Site) -> None:
    asked = _unlinked(site.books, "INV-5", 1_00, state="resolved", rule="rul_x", answer={"action": "leave"})
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(conflicts).where(conflicts.c.id == asked).values(answered_by="user:mei"))
    page = site.browser("operator").get(f"/conflicts/{asked}?lang=en").text
    assert "Answered by rule" in page
    assert "Answer this one by hand" in page
    assert f"/conflicts/{asked}/undo" not in page, "a rule is ended as a whole"
