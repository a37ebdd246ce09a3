"""The page of reports: choose, look, take as a file; schedules with their runs and deliveries."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from tests.web.conftest import Site
from tests.web.factory import NOW
from tests.web.fake import FakeContext, FakeService
from tieout.core.config import Config, Schedule
from tieout.core.ids import SeededIds
from tieout.store.session import unit
from tieout.store.tables import notices, runs
from tieout.web.app import build


def test_every_report_is_looked_at_or_taken_as_a_file(site: Site) -> None:
    customer = site.books.customer("甲公司")
    browser = site.browser("viewer")
    assert "cus_…" in browser.get("/reports?lang=en").text
    assert f'value="{customer}"' in browser.get(f"/reports?customer={customer}").text
    seen = browser.get("/reports/file?name=aging&language=en")
    assert seen.status_code == 200
    assert seen.headers["content-type"].startswith("text/html")
    assert "script-src" not in seen.headers["content-security-policy"]
    assert "content-disposition" not in seen.headers
    for form in ("pdf", "xlsx", "csv", "json"):
        made = browser.get(f"/reports/file?name=aging&form={form}")
        assert made.headers["content-disposition"].startswith("attachment"), form
        assert made.headers["x-tieout-known"]
    for wrong in ("name=horoscope", "name=aging&form=doc", "name=aging&as_of=x", "name=aging&known_at=T", "form=pdf"):
        assert browser.get(f"/reports/file?{wrong}").status_code in (409, 422), wrong
    assert browser.get("/reports/file?name=statement&customer=cus_none").status_code == 404
    assert TestClient(site.app, follow_redirects=False).get("/reports").headers["location"] == "/login?next=%2Freports"


def test_schedules_show_when_they_come_how_they_went_and_what_reached_whom(site: Site, config: Config) -> None:
    schedule = Schedule(name="daily", report="aging", cron="0 7 * * *", to=("file", "mail:cfo@example.com"))
    config = config.model_copy(update={"schedules": {"daily": schedule}})
    site.app = build(config, service=FakeService(FakeContext(config, site.engine, site.clock, SeededIds(9))))
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(
            insert(runs).values(
                id="run_1", kind="report", stream="daily", started_at=NOW, state="failed", counts={}, error="no disk"
            )
        )
        conn.execute(
            insert(notices).values(
                id="ntc_1", occasion="report:daily/1", kind="report", target="mail:cfo@example.com", body={},
                state="uncertain", attempts=1, not_before_at=NOW, created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    page = site.browser("viewer").get("/reports?lang=en").text
    assert "2026-11-25 07:00" in page
    assert "no disk" in page
    assert "may have gone out" in page
    assert "mail:cfo@example.com" in page


@pytest.mark.parametrize(("language", "title"), [("zh-CN", "对账单"), ("en", "Statement of account")])
def test_a_statement_is_a_page_in_the_language_that_was_chosen(site: Site, language: str, title: str) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    site.books.document("invoice", site.books.named["北京远航贸易有限公司"], "AR1", 100_00)
    client = site.browser("viewer")
    assert f'href="/customers/{customer}/statement"' in client.get(f"/customers/{customer}").text
    other = "en" if language == "zh-CN" else "zh-CN"
    page = client.get(f"/customers/{customer}/statement", params={"lang": other, "language": language})
    assert page.status_code == 200, page.text
    assert f'<html lang="{other}"' in page.text
    assert f'<section class="card" lang="{language}">' in page.text
    assert f"<h1>{title}</h1>" in page.text
    assert "form=pdf" in page.text
    assert client.get(f"/customers/{customer}/statement?as_of=yesterday").status_code == 422
    (crumb,) = re.findall(r'<p class="crumb">(.*)</p>', page.text)
    assert customer not in re.sub(r"<[^>]+>", "", crumb), "the way back names the customer"
    assert client.get(f"/customers/{customer}/statement?as_of=2999-01-01").status_code == 409
    assert client.get("/customers/cus_none/statement").status_code == 404
