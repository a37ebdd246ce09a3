"""Disputes of an instalment or settled in part; promises, plans and pauses for ticked items: as pages offer them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from sync.service import Service
from tests.web.factory import Books
from tieout.store.session import unit
from tieout.store.tables import documents, open_items
from tieout.web.app import build

FIRM = "北京远航贸易有限公司"
SETTLED = {"outcome": "partial", "root_cause": "少发两箱", "team": "物流", "currency": "CNY"}


@pytest.fixture
def browser(service: Service) -> Iterator[TestClient]:
    """Signed in over the real service, so that what is entered is folded."""
    app = build(service.config, service=service)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        client.headers["Accept"] = "text/html"
        assert client.post("/login/link", data={"token": service.login_link()}).status_code == 303
        yield client


@pytest.fixture
def house(service: Service) -> dict[str, str]:
    """A customer with an invoice of two instalments, one of one, and one in another currency."""
    books = Books(service.ctx.engine)
    customer = books.customer(FIRM)
    account = books.named[FIRM]
    bill = books.document("invoice", account, "AR1", 1_000_00, due=-10)
    with unit(service.ctx.engine, "admin.commit") as conn:
        conn.execute(update(open_items).where(open_items.c.document_id == bill).values(open_minor=600_00))
        row = {"document_id": bill, "account_id": account, "company_id": "cn", "currency": "CNY"}
        more = {"id": f"{bill}:2", "line_id": "2", "due_on": date(2027, 1, 31), "original_minor": 400_00}
        conn.execute(insert(open_items).values(**row, **more, open_minor=400_00))
        conn.execute(update(documents).where(documents.c.id == bill).values(open_minor=1_000_00))
    small = books.document("invoice", account, "AR2", 300_00, due=-5)
    euro = books.document("invoice", account, "AR3", 70_00, due=-3, currency="EUR")
    return {"customer": f"/customers/{customer}", "bill": bill, "small": small, "euro": euro}


def form_of(client: TestClient, page: str, action: str) -> tuple[dict[str, str], str]:
    """What the form carries unseen, and its HTML."""
    html = client.get(page).text.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'<input type="hidden" name="(csrf|once|page|currency)" value="([^"]*)">', html)), html


def open_cases(service: Service) -> list[dict[str, Any]]:
    return list(service.dunning.cases(is_open=True)["items"])


def test_one_instalment_is_disputed_and_the_page_shows_them_all(
    service: Service, browser: TestClient, house: dict[str, str]
) -> None:
    page = f"/invoices/{house['bill']}"
    hidden, html = form_of(browser, page, f"{page}/dispute")
    assert [f'value="{house["bill"]}:{line}"' in html for line in (1, 2)] == [True, True]
    typed = {**hidden, "reason": "quality", "amount": "150.00", "items": f"{house['bill']}:2"}
    assert browser.post(f"{page}/dispute", data=typed).status_code == 303
    (case,) = open_cases(service)
    assert ([item["item"] for item in case["items"]], case["amount_minor"]) == ([f"{house['bill']}:2"], 150_00)
    shown = browser.get(f"{page}?lang=en").text
    assert "1 of 2" in shown
    assert "2 of 2" in shown
    assert re.search(r'data-label="In dispute"[^>]*>\s*<span class="num">150.00', shown)
    one = browser.get(f"/invoices/{house['small']}").text
    assert 'name="items"' not in one  # with one instalment there is nothing to choose


def test_a_part_of_several_or_of_a_foreign_item_is_refused(
    service: Service, browser: TestClient, house: dict[str, str]
) -> None:
    page = f"/invoices/{house['bill']}"
    hidden, _ = form_of(browser, page, f"{page}/dispute")
    for items in ([], [f"{house['bill']}:1", f"{house['bill']}:2"], [f"{house['bill']}:2", f"{house['small']}:1"]):
        typed = {**hidden, "reason": "quality", "amount": "150.00", "items": items}
        assert browser.post(f"{page}/dispute", data=typed).status_code == 409, items
    assert open_cases(service) == []


@pytest.mark.parametrize("accepted", ["", "0", "150.00", "50,00"])
def test_a_dispute_is_settled_in_part_with_an_amount_that_fits(
    service: Service, browser: TestClient, house: dict[str, str], accepted: str
) -> None:
    made = service.dunning.open_dispute(
        house["bill"], "user:mei", reason="quality", amount_minor=150_00, items=[f"{house['bill']}:1"]
    )
    page, action = f"/invoices/{house['bill']}", f"/cases/{made['id']}/close"
    hidden, html = form_of(browser, page, action)
    assert '<option value="partial">' in html
    refused = browser.post(action, data={**hidden, **SETTLED, "accepted": accepted})
    assert refused.status_code in (409, 422), refused.text
    typed = {**hidden, **SETTLED, "accepted": "1００.50", "pay_by_on": "2099-01-15"}
    done = browser.post(action, data=typed)
    assert (done.status_code, done.headers["Location"]) == (303, page)
    case = service.dunning.case(made["id"])
    assert (case["state"], case["closing"]["accepted_minor"]) == ("partial", 100_50)
    assert case["closing"]["pay_by_on"] == "2099-01-15"


@pytest.mark.parametrize("tail", ["promise", "plan", "pause"])
def test_ticked_items_alone_are_meant(service: Service, browser: TestClient, house: dict[str, str], tail: str) -> None:
    action = f"{house['customer']}/{tail}"
    hidden, html = form_of(browser, house["customer"], action)
    items = [f"{house['bill']}:2", f"{house['small']}:1"]
    assert all(f'value="{one}"' in html for one in (*items, f"{house['euro']}:1"))
    typed = {
        "promise": {"promised_on": "2099-01-01", "currency": "EUR"},
        "plan": {"rows": "2099-01-01 500.00\n2099-02-01 200.00", "currency": "CNY"},
        "pause": {"reason": "核对", "legal": "1"},
    }[tail]
    made = browser.post(action, data={**hidden, **typed, "items": items})
    assert made.status_code == 303, made.text
    (case,) = open_cases(service)
    assert {item["item"] for item in case["items"]} == set(items)
    if tail != "pause":
        assert (case["currency"], case["amount_minor"]) == ("CNY", 700_00)


def test_an_amount_in_another_currency_than_the_ticked_item_is_refused(
    service: Service, browser: TestClient, house: dict[str, str]
) -> None:
    action = f"{house['customer']}/promise"
    hidden, _ = form_of(browser, house["customer"], action)
    typed = {**hidden, "promised_on": "2099-01-01", "amount": "10.00", "currency": "CNY", "items": f"{house['euro']}:1"}
    answer = browser.post(f"{action}?lang=en", data=typed)
    assert answer.status_code == 409
    assert "is in EUR, not in CNY" in answer.text
    assert open_cases(service) == []
