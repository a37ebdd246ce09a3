"""Relations in a database: found and stated, closed when they end, and nothing is merged by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from tests.mapping.test_identity_link import TAX, TAX2, code
from tests.mapping.test_relations import BRANCH, FIRM, GROUP, SHARED, SISTER
from tests.sync.test_why import Books, Rows, looked_at
from tests.sync.test_why import config as config
from tests.sync.test_why import engine as engine
from tieout.core.config import Config
from tieout.reports import relations as shown
from tieout.store.tables import relations

ROWS: Rows = [
    ("kingdee", FIRM, TAX, SHARED),
    ("kingdee", GROUP, TAX2, SHARED),
    ("kingdee", SISTER, code(3), SHARED),
    ("zoho", BRANCH, code(4), {}),
    ("zoho", "澄砚", "", {}),
    ("zoho", "深圳市沐珩食品有限公司", code(3), {}),
]


@pytest.fixture
def books(engine: Engine, config: Config) -> Iterator[Books]:
    with engine.connect() as conn:
        made = Books(conn, config)
        made.land(ROWS)
        yield made


def standing(conn: Connection, rule: str = "found") -> set[tuple[str, ...]]:
    r = relations.c
    rows = conn.execute(select(r.member, r.kind, r.target, r.name).where(r.to_seq.is_(None), r.rule == rule))
    return {tuple(row) for row in rows}


def of(books: Books, member: str) -> list[dict[str, Any]]:
    customer = books.customer_of(member)
    assert customer is not None
    account = books.account(member)
    return shown.of_customer(books.conn, customer, [account] if account else [member])


def test_a_branch_and_a_group_are_found_and_nobody_is_merged(books: Books) -> None:
    firm, group, sister = (books.account(f"kingdee/customers/k{n}") for n in range(3))
    found = standing(books.conn)
    assert ("zoho/customers/z3", "branch_of", firm, "") in found
    assert {(firm, "member_of_group", group, ""), (sister, "member_of_group", group, "")} <= found
    homes = {books.customer_of(f"kingdee/customers/k{n}") for n in range(3)}
    assert len(homes) == 3
    assert books.customer_of("zoho/customers/z3") is None
    shown_apart = books.why("zoho/customers/z3", "kingdee/customers/k0")
    assert [(one["kind"], one["rule"]) for one in shown_apart["relations"]] == [("branch_of", "found")]
    looked_at(books)


def test_another_name_under_one_tax_id_is_kept_as_a_further_name(books: Books) -> None:
    books.say(subject="zoho/customers/z5", action="link", target=books.account("kingdee/customers/k2"))
    home = books.customer_of("kingdee/customers/k2")
    assert ("zoho/customers/z5", "alias", home, "深圳市沐珩食品有限公司") in standing(books.conn)
    (one,) = [row for row in of(books, "kingdee/customers/k2") if row["kind"] == "alias"]
    assert (one["other_name"], one["actor"], one["is_ambiguous"]) == ("深圳市沐珩食品有限公司", "user:li", False)


def test_a_person_states_a_relation_and_takes_it_back(books: Books) -> None:
    before = standing(books.conn), books.outcome("zoho/customers/z4", "kingdee/customers/k1")
    group = books.account("kingdee/customers/k1")
    seq = books.say(subject="zoho/customers/z4", action="member_of_group", target=group)
    assert standing(books.conn, "stated") == {("zoho/customers/z4", "member_of_group", group, "")}
    (one,) = [row for row in of(books, "kingdee/customers/k1") if row["rule"] == "stated"]
    assert (one["direction"], one["actor"], one["other_name"]) == ("from", "user:li", "澄砚")
    why = books.why("zoho/customers/z4", "kingdee/customers/k1")
    assert (why["outcome"], why["against"]) == ("separate", "stated_member_of_group"), "related is not the same"
    assert [(one["kind"], one["rule"], one["actor"]) for one in why["relations"]] == [
        ("member_of_group", "stated", "user:li")
    ]
    books.say(undo_of=seq)
    assert standing(books.conn, "stated") == set()
    assert (standing(books.conn), books.outcome("zoho/customers/z4", "kingdee/customers/k1")) == before


def test_a_relation_ends_with_the_name_it_was_found_by(books: Books) -> None:
    books.change("zoho/customers/z3", FIRM + "厦门办事处", code(4))
    firm = books.account("kingdee/customers/k0")
    assert ("zoho/customers/z3", "branch_of", firm, "") in standing(books.conn), "still a branch of it"
    books.change("zoho/customers/z3", "杭州听澜文化传媒有限公司", code(4))
    assert not [row for row in standing(books.conn) if row[0] == "zoho/customers/z3"]
    r = relations.c
    ended = books.conn.execute(select(r.to_seq, r.closed_at).where(r.member == "zoho/customers/z3")).all()
    assert ended
    assert all(row.to_seq and row.closed_at for row in ended), "closed, not deleted"


def test_a_head_office_that_comes_later_is_found_too(engine: Engine, config: Config) -> None:
    with engine.connect() as conn:
        books = Books(conn, config)
        books.land([("zoho", BRANCH, code(4), {})])
        assert standing(conn) == set()
        books.land([("kingdee", FIRM, TAX, {})], first=1)
        assert {row[:2] for row in standing(conn)} == {("zoho/customers/z0", "branch_of")}
