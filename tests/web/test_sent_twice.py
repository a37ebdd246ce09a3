"""A form or request that is sent twice makes one thing: a second click, a reload that resends, a client's new try."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Site

FIRM = "北京远航贸易有限公司"
# Address after the customer's or the invoice's, what is typed, the audit line of what is made.
FORMS = [
    ("customer", "/promise", {"promised_on": "2026-12-01", "amount": "200.00", "currency": "CNY"}, "promise.open"),
    ("customer", "/plan", {"rows": "2026-12-31 500.00", "currency": "CNY"}, "plan.open"),
    ("customer", "/pause", {"until_on": "2026-12-10", "reason": "年底对账"}, "pause.open"),
    ("customer", "/contact", {"emails": "ap@example.com"}, "contact.open"),
    ("customer", "/credit/limit", {"amount": "5000.00", "currency": "CNY", "reason": "旺季"}, "credit.limit"),
    (
        "customer",
        "/credit/override",
        {"status": "hold", "valid_until": "2026-12-20", "reason": "清算"},
        "credit.override",
    ),
    ("invoice", "/dispute", {"reason": "quality", "amount": "20.00", "currency": "CNY"}, "dispute.open"),
]


@pytest.fixture
def pages(site: Site) -> dict[str, str]:
    """The pages of a customer and of an invoice of theirs."""
    customer = site.books.customer(FIRM)
    bill = site.books.document("invoice", site.books.named[FIRM], "AR1", 500_00, due=-10, status="overdue")
    return {"customer": f"/customers/{customer}", "invoice": f"/invoices/{bill}"}


def hidden(html: str, action: str) -> dict[str, str]:
    """What the form with this action carries unseen."""
    form = html.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'<input type="hidden" name="(csrf|once|page)" value="([^"]*)">', form))


def lines(site: Site, action: str) -> list[dict[str, Any]]:
    found = site.client("auditor").get("/v1/audit?limit=200").json()["items"]
    return [line for line in found if line["action"] == action]


@pytest.mark.parametrize(("kind", "tail", "typed", "action"), FORMS)
def test_a_form_sent_twice_answers_with_the_same_place_and_makes_one(
    site: Site, pages: dict[str, str], kind: str, tail: str, typed: dict[str, str], action: str
) -> None:
    where = pages[kind] + tail
    client = site.browser("operator")
    form = {**hidden(client.get(pages[kind]).text, where), **typed}
    first, second = client.post(where, data=form), client.post(where, data=form)
    assert (first.status_code, second.status_code) == (303, 303), second.text
    assert first.headers["Location"] == second.headers["Location"]
    assert len(lines(site, action)) == 1
    changed = client.post(
        where, data={**form, "note": "另一", "reason": typed.get("reason", "") + " ", "emails": "b@c.de"}
    )
    assert changed.status_code in (409, 422)
    assert len(lines(site, action)) == 1


def test_a_page_loaded_again_makes_another(site: Site, pages: dict[str, str]) -> None:
    where = pages["customer"] + "/pause"
    client = site.browser("operator")
    typed = {"until_on": "2026-12-10", "reason": "年底对账"}
    for _ in range(2):
        form = hidden(client.get(pages["customer"]).text, where)
        assert client.post(where, data={**form, **typed}).status_code == 303
    assert len(lines(site, "pause.open")) == 2


def test_what_was_refused_may_be_mended_and_sent_with_the_same_key(site: Site, pages: dict[str, str]) -> None:
    where = pages["invoice"] + "/dispute"
    client = site.browser("operator")
    form = {**hidden(client.get(pages["invoice"]).text, where), "reason": "quality", "currency": "CNY"}
    assert client.post(where, data={**form, "amount": "501.00"}).status_code == 409
    assert client.post(where, data={**form, "amount": "500.00"}).status_code == 303
    assert len(lines(site, "dispute.open")) == 1


def test_a_key_is_made_once_and_its_token_never_shown_again(site: Site) -> None:
    client = site.browser("admin")
    form = {**hidden(client.get("/people").text, "/keys"), "name": "erp", "role": "viewer"}
    assert "tok_" in client.post("/keys", data=form).text
    again = client.post("/keys?lang=en", data=form)
    assert again.status_code == 409
    assert "this key was made already" in again.text
    assert [line["actor"] for line in lines(site, "apikey.create")].count("user:mei") == 1


ROUTES = [
    ("/v1/customers/{customer}/promises", {"promised_on": "2026-12-01"}, "promise.open", "note", "y"),
    (
        "/v1/customers/{customer}/payment-plans",
        {"rows": [{"due_on": "2026-12-31", "amount_minor": 50000}]},
        "plan.open",
        "note",
        "y",
    ),
    ("/v1/customers/{customer}/pauses", {"reason": "x", "until_on": "2026-12-10"}, "pause.open", "reason", "y"),
    ("/v1/customers/{customer}/contacts", {"emails": ["ap@example.com"]}, "contact.open", "note", "y"),
    ("/v1/invoices/{invoice}/disputes", {"reason": "quality", "amount_minor": 2000}, "dispute.open", "note", "y"),
    (
        "/v1/customers/{customer}/credit/limits",
        {"amount_minor": 1, "currency": "CNY", "reason": "x"},
        "credit.limit",
        "reason",
        "y",
    ),
    (
        "/v1/customers/{customer}/credit/overrides",
        {"status": "hold", "valid_until": "2026-12-20", "reason": "x"},
        "credit.override",
        "reason",
        "y",
    ),
    ("/v1/credit/policy", {"values": {"hold_days": 20}, "reason": "x"}, "credit.policy", "reason", "y"),
    (
        "/v1/rates",
        {"rates": [{"base": "USD", "quote": "CNY", "rate": "7.1", "on": "2026-11-01"}]},
        "rates.state",
        "source",
        "y",
    ),
    (
        "/v1/users",
        {"name": "lee", "role": "viewer", "password": "a long enough one"},
        "user.create",
        "role",
        "operator",
    ),
]


@pytest.mark.parametrize(("path", "body", "action", "field", "value"), ROUTES)
def test_a_request_with_the_same_key_is_answered_as_the_first(
    site: Site, pages: dict[str, str], path: str, body: dict[str, Any], action: str, field: str, value: Any
) -> None:
    ids = {name: place.rsplit("/", 1)[1] for name, place in pages.items()}
    where, client = path.format(**ids), site.client("admin")
    headers = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    first = client.post(where, json=body, headers=headers)
    assert first.status_code == 201, first.text
    again = client.post(where, json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(lines(site, action)) == 1
    refused = client.post(where, json={**body, field: value}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "key_used")
    assert len(lines(site, action)) == 1


def test_a_repeated_key_of_an_api_key_says_so_and_a_wrong_header_is_refused(site: Site) -> None:
    client = site.client("admin")
    headers = {"Idempotency-Key": "k1"}
    made = client.post("/v1/keys", json={"name": "erp", "role": "viewer"}, headers=headers)
    again = client.post("/v1/keys", json={"name": "erp", "role": "viewer"}, headers=headers)
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "key_made")
    assert made.json()["token"] not in again.text
    for wrong in ("with space", "x" * 129, ""):
        answer = client.post("/v1/keys", json={"name": "erp", "role": "viewer"}, headers={"Idempotency-Key": wrong})
        assert answer.status_code == 422, wrong
    described = client.get("/openapi.json").json()["paths"]["/v1/keys"]["post"]["parameters"]
    assert [one["name"] for one in described] == ["Idempotency-Key"]


def test_many_at_the_same_time_make_one(site: Site, pages: dict[str, str]) -> None:
    where = pages["invoice"] + "/dispute"
    client = site.browser("operator")
    form = {
        **hidden(client.get(pages["invoice"]).text, where),
        "reason": "quality",
        "amount": "20.00",
        "currency": "CNY",
    }

    def send(_: int) -> int:
        one = TestClient(site.app, follow_redirects=False, cookies=dict(client.cookies))
        return one.post(where, data=form, headers={"Accept": "text/html"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {303}
    assert len(lines(site, "dispute.open")) == 1
