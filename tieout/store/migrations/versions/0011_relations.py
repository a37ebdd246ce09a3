"""Relations beside the customers: branches, members of groups, further names

Revision: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0011"
down_revision = "0010"

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "relations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_seq", SEQ, nullable=False),
        sa.Column("to_seq", SEQ, nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("closed_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("evidence", tieout.store.types.Json(), nullable=True),
        sa.Column("answer_seq", SEQ, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relations")),
    )
    op.create_index("ix_relations_owner", "relations", ["owner", "to_seq"], unique=False)
    op.create_index("ix_relations_member", "relations", ["member", "to_seq"], unique=False)
    op.create_index("ix_relations_target", "relations", ["target", "to_seq"], unique=False)
