"""A migration that is killed at any statement is done again by the next start."""

from __future__ import annotations

import os
import signal

import pytest
from sqlalchemy import event, inspect

from tests.crash.vendors import fork
from tieout.core import faults
from tieout.store.migrate import current, head, migrate
from tieout.store.session import make_engine
from tieout.store.tables import metadata


def _killed(url: str, point: str, statement: int) -> bool:
    """Migrate in a process that is killed at a fault point, or before its n-th statement that makes something."""

    def child() -> None:
        engine = make_engine(url)
        left = statement

        @event.listens_for(engine, "before_cursor_execute")
        def _count(conn: object, cursor: object, text: str, *_: object) -> None:
            nonlocal left
            if text.lstrip().upper().startswith(("CREATE", "INSERT")):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        if point:
            faults.kill_at(point)
        migrate(engine)

    status = os.waitpid(fork(child), 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize(
    ("point", "statement"),
    [("before:migration.step", 0), ("after:migration.step", 0), ("", 1), ("", 2), ("", 30), ("", 60)],
)
def test_a_killed_migration_is_done_again(blank_url: str, point: str, statement: int) -> None:
    assert _killed(blank_url, point, statement)
    engine = make_engine(blank_url)
    migrate(engine)
    assert current(engine) == head()
    assert set(metadata.tables) <= set(inspect(engine).get_table_names())
    engine.dispose()
