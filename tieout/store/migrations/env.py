"""Alembic's entry: run migrations on the engine that was handed in, one transaction each."""

from __future__ import annotations

from alembic import context

from tieout.store.session import commit, is_sqlite
from tieout.store.tables import metadata

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    if is_sqlite(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=is_sqlite(connection))
    context.run_migrations()
    commit(connection)
