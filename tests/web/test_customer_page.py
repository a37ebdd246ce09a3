"""One customer's page: what each payment paid, and what happened page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from tests.web.conftest import Site
from tests.web.factory import NOW, TODAY
from tieout.store.queries.paging import encode
from tieout.store.session import unit
from tieout.store.tables import allocations, decisions

FIRM = "北京远航贸易有限公司"


def _under(page: str, number: str) -> str:
    """The row below the payment `number`, tags taken out but for links."""
    row = re.search(rf'<tr class="led">\s*<td>{number}.*?</tr>\s*<tr class="paid">(.*?)</tr>', page, re.DOTALL)
    assert row is not None, number
    return " ".join(re.sub(r"</?(?!a\b|/a\b)[a-z][^>]*>", " ", row[1]).split())


@contextmanager
def _counted(site: Site) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(site.engine, "before_cursor_execute", note)
    yield seen
    event.remove(site.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_under_each_payment_stands_what_it_paid_and_what_is_left(site: Site, language: str) -> None:
    books = site.books
    customer = books.customer(FIRM)
    account = books.named[FIRM]
    first, second = (books.document("invoice", account, number, 100_00) for number in ("AR1", "AR2"))
    red = books.document("credit_note", account, "RED1", -20_00)
    payment = books.document("payment", account, "RC1", -300_00, opened=-35_00)
    idle = books.document("payment", account, "RC2", -7_00)
    refund = books.document("refund", account, "RF1", 12_50, opened=0)
    books.allocation(payment, first, 100_00)
    books.allocation(payment, second, 40_25)
    books.allocation(payment, refund, 12_50)
    taken_back, refused = books.allocation(payment, second, 60_00), books.allocation(payment, "inv_elsewhere", 9_00)
    books.allocation(red, first, 1_11)  # a credit note's: no payment shows it
    a = allocations.c
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(allocations).where(a.id == taken_back).values(is_active=False, is_applied=False))
        conn.execute(
            update(allocations)
            .where(a.id == refused)
            .values(is_applied=False, refusal="missing_document", to_ref="AR_receivable:404")
        )
    page = site.browser("viewer").get(f"/customers/{customer}", params={"lang": language}).text
    withdrawn, waits, nothing, kind, back, left = {
        "zh-CN": ("已撤回", "其中一方单据不在账上", "尚未核销任何单据。", "退款", "收款", "未核销收款"),
        "en": (
            "withdrawn",
            "one of the two documents is not in the books",
            "Paid nothing so far.",
            "Refund",
            "Payment",
            "Unapplied cash",
        ),
    }[language]
    day = re.search(r"AR1</a> (\S.*?) 40\.25", _under(page, "RC1"))
    assert day is not None
    assert _under(page, "RC1").replace(f" {day[1]}", "") == (
        f'100.00 CNY → <a href="/invoices/{first}">AR1</a> 40.25 CNY → <a href="/invoices/{second}">AR2</a>'
        f' 12.50 CNY → RF1 {kind} 60.00 CNY → <a href="/invoices/{second}">AR2</a> {withdrawn}'
        f" 9.00 CNY → AR_receivable:404 {waits}"
    )
    assert _under(page, "RC2") == nothing
    assert _under(page, "RF1").replace(f" {day[1]}", "") == f"12.50 CNY → RC1 {back}"
    assert "1.11" not in page
    assert f'data-label="{left}"><span class="num">35.00</span>' in page
    assert idle not in page


def test_many_payments_cost_no_more_queries_than_one(site: Site) -> None:
    books = site.books
    customer = books.customer(FIRM)
    account = books.named[FIRM]
    client = site.browser("viewer")

    def pay(number: int) -> None:
        invoice = books.document("invoice", account, f"AR{number}", 100_00, opened=0)
        books.allocation(books.document("payment", account, f"RC{number}", -100_00, opened=0), invoice, 100_00)

    pay(1)
    client.get(f"/customers/{customer}")
    with _counted(site) as few:
        client.get(f"/customers/{customer}")
    for number in range(2, 12):
        pay(number)
    with _counted(site) as many:
        page = client.get(f"/customers/{customer}").text
    assert page.count('<tr class="paid">') == 11
    assert page.count('100.00</span> <small class="code">CNY</small> →') == 11
    assert few != []
    assert len(many) == len(few)


def _decide(site: Site, customer: str, number: int, value: str, minutes: int) -> None:
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(
            decisions.insert().values(
                id=f"dec_{number:08d}", kind="credit", subject=f"{customer}|cn", company_id="cn", value=value, body={},
                reasons=[{"code": f"why_{number:04d}", "params": {}}], inputs={}, rule_version="credit-1",
                effective_on=TODAY, recorded_at=NOW + timedelta(minutes=minutes), seq=site.books.next_seq(),
                is_current=False,
            )
        )  # fmt: skip


@pytest.mark.parametrize("apart", [0, 1])
def test_everything_that_happened_is_reached_page_by_page_once(site: Site, apart: int) -> None:
    """130 changes of a status, at one instant or minutes apart, each confirmed once more: two full pages and a rest."""
    customer = site.books.customer(FIRM)
    for number in range(130):
        for again in (0, 1):  # said again without a change: no event, not at the edge of a page either
            _decide(site, customer, 2 * number + again, ("ok", "watch")[number % 2], number * apart)
    client = site.browser("viewer")
    path, seen, sizes = f"/customers/{customer}?lang=en", [], []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200
        found = re.findall(r"why.(\d{4})", answer.text)
        seen += found
        sizes.append(len(found))
        more = re.search(r'href="(/customers/[^"]*)#timeline">Earlier entries', answer.text)
        assert ("Newest entries" in answer.text) == (len(sizes) > 1)
        path = more[1] if more else ""
    assert sizes == [60, 60, 10]
    assert seen == [f"{2 * number:04d}" for number in reversed(range(130))]


def test_a_page_of_another_list_is_none_of_the_timeline(site: Site) -> None:
    customer = site.books.customer(FIRM)
    client = site.browser("viewer")
    wrong = (encode("cases", (7,)), encode("timeline", ("yesterday", 3, "dec_1")), "zzz")
    assert [client.get(f"/customers/{customer}?cursor={one}").status_code for one in wrong] == [404] * 3
