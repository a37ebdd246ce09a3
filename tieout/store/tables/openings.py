"""Where the books of a connection begin, and what stands of each document from before (design, section 7)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Seq, Utc

# One row per opening input; the newest of a connection is in force, one without a date took the beginning back.
openings = Table(
    "openings",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # the input it came with
    Column("connection", String(64), nullable=False),
    Column("start_on", Date),
    Column("before_on", Date),  # where the books began until then
    Column("reason", String(16), nullable=False),  # first added changed removed
    Column("totals", Json, nullable=False),  # company -> currency -> ledger code -> open minor units before start_on
    Column("at", Utc, nullable=False),
    Column("is_current", Boolean, nullable=False),
)
Index("ix_openings_connection", openings.c.connection, openings.c.is_current)

# One per posted document from before the beginning.
opening_items = Table(
    "opening_items",
    metadata,
    Column("document_id", String(40), primary_key=True),
    Column("start_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # signed as the ledger sees it; 0 = history without postings
    Column("postings", Json, nullable=False),  # of the full amount: [code, minor units, line]
    Column("opening_seq", Seq),  # the opening it follows; None: held without entry until the first reads have ended
)
