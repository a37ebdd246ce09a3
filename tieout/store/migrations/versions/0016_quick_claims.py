"""What is sent next, documents of one amount, and what is owed by due day come from an index, not from all there are

Revision: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_documents_amount", "documents", ["account_id", "total_minor"], unique=False)
    op.create_index(
        "ix_open_items_owed",
        "open_items",
        ["company_id", "currency", "due_on", "open_minor"],
        unique=False,
        sqlite_where=sa.text("open_minor > 0"),
        postgresql_where=sa.text("open_minor > 0"),
    )
    op.create_index(
        "ix_outbox_next",
        "outbox",
        ["connection", sa.text("abs(money_minor) DESC"), "created_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
