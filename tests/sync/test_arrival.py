"""Two CRMs beside the books: whatever order records arrive in, however many at once, the same customers come out."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from tests.mapping.invented import FIELDS, FIRM, NAMES, PLACE
from tests.mapping.test_identity_link import TAX, TAX2, code
from tests.sync.test_why import SOURCES, Books, Rows, config, engine
from tieout.core.config import Config
from tieout.store.tables import accounts, conflicts, memberships

__all__ = ["config", "engine"]  # fixtures

ROWS = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.sampled_from(NAMES),
        st.sampled_from(("", "", TAX, TAX2, TAX[:14])),
        st.fixed_dictionaries({key: st.sampled_from(values) for key, values in FIELDS.items()}),
    ),
    min_size=3,
    max_size=8,
)


def landed(conn: Connection, config: Config, rows: Rows, order: list[int], step: int) -> Books:
    """Records that arrive in this order, so many at a time; each keeps its id."""
    books = Books(conn, config)
    for at in range(0, len(order), step):
        books.land_as([(number, rows[number]) for number in order[at : at + step]])
    return books


def state(books: Books) -> dict[str, Any]:
    """Who stands with which accounts by which rule, and who is asked about what, in words that no order changes."""
    m, a, c = memberships.c, accounts.c, conflicts.c
    called = {row.id: row.party_ref for row in books.conn.execute(select(a.id, a.party_ref))}
    rows = books.conn.execute(select(m.member, m.customer_id, m.rule).where(m.to_seq.is_(None))).all()
    homes: dict[str, set[str]] = {}
    for row in rows:
        if row.member in called:
            homes.setdefault(row.customer_id, set()).add(called[row.member])
    out: dict[str, Any] = {
        called.get(row.member, row.member): (sorted(homes.get(row.customer_id, ())), row.rule) for row in rows
    }
    asked = books.conn.execute(select(c.cause, c.suggestions, c.evidence).where(c.state == "open"))
    for cause, suggestions, evidence in asked:
        offered = sorted(
            (one["points"], *sorted(homes.get(one["target"], {called.get(one["target"], "")}))) for one in suggestions
        )
        out[f"asked about {cause}"] = (offered, sorted({one["code"] for one in evidence["reasons"]}))
    return out


SAID = st.lists(
    st.tuples(st.sampled_from(("link", "separate", "undo")), st.integers(0, 7), st.integers(0, 7)), max_size=3
)


def say(books: Books, rows: Rows, said: list[tuple[str, int, int]]) -> None:
    """What a person answers about CRM records, and takes back again."""
    numbered = [f"{row[0]}/customers/{row[0][0]}{number}" for number, row in enumerate(rows)]
    records = [one for one in numbered if not one.startswith("kingdee")]
    books_held = [one for one in numbered if one.startswith("kingdee")]
    answers: list[int] = []
    for action, subject, target in said:
        if action == "undo":
            if answers:
                books.say(undo_of=answers.pop())
        elif records and books_held:
            account = books.account(books_held[target % len(books_held)])
            answers.append(books.say(subject=records[subject % len(records)], action=action, target=account))


@pytest.mark.hypothesis
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # making one smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, said=SAID, seed=st.integers(0, 10_000))
def test_the_order_of_arrival_changes_nothing(
    engine: Engine, config: Config, rows: Rows, said: list[tuple[str, int, int]], seed: int
) -> None:
    chance = random.Random(seed)
    order = list(range(len(rows)))
    with engine.connect() as conn:
        books = landed(conn, config, rows, order, len(rows))
        at_once = state(books)
        say(books, rows, said)
        answered = state(books)
        for step in (1, 2):
            chance.shuffle(order)
            books = landed(conn, config, rows, order, step)
            assert state(books) == at_once, (order, step)
            say(books, rows, said)
            assert state(books) == answered, (order, step)


def test_a_record_links_over_another_crms_record_that_was_linked_later(engine: Engine, config: Config) -> None:
    rows: Rows = [
        ("fxiaoke", "Chengyan Intelligent", "", {"phone": PLACE["phone"], "address": PLACE["address"]}),
        ("zoho", "澄砚智能装备", TAX, {"phone": PLACE["phone"], "address": PLACE["address"], "website": "chengyan.cn"}),
        ("kingdee", FIRM, TAX, {}),
    ]
    with engine.connect() as conn:
        found = [state(landed(conn, config, rows, order, 1)) for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2])]
        assert found[0] == found[1] == found[2]
        assert found[0]["zoho/customers/z1"] == (["k2"], "tax_id")
        assert found[0]["fxiaoke/customers/f0"] == (["k2"], "member")


def test_what_hangs_on_a_link_goes_with_it(engine: Engine, config: Config) -> None:
    rows: Rows = [
        ("kingdee", FIRM, TAX, {}),
        ("zoho", "澄砚智能装备", TAX, {"phone": PLACE["phone"], "address": PLACE["address"], "website": "chengyan.cn"}),
        ("fxiaoke", "Chengyan Intelligent", "", {"phone": PLACE["phone"], "address": PLACE["address"]}),
    ]
    with engine.connect() as conn:
        books = landed(conn, config, rows, [0, 1, 2], 1)
        assert state(books)["fxiaoke/customers/f2"] == (["k0"], "member")
        seq = books.say(subject="zoho/customers/z1", action="separate", target=books.account("kingdee/customers/k0"))
        assert "fxiaoke/customers/f2" not in state(books)
        books.say(undo_of=seq)
        assert state(books)["fxiaoke/customers/f2"] == (["k0"], "member")


def test_two_legal_persons_that_claim_one_account_are_both_asked_about(engine: Engine, config: Config) -> None:
    rows: Rows = [("kingdee", FIRM, "", PLACE), ("zoho", "澄砚智能", TAX, PLACE), ("fxiaoke", "澄砚智能", TAX2, PLACE)]
    with engine.connect() as conn:
        for order in ([0, 1, 2], [0, 2, 1], [2, 1, 0]):
            books = landed(conn, config, rows, order, 1)
            found = state(books)
            assert not {"zoho/customers/z1", "fxiaoke/customers/f2"} & found.keys()
            for key in ("asked about zoho/customers/z1", "asked about fxiaoke/customers/f2"):
                assert "tax_id_conflict" in found[key][1]
        books.say(subject="fxiaoke/customers/f2", action="separate", target=books.account("kingdee/customers/k0"))
        assert state(books)["zoho/customers/z1"] == (["k0"], "name_and_contact")


ALIAS = "深科"
CALLED: Rows = [
    ("kingdee", "深圳长城开发科技股份有限公司", code(7), {}),
    ("kingdee", "杭州沐珩食品有限公司", code(8), {}),
    ("zoho", ALIAS, "", {}),
    ("fxiaoke", ALIAS, "", {}),
    ("fxiaoke", ALIAS, "", {"city": "Shanghai"}),
]


def test_what_a_person_calls_a_customer_links_others_who_call_it_so(engine: Engine, config: Config) -> None:
    with engine.connect() as conn:
        books = landed(conn, config, CALLED[:4], [0, 1, 2, 3], 4)
        assert not {"zoho/customers/z2", "fxiaoke/customers/f3"} & state(books).keys()
        first = books.say(subject="zoho/customers/z2", action="link", target=books.account("kingdee/customers/k0"))
        assert state(books)["fxiaoke/customers/f3"] == (["k0"], "alias")
        shown = books.why("fxiaoke/customers/f3", "kingdee/customers/k0")
        assert [one["code"] for one in shown["because"]] == ["rule_alias"]
        assert "alias_equal" in {one["code"] for one in shown["reasons"]}
        assert shown["score"] >= shown["needed"]
        books.say(undo_of=first)
        assert not {"zoho/customers/z2", "fxiaoke/customers/f3"} & state(books).keys()
        books.say(subject="fxiaoke/customers/f3", action="link", target=books.account("kingdee/customers/k0"))
        assert state(books)["zoho/customers/z2"] == (["k0"], "alias"), "the other way about"


def test_a_name_that_people_give_to_two_customers_or_take_from_one_links_nobody(engine: Engine, config: Config) -> None:
    rows: Rows = [*CALLED[:4], ("zoho", ALIAS, "", {})]
    with engine.connect() as conn:
        books = landed(conn, config, rows, [0, 1, 2, 3, 4], 5)
        k0, k1 = (books.account(f"kingdee/customers/k{n}") for n in (0, 1))
        books.say(subject="zoho/customers/z2", action="link", target=k0)
        assert state(books)["fxiaoke/customers/f3"] == (["k0"], "alias")
        for body in ({"action": "link", "target": k1}, {"action": "separate", "target": k0}):
            seq = books.say(subject="zoho/customers/z4", **body)
            found = state(books)
            assert "fxiaoke/customers/f3" not in found
            assert found["asked about fxiaoke/customers/f3"][0], "both are offered, or the one that is in doubt"
            books.say(undo_of=seq)
            assert state(books)["fxiaoke/customers/f3"] == (["k0"], "alias")


def test_what_contradicts_an_alias_is_asked_about(engine: Engine, config: Config) -> None:
    with engine.connect() as conn:
        books = landed(conn, config, CALLED, [0, 1, 2, 4], 4)
        books.say(subject="zoho/customers/z2", action="link", target=books.account("kingdee/customers/k0"))
        assert "fxiaoke/customers/f4" not in state(books)
        taxed: Rows = [*CALLED[:3], ("fxiaoke", ALIAS, code(9), {})]
        books = landed(conn, config, taxed, [0, 1, 2, 3], 4)
        books.say(subject="zoho/customers/z2", action="link", target=books.account("kingdee/customers/k0"))
        assert "fxiaoke/customers/f3" not in state(books)
