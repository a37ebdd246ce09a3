"""A customer record is stored as it is compared, so that a new record is held against others without reading each anew

Revision: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # Filled as records are read or looked at; until then a record is taken apart from its candidate.
    op.add_column("source_records", sa.Column("facts", sa.LargeBinary(), nullable=True))
