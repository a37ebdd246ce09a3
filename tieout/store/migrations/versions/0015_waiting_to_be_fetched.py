"""What waits to be fetched is found without looking through everything: a pull of one change no longer grows

Revision: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_WAITS = {"sqlite": "needs_fetch IS 1", "postgresql": "needs_fetch IS true"}


def upgrade() -> None:
    op.drop_index("ix_source_records_fetch", table_name="source_records")
    op.create_index(
        "ix_source_records_fetch",
        "source_records",
        ["connection", "stream", "external_id"],
        unique=False,
        sqlite_where=sa.text(_WAITS["sqlite"]),
        postgresql_where=sa.text(_WAITS["postgresql"]),
    )
