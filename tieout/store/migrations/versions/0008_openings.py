"""Where the books begin: openings and their items

Revision: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0008"
down_revision = "0007"

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("before_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("totals", tieout.store.types.Json(), nullable=False),
        sa.Column("at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_openings")),
    )
    op.create_index("ix_openings_connection", "openings", ["connection", "is_current"], unique=False)
    op.create_table(
        "opening_items",
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("postings", tieout.store.types.Json(), nullable=False),
        sa.Column("opening_seq", SEQ, nullable=True),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_opening_items")),
    )
