"""Disputes, promises, plans, pauses and contacts; dunning policies

Revision: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("body", tieout.store.types.Json(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("opened_seq", SEQ, nullable=False),
        sa.Column("opened_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_body", tieout.store.types.Json(), nullable=True),
        sa.Column("closed_seq", SEQ, nullable=True),
        sa.Column("closed_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_customer", "cases", ["customer_id", "kind"], unique=False)
    op.create_table(
        "case_links",
        sa.Column("ref", KEY, nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("ref", "case_id", name=op.f("pk_case_links")),
    )
    op.create_index("ix_case_links_case", "case_links", ["case_id"], unique=False)
    op.create_table(
        "dunning_policies",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dunning_policies")),
    )
    op.create_index("ix_dunning_policies_active", "dunning_policies", ["company_id", "is_active"], unique=False)
