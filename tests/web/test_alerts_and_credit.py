"""What is wrong stands at the top of the overview; who is on hold or over the limit stands on the page of credit."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.web.conftest import Site
from tests.web.factory import NOW
from tieout.store.session import unit
from tieout.store.tables import alerts, connections, decisions, watermarks
from tieout.web import evidence

PAGE_OF_502 = "zoho: HTTP 502 <html>\r\n<head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>"


def _alert(site: Site, kind: str, subject: str, detail: str = "") -> None:
    row = {"key": f"{kind}:{subject}", "kind": kind, "subject": subject, "detail": detail, "state": "open"}
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(alerts.insert().values(**row, since_at=NOW - timedelta(hours=2), last_seen_at=NOW))


def test_what_a_vendor_answers_is_one_line() -> None:
    assert evidence.brief(PAGE_OF_502) == "zoho: HTTP 502 502 Bad Gateway 502 Bad Gateway"
    assert evidence.brief("no answer. no answer. no answer.") == "no answer."
    assert len(evidence.brief("x" * 900)) == evidence.BRIEF
    assert evidence.brief(None) == ""


@pytest.mark.parametrize(("language", "down"), [("en", "cannot be read"), ("zh-CN", "无法读取")])
def test_a_vendor_that_is_down_is_said_first_and_once(site: Site, language: str, down: str) -> None:
    site.books.health(failed="invoices")
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(watermarks.update().where(watermarks.c.stream == "invoices").values(error=PAGE_OF_502))
        conn.execute(connections.update().where(connections.c.name == "zoho").values(error=PAGE_OF_502))
    _alert(site, "stream", "zoho/invoices", PAGE_OF_502)
    _alert(site, "books", "ledger", "1: sum")
    _alert(site, "credit_limit", "cus_1|cn", "远航 (cn, CNY)")
    client = site.browser("viewer")
    page = client.get(f"/?lang={language}").text
    assert page.index(down) < page.index('class="columns"')
    assert page.count(down) == 1
    assert "&lt;html" not in page
    assert "/credit?show=over" in page
    shown = client.get(f"/alerts?lang={language}").text
    assert [word in shown for word in ("zoho/invoices", "远航", "tieout verify")] == [True] * 3
    assert '<a href="/customers/cus_1">' in shown
    assert "&lt;html" not in shown


def test_nothing_wrong_takes_no_room(site: Site) -> None:
    site.books.health()
    client = site.browser("viewer")
    assert 'id="alerts"' not in client.get("/").text
    assert "Nothing is wrong." in client.get("/alerts?lang=en").text


def test_who_is_on_hold_over_or_near_the_limit_is_listed(site: Site) -> None:
    held, watched, fine, over = (
        site.books.customer(name, credit=status)
        for name, status in (("甲 公司", "hold"), ("乙 公司", "watch"), ("丙 公司", "ok"), ("丁 公司", "ok"))
    )
    row = {"kind": "credit_alert", "subject": f"{over}|cn", "company_id": "cn", "value": "breach", "id": "dec_alert"}
    row |= {"body": {"key": "CNY"}, "reasons": [], "inputs": {}, "rule_version": "credit-1", "is_current": True}
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(decisions.insert().values(**row, effective_on=NOW.date(), recorded_at=NOW, seq=1))
    client = site.browser("viewer")

    def listed(query: str) -> list[str]:
        return re.findall(r'<td class="grow"><a href="/customers/(cus_[^"]+)">', client.get(f"/credit{query}").text)

    assert listed("?lang=en")[0] == held
    assert set(listed("")) == {held, watched, over}
    assert listed("?show=hold") == [held]
    assert listed("?show=over") == [over]
    assert listed("?show=watch") == [watched]
    assert fine not in client.get("/credit").text
    assert "45,200.00" in client.get("/credit?lang=en").text, "the exposure"
