"""How many legal persons bear a name, brand or domain: counted as records come, no longer at every question

Revision: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "key_bearers",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_key_bearers")),
    )
    op.create_index("ix_party_keys_held", "party_keys", ["member", "kind", "value"], unique=False)
    op.drop_index("ix_party_keys_member", table_name="party_keys")
    # Counted up to 8, on which nothing more depends.
    op.execute(
        "INSERT INTO key_bearers (kind, value, persons) "
        "SELECT s.kind, s.value, CASE WHEN count(DISTINCT t.value) < 8 THEN count(DISTINCT t.value) ELSE 8 END "
        "FROM party_keys s JOIN party_keys t ON t.member = s.member AND t.kind = 'tax' "
        "WHERE s.kind IN ('brand', 'word', 'domain', 'name', 'spoken') "
        "GROUP BY s.kind, s.value HAVING count(DISTINCT t.value) > 1"
    )
