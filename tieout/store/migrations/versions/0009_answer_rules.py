"""Answers for every conflict of a shape: rules, what they answered, what is read by them

Revision: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0009"
down_revision = "0008"

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("conflicts", sa.Column("rule_id", sa.String(length=40), nullable=True))
    op.create_index("ix_conflicts_rule", "conflicts", ["rule_id"], unique=False)
    op.create_table(
        "answer_rules",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=False),
        sa.Column("undone", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_rules")),
    )
    op.create_index("ix_answer_rules_state", "answer_rules", ["state", "seq"], unique=False)
    op.create_table(
        "rule_uses",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.String(length=40), nullable=False),
        sa.Column("before_kind", sa.String(length=16), nullable=True),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "stream", "external_id", "rule_id", name=op.f("pk_rule_uses")),
    )
    op.create_index("ix_rule_uses_rule", "rule_uses", ["rule_id"], unique=False)
