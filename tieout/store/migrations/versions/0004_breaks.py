"""Breaks of reconciliations, each with its own row, and how long the same break has been there

Revision: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "breaks",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("counterpart", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("body", tieout.store.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_breaks")),
    )
    op.create_table(
        "break_ages",
        sa.Column("counterpart", sa.String(length=64), nullable=False),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("first_seen_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("first_run_id", sa.String(length=40), nullable=False),
        sa.Column("last_run_id", sa.String(length=40), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("gone_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.PrimaryKeyConstraint("counterpart", "key", name=op.f("pk_break_ages")),
    )
