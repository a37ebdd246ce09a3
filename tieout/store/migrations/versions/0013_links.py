"""What settles without an entry keeps its history: a report of the past shows what was settled then

Revision: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("allocation_id", sa.String(length=40), nullable=False),
        sa.Column("from_seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("to_seq", _SEQ, nullable=True),
        sa.Column("from_document_id", sa.String(length=40), nullable=False),
        sa.Column("to_document_id", sa.String(length=40), nullable=False),
        sa.Column("to_line", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("allocation_id", "from_seq", name=op.f("pk_links")),
    )
    # What stands is known since its source said so; what stood before was not kept. Without those from before the
    # books: they are in the openings of their documents.
    op.execute(
        "INSERT INTO links (allocation_id, from_seq, from_document_id, to_document_id, to_line, amount_minor, "
        "effective_on) "
        "SELECT a.id, a.source_seq, a.from_document_id, a.to_document_id, a.to_line, a.amount_minor, "
        "CASE WHEN a.effective_on >= s.issue_on AND a.effective_on >= t.issue_on THEN a.effective_on "
        "WHEN s.issue_on >= t.issue_on THEN s.issue_on ELSE t.issue_on END "
        "FROM allocations a JOIN documents s ON s.id = a.from_document_id JOIN documents t ON t.id = a.to_document_id "
        "LEFT JOIN openings o ON o.connection = a.connection AND o.is_current "
        "WHERE a.is_applied AND a.entry_id IS NULL AND (o.start_on IS NULL OR a.effective_on >= o.start_on "
        "OR s.issue_on >= o.start_on OR t.issue_on >= o.start_on)"
    )
