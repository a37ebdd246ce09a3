"""What is read again only where something was written is what reading everything would have found."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.sim import look
from tests.sim.look import Look, Rows, written_by
from tests.sim.plan import draw
from tests.sim.twin import Theatre
from tieout.store.session import make_engine

_read = Look.read


def test_every_look_of_a_world_is_what_a_whole_look_finds(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two worlds side by side, each look compared with the same queries asked in full."""
    asked: Counter[str] = Counter()

    def both(self: Look, conn: Connection, *, whole: bool = False) -> tuple[dict[str, Rows], set[str], list[str]]:
        found, fresh, unseen = _read(self, conn, whole=whole)
        cursor = conn.connection.cursor()
        for name, query in self._queries.items():
            assert found[name] == [tuple(row) for row in cursor.execute(query).fetchall()], name
        asked.update({"read": len(fresh), "left": len(self._queries) - len(fresh)})
        return found, fresh, unseen

    monkeypatch.setattr(look.Look, "read", both)
    assert theatre.run(draw(103, 40)).problems == []
    assert asked["left"] > asked["read"] > 100  # most is left alone, and some is not


def test_the_tables_of_a_statement() -> None:
    assert written_by('INSERT INTO "outbox" ("id") VALUES (?) ON CONFLICT DO NOTHING') == {"outbox"}
    assert "watermarks" in written_by("INSERT INTO watermarks (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = 1")
    assert "documents" in written_by("UPDATE documents SET open_minor=? WHERE documents.id = ?")
    assert written_by("DELETE FROM dirty WHERE dirty.kind = ?") == {"dirty"}
    assert written_by("SELECT outbox.id FROM outbox WHERE outbox.is_counting LIMIT ?") == frozenset()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Connection, Path]]:
    path = tmp_path / "some.db"
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect() as conn:
        conn.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, amount INTEGER)"))
        conn.execute(text("INSERT INTO things VALUES (1, 5)"))
        yield conn, path
    engine.dispose()


def test_a_write_past_the_door_is_found_by_a_whole_look(place: tuple[Connection, Path]) -> None:
    conn, path = place
    written: set[str] = set()
    one = Look({"things": "SELECT id, amount FROM things"}, written)
    assert one.read(conn) == ({"things": [(1, 5)]}, {"things"}, [])
    with sqlite3.connect(path) as past:
        past.execute("UPDATE things SET amount = 6")
    past.close()
    assert one.read(conn) == ({"things": [(1, 5)]}, set(), [])
    assert one.read(conn, whole=True) == ({"things": [(1, 6)]}, {"things"}, ["things"])


def test_a_noted_write_is_read_at_once(place: tuple[Connection, Path]) -> None:
    conn, _ = place
    written: set[str] = set()
    one = Look({"things": "SELECT id, amount FROM things"}, written)
    one.read(conn)
    statement = "UPDATE things SET amount = 7"
    conn.execute(text(statement))
    written.update(written_by(statement))
    assert one.read(conn) == ({"things": [(1, 7)]}, {"things"}, [])
    assert not written
