"""Signing in leads on to where one wanted to go, and nowhere else; a form that came too late is not lost."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Csrf, Site
from tieout.web.console.wanted import Wanted, local

PASSWORD = "correct horse battery"


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found if name != "csrf"}


def stranger(site: Site) -> TestClient:
    client = site.client(None)
    client.headers["Accept"] = "text/html"
    return client


def test_a_link_from_a_mail_is_where_one_is_after_signing_in(site: Site) -> None:
    site.user(name="mei", password=PASSWORD)
    client = stranger(site)
    asked = client.get("/conflicts?state=open&lang=en")
    assert asked.status_code == 303
    where = urlsplit(asked.headers["Location"])
    assert (where.path, parse_qs(where.query)) == ("/login", {"next": ["/conflicts?state=open&lang=en"]})
    page = client.get(asked.headers["Location"]).text
    assert hidden(page) == {"next": "/conflicts?state=open&lang=en"}
    wrong = client.post("/login", data={**hidden(page), "name": "mei", "password": "x"})
    assert hidden(wrong.text) == hidden(page), "a slip of the keyboard does not lose the way"
    done = client.post("/login", data={**hidden(page), "name": "mei", "password": PASSWORD})
    assert (done.status_code, done.headers["Location"]) == (303, "/conflicts?state=open&lang=en")
    assert client.get(asked.headers["Location"]).headers["Location"] == "/conflicts?state=open&lang=en"


ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
    "/\t/evil", "/ /evil", "///evil", "http:evil", "/%0d\n", "evil", "", "/" + "a" * 3000, "/login?next=/", "/logout",
    "/v1/users", "/static/console.css",
]  # fmt: skip


@pytest.mark.parametrize("address", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_nobody_is_led_elsewhere(site: Site, address: str) -> None:
    assert local(address) == ""
    site.user(name="mei", password=PASSWORD)
    client = stranger(site)
    done = client.post("/login", data={"next": address, "name": "mei", "password": PASSWORD})
    assert (done.status_code, done.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_form_that_came_too_late_is_said_kept_and_sent_by_a_second_click(
    site: Site, csrf_of: Csrf, language: str
) -> None:
    site.user(name="mei", password=PASSWORD)
    customer = site.books.customer("北京远航贸易有限公司")
    client = stranger(site)
    client.post("/login", data={"name": "mei", "password": PASSWORD})
    page = client.get(f"/customers/{customer}?lang={language}").text
    form = {"csrf": csrf_of(page), "amount": "500,000.00", "currency": "CNY", "reason": "新框架 & “合同”"}
    site.clock.advance(12 * 3600 + 1)
    headers = {"Referer": f"http://testserver/customers/{customer}?lang={language}", "Sec-Fetch-Site": "same-origin"}
    late = client.post(f"/customers/{customer}/credit/limit", data=form, headers=headers)
    zh, en = ("没有提交", "尚未提交的表单"), ("the form was not sent", "A form that was not sent")
    words = {"zh-CN": zh, "en": en}[language]
    assert late.status_code == 401
    assert words[0] in late.text
    kept = hidden(late.text)
    assert kept["to"] == f"/customers/{customer}/credit/limit"
    assert kept["next"] == f"/customers/{customer}?lang={language}"
    assert form["csrf"] not in late.text
    again = client.post("/login", data={**kept, "name": "mei", "password": PASSWORD})
    assert (again.status_code, words[1] in again.text) == (200, True)
    fields = hidden(again.text)
    assert {name: fields[name] for name in ("amount", "currency", "reason")} == {
        name: form[name] for name in ("amount", "currency", "reason")
    }
    assert f'href="/customers/{customer}?lang={language}"' in again.text
    its_own = again.text.split(f'action="{kept["to"]}"')[1]
    sent = client.post(kept["to"], data={**fields, "csrf": csrf_of(its_own)})
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/customers/{customer}")


def test_what_another_site_sent_and_what_is_secret_is_not_kept(site: Site) -> None:
    client = stranger(site)
    form = {"amount": "1", "reason": "bait"}
    for headers in (
        {"Referer": "https://evil.example/x", "Sec-Fetch-Site": "cross-site"},
        {"Referer": "https://evil.example/x"},
        {},
    ):
        late = client.post("/customers/cus_1/credit/limit", data=form, headers=headers)
        assert (late.status_code, hidden(late.text)) == (401, {})
        assert "bait" not in late.text
    own = {"Referer": "http://testserver/account"}
    late = client.post("/account/password", data={"old": PASSWORD, "password": PASSWORD}, headers=own)
    assert PASSWORD not in late.text
    late = client.post(
        "/people", data={"name": "bo", "password": PASSWORD}, headers={"Referer": "http://testserver/people"}
    )
    assert hidden(late.text)["kept"] == "name=bo"
    assert Wanted(kept="&".join(f"a{n}=1" for n in range(500))).fields() == []
    large = client.post("/conflicts/cfl_1/answer", data={"note": "x" * 20_000}, headers=own)
    assert (large.status_code, "kept" in hidden(large.text)) == (401, False)
    assert client.post("/login", data={"kept": "a=1", "to": "//evil", "name": "x", "password": "y"}).status_code == 403
