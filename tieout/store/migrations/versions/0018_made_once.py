"""What callers said is to be made once: a form that is sent twice makes one thing

Revision: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "made_once",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("answer", tieout.store.types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_made_once")),
    )
    op.create_index("ix_made_once_at", "made_once", ["at"], unique=False)
