"""Schema: brought to the version this code needs, or one clear line why not."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

from tieout.core import faults
from tieout.core.errors import HomeError

_FOLDER = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^(down_)?revision\b[^=\n]*= *"([^"]+)"', re.MULTILINE)


def _config() -> AlembicConfig:
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(_FOLDER))
    return config


@cache
def _revisions() -> tuple[frozenset[str], str]:
    """All revisions and the last, read from their files: Alembic is loaded only to change something."""
    every: set[str] = set()
    followed: set[str] = set()
    for file in (_FOLDER / "versions").glob("0*.py"):
        for down, name in _REVISION.findall(file.read_text(encoding="utf-8")):
            (followed if down else every).add(name)
    (last,) = every - followed
    return frozenset(every), last


def head() -> str:
    """The schema version this code needs."""
    return _revisions()[1]


def current(engine: Engine) -> str | None:
    """The schema version of a database; None when it is empty."""
    with engine.connect() as conn:
        if not inspect(conn).has_table("alembic_version"):
            return None
        return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine) -> bool:
    """Bring a database to this version; True when something was done.

    A database of a newer version, or one that holds foreign tables and no version, is refused.
    """
    have, want = current(engine), head()
    if have == want:
        return False
    if have is not None and have not in _revisions()[0]:
        raise HomeError(
            f"the database has schema version {have}, which this version of Tieout does not know",
            hint="Use the version of Tieout that wrote it, or another database.",
        )
    if have is None and inspect(engine).get_table_names():
        raise HomeError(
            "the database holds tables that are not Tieout's", hint="Give Tieout an empty database of its own."
        )
    faults.hit("before:migration.step")
    from alembic import command

    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
    faults.hit("after:migration.step")
    return True
