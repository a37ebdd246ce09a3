"""Credit policies are orders too: their thresholds are kept with the order

Revision: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import tieout.store.types

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("credit_terms", sa.Column("body", tieout.store.types.Json(), nullable=True))
