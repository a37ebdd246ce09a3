"""Reports and alerts on their way to people, and the conditions they were told of

Revision: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("body", tieout.store.types.Json(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("created_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("updated_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("uq_notices_occasion", "notices", ["occasion", "target"], unique=True)
    op.create_index("ix_notices_due", "notices", ["state", "not_before_at"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("last_seen_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("over_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alerts")),
    )
