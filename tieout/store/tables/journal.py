"""The append-only journal and its hash chain, one link per commit (design decisions D11, D12)."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Seq, Utc

commits = Table(
    "commits",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("seq", Seq, nullable=False),
    Column("position", Integer, nullable=False),  # order inside the commit
    Column("company_id", String(64), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("origin", String(8), nullable=False),  # mirrored | own
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("document_id", String(40)),
    Column("allocation_id", String(40)),
    Column("reverses_id", String(40)),
    Column("source_seq", Seq),  # the input behind it
    Column("reason", Text, nullable=False, default=""),
)
Index("ix_entries_seq", entries.c.seq, entries.c.position)
Index("ix_entries_document", entries.c.document_id)
Index("ix_entries_reverses", entries.c.reverses_id)

postings = Table(
    "postings",
    metadata,
    Column("entry_id", String(40), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("code", String(24), nullable=False),
    Column("account_id", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # debit > 0
    Column("document_id", String(40)),
    Column("line_id", Text),
)
Index("ix_postings_account", postings.c.account_id, postings.c.code, postings.c.currency)

# Running balances per account, code and currency; `verify` recomputes them from the postings.
balances = Table(
    "balances",
    metadata,
    Column("account_id", String(40), primary_key=True),
    Column("code", String(24), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
)
