"""Relations beside the customers: branches, members of groups, names a customer has beside those of the books."""

from sqlalchemy import Column, Date, Index, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Seq, Utc

# member = account id, or `connection/stream/external_id` of a CRM record; target likewise, or a customer id.
# Rows are closed, never changed. No balance is read through them.
relations = Table(
    "relations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("owner", Text, nullable=False),  # the record whose looking at makes and closes the row
    Column("member", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # branch_of member_of_group alias former_name
    Column("target", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),  # of an alias or former name
    Column("from_seq", Seq, nullable=False),
    Column("to_seq", Seq),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("rule", String(16), nullable=False),  # found, stated
    Column("rule_version", String(40), nullable=False),
    Column("evidence", Json),
    Column("answer_seq", Seq),
)
Index("ix_relations_owner", relations.c.owner, relations.c.to_seq)
Index("ix_relations_member", relations.c.member, relations.c.to_seq)
Index("ix_relations_target", relations.c.target, relations.c.to_seq)
