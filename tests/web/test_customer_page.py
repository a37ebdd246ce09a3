"""One customer's page: what each payment paid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, update

from tests.web.conftest import Site
from tieout.store.session import unit
from tieout.store.tables import allocations

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
