"""Documents of the books of record, their open items and allocations, and the claims bound to them (D9)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Seq, Utc

documents = Table(
    "documents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("company_id", String(64), nullable=False),
    Column("account_id", String(40), nullable=False),
    Column("connection", String(64), nullable=False),
    Column("external_id", Text, nullable=False),  # unique over the source's forms, e.g. AR_receivable:100001
    Column("stream", String(64), nullable=False),  # with record_id: the source record behind it
    Column("record_id", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # invoice credit_note payment refund
    Column("number", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total_minor", BigInteger, nullable=False),  # signed as the ledger sees it
    Column("open_minor", BigInteger, nullable=False),  # signed; payments: the part not yet applied
    Column("issue_on", Date, nullable=False),
    Column("due_on", Date),
    Column("state", String(8), nullable=False),  # posted draft void
    Column("is_opening", Boolean, nullable=False, default=False),
    Column("last_payment_on", Date),
    Column("source_seq", Seq, nullable=False),
    Column("entry_id", String(40)),  # entry that stands; None when draft or void
    Column("posting_digest", String(32), nullable=False, default=""),  # of what stands: same digest, no repost
    Column("created_at", Utc, nullable=False),
)
Index("uq_documents_ref", documents.c.connection, documents.c.external_id, unique=True)
Index("ix_documents_record", documents.c.connection, documents.c.stream, documents.c.record_id)
Index("ix_documents_account", documents.c.account_id, documents.c.currency, documents.c.open_minor)
Index("ix_documents_amount", documents.c.account_id, documents.c.total_minor)

# number, order, external: how claims and payments find a document. Values are normalised.
document_keys = Table(
    "document_keys",
    metadata,
    Column("kind", String(12), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("document_id", String(40), primary_key=True),
)
Index("ix_document_keys_document", document_keys.c.document_id)

open_items = Table(
    "open_items",
    metadata,
    Column("id", Text, primary_key=True),  # document id : line id
    Column("document_id", String(40), nullable=False),
    Column("line_id", Text, nullable=False),
    Column("account_id", String(40), nullable=False),
    Column("company_id", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("original_minor", BigInteger, nullable=False),
    Column("open_minor", BigInteger, nullable=False),
)
Index("ix_open_items_document", open_items.c.document_id)
Index("ix_open_items_account", open_items.c.account_id, open_items.c.currency, open_items.c.open_minor)
Index("ix_open_items_due", open_items.c.due_on)
# What is owed by due day is added up from the index alone, at each look at the overview and the charts.
Index(
    "ix_open_items_owed",
    open_items.c.company_id,
    open_items.c.currency,
    open_items.c.due_on,
    open_items.c.open_minor,
    sqlite_where=open_items.c.open_minor > 0,
    postgresql_where=open_items.c.open_minor > 0,
)

allocations = Table(
    "allocations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("group_key", Text, nullable=False),
    Column("company_id", String(64), nullable=False),
    Column("from_ref", Text, nullable=False),
    Column("to_ref", Text, nullable=False),
    Column("from_document_id", String(40)),
    Column("to_document_id", String(40)),
    Column("to_line", Text, nullable=False, default=""),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_applied", Boolean, nullable=False, default=False),
    Column("refusal", Text),
    Column("entry_id", String(40)),
    Column("posting_digest", String(32), nullable=False, default=""),
    Column("source_seq", Seq, nullable=False),
)
Index("uq_allocations_group", allocations.c.connection, allocations.c.group_key, unique=True)
Index("ix_allocations_from", allocations.c.connection, allocations.c.from_ref)
Index("ix_allocations_to", allocations.c.connection, allocations.c.to_ref)
Index("ix_allocations_from_document", allocations.c.from_document_id)
Index("ix_allocations_to_document", allocations.c.to_document_id)

# Sources that log both sides of a settlement give one group key twice; it counts while all its rows are active.
allocation_sources = Table(
    "allocation_sources",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("group_key", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
)
Index("ix_allocation_sources_group", allocation_sources.c.connection, allocation_sources.c.group_key)

# How one applied allocation falls on the instalments of its debit document.
allocation_lines = Table(
    "allocation_lines",
    metadata,
    Column("allocation_id", String(40), primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
)
Index("ix_allocation_lines_item", allocation_lines.c.item_id)

# Applied allocations that have no entry, being on one side of one account: their history, for reports of the past. One
# in force has no `to_seq`; both numbers are those of the batch that decided, in the input log.
links = Table(
    "links",
    metadata,
    Column("allocation_id", String(40), primary_key=True),
    Column("from_seq", Seq, primary_key=True, autoincrement=False),
    Column("to_seq", Seq),
    Column("from_document_id", String(40), nullable=False),
    Column("to_document_id", String(40), nullable=False),
    Column("to_line", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("effective_on", Date, nullable=False),
)

# What a CRM says about an invoice, order or deal.
claims = Table(
    "claims",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("label", Text, nullable=False),
    Column("party_ref", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger),
    Column("deal_ref", Text, nullable=False, default=""),
    Column("is_active", Boolean, nullable=False),
    Column("source_seq", Seq, nullable=False),
)
Index("ix_claims_party", claims.c.connection, claims.c.party_ref)
Index("ix_claims_deal", claims.c.connection, claims.c.deal_ref)

claim_keys = Table(
    "claim_keys",
    metadata,
    Column("kind", String(12), primary_key=True),  # external number order
    Column("value", Text, primary_key=True),
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
)
Index("ix_claim_keys_claim", claim_keys.c.connection, claim_keys.c.stream, claim_keys.c.external_id)

# Claim <-> posted document, with the rule that matched. Rows are closed, never changed.
bindings = Table(
    "bindings",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("external_id", Text, nullable=False),
    Column("document_id", String(40), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("evidence", Json),
    Column("from_seq", Seq, nullable=False),
    Column("to_seq", Seq),
    Column("recorded_at", Utc, nullable=False),
    Column("answer_seq", Seq),
)
Index("ix_bindings_claim", bindings.c.connection, bindings.c.stream, bindings.c.external_id, bindings.c.to_seq)
Index("ix_bindings_document", bindings.c.document_id, bindings.c.to_seq)
