"""Doorbells: a generation per drain, so that a ring which arrives while a drain ends is not lost (D3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from tieout.store.session import reading, unit
from tieout.store.tables import doorbells


def bump(engine: Engine, name: str, now: datetime) -> int:
    """Note a ring; answers the new generation."""
    with unit(engine, "queue.enqueue") as conn:
        make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        statement = make(doorbells).values(name=name, generation=1, rung_at=now)
        found = conn.execute(
            statement.on_conflict_do_update(
                index_elements=[doorbells.c.name], set_={"generation": doorbells.c.generation + 1, "rung_at": now}
            ).returning(doorbells.c.generation)
        ).scalar_one()
    return int(found)


def generation(engine: Engine, name: str) -> int:
    """The present generation; 0 if it was never rung."""
    with reading(engine) as conn:
        return int(conn.execute(select(doorbells.c.generation).where(doorbells.c.name == name)).scalar() or 0)
