"""Credit orders and exchange rates over the API, with two people's keys."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert

from tests.web.conftest import Site
from tieout.store.session import unit
from tieout.store.tables import credit_terms, rates


def test_a_limit_is_asked_listed_and_withdrawn(site: Site) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    operator, approver = site.client("operator"), site.client("approver")
    body = {"amount_minor": 50_000_000, "currency": "CNY", "reason": "新框架合同", "valid_until": "2099-12-31"}
    made = operator.post(f"/v1/customers/{customer}/credit/limits", json=body)
    assert (made.status_code, made.json()["state"]) == (201, "waiting"), made.text
    # Nothing folds here: the order is in the input log and the audit trail; its effect is shown by the flow tests.
    assert approver.post(f"/v1/credit/orders/{made.json()['id']}/approval").status_code == 404
    for field, wrong in (
        ("amount_minor", -1),
        ("amount_minor", 1.5),
        ("currency", "YUAN"),
        ("reason", " "),
        ("valid_until", "31.12.2099"),
        ("company", "nobody"),
    ):
        answer = operator.post(f"/v1/customers/{customer}/credit/limits", json={**body, field: wrong})
        assert answer.status_code in (409, 422), (field, answer.text)
    assert operator.post("/v1/customers/cus_none/credit/limits", json=body).status_code == 404
    audit = site.client("auditor").get("/v1/audit").json()["items"]
    (line,) = [one for one in audit if one["action"] == "credit.limit"]
    assert line["body"]["amount_minor"] == 50_000_000


def test_credit_and_rates_can_be_read(site: Site) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    viewer, operator = site.client("viewer"), site.client("operator")
    shown = viewer.get(f"/v1/customers/{customer}/credit").json()
    assert (shown["customer"]["id"], shown["books"], shown["orders"]) == (customer, [], [])
    assert viewer.get("/v1/credit/orders?state=waiting").json() == {"items": [], "next": None}
    lines = [{"base": "USD", "quote": "CNY", "rate": "7.1205", "on": "2026-11-01"}]
    made = operator.post("/v1/rates", json={"rates": lines, "source": "PBOC"})
    assert (made.status_code, made.json()) == (
        201,
        {"stated": 1, "unchanged": 0, "ids": ["_all.USD.CNY.2026-11-01"]},
    )
    assert viewer.get("/v1/rates?base=USD&current=true").json()["items"] == []
    for field, wrong in (("rate", "-1"), ("rate", "0"), ("rate", 7.1), ("base", "CNY"), ("on", "2026-13-01")):
        answer = operator.post("/v1/rates", json={"rates": [{**lines[0], field: wrong}]})
        assert answer.status_code in (409, 422), (field, answer.text)
    assert operator.delete("/v1/rates/_all.USD.CNY.2026-11-01").status_code == 404
    assert viewer.get("/v1/rates?cursor=abc").status_code == 404


def test_the_credit_page_shows_rates_and_what_a_policy_would_say(site: Site) -> None:
    line = {
        "id": "_all.USD.CNY.2026-11-01", "company_id": "", "base": "USD", "quote": "CNY", "rate": "7.1205",
        "rate_on": date(2026, 11, 1), "source": "PBOC", "rank": 1, "seq": 1, "is_active": True,
    }  # fmt: skip
    order = {
        "id": "ctm_000000001", "seq": 1, "kind": "policy", "account_id": "", "company_id": "cn", "reason": "董事会决定",
        "state": "waiting", "author": "user:anna", "asked_at": site.clock.now(), "body": {"hold_days": 20},
    }  # fmt: skip
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(insert(rates).values(**line))
        conn.execute(insert(credit_terms).values(**order))
    page = site.browser().get("/credit")
    assert page.status_code == 200, page.text
    assert "7.1205" in page.text
    assert "hold_days" in page.text
