"""A customer with more bills than any page holds: every list goes on to its end, and its totals are the balance."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Site
from tests.web.factory import NOW, TODAY
from tieout.store.bulk import insert_rows
from tieout.store.session import unit
from tieout.store.tables import documents, open_items

FIRM = "远航集团有限公司"
BILLS = 2_050


@pytest.fixture
def long(site: Site) -> str:
    """A customer with 2,050 open bills on 41 due days, 2,010 receipts that pay nothing, and a credit note."""
    customer = site.books.customer(FIRM)
    account = site.books.named[FIRM]
    site.books.document("credit_note", account, "RED1", -70)
    rows = [
        {
            "company_id": "cn",
            "account_id": account,
            "connection": "kingdee",
            "stream": "x",
            "currency": "CNY",
            "id": f"{kind}_{n:06d}",
            "external_id": f"{kind}:{n}",
            "record_id": str(n),
            "number": f"{kind}{n:06d}",
            "kind": {"inv": "invoice", "pay": "payment"}[kind],
            "total_minor": minor,
            "open_minor": minor,
            "issue_on": TODAY - timedelta(days=n % 41),
            "due_on": TODAY - timedelta(days=n % 41),
            "state": "posted",
            "source_seq": 1,
            "created_at": NOW,
            "is_opening": False,
            "posting_digest": "",
        }
        for kind, many, minor in (("inv", BILLS, 100), ("pay", 2_010, -1))
        for n in range(many)
    ]
    same = ("account_id", "company_id", "currency", "due_on", "open_minor")
    items = [
        {"id": f"{row['id']}:1", "document_id": row["id"], "line_id": "1", "original_minor": 100}
        | {name: row[name] for name in same}
        for row in rows
        if row["kind"] == "invoice"
    ]
    with unit(site.engine, "admin.commit") as conn:
        insert_rows(conn, documents, rows)
        insert_rows(conn, open_items, items)
    return customer


def _walk(api: TestClient, path: str) -> list[dict[str, object]]:
    out, query = [], "?limit=200"
    while query:
        page = api.get(f"{path}{query}").json()
        out += page["items"]
        query = f"?limit=200&cursor={page['next']}" if page["next"] else ""
    return out


def test_every_list_goes_on_to_its_end_and_its_totals_are_the_balance(site: Site, long: str) -> None:
    api = site.client("viewer")
    account = api.get(f"/v1/customers/{long}/account").json()
    pages = account["pages"]
    assert (pages["items"]["rows"], pages["payments"]["rows"]) == (BILLS + 1, 2_010)
    assert len(account["items"]) == len(account["payments"]) == 200
    (line,) = account["balances"]
    open_of_items, idle = pages["items"]["totals"][0]["minor"], pages["payments"]["totals"][0]["minor"]
    assert (open_of_items, idle) == (BILLS * 100 - 70, 2_010)
    assert open_of_items - idle == line["balance"]["minor"]
    items = _walk(api, f"/v1/customers/{long}/items")
    assert len({row["id"] for row in items}) == len(items) == BILLS + 1
    assert sum(row["open"]["minor"] for row in items) == open_of_items  # type: ignore[index]
    assert [row["due_on"] for row in items] == sorted(row["due_on"] for row in items)  # type: ignore[type-var]
    assert items[:200] == account["items"]
    further = api.get(f"/v1/customers/{long}/items?cursor={pages['items']['next']}&limit=3").json()["items"]
    assert further == items[200:203]
    assert sum(row["open"]["minor"] for row in _walk(api, f"/v1/customers/{long}/payments")) == -idle  # type: ignore[index]
    for name in ("items", "payments", "allocations"):
        assert api.get(f"/v1/customers/{long}/{name}?cursor=WyJ4Il0").status_code == 404
        assert api.get(f"/v1/customers/cus_none/{name}").status_code == 404


def test_the_page_says_how_many_there_are_and_goes_on(site: Site, long: str) -> None:
    client = site.browser("viewer")
    page = client.get(f"/customers/{long}?lang=en").text
    assert "1–100 of 2,051" in page
    assert "1–100 of 2,010" in page
    assert "2,049.30" in page
    seen: set[str] = set()
    path, pages = f"/customers/{long}?lang=en", 0
    while path:
        page, pages = client.get(path).text, pages + 1
        seen |= set(re.findall(r'href="/invoices/(inv_\d+|crn_\w+)"', page))
        more = re.search(r'href="(/customers/[^"#]+\?items=[^"#]+)#items"', page)
        path = more.group(1) if more else ""
    assert (len(seen), pages) == (BILLS + 1, 21)
    assert "2,001–2,051 of 2,051" in page
    assert 'href="/customers/' + long + '#items"' in page, "the way back to the first page"
    assert client.get(f"/customers/{long}?items=WyJ4Il0").status_code == 404
