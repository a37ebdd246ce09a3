"""Accounts, customers, memberships on two time axes, and conflicts (design decision D10)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Seq, Utc

# One per book-of-record customer and company; postings hang here and never move.
accounts = Table(
    "accounts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("company_id", String(64), nullable=False),
    Column("connection", String(64), nullable=False),
    Column("party_ref", Text, nullable=False),  # customer number in the book of record
    Column("external_id", Text),  # record id of the party, once seen
    Column("name", Text, nullable=False),
    Column("is_provisional", Boolean, nullable=False),
    Column("created_at", Utc, nullable=False),
)
Index("uq_accounts_ref", accounts.c.company_id, accounts.c.connection, accounts.c.party_ref, unique=True)

customers = Table(
    "customers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("created_by", Text, nullable=False),
)

# member = account id, or `connection/stream/external_id` of a CRM record. Rows are closed, never changed.
memberships = Table(
    "memberships",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("member", Text, nullable=False),
    Column("customer_id", String(40), nullable=False),
    Column("from_seq", Seq, nullable=False),
    Column("to_seq", Seq),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("rule", String(64), nullable=False),
    Column("rule_version", String(40), nullable=False),
    Column("evidence", Json),
    Column("answer_seq", Seq),
)
Index("ix_memberships_member", memberships.c.member, memberships.c.to_seq)
Index("ix_memberships_customer", memberships.c.customer_id, memberships.c.to_seq)

# Blocking keys of every party record: tax ids and exact legal names.
party_keys = Table(
    "party_keys",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("member", Text, primary_key=True),
)
# Whole, so that what a member holds is read from it alone, and its tax ids are not looked for among all tax ids.
Index("ix_party_keys_held", party_keys.c.member, party_keys.c.kind, party_keys.c.value)

# How many legal persons (valid tax ids) show under a name, brand or domain, where they are several; counted no further
# than anything depends on it, so that a common key costs no more than a rare one.
key_bearers = Table(
    "key_bearers",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("persons", Integer, nullable=False),
)

# What people decided; an undo closes the row. Read before every rule (must-link, must-not-link, bind, leave alone).
answers = Table(
    "answers",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),  # the input it came with
    Column("subject", Text, nullable=False),  # member or claim, connection/stream/external_id
    Column("action", String(16), nullable=False),  # link separate bind leave
    Column("target", Text, nullable=False, default=""),
    Column("actor", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("conflict_id", String(40)),
    Column("is_active", Boolean, nullable=False),
)
Index("ix_answers_subject", answers.c.subject, answers.c.is_active)
Index("ix_answers_target", answers.c.target, answers.c.is_active)

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(24), nullable=False),  # identity unlinked_document unmapped_value invalid_record …
    Column("cause", Text, nullable=False),  # groups repeats; one open conflict per (kind, cause)
    Column("connection", String(64)),
    Column("stream", String(64)),
    Column("external_id", Text),
    Column("title", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("suggestions", Json, nullable=False),
    Column("currency", String(3)),
    Column("money_minor", BigInteger, nullable=False, default=0),
    Column("blocks_balance", Boolean, nullable=False, default=False),
    Column("state", String(12), nullable=False),  # open resolved superseded
    Column("owner", Text),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("answer_seq", Seq),
    Column("answered_by", Text),
    Column("answer", Json),
    Column("rule_id", String(40)),  # the rule that answered it, until a person does
)
Index(
    "uq_conflicts_open",
    conflicts.c.kind,
    conflicts.c.cause,
    unique=True,
    sqlite_where=conflicts.c.state == "open",
    postgresql_where=conflicts.c.state == "open",
)
Index("ix_conflicts_state", conflicts.c.state, conflicts.c.money_minor)
Index("ix_conflicts_record", conflicts.c.connection, conflicts.c.stream, conflicts.c.external_id)
Index("ix_conflicts_rule", conflicts.c.rule_id)

# One answer for every conflict of a shape, until a person ends it. Rows change state, their words never.
answer_rules = Table(
    "answer_rules",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("seq", Seq, nullable=False),  # the input it came with
    Column("kind", String(24), nullable=False),  # the kind of conflict
    Column("connection", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("field", Text, nullable=False),  # source path of an unmapped value; what kind of document is unlinked
    Column("value", Text, nullable=False, default=""),
    Column("action", String(16), nullable=False),  # leave map
    Column("target", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("author", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("state", String(12), nullable=False),  # active ended
    Column("ended_by", Text),
    Column("ended_at", Utc),
    Column("end_note", Text, nullable=False, default=""),
    Column("undone", BigInteger, nullable=False, default=0),  # conflicts and records that were taken back at its end
)
Index("ix_answer_rules_state", answer_rules.c.state, answer_rules.c.seq)

# Records that are mapped by a rule, with what stood before it: so that the rule can be taken back.
rule_uses = Table(
    "rule_uses",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("rule_id", String(40), primary_key=True),
    Column("before_kind", String(16)),
    Column("before", LargeBinary),
)
Index("ix_rule_uses_rule", rule_uses.c.rule_id)
