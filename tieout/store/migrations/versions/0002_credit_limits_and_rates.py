"""Credit limits of books and people, overrides, dated exchange rates

Revision: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "credit_limits",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("party_ref", sa.Text(), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("temporary_minor", sa.BigInteger(), nullable=False),
        sa.Column("temporary_from", sa.Date(), nullable=True),
        sa.Column("temporary_until", sa.Date(), nullable=True),
        sa.Column("is_managed", sa.Boolean(), nullable=False),
        sa.Column("source_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "external_id", name=op.f("pk_credit_limits")),
    )
    op.create_index("ix_credit_limits_party", "credit_limits", ["connection", "party_ref"], unique=False)
    op.create_table(
        "credit_terms",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("asked_at", tieout.store.types.Utc(length=27), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("approved_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_at", tieout.store.types.Utc(length=27), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_terms")),
    )
    op.create_index("ix_credit_terms_account", "credit_terms", ["account_id", "state"], unique=False)
    op.create_index("ix_credit_terms_state", "credit_terms", ["state", "seq"], unique=False)
    op.create_table(
        "rate_needs",
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("is_missing", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "currency", name=op.f("pk_rate_needs")),
    )
    op.create_index("ix_rate_needs_currency", "rate_needs", ["currency", "company_id", "is_missing"], unique=False)
    op.create_table(
        "rates",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("base", sa.String(length=3), nullable=False),
        sa.Column("quote", sa.String(length=3), nullable=False),
        sa.Column("rate", sa.Text(), nullable=False),
        sa.Column("rate_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rates")),
    )
    op.create_index("ix_rates_on", "rates", ["rate_on", "id"], unique=False)
    op.create_index("ix_rates_pair", "rates", ["base", "quote", "rate_on"], unique=False)
    op.create_table(
        "yardsticks",
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("body", tieout.store.types.Json(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "review_on", name=op.f("pk_yardsticks")),
    )
    # ### end Alembic commands ###
