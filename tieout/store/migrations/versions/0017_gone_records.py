"""How many records are gone is counted from an index: the overview counts living ones at each look

Revision: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(
        "ix_source_records_deleted",
        "source_records",
        ["connection"],
        unique=False,
        sqlite_where=sa.text("is_deleted IS 1"),
        postgresql_where=sa.text("is_deleted IS true"),
    )
