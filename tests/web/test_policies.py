"""Policies on the console: their effect before they count, put in force, taken back; asked for and approved."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from sync.service import Service
from tests.web.conftest import Csrf
from tests.web.factory import NOW, TODAY, Books
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.store import sessions, users
from tieout.store.session import unit
from tieout.store.tables import decisions
from tieout.web.app import build


def _browser(service: Service, role: str, name: str) -> TestClient:
    """Somebody signed in over the real service."""
    ctx = service.ctx
    with unit(ctx.engine, "admin.commit") as conn:
        person = users.create(conn, ctx.ids, ctx.clock.now(), name=name, role=role, actor="cli:test")
        token = sessions.make_link(conn, ctx.ids, ctx.clock.now(), person, actor="cli:test")
    client = TestClient(build(service.config, service=service), follow_redirects=False, headers={"Accept": "text/html"})
    assert client.post("/login/link", data={"token": token}).status_code == 303
    return client


def _shown_text(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_dunning_policy_is_changed_shown_put_in_force_and_taken_back(
    service: Service, csrf_of: Csrf, language: str
) -> None:
    service.apply()
    approver, operator = _browser(service, "approver", "wang"), _browser(service, "operator", "mei")
    effect, back, same = {
        "zh-CN": ("今日的影响", "退回到此版本", "今日没有任何改变"),
        "en": ("Its effect today", "Go back to this version", "Nothing changes today"),
    }[language]
    first = service.dunning.policies()["active"]["cn"]["version"]
    page = operator.get(f"/dunning/policies?lang={language}").text
    assert first in page
    assert back not in page
    page = operator.get("/dunning/policies/write?company=cn").text
    assert _shown_text(page) == shipped_text()
    assert effect not in page
    mine = shipped_text().replace("cooldown_days: 5", "cooldown_days: 9")
    form = {"csrf": csrf_of(page), "company": "cn", "text": mine.replace("\n", "\r\n")}
    wrong = operator.post("/dunning/policies/preview", data={**form, "text": mine.replace("level: 5", "level: x")})
    line = mine.split("level: 5")[0].count("\n") + 1
    assert (wrong.status_code, f"policy:{line}:" in wrong.text, "level: x" in _shown_text(wrong.text)) == (
        409,
        True,
        True,
    )
    shown = operator.post("/dunning/policies/preview", data=form)
    assert (shown.status_code, effect in shown.text, same in shown.text) == (200, True, True)
    assert _shown_text(shown.text) == mine
    assert 'action="/dunning/policies"' not in shown.text, "an operator looks, an approver decides"
    assert operator.post("/dunning/policies", data={**form, "seen": first}).status_code == 403
    form["csrf"] = csrf_of(approver.get("/dunning/policies/write?company=cn").text)
    assert approver.post("/dunning/policies", data={**form, "seen": "another"}).status_code == 409
    assert service.dunning.policies()["active"]["cn"]["version"] == first
    answer = approver.post("/dunning/policies", data={**form, "seen": first})
    assert answer.headers["Location"] == "/dunning/policies?done=activated"
    second = service.dunning.policies()["active"]["cn"]["version"]
    assert second != first
    page = approver.get(f"/dunning/policies?lang={language}").text
    assert page.count(back) == 1
    where = html.unescape(re.search(r'href="(/dunning/policies/write\?[^"]*effect=1)"', page)[1])  # type: ignore[index]
    page = approver.get(where).text
    assert effect in page
    assert _shown_text(page) == shipped_text()
    hidden = dict(re.findall(r'<input type="hidden" name="(company|seen|text)" value="([^"]*)"', page))
    given = {"csrf": csrf_of(page), **{name: html.unescape(value) for name, value in hidden.items()}}
    assert approver.post("/dunning/policies", data=given).status_code == 303
    assert service.dunning.policies()["active"]["cn"]["version"] == first


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_credit_policy_shows_whom_it_moves_before_it_is_asked_for(
    service: Service, csrf_of: Csrf, language: str
) -> None:
    service.apply()
    books = Books(service.ctx.engine)
    books.seq = 100
    customer = books.customer("北京远航贸易有限公司")
    with unit(service.ctx.engine, "admin.commit") as conn:
        conn.execute(
            insert(decisions).values(
                id="dec_1", kind="credit", subject=f"{customer}|cn", company_id="cn", value="ok", reasons=[],
                body={"by_rule": "ok", "grade": "B", "currency": "CNY", "missing_rates": []},
                inputs={"previous": None, "exposure_minor": 80_000_00, "limit_minor": 100_000_00, "items": [],
                        "as_of": "2026-11-24", "broken_promises": 0, "manual_hold": False},
                rule_version="credit-1", effective_on=TODAY, recorded_at=NOW, seq=101, is_current=True,
            )
        )  # fmt: skip
    operator, approver = _browser(service, "operator", "mei"), _browser(service, "approver", "wang")
    page = operator.get(f"/credit/policy?lang={language}").text
    form = dict(re.findall(r'<input name="(\w+)" value="(\d*)"', page))
    assert form.pop("watch_above_percent") == ""
    form |= {"csrf": csrf_of(page), "company": "cn", "minimums": _shown_text(page), "watch_above_percent": "75"}
    shown = operator.post("/credit/policy/preview", data=form)
    assert shown.status_code == 200, shown.text
    for words in (
        "80,000.00",
        "100,000.00",
        "北京远航贸易有限公司",
        {"zh-CN": "申请启用", "en": "Ask for it"}[language],
    ):
        assert words in shown.text, words
    same = operator.post("/credit/policy/preview", data={**form, "watch_above_percent": ""})
    assert same.status_code == 409
    for field, wrong in (("hold_days", "soon"), ("hold_days", "0"), ("minimums", "CNY"), ("company", "nobody")):
        assert operator.post("/credit/policy/preview", data={**form, field: wrong}).status_code in (409, 422), field
    assert operator.post("/credit/policy", data={**form, "reason": ""}).status_code == 422
    asked = operator.post("/credit/policy", data={**form, "reason": "预警"})
    assert asked.headers["Location"] == "/credit/policy?company=cn"
    (order,) = [one for one in service.credit.terms()["items"] if one["kind"] == "policy"]
    assert (order["body"], order["state"]) == ({"watch_above_percent": 75}, "waiting")
    page = approver.get(f"/credit/policy?company=cn&order={order['id']}").text
    assert "80,000.00" in page
    assert approver.post(f"/credit/orders/{order['id']}/approve", data={"csrf": csrf_of(page)}).status_code == 303
    assert service.credit.policy("cn")["watch_above_percent"] == 75
    assert approver.get("/credit/policy?order=trm_none").status_code == 404
