"""The verdict on two records that people are shown is the one that was settled, for every pair of an invented set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, insert, select, update

from sync.fold.answers import fold_answers
from sync.fold.batch import Batch, open_batch
from sync.fold.changes import Change
from sync.fold.parties import fold_parties
from sync.settle.run import settle
from sync.why import why
from tests.mapping.invented import FIELDS, FIRM, NAMES, PLACE
from tests.mapping.test_identity_link import TAX, TAX2, code
from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.core.config import Config, parse
from tieout.store.session import make_engine
from tieout.store.tables import conflicts, dirty, memberships, metadata, source_records

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CONFIG = """
[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"
[connections.zoho]
vendor = "zoho_crm"
sandbox = true
[connections.fxiaoke]
vendor = "fxiaoke"
sandbox = true
[connections.kingdee]
vendor = "kingdee"
sandbox = true
"""
SOURCES = ("kingdee", "zoho", "fxiaoke")
Rows = Sequence[tuple[str, str, str, Mapping[str, str]]]  # source, name, tax id, contacts


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return parse(CONFIG, tmp_path_factory.mktemp("why") / "tieout.toml", environ={})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path_factory.mktemp('why') / 'why.db'}")
    metadata.create_all(made)
    yield made
    made.dispose()


class Books:
    """Parties folded and settled as a sync would, in a database that is emptied first."""

    def __init__(self, conn: Connection, config: Config) -> None:
        self.conn, self.config, self.seq = conn, config, 0
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))

    def batch(self) -> Batch:
        return open_batch(self.conn, self.config, {}, body={}, now=NOW)

    def land(self, rows: Rows, first: int = 0) -> None:
        """Records of customers, all in one batch."""
        self.land_as(list(enumerate(rows, first)))

    def land_as(self, rows: Sequence[tuple[int, tuple[str, str, str, Mapping[str, str]]]]) -> None:
        """Records with their numbers, all in one batch."""
        changes = []
        for number, (source, name, tax, more) in rows:
            key = f"{source[0]}{number}"
            party = PartyCandidate(key, (name,), tax_ids=(tax,) if tax else (), **more)
            self.seq += 1
            self.conn.execute(
                insert(source_records).values(
                    connection=source, stream="customers", external_id=key, seq=self.seq, source_hash=key,
                    read_started_at=NOW, is_deleted=False, needs_fetch=False, applied_seq=self.seq,
                    candidate_kind=codec.kind_of(party), candidate=codec.encode(party),
                )
            )  # fmt: skip
            changes.append(Change(source, "customers", key, self.seq, party, None, False, False))
        self._fold(changes)

    def change(self, member: str, name: str, tax: str) -> None:
        """A record says something else now."""
        connection, stream, key = member.split("/")
        party, s = PartyCandidate(key, (name,), tax_ids=(tax,)), source_records.c
        self.conn.execute(
            update(source_records)
            .where(s.connection == connection, s.external_id == key)
            .values(candidate=codec.encode(party), facts=None)
        )
        self._fold([Change(connection, stream, key, 0, party, None, False, False)])

    def _fold(self, changes: list[Change]) -> None:
        batch = self.batch()
        fold_parties(batch, changes)
        batch.flush()
        self.settle()

    def say(self, **body: Any) -> int:
        """A person's answer, or the undoing of one; its place in the log."""
        batch = self.batch()
        fold_answers(batch, [{"seq": batch.mark_seq, "actor": "user:li", "at": NOW, "body": body}])
        batch.flush()
        self.settle()
        return batch.mark_seq

    def settle(self) -> None:
        """Settle until nobody has to be looked at again."""
        for stage in ("account", "party", "relation"):
            while True:
                batch = self.batch()
                if not settle(batch, stage, 1000):
                    break
                batch.flush()
        self.conn.execute(delete(dirty))

    def members(self) -> list[str]:
        s = source_records.c
        found = self.conn.execute(select(s.connection, s.external_id).order_by(s.seq)).all()
        return [f"{row.connection}/customers/{row.external_id}" for row in found]

    def customer_of(self, member: str) -> str | None:
        m = memberships.c
        held = dict(self.conn.execute(select(m.member, m.customer_id).where(m.to_seq.is_(None))).all())
        return held.get(self.account(member) or member)

    def account(self, member: str) -> str | None:
        from tieout.store.queries.parties import account_of

        connection, _, record = member.split("/")
        return account_of(self.conn, connection, record)

    def is_asked(self, member: str, about: str) -> bool:
        """Whether an open question about a record offers the other one, or a member of its customer."""
        c = conflicts.c
        row = self.conn.execute(select(c.suggestions, c.evidence).where(c.cause == member, c.state == "open")).first()
        if row is None:
            return False
        named = {one["target"] for one in row.suggestions} | {one["ref"] for one in row.evidence["reasons"]}
        home = self.customer_of(about)
        m = memberships.c
        meant = {about, self.account(about)}
        if home is not None:
            meant |= set(self.conn.execute(select(m.member).where(m.customer_id == home, m.to_seq.is_(None))).scalars())
        return bool(meant & named)

    def outcome(self, left: str, right: str) -> str:
        """What the batches did with two records."""
        home = self.customer_of(left)
        if home is not None and home == self.customer_of(right):
            return "link"
        return "review" if self.is_asked(left, right) or self.is_asked(right, left) else "separate"

    def why(self, left: str, right: str) -> dict[str, Any]:
        return why(self.conn, self.config, NOW, left, right)


def looked_at(books: Books) -> dict[str, int]:
    """Every pair: what is shown is what was settled and would be judged so again, and it says why; how often each."""
    outcomes: dict[str, int] = {}
    for left, right in combinations(books.members(), 2):
        shown, turned = books.why(left, right), books.why(right, left)
        assert shown["outcome"] == turned["outcome"] == books.outcome(left, right), (left, right, shown)
        assert shown["same_customer"] == (shown["outcome"] == "link")
        assert shown["is_current"], (left, right, shown["outcome"], shown["because"])
        assert shown["because"], (left, right, shown)
        assert shown["score"] == turned["score"] == shown["prior"] + sum(one["weight"] for one in shown["reasons"])
        if shown["outcome"] == "link":
            assert all(one["code"].startswith("rule_") for one in shown["because"])
            assert shown["against"] == ""
        else:
            assert shown["rule"] == ""
            assert not any(one["code"].startswith("rule_") for one in shown["because"])
        outcomes[shown["outcome"]] = outcomes.get(shown["outcome"], 0) + 1
    return outcomes


ROWS = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.sampled_from(NAMES),
        st.sampled_from(("", TAX, TAX2, TAX[:14])),
        st.fixed_dictionaries({key: st.sampled_from(values) for key, values in FIELDS.items()}),
    ),
    min_size=2,
    max_size=6,
)


def test_every_outcome_is_shown_as_it_was_settled(engine: Engine, config: Config) -> None:
    rows: Rows = [
        ("kingdee", FIRM, TAX, PLACE),
        ("kingdee", "广州澄砚智能装备有限公司", TAX2, {}),
        ("kingdee", "上海沐珩食品有限公司", code(3), {}),
        ("kingdee", FIRM + "厦门分公司", code(4), {}),
        ("zoho", "澄砚智能装备", TAX, {}),
        ("zoho", "沐珩食品", "", {}),
        ("zoho", "澄砚", "", {}),
        ("zoho", FIRM, code(5), {}),
        ("zoho", "上海沐珩食品有限公司", TAX2, {}),
        ("fxiaoke", "Shenzhen Chengyan", "", {"address": PLACE["address"], "phone": PLACE["phone"], "city": "深圳"}),
        ("fxiaoke", "测试", "", {}),
        ("fxiaoke", "沐珩", code(3), {}),
        ("fxiaoke", "杭州听澜文化传媒有限公司", "", {}),
    ]
    with engine.connect() as conn:
        books = Books(conn, config)
        books.land(rows)
        outcomes = looked_at(books)
        assert min(outcomes[one] for one in ("link", "review", "separate")) > 1, outcomes
        pasted = books.why("zoho/customers/z8", "kingdee/customers/k1")
        assert pasted["outcome"] == "review"
        assert {one["code"] for one in pasted["because"]} >= {"names_share_nothing", "name_says_other"}
        other = books.why("zoho/customers/z7", "kingdee/customers/k0")
        assert (other["outcome"], other["vetoes"]) == ("review", ["tax_id_conflict"]), (
            "one name, another id: a question"
        )
        apart = books.why("zoho/customers/z4", "kingdee/customers/k1")
        assert (apart["outcome"], apart["against"], apart["vetoes"]) == (
            "separate",
            "tax_id_conflict",
            ["tax_id_conflict"],
        )
        assert "linked_elsewhere" in {one["code"] for one in apart["because"]}
        both = books.why("kingdee/customers/k0", "kingdee/customers/k1")
        assert [one["code"] for one in both["because"]][-1] == "both_books" or both["vetoes"]
        asked = books.why("zoho/customers/z5", "kingdee/customers/k2")
        assert asked["outcome"] == "review"
        assert [one["member"] for one in asked["nearest"] if one["is_other"]] == [books.account("kingdee/customers/k2")]


def test_what_people_decided_is_shown_with_author_and_time_and_so_is_its_undoing(
    engine: Engine, config: Config
) -> None:
    with engine.connect() as conn:
        books = Books(conn, config)
        books.land([("kingdee", FIRM, TAX, PLACE), ("zoho", "澄砚智能", "", {}), ("zoho", "澄砚智能装备", TAX, {})])
        account = books.account("kingdee/customers/k0")
        books.say(subject="zoho/customers/z1", action="link", target=account)
        books.say(subject="zoho/customers/z2", action="separate", target=account)
        assert looked_at(books) == {"link": 1, "separate": 2}
        joined, parted = (books.why(f"zoho/customers/{one}", "kingdee/customers/k0") for one in ("z1", "z2"))
        assert [one["code"] for one in joined["because"]] == ["rule_must_link"]
        assert [one["code"] for one in parted["because"]] == ["must_not_link"]
        assert [(one["action"], one["actor"], one["at"], one["is_active"]) for one in parted["answers"]] == [
            ("separate", "user:li", NOW, True)
        ]
        assert [one["actor"] for one in joined["events"] if one["member"] == "zoho/customers/z1"] == ["user:li"]
        left = [one for one in parted["events"] if one["member"] == "zoho/customers/z2"]
        assert [(one["rule"], one["to_at"]) for one in left] == [("tax_id", NOW)], (
            "it was linked until they were parted"
        )
        (said,) = joined["answers"]
        assert said["subject"] == "zoho/customers/z1"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_shown_of_every_pair_is_what_was_settled(engine: Engine, config: Config, rows: Rows) -> None:
    with engine.connect() as conn:
        books = Books(conn, config)
        books.land(rows)
        looked_at(books)
