"""Decisions, the outbox of intended effects, what remotes were seen to hold, webhooks in (D3, D5, D8, D13)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, String, Table, Text, func

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Key, Seq, Utc

# value + inputs + rule version. A new decision closes the one before; nothing is changed in place.
decisions = Table(
    "decisions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(24), nullable=False),  # payment_status credit reminder
    Column("subject", Text, nullable=False),  # document id | connection/stream/id | customer id
    Column("company_id", String(64), nullable=False, default=""),
    Column("value", String(32), nullable=False),
    Column("body", Json, nullable=False),  # the figures that go with the value
    Column("reasons", Json, nullable=False),
    Column("inputs", Json, nullable=False),
    Column("rule_version", String(40), nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("seq", Seq, nullable=False),  # input mark it was made under
    Column("is_current", Boolean, nullable=False),
    Column("next_change_on", Date),
)
Index("ix_decisions_subject", decisions.c.subject, decisions.c.kind, decisions.c.is_current)
Index("ix_decisions_next", decisions.c.next_change_on, decisions.c.is_current)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("module", String(64), nullable=False),
    Column("operation", String(8), nullable=False),  # update | create
    Column("remote_id", Text, nullable=False),  # '' for creates
    Column("fields", Json, nullable=False),  # exactly what is to be set
    Column("riders", Json),  # names of fields that travel along and are no reason to write (AR_As_Of)
    Column("before", Json, nullable=False),  # what the remote was seen to hold
    Column("reason", Json, nullable=False),  # decision ids and words
    Column("event_key", Text),  # unique for reminders; NULL for state pushes
    Column("key_field", String(64), nullable=False, default=""),
    Column("parent_module", String(64), nullable=False, default=""),
    Column("parent_id", Text, nullable=False, default=""),
    Column("subject", Text, nullable=False),  # what it is about (document, customer)
    Column("version", Integer, nullable=False),
    Column("currency", String(3)),
    Column("money_minor", BigInteger, nullable=False, default=0),
    Column("state", String(12), nullable=False),
    # planned parked ready claimed sent uncertain done dead superseded cancelled
    # made ready by the apply run that is going on: nobody sends it before the run's end judges the change limits
    Column("is_counting", Boolean, nullable=False, default=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before_at", Utc),
    Column("lease_owner", Text),
    Column("lease_until_at", Utc),
    Column("fence", Integer, nullable=False, default=0),
    Column("error_code", Text),
    Column("error", Text),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("sent_at", Utc),
    Column("done_at", Utc),
    Column("receipt", Json),
    Column("approved_by", Text),
)
Index(
    "uq_outbox_open",
    outbox.c.connection,
    outbox.c.module,
    outbox.c.remote_id,
    unique=True,
    # A newer state may wait behind one that is in flight; a claim skips it until the flight has landed (D8).
    sqlite_where=(outbox.c.operation == "update") & outbox.c.state.in_(["planned", "parked", "ready"]),
    postgresql_where=(outbox.c.operation == "update") & outbox.c.state.in_(["planned", "parked", "ready"]),
)
Index("uq_outbox_event", outbox.c.connection, outbox.c.event_key, unique=True)
Index("ix_outbox_due", outbox.c.state, outbox.c.connection, outbox.c.not_before_at)
# In the order in which rows are sent, so that a claim of a few does not sort thousands.
Index(
    "ix_outbox_next",
    outbox.c.connection,
    func.abs(outbox.c.money_minor).desc(),
    outbox.c.created_at,
    outbox.c.id,
    sqlite_where=outbox.c.state == "ready",
    postgresql_where=outbox.c.state == "ready",
)
Index(
    "ix_outbox_counting",
    outbox.c.connection,
    sqlite_where=outbox.c.is_counting,
    postgresql_where=outbox.c.is_counting,
)
Index("ix_outbox_subject", outbox.c.subject)

# Our own fields as the remote last showed or confirmed them.
remote_seen = Table(
    "remote_seen",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("module", String(64), primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("fields", Json, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("remote_modified_at", Utc),
    Column("drifted_at", Utc),  # when somebody else last changed our fields by hand
)

plans = Table(
    "plans",
    metadata,
    Column("digest", String(40), primary_key=True),
    Column("connection", String(64), nullable=False, default=""),
    Column("created_at", Utc, nullable=False),
    Column("rows", Json, nullable=False),  # [outbox id, version] pairs
    Column("pushed_at", Utc),
    Column("pushed_by", Text),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("message_key", Text, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("stream", String(64), nullable=False),
    Column("external_ids", Json, nullable=False),
    Column("is_delete", Boolean, nullable=False, default=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),  # new done failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("done_at", Utc),
    Column("error", Text),
)
Index("uq_inbox_key", inbox.c.connection, inbox.c.message_key, unique=True)
Index("ix_inbox_state", inbox.c.state, inbox.c.connection, inbox.c.received_at)

channels = Table(
    "channels",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("channel_id", String(32), nullable=False),
    Column("sealed_token", Text, nullable=False),
    Column("path_secret", Text, nullable=False),
    Column("notify_url", Text, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("renewed_at", Utc, nullable=False),
    Column("error", Text),
)

# Reports and alerts on their way to people: one row per occasion and target, sent at most once where that can be known.
notices = Table(
    "notices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("occasion", Text, nullable=False),  # report:daily/2026-11-24T23:00… | alert:… : with the target unique
    Column("kind", String(8), nullable=False),  # report | alert
    Column("target", Text, nullable=False),  # file | mail:name@example.com
    Column("body", Json, nullable=False),  # what is sent, or from what it is made
    Column("state", String(10), nullable=False),  # new sending failed sent dead uncertain
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before_at", Utc, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("error", Text),
)
Index("uq_notices_occasion", notices.c.occasion, notices.c.target, unique=True)
Index("ix_notices_due", notices.c.state, notices.c.not_before_at)

# Conditions that people are told of once, and once more when they are over.
alerts = Table(
    "alerts",
    metadata,
    Column("key", Key, primary_key=True),  # auth:zoho stream:zoho/deals …
    Column("kind", String(24), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("state", String(10), nullable=False),  # open | over
    Column("since_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
    Column("over_at", Utc),
)
