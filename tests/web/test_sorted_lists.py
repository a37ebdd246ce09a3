"""Lists in a sensible order, in any other, searched by what people know, with totals; no page skips a row."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Site
from tieout.store.queries import customers, invoices
from tieout.store.session import unit
from tieout.store.tables import accounts, party_keys, rates

NORTH, SOUTH = "北方重工有限公司", "南海贸易有限公司"


@pytest.fixture
def lists(site: Site) -> Site:
    """Two customers, bills in two currencies on few days, a credit note, receipts."""
    books = site.books
    books.customer(NORTH, credit="hold")
    books.customer(SOUTH)
    north, south = books.named[NORTH], books.named[SOUTH]
    for number, account, minor, currency, due in (
        ("B3", south, 900_00, "CNY", -9),
        ("B1", north, 500_00, "CNY", -9),
        ("B2", north, 100_00, "USD", -3),
        ("B5", south, 10_00, "CNY", 20),
        ("B4", south, 10_00, "CNY", 20),
    ):
        books.document("invoice", account, number, minor, currency=currency, due=due)
    books.document("credit_note", south, "RED1", -7_00)
    books.document("invoice", south, "DONE", 60_00, opened=0, due=-80)
    books.document("payment", south, "RC1", -50_00, opened=-5_00)
    rate = {"id": "cn.USD.CNY", "base": "USD", "quote": "CNY", "rate": "7.1205", "rate_on": date(2026, 11, 20)}
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(rates.insert().values(**rate, company_id="cn", source="PBOC", rank=1, seq=1, is_active=True))
        conn.execute(accounts.update().where(accounts.c.id == north).values(party_ref="CUST-0042"))
        conn.execute(party_keys.insert().values(kind="tax", value="cn:91440300MA5F0B4D2K", member=north))
    return site


def _numbers(page: str) -> list[str]:
    return re.findall(r'<a class="num" href="/invoices/[^"]+">([^<]+)</a>', page)


def test_open_bills_come_by_due_day_and_number_with_credit_notes_at_the_end(lists: Site) -> None:
    page = lists.browser("viewer").get("/invoices?lang=en").text
    assert _numbers(page) == ["B1", "B3", "B2", "B4", "B5", "RED1"]
    assert re.search(r'<th aria-sort="ascending"><a href="[^"]*sort=-due">Due', page)
    foot = re.search(r"<tfoot>(.*?)</tfoot>", page, re.DOTALL)
    assert foot is not None
    assert "Documents in CNY: 5" in foot.group(1)
    assert "1,413.00" in foot.group(1)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-due", ["B4", "B5", "B2", "B1", "B3", "RED1"]),
        ("number", ["B1", "B2", "B3", "B4", "B5", "RED1"]),
        ("-number", ["RED1", "B5", "B4", "B3", "B2", "B1"]),
        ("customer", ["B1", "B2", "B3", "B4", "B5", "RED1"]),
        ("-open", ["B3", "B2", "B1", "B4", "B5", "RED1"]),  # 100 USD are 712 CNY
    ],
)
def test_column_heads_sort_either_way(lists: Site, sort: str, order: list[str]) -> None:
    page = lists.browser("viewer").get(f"/invoices?lang=en&sort={sort}").text
    assert _numbers(page) == order
    assert page.count("aria-sort=") == 1
    assert f'<option value="{sort}" selected>' in page or sort == "-number"
    if sort == "-open":
        assert "compared in CNY at the stored rates" in page


def _walked(api: TestClient, path: str) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.get(f"{path}{cursor}").json()
        out += page["items"]
        if page["next"] is None:
            return out
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize("minus", ["", "-"])
def test_no_order_skips_or_repeats_a_row(lists: Site, minus: str) -> None:
    api = lists.client("viewer")
    for sort in invoices.SORTS:
        found = _walked(api, f"/v1/invoices?limit=2&sort={minus}{sort}")
        whole = api.get(f"/v1/invoices?limit=50&sort={minus}{sort}").json()["items"]
        assert found == whole
        assert len({row["id"] for row in found}) == 7, sort
    for sort in customers.SORTS:
        found = _walked(api, f"/v1/customers?limit=1&sort={minus}{sort}")
        assert found == api.get(f"/v1/customers?sort={minus}{sort}").json()["items"]
        assert len(found) == 2, sort
    first = api.get("/v1/invoices?limit=2&sort=due").json()["next"]
    assert api.get(f"/v1/invoices?limit=2&sort=open&cursor={first}").status_code == 404
    assert api.get("/v1/invoices?sort=age").status_code == 422


@pytest.mark.parametrize("words", ["b2", "北方 b2", "CUST-0042 B2", "91440300MA5F0B4D2K B2", "91440300ma5f b2"])
def test_bills_are_found_by_number_and_by_what_is_known_of_the_customer(lists: Site, words: str) -> None:
    assert _numbers(lists.browser("viewer").get("/invoices", params={"q": words}).text) == ["B2"]
    rows = lists.client("viewer").get("/v1/invoices", params={"q": words}).json()["items"]
    assert [row["number"] for row in rows] == ["B2"]


@pytest.mark.parametrize("words", ["重工", "北方 有限", "cust-0042", "MA5F0B4D2K", "北方 0042"])
def test_customers_are_found_by_name_code_and_tax_id(lists: Site, words: str) -> None:
    api = lists.client("viewer")
    assert [row["name"] for row in api.get("/v1/customers", params={"q": words}).json()["items"]] == [NORTH]
    assert NORTH in lists.browser("viewer").get("/customers", params={"q": words}).text
    assert api.get("/v1/customers", params={"q": f"{words} 南海"}).json()["items"] == []


def test_customers_come_by_what_is_overdue_and_by_credit_status(lists: Site) -> None:
    client = lists.browser("viewer")

    def names(query: str) -> list[str]:
        return re.findall(r'<a href="/customers/cus_[^"]+">([^<]+)</a>', client.get(f"/customers?lang=en{query}").text)

    assert names("") == [NORTH, SOUTH], "500 CNY and 100 USD are more than 900 CNY"
    assert names("&sort=-owed") == [NORTH, SOUTH]
    assert names("&sort=overdue") == [SOUTH, NORTH]
    assert names("&credit=hold") == [NORTH]
    assert names("&credit=watch") == []
    page = client.get("/customers?lang=en").text
    assert "Customers: 2" in page
    assert "1,420.00" in page, "what all of them owe in CNY"
    assert "1,408.00" in page, "their balance: less the credit note and the cash"


def test_receipts_come_newest_first_with_totals(lists: Site) -> None:
    page = lists.browser("viewer").get("/payments?lang=en").text
    assert 'aria-sort="descending"' in page
    assert "Documents in CNY: 1" in page


def test_conflicts_rank_by_worth_and_are_searched(lists: Site) -> None:
    books = lists.books
    small = books.conflict("甲 公司", 3_000_00, currency="CNY")
    large = books.conflict("乙 公司", 500_00, currency="USD")
    api = lists.client("viewer")
    assert [row["id"] for row in api.get("/v1/conflicts").json()["items"]] == [large, small]
    assert [row["id"] for row in api.get("/v1/conflicts", params={"q": "公司 甲"}).json()["items"]] == [small]
    page = lists.browser("operator").get("/conflicts?lang=en&q=甲").text
    assert small in page
    assert large not in page
    shown = lists.client("operator").post("/v1/conflicts/bulk/preview", json={"how": "leave", "q": "甲"}).json()
    assert [row["id"] for row in shown["rows"]] == [small], "in bulk no more than the search shows"
