"""Credit: what books and people say a customer may owe, and the dated exchange rates it is judged with."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Key, Seq, Utc

# What the book of record states, one row per source record.
credit_limits = Table(
    "credit_limits",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("party_ref", Text, nullable=False),  # customer number in the book of record
    Column("company_id", String(64), nullable=False, default=""),  # "" = every company of the connection
    Column("currency", String(3), nullable=False, default=""),
    Column("amount_minor", BigInteger),  # NULL = no amount stated
    Column("temporary_minor", BigInteger, nullable=False, default=0),
    Column("temporary_from", Date),
    Column("temporary_until", Date),
    Column("is_managed", Boolean, nullable=False, default=True),
    Column("source_seq", Seq, nullable=False),
)
Index("ix_credit_limits_party", credit_limits.c.connection, credit_limits.c.party_ref)

# What people order: a limit, a status for a while, or the policy of a company. Rows change state, their words never.
credit_terms = Table(
    "credit_terms",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("seq", Seq, nullable=False),  # the input it came with
    Column("kind", String(12), nullable=False),  # limit | override | policy
    Column("account_id", String(40), nullable=False),  # it follows the account through merges; "" for a policy
    Column("company_id", String(64), nullable=False),
    Column("currency", String(3), nullable=False, default=""),
    Column("amount_minor", BigInteger),  # the limit; an override's cap on exposure
    Column("status", String(8), nullable=False, default=""),  # an override's ok watch hold
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("reason", Text, nullable=False),
    Column("state", String(12), nullable=False),  # waiting active withdrawn
    Column("author", Text, nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("approver", Text, nullable=False, default=""),
    Column("approved_at", Utc),
    Column("ended_by", Text, nullable=False, default=""),
    Column("ended_at", Utc),
    Column("end_reason", Text, nullable=False, default=""),
    Column("body", Json),  # a policy's thresholds
)
Index("ix_credit_terms_account", credit_terms.c.account_id, credit_terms.c.state)
Index("ix_credit_terms_state", credit_terms.c.state, credit_terms.c.seq)

# One unit of base is `rate` units of quote; exact decimals as text.
rates = Table(
    "rates",
    metadata,
    Column("id", Key, primary_key=True),  # connection.stream.record, or company.base.quote.date of a statement
    Column("company_id", String(64), nullable=False, default=""),  # "" = every company
    Column("base", String(3), nullable=False),
    Column("quote", String(3), nullable=False),
    Column("rate", Text, nullable=False),
    Column("rate_on", Date, nullable=False),
    Column("until_on", Date),
    Column("source", Text, nullable=False),
    Column("rank", BigInteger, nullable=False, default=0),  # people and files over the books
    Column("seq", Seq, nullable=False),
    Column("is_active", Boolean, nullable=False),
)
Index("ix_rates_pair", rates.c.base, rates.c.quote, rates.c.rate_on)
Index("ix_rates_on", rates.c.rate_on, rates.c.id)

# Which standing credit decisions use or wait for a rate: a new one touches these and no others.
rate_needs = Table(
    "rate_needs",
    metadata,
    Column("subject", Key, primary_key=True),  # customer|company
    Column("currency", String(3), primary_key=True),
    Column("company_id", String(64), nullable=False),
    Column("is_missing", Boolean, nullable=False),
)
Index("ix_rate_needs_currency", rate_needs.c.currency, rate_needs.c.company_id, rate_needs.c.is_missing)

# How much customers bought in the twelve months before a review, as quantiles: what one customer's share is told by.
yardsticks = Table(
    "yardsticks",
    metadata,
    Column("company_id", String(64), primary_key=True),
    Column("review_on", Date, primary_key=True),
    Column("body", Json, nullable=False),
    Column("seq", Seq, nullable=False),
)
