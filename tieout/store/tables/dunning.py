"""What people agree or dispute with customers, and the dunning policies in force: both folded from the input log."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Key, Seq, Utc

# A dispute, promise, plan, pause or contact. Closing and undoing change the row; the inputs keep every step.
cases = Table(
    "cases",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(12), nullable=False),  # dispute promise plan pause contact
    Column("company_id", String(64), nullable=False),
    Column("customer_id", String(40), nullable=False),  # as it was called when the case was opened
    Column("currency", String(3)),
    Column("amount_minor", BigInteger),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date),
    Column("body", Json, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("opened_seq", Seq, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column(
        "outcome", String(12), nullable=False, default=""
    ),  # '' accepted rejected partial withdrawn cancelled undone
    Column("closed_on", Date),
    Column("closed_body", Json),
    Column("closed_seq", Seq),
    Column("closed_at", Utc),
    Column("closed_by", Text),
)
Index("ix_cases_customer", cases.c.customer_id, cases.c.kind)

# What a case is about: open item ids, or account ids when it is about all of a customer's items.
case_links = Table(
    "case_links",
    metadata,
    Column("ref", Key, primary_key=True),
    Column("case_id", String(40), primary_key=True),
)
Index("ix_case_links_case", case_links.c.case_id)

# Every policy ever activated; decisions name its version.
dunning_policies = Table(
    "dunning_policies",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # the input it came with
    Column("company_id", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("version", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("is_active", Boolean, nullable=False),
)
# Message texts of users; a message keeps the version of the one it was made from.
dunning_texts = Table(
    "dunning_texts",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # the input it came with
    Column("company_id", String(64), nullable=False),
    Column("slot", String(24), nullable=False),  # step:L2, level:2, text:claim
    Column("language", String(8), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("version", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", Utc),
)
Index("ix_dunning_texts_active", dunning_texts.c.company_id, dunning_texts.c.is_active)
Index("ix_dunning_policies_active", dunning_policies.c.company_id, dunning_policies.c.is_active)
