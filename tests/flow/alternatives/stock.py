"""0014: SQLite read as its driver has it, without a transaction, instead of under an explicit BEGIN."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, func, select

from tests.flow.alternatives.place import Size, folder
from tieout.store.migrate import migrate
from tieout.store.session import make_engine, reading, unit
from tieout.store.tables import meta

TURNS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs of reads in one transaction that saw two states while somebody wrote in between."""

    pairs: int
    stock: int
    ours: int

    def __str__(self) -> str:
        return (
            f"of {self.pairs} pairs of reads in one transaction with somebody else's write in between, saw two states: "
            f"{self.stock} with the stock driver mode, {self.ours} with an explicit BEGIN"
        )


def run(size: Size) -> Found:
    with folder() as home:
        url = f"sqlite:///{home}/tieout.db"
        ours = make_engine(url)
        migrate(ours)
        stock = create_engine(url)
        try:
            return Found(
                TURNS,
                sum(_sees_two_states(ours, turn, stock.connect) for turn in range(TURNS)),
                sum(_sees_two_states(ours, TURNS + turn, lambda: reading(ours)) for turn in range(TURNS)),
            )
        finally:
            stock.dispose()
            ours.dispose()


def _sees_two_states(writer: Engine, turn: int, begin: Callable[[], AbstractContextManager[Connection]]) -> bool:
    count = select(func.count()).select_from(meta)
    with begin() as conn:
        first = conn.execute(count).scalar_one()
        with unit(writer, "admin.commit") as other:
            other.execute(meta.insert().values(key=f"turn {turn}", value=""))
        return bool(conn.execute(count).scalar_one() != first)
