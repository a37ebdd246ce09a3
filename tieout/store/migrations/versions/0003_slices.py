"""Pulls and sweeps in slices, queued runs, changes judged at the end of a run

Revision: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "sweep_marks",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "external_id", name=op.f("pk_sweep_marks")),
    )
    op.add_column("connections", sa.Column("pull_round", tieout.store.types.Json(), nullable=True))
    op.add_column("watermarks", sa.Column("leg", tieout.store.types.Json(), nullable=True))
    op.add_column("watermarks", sa.Column("held_back", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("queued_at", tieout.store.types.Utc(length=27), nullable=True))
    op.add_column("runs", sa.Column("body", tieout.store.types.Json(), nullable=True))
    op.add_column("outbox", sa.Column("is_counting", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_outbox_counting",
        "outbox",
        ["connection"],
        unique=False,
        sqlite_where=sa.text("is_counting"),
        postgresql_where=sa.text("is_counting"),
    )
