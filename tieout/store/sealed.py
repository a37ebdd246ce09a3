"""Every sealed value of the database in one place: can they be opened, seal them anew, drop them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Connection, Engine, Table, delete, select, update

from tieout.core.crypto import Sealer
from tieout.core.errors import ConfigError
from tieout.store.session import reading
from tieout.store.tables import channels, tokens

# table, its sealed column; the place sealed inside is table/connection/column
_COLUMNS: tuple[tuple[Table, Column[str]], ...] = (
    (tokens, tokens.c.sealed),
    (channels, channels.c.sealed_token),
)


def unopenable(engine: Engine, sealer: Sealer) -> list[str]:
    """The places of values that cannot be opened with these keys."""
    bad: list[str] = []
    with reading(engine) as conn:
        for _, _, place, value in _values(conn):
            try:
                sealer.open(value, place)
            except ConfigError:
                bad.append(place)
    return bad


def reseal(conn: Connection, sealer: Sealer) -> int:
    """Seal every value with the newest key; answers how many. Running it twice, or going on after a crash, is safe."""
    found = list(_values(conn))
    for _, _, place, value in found:
        sealer.open(value, place)  # a value of an unknown key stops everything before anything is written
    for table, column, place, value in found:
        name = place.split("/")[1]
        conn.execute(
            update(table).where(table.c.connection == name, column == value).values({column.name: sealer.rotate(value)})
        )
    return len(found)


def drop(conn: Connection) -> None:
    """Forget every sealed value: tokens are minted anew, channels registered anew."""
    conn.execute(update(tokens).values(sealed=None))
    conn.execute(delete(channels))


def _values(conn: Connection) -> Iterator[tuple[Table, Column[str], str, str]]:
    for table, column in _COLUMNS:
        query = select(table.c.connection, column).where(column.is_not(None)).order_by(table.c.connection)
        for name, value in conn.execute(query).all():
            yield table, column, f"{table.name}/{name}/{column.name}", value
