"""The short way to SQLite is SQLAlchemy's own: a world that takes it and one that does not are the same world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, bindparam, column, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from tests.sim.database import Database
from tests.sim.plan import draw
from tests.sim.quick import Quick
from tests.sim.twin import Theatre
from tieout.store.migrate import migrate
from tieout.store.tables import leases, meta

_UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
_l = leases.c
_NAMED = select(_l.name, _l.owner, _l.fence).where(_l.name == bindparam("name"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = Database(tmp_path, "quick", "sqlite")
    migrate(database.engine)
    yield database.engine
    database.close()


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each statement went the short way."""
    out: list[bool] = []
    way = Quick._quickly

    def counted(self: Quick, elem: object, given: dict[str, object]) -> object:
        found = way(self, elem, given)
        out.append(found is not None)
        return found

    monkeypatch.setattr(Quick, "_quickly", counted)
    return out


def _lease(conn: Connection, name: str, fence: int) -> None:
    conn.execute(insert(leases).values(name=name, owner="me", fence=fence, until_at=_UNTIL))


def test_a_world_goes_as_it_goes_the_whole_way(
    theatre: Theatre, walked: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = draw(11, 25)
    short = theatre.run(plan)
    assert sum(walked) > len(walked) * 0.7
    monkeypatch.setattr(Quick, "_quickly", lambda *_: None)
    whole = theatre.run(plan)
    assert (short.log, short.calm_log, short.problems) == (whole.log, whole.calm_log, whole.problems)


def test_values_come_from_the_call_and_from_the_statement(engine: Engine, walked: list[bool]) -> None:
    with engine.connect() as conn:
        for number, name in enumerate(("a", "b")):
            _lease(conn, name, number)
        for _ in range(2):  # the first time SQLAlchemy goes its whole way
            walked.clear()
            assert [conn.execute(_NAMED, {"name": name}).one().fence for name in ("a", "b")] == [0, 1]
            assert [conn.execute(select(_l.fence).where(_l.name == name)).scalar_one() for name in "ab"] == [0, 1]
            assert conn.execute(_NAMED.where(_l.fence == 1), {"name": "a"}).first() is None
        assert walked == [True] * 5


def test_rows_answer_to_names_places_and_columns(engine: Engine, walked: list[bool]) -> None:
    with engine.connect() as conn:
        _lease(conn, "a", 3)
        for _ in range(2):
            row = conn.execute(_NAMED, {"name": "a"}).one()
            assert (row.name, row[2], row._mapping[_l.owner]) == ("a", 3, "me")
            assert conn.execute(_NAMED, {"name": "a"}).mappings().one() == {"name": "a", "owner": "me", "fence": 3}
        assert walked[-1]


def test_rows_written_are_counted_and_their_tables_named(engine: Engine, walked: list[bool]) -> None:
    with engine.connect() as conn:
        _lease(conn, "a", 1)
        engine.written.clear()  # type: ignore[attr-defined]
        change = update(leases).where(_l.name == bindparam("of")).values(owner=bindparam("to"))
        walked.clear()
        assert [conn.execute(change, {"of": name, "to": "you"}).rowcount for name in ("a", "nobody")] == [1, 0]
        assert engine.written == {"leases"}  # type: ignore[attr-defined]
        assert walked == [True, True]


def test_what_fails_fails_as_ever(engine: Engine) -> None:
    with engine.connect() as conn:
        _lease(conn, "a", 1)
        with pytest.raises(IntegrityError):
            _lease(conn, "a", 2)
        for _ in range(2):
            with pytest.raises(StatementError, match="A value is required for bind parameter 'name'"):
                conn.execute(_NAMED, {})


def test_what_is_not_plain_goes_the_whole_way(engine: Engine, walked: list[bool]) -> None:
    with engine.connect() as conn:
        conn.execute(insert(meta), [{"key": "k1", "value": "1"}, {"key": "k2", "value": "2"}])
        assert walked == []
        keys = [conn.execute(select(meta.c.key).where(meta.c.key.in_(some))).all() for some in (["k1"], ["k1", "k2"])]
        assert [len(found) for found in keys] == [1, 2]
        assert conn.execute(text("SELECT count(*) FROM meta WHERE key LIKE :like"), {"like": "k%"}).scalar() == 2
        assert conn.execute(select(column("value")).select_from(text("meta")).where(text("key = 'k2'"))).scalar() == "2"
        assert walked[:3] == [False] * 3
