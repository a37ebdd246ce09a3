"""Breaks of a reconciliation in the console: each leads to its document, none is out of reach."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update

from sync.service import Service
from tests.web.conftest import Site
from tests.web.reconciled import sections
from tieout.reports import break_words
from tieout.store import breaks
from tieout.store.session import reading, unit
from tieout.store.tables import reconciliations


def made(site: Site, count: int, **more: Any) -> str:
    """A run whose CRM side has so many breaks; `more` is in each of them."""
    run = site.books.reconciliation(breaks=count)
    (one,) = sections(is_valid=True, breaks=count)[1]["breaks"]
    found = [{**one, "key": f"amount:{n}", "number": f"AR{n:05}", **more} for n in range(count)]
    books, crm = sections(is_valid=True, breaks=count)
    with unit(site.engine, "reconcile.commit") as conn:
        breaks.put(conn, run, [("zoho", row) for row in found])
        body = {"id": run, "sections": [books, {**crm, "breaks": found[:500]}]}
        conn.execute(update(reconciliations).where(reconciliations.c.id == run).values(body=body))
    return run


def test_every_break_can_be_reached_page_by_page(site: Site) -> None:
    run = made(site, 730)
    client = site.browser("viewer")
    page = client.get(f"/reconciliations/{run}?lang=en").text
    assert "100 of 730 shown" in page
    (path,) = re.findall(rf'href="(/reconciliations/{run}/breaks\?connection=zoho)"', page)
    seen: list[str] = []
    while path:
        page = client.get(path)
        assert page.status_code == 200
        seen += re.findall(r"AR\d{5}(?=</a>)", page.text)
        following = re.findall(r'href="([^"]+cursor=[^"]+)"', page.text.split("<main")[1])
        path = following[0].replace("&amp;", "&") if following else ""
    assert seen == [f"AR{n:05}" for n in range(730)]
    assert client.get(f"/reconciliations/{run}/breaks").status_code == 422
    assert client.get("/reconciliations/rec_none/breaks?connection=zoho").status_code == 404


@pytest.mark.parametrize(
    ("ledger", "page"),
    [
        ("inv_1", "/invoices/inv_1"),
        ("crn_1", "/invoices/crn_1"),
        ("pay_1", "/payments?show=all&amp;q=AR00000"),
        ("ref_1", "/payments?show=all&amp;q=AR00000"),
    ],
)
def test_a_break_leads_to_its_document_whatever_kind_it_is(site: Site, ledger: str, page: str) -> None:
    run = made(site, 1, ledger=ledger)
    assert f'<a href="{page}">AR00000</a>' in site.browser("viewer").get(f"/reconciliations/{run}").text


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "冲突"), ("en", "conflict")])
def test_an_open_conflict_is_a_link_in_words(site: Site, language: str, word: str) -> None:
    explained = {"code": "conflict_pending", "confidence": "high", "params": {"conflict_id": "cfl_1"}}
    run = made(site, 1, cause="conflict_pending", explanation=explained)
    page = site.browser("viewer").get(f"/reconciliations/{run}?lang={language}").text
    assert f'<a href="/conflicts/cfl_1">{word}</a>' in page
    assert "conflict id" not in page
    assert break_words.hint({"conflict_id": "cfl_1", "was": "5"}, language) in (
        "冲突 cfl_1；原值 5",
        "conflict cfl_1; was 5",
    )


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "没有比对任何系统"), ("en", "Nothing was compared")])
def test_a_reconciliation_of_nothing_says_so_and_is_not_valid(
    service: Service, site: Site, language: str, words: str
) -> None:
    empty = service.config.model_copy(update={"connections": {}})
    service.ctx.config = empty
    view = service.reconcile()
    assert (view.is_valid, view.as_dict()["exit_code"], view.sections) == (False, 1, [])
    run = site.books.reconciliation(is_valid=False)
    with unit(site.engine, "reconcile.commit") as conn:
        row = update(reconciliations).where(reconciliations.c.id == run)
        conn.execute(row.values(body={"id": run, "sections": []}))
    client = site.browser("viewer")
    word = {"zh-CN": "未比对", "en": "nothing compared"}[language]
    for path in (f"/reconciliations/{run}", "/reconciliations", "/"):
        page = client.get(f"{path}?lang={language}").text
        assert word in page, path
    assert words in client.get(f"/reconciliations/{run}?lang={language}").text
    with reading(service.ctx.engine) as conn:
        assert conn.execute(reconciliations.select()).mappings().one()["is_valid"] is False


def test_a_statement_that_would_begin_after_it_ends_is_refused(site: Site) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    wish = {"since": "2027-01-01", "customer": customer}
    answer = site.client("viewer").get("/v1/reports/statement", params={**wish, "format": "json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "since"), answer.text
    assert "after it ends" in answer.json()["detail"]
    client = site.browser("viewer")
    for path in ("/reports/file?name=statement&form=html&", f"/customers/{customer}/statement?"):
        page = client.get(f"{path}since=2027-01-01&customer={customer}&lang=zh-CN")
        assert page.status_code in (200, 409), path
        assert "晚于截止日期" in page.text, path
