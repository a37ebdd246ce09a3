"""Doorbells: a generation per drain, so that a ring which arrives while a drain ends is not lost (D3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from tieout.store.session import reading, unit
from tieout.store.tables import doorbells

_d = doorbells.c
_BUMP = {
    name: make(doorbells)
    .values(generation=1)
    .on_conflict_do_update(
        index_elements=[_d.name],
        set_={"generation": _d.generation + 1, "rung_at": bindparam("now", type_=_d.rung_at.type)},
    )
    .returning(_d.generation)
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_GENERATION = select(_d.generation).where(_d.name == bindparam("of"))


def bump(engine: Engine, name: str, now: datetime) -> int:
    """Note a ring; answers the new generation."""
    with unit(engine, "queue.enqueue") as conn:
        found = conn.execute(_BUMP[conn.dialect.name], {"name": name, "rung_at": now, "now": now}).scalar_one()
    return int(found)


def generation(engine: Engine, name: str) -> int:
    """The present generation; 0 if it was never rung."""
    with reading(engine) as conn:
        return int(conn.execute(_GENERATION, {"of": name}).scalar() or 0)
