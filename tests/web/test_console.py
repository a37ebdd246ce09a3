"""The console: signing in, pages in two languages, forms that need their token, nothing that needs a script."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pytest
from sqlalchemy import select

from tests.web.conftest import Csrf, Site
from tieout.core.crypto import sha256_hex
from tieout.store import audit
from tieout.store.session import reading
from tieout.store.tables import login_links, sessions
from tieout.web import evidence


def _fill(site: Site) -> None:
    site.books.customer("北京远航 <贸易> 有限公司", credit="hold")
    account = site.books.named["北京远航 <贸易> 有限公司"]
    site.books.document("invoice", account, "AR1", 100_00, due=-10, status="overdue")
    site.books.document("invoice", account, "AR2", 250_50, due=5)
    site.books.document("credit_note", account, "RED1", -20_00)
    payment = site.books.document("payment", account, "RC1", -300_00, opened=-35_00)
    site.books.allocation(payment, site.books.named["AR1"], 5_00)
    site.books.binding(site.books.named["AR1"], "48000001")
    site.books.push("planned", minor=10_00, subject=site.books.named["AR1"])
    site.books.push("done", subject=site.books.named["AR1"])
    site.books.reconciliation(is_valid=False, breaks=2)
    site.books.health(late="deals", failed="receipts")


class _Page(HTMLParser):
    """What a page holds that a policy without scripts and inline styles would break."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.broken: list[str] = []
        self.posts = 0
        self.tokens = 0
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "style", "iframe", "object"):
            self.broken.append(tag)
        self.broken += [name for name in found if name == "style" or name.startswith("on")]
        self.broken += [
            str(found[name])
            for name in ("src", "href", "action")
            if found.get(name) and not re.match(r"^(/(?!/)|#)", str(found[name]))
        ]
        self.posts += tag == "form" and found.get("method") == "post"
        self.tokens += tag == "input" and found.get("name") in ("csrf", "token")


def test_a_login_link_works_once_and_only_by_the_button(site: Site) -> None:
    token = site.link(site.user())
    client = site.client(None)
    for _ in range(3):  # a chat that previews the link must not use it up
        page = client.get(f"/login?token={token}")
        assert page.status_code == 200
        assert f'value="{token}"' in page.text
    answer = client.post("/login/link", data={"token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/").status_code == 200
    assert site.client(None).post("/login/link", data={"token": token}).status_code == 403
    with reading(site.engine) as conn:
        assert conn.execute(select(login_links.c.token_hash)).scalar_one() == sha256_hex(token)
        stored = conn.execute(select(sessions.c.token_hash)).scalar_one()
        assert client.cookies["tieout_session"] not in stored
        assert stored == sha256_hex(client.cookies["tieout_session"])
        lines = [line["action"] for line in audit.page(conn, 4, None).rows]
        assert lines == ["login.fail", "login", "login.link", "user.create"]
        assert audit.verify(conn) == []


def test_the_cookie_is_secure_over_https(site: Site) -> None:
    client = site.client(None)
    client.base_url = "https://testserver"
    answer = client.post("/login/link", data={"token": site.link(site.user())})
    assert "Secure" in answer.headers["Set-Cookie"]


def test_links_and_sessions_end(site: Site) -> None:
    user = site.user()
    old = site.link(user)
    site.clock.advance(15 * 60 + 1)
    client = site.client(None)
    assert client.post("/login/link", data={"token": old}).status_code == 403
    client.post("/login/link", data={"token": site.link(user)})
    assert client.get("/").status_code == 200
    site.clock.advance(12 * 3600)
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_name_and_password_with_a_limit_on_guessing(site: Site) -> None:
    site.user(name="mei", password="correct horse battery")
    client = site.client(None)

    def sign_in(name: str, password: str) -> int:
        return client.post("/login", data={"name": name, "password": password}).status_code

    assert sign_in("nobody", "x") == sign_in("mei\x00", "x") == 403
    assert [sign_in("mei", "wrong") for _ in range(5)] == [403] * 5
    refused = client.post("/login", data={"name": "mei", "password": "correct horse battery"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_logins")
    site.clock.advance(301)
    assert sign_in("mei", "correct horse battery") == 303
    assert client.get("/").status_code == 200


def test_a_person_without_a_password_cannot_sign_in_with_an_empty_one(site: Site) -> None:
    site.user(name="admin", role="admin")
    assert site.client(None).post("/login", data={"name": "admin", "password": ""}).status_code == 403


def test_signing_out_ends_the_session_on_the_server(site: Site, csrf_of: Csrf) -> None:
    client = site.browser()
    token = client.cookies["tieout_session"]
    assert client.post("/logout", data={"csrf": "x"}).status_code == 403
    assert client.post("/logout", data={"csrf": csrf_of(client.get("/").text)}).status_code == 303
    client.cookies.set("tieout_session", token)
    assert client.get("/").status_code == 303


def test_weights_of_evidence_are_told_in_words() -> None:
    reasons = [{"code": "city_conflict", "weight": -332}, {"code": "tax_id_equal", "weight": 471}]
    (shown,) = evidence.answers([{"action": "link", "target": "acc_7", "points": 139, "reasons": reasons}])
    assert shown["likelihood"] == "open"
    assert [(one["code"], evidence.strength(one["weight"])) for one in shown["reasons"]] == [
        ("tax_id_equal", "strong_for"),
        ("city_conflict", "strong_against"),
    ]
    assert [evidence.strength(one) for one in (100, 11, 0, None, -21, -200)] == [
        "for", "slight_for", "", "", "slight_against", "against",
    ]  # fmt: skip
    assert evidence.likelihood({"points": 80, "reasons": [{"code": "same_amount"}]}) == "", "ranked, not weighed"
    contradicted = {"action": "link", "points": 900, "reasons": reasons, "contradictions": ["city_conflict"]}
    assert evidence.likelihood(contradicted) == "contradicted"
    (shown,) = evidence.answers([contradicted])
    assert [one["code"] for one in shown["reasons"]] == ["city_conflict", "tax_id_equal"], (
        "what contradicts comes first"
    )


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_renders_without_scripts_or_foreign_resources(site: Site, language: str) -> None:
    tied_out = site.books.reconciliation(breaks=1)
    _fill(site)
    suggestion = {
        "action": "link",
        "target": "acc_7",
        "label": "远航 & Co",
        "points": 80,
        "reasons": [
            {"code": "city_conflict", "mine": "深圳", "theirs": "广州", "ref": "", "weight": -332},
            {"code": "tax_id_equal", "mine": "1", "theirs": "1", "ref": "", "weight": 471},
        ],
        "record": {"names": ["远航 & Co"], "tax_ids": ["91310000MA1FL1"]},
    }
    opened = site.books.conflict("<b>远航</b>", 500_00, suggestions=[suggestion], blocks=True, days=3)
    answered = site.books.conflict("done", 1, state="resolved", answer={"action": "link", "target": "acc_7"})
    odd = site.books.conflict("odd", 0, kind="invalid_record", currency=None)
    dead = site.books.push("dead", subject=site.books.named["AR1"])
    site.books.run(state="failed")
    site.service.credit.state_rates(
        [{"base": "USD", "quote": "CNY", "rate": "7.1205", "on": date(2026, 11, 1), "until": None}], "PBOC", "user:mei"
    )
    client = site.browser("admin")
    customer = site.client().get("/v1/customers").json()["items"][0]["id"]
    paths = [
        "/",
        "/conflicts",
        "/conflicts?kind=identity&state=resolved",
        *(f"/conflicts/{one}" for one in (opened, answered, odd)),
        "/customers",
        "/customers?q=远航&overdue=1",
        f"/customers/{customer}",
        f"/invoices/{site.books.named['AR1']}",
        f"/invoices/{site.books.named['RED1']}",
        "/plan",
        "/invoices",
        "/invoices?show=overdue&q=AR",
        "/invoices?show=all",
        "/payments",
        "/payments?show=open",
        "/pushes",
        "/pushes?state=dead&connection=zoho",
        f"/pushes/{dead}",
        "/connections",
        "/runs",
        "/runs?kind=pull&state=done",
        "/people",
        "/audit",
        "/credit",
        "/dunning",
        "/dunning/log",
        "/cases",
        "/cases?kind=dispute&show=closed",
        "/reconciliations",
        f"/reconciliations/{tied_out}",
    ]
    for path in paths:
        answer = client.get(path, params={"lang": language} if "?" not in path else None)
        assert answer.status_code == 200, (path, answer.text[:500])
        assert f'<html lang="{language}">' in answer.text, path
        page = _Page(answer.text)
        assert page.broken == [], path
        assert page.tokens >= page.posts > 0, path
        assert "<b>远航</b>" not in answer.text
        assert "<贸易>" not in answer.text
        assert "<某>" not in answer.text
    overview = client.get("/").text
    for words in ("100.00", "350.50", "295.50", "page 3 cannot be read: HTTP 502", "&lt;b&gt;远航&lt;/b&gt;"):
        assert words in overview, words
    assert ("无效" if language == "zh-CN" else "invalid") in overview


def test_language_is_chosen_by_query_cookie_person_browser_then_configuration(site: Site) -> None:
    client = site.client(None)

    def language(**kwargs: str) -> str:
        client.cookies.clear()
        if "cookie" in kwargs:
            client.cookies.set("tieout_lang", kwargs["cookie"])
        headers = {"Accept-Language": kwargs["browser"]} if "browser" in kwargs else {}
        query = {"lang": kwargs["asked"]} if "asked" in kwargs else {}
        return client.get("/login", params=query, headers=headers).headers["Content-Language"]

    assert language() == "zh-CN"
    assert language(browser="fr, en-GB;q=0.8, zh;q=0.3") == "en"
    assert language(browser="en;q=0, zh-Hans") == "zh-CN"
    assert language(browser="*;;q=x,,") == "zh-CN"
    assert language(browser="en", cookie="zh-CN") == "zh-CN"
    assert language(browser="en", cookie="zh-CN", asked="en-US") == "en"
    assert language(asked="xx") == "zh-CN"
    assert "tieout_lang=en" in client.get("/login?lang=en").headers["Set-Cookie"]


def test_answering_and_undoing_need_the_token_and_the_role(site: Site, csrf_of: Csrf) -> None:
    made = site.books.conflict("A", 100)
    client = site.browser("operator")
    page = client.get(f"/conflicts/{made}").text
    good = {"csrf": csrf_of(page), "action": "separate", "note": "不是\r\n同一家"}
    assert client.post(f"/conflicts/{made}/answer", data={**good, "csrf": "no"}).status_code == 403
    cross = client.post(f"/conflicts/{made}/answer", data=good, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    assert client.post(f"/conflicts/{made}/answer", data={**good, "target": "a\x00"}).status_code == 422
    assert site.service.asked == []
    answer = client.post(f"/conflicts/{made}/answer", data=good)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/conflicts/{made}?done=answered")
    body = {"action": "separate", "target": "", "note": "不是 同一家"}
    assert site.service.asked == [("resolve", made, body, "user:mei")]
    closed = site.books.conflict("B", 1, state="resolved")
    assert client.post(f"/conflicts/{closed}/undo", data={"csrf": good["csrf"]}).status_code == 303
    assert site.service.asked[-1] == ("undo", closed, "user:mei")
    lost = client.post(f"/conflicts/{closed}/answer", data=good)
    assert lost.status_code == 409
    assert "text/html" in lost.headers["Content-Type"]

    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/conflicts/{made}").text
    assert "/answer" not in page
    assert viewer.post(f"/conflicts/{made}/answer", data={**good, "csrf": csrf_of(page)}).status_code == 403


def test_a_plan_is_pushed_by_an_approver_only(site: Site, csrf_of: Csrf) -> None:
    site.books.push("planned", minor=100)
    operator = site.browser("operator")
    page = operator.get("/plan").text
    assert "/plan/push" not in page
    data = {"digest": "ab12cd34ef56ab12", "csrf": csrf_of(page)}
    assert operator.post("/plan/push", data=data).status_code == 403
    approver = site.browser("approver", "lee")
    page = approver.get("/plan").text
    data["csrf"] = csrf_of(page)
    assert approver.post("/plan/push", data=data).headers["Location"] == "/plan?sent=1"
    assert site.service.asked[-1] == ("push_plan", "ab12cd34ef56ab12", "user:lee")


def test_the_page_reloads_itself_only_while_the_first_sync_runs(site: Site) -> None:
    from tieout.store.session import unit
    from tieout.store.tables import watermarks

    client = site.browser()
    empty = client.get("/?lang=en").text
    assert "Three things to try" in empty
    assert "http-equiv" not in empty
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(watermarks.insert().values(connection="zoho", stream="customers", is_reading=True, rows_read=1500))
    running = client.get("/").text
    assert '<meta http-equiv="refresh" content="3">' in running
    assert "1,500" in running
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(watermarks.delete())
    site.books.health()
    assert "http-equiv" not in client.get("/").text


def test_a_session_reads_the_api_but_does_not_change_anything_there(site: Site) -> None:
    client = site.browser("admin")
    assert client.get("/v1/runs").status_code == 200
    assert client.post("/v1/connections/zoho/sync").status_code == 401
    assert site.service.asked == []


def test_errors_are_pages_for_people_and_documents_for_machines(site: Site) -> None:
    client = site.browser()
    for path in ("/conflicts/cfl_none", "/invoices/inv_none", "/customers/cus_none", "/nothing"):
        page = client.get(path)
        assert page.status_code == 404
        assert "text/html" in page.headers["Content-Type"]
    assert client.get("/conflicts?kind=bogus").status_code == 422
    assert client.get("/conflicts?cursor=zzz").status_code == 404
    machine = client.get("/conflicts/cfl_none", headers={"Accept": "application/json"})
    assert machine.headers["Content-Type"] == "application/problem+json"
