"""The overview adds up: buckets, credits and cash per currency make the balance; nothing is netted away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.web.factory import TODAY, Books
from tieout.reports import overview
from tieout.store.session import make_engine, reading


@pytest.fixture
def books(engine_url: str) -> Iterator[Books]:
    engine: Engine = make_engine(engine_url)
    yield Books(engine)
    engine.dispose()


def test_buckets_and_what_stands_beside_them_add_up(books: Books) -> None:
    books.customer("A")
    account = books.named["A"]
    for n, due in enumerate((3, 0, -1, -30, -31, -60, -61, -90, -91, -180, -181, -365, -366)):
        books.document("invoice", account, f"AR{n}", 10**n, due=due)
    books.document("invoice", account, "PAID", 5, opened=0, due=-5)
    books.document("credit_note", account, "RED", -700)
    books.document("payment", account, "RC", -900, opened=-300)
    books.document("refund", account, "RF", 50, opened=50)
    with reading(books.engine) as conn:
        (line,) = overview.aging(conn, {"cn": TODAY})
    sums = {bucket["code"]: bucket["amount"]["minor"] for bucket in line["buckets"]}
    assert sums == {
        "current": 11,
        "1-30": 1_100,
        "31-60": 110_000,
        "61-90": 11_000_000,
        "91-180": 1_100_000_000,
        "181-365": 110_000_000_000,
        ">365": 1_000_000_000_000,
    }
    assert sum(sums.values()) == line["owed"]["minor"]
    assert line["overdue"]["minor"] == line["owed"]["minor"] - 11
    assert (line["credits"]["minor"], line["unapplied"]["minor"]) == (700, 250)
    assert line["balance"]["minor"] == line["owed"]["minor"] - 950
    assert sum(bucket["share"] for bucket in line["buckets"]) <= 1000


def test_a_currency_with_only_unapplied_cash_is_still_shown(books: Books) -> None:
    books.customer("A")
    books.document("payment", books.named["A"], "RC", -900, currency="USD")
    with reading(books.engine) as conn:
        (line,) = overview.aging(conn, {"cn": TODAY})
    assert (line["currency"], line["owed"]["minor"], line["balance"]["minor"]) == ("USD", 0, -900)


def test_today_is_each_companys_own(books: Books) -> None:
    from datetime import timedelta

    books.customer("A")
    books.document("invoice", books.named["A"], "AR", 100, due=0)
    with reading(books.engine) as conn:
        assert overview.aging(conn, {"cn": TODAY})[0]["overdue"]["minor"] == 0
        assert overview.aging(conn, {"cn": TODAY + timedelta(days=1)})[0]["overdue"]["minor"] == 100
