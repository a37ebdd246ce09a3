"""Schema: brought to the version this code needs, or one clear line why not."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from tieout.core import faults
from tieout.core.errors import HomeError

_FOLDER = Path(__file__).parent / "migrations"


def _config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def head() -> str:
    """The schema version this code needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(engine: Engine) -> str | None:
    """The schema version of a database; None when it is empty."""
    with engine.connect() as conn:
        return MigrationContext.configure(conn).get_current_revision()


def migrate(engine: Engine) -> bool:
    """Bring a database to this version; True when something was done.

    A database of a newer version, or one that holds foreign tables and no version, is refused.
    """
    have, want = current(engine), head()
    if have == want:
        return False
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if have is not None and have not in known:
        raise HomeError(
            f"the database has schema version {have}, which this version of Tieout does not know",
            hint="Use the version of Tieout that wrote it, or another database.",
        )
    if have is None and inspect(engine).get_table_names():
        raise HomeError(
            "the database holds tables that are not Tieout's", hint="Give Tieout an empty database of its own."
        )
    faults.hit("before:migration.step")
    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
    faults.hit("after:migration.step")
    return True
