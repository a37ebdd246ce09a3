"""Message texts of users

Revision: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0010"
down_revision = "0009"

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dunning_texts",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=24), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dunning_texts")),
    )
    op.create_index("ix_dunning_texts_active", "dunning_texts", ["company_id", "is_active"], unique=False)
