"""What the service itself needs: connections, tokens, budgets, leases, runs, people, audit, schedules."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Key, Seq, Utc

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

connections = Table(
    "connections",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("vendor", String(32), nullable=False),
    Column("auth_state", String(12), nullable=False),  # ok dead
    Column("push_paused", Boolean, nullable=False, default=False),
    Column("push_paused_why", Text),
    Column("backoff_until_at", Utc),
    Column("last_pull_at", Utc),
    Column("last_ok_at", Utc),
    Column("next_pull_at", Utc),
    Column("pull_round", Json),  # a pull that is cut into slices: its run, options and streams left
    Column("error", Text),
    Column("calls", BigInteger, nullable=False, default=0),
    Column("credits", BigInteger, nullable=False, default=0),
)

tokens = Table(
    "tokens",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("sealed", Text),  # access token and extras
    Column("expires_at", Utc),
    Column("generation", Integer, nullable=False, default=0),
    Column("config_digest", String(64), nullable=False, default=""),
    Column("mints", Json, nullable=False),  # instants of recent mints
)

budgets = Table(
    "budgets",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("window", String(32), primary_key=True),  # day:2026-11-24, slot:owner…
    Column("used", BigInteger, nullable=False),
    Column("until_at", Utc, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until_at", Utc, nullable=False),
)

# A refused duplicate ring bumps the generation; a drain ends only if the generation it began with still stands.
doorbells = Table(
    "doorbells",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("rung_at", Utc, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(16), nullable=False),  # sync pull apply push sweep reconcile
    Column("connection", String(64), nullable=False, default=""),
    Column("stream", String(64), nullable=False, default=""),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("queued_at", Utc),  # when it was asked for; NULL where it began at once
    Column("state", String(10), nullable=False),  # queued running done failed
    Column("counts", Json, nullable=False),
    Column("body", Json),  # what it was asked to do, where the kind alone does not say it
    Column("error", Text),
    Column("trigger", String(24), nullable=False, default=""),
)
Index("ix_runs_started", runs.c.started_at)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("known_seq", Seq, nullable=False),
    Column("run_at", Utc, nullable=False),
    Column("is_valid", Boolean, nullable=False),
    Column("breaks", Integer, nullable=False),
    Column("body", Json, nullable=False),
)

# Every break of every run; the run's body holds the largest only.
breaks = Table(
    "breaks",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("counterpart", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("cause", String(32), nullable=False),
    Column("customer_id", String(40), nullable=False, default=""),
    Column("body", Json, nullable=False),
)

# How long the same break has been there: carried from run to run until a run does not find it any more.
break_ages = Table(
    "break_ages",
    metadata,
    Column("counterpart", String(64), primary_key=True),
    Column("key", Key, primary_key=True),
    Column("first_seen_at", Utc, nullable=False),
    Column("first_run_id", String(40), nullable=False),
    Column("last_run_id", String(40), nullable=False),
    Column("runs", Integer, nullable=False),
    Column("number", Text, nullable=False, default=""),
    Column("gone_at", Utc),
)

slots = Table(
    "slots",
    metadata,
    Column("schedule", String(64), primary_key=True),
    Column("slot_at", Utc, primary_key=True),
    Column("fired_at", Utc, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("password_hash", Text),
    Column("role", String(12), nullable=False),  # viewer operator approver admin auditor
    Column("language", String(8), nullable=False, default=""),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("created_at", Utc, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(40), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)

login_links = Table(
    "login_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(40), nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(12), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
    Column("last_used_at", Utc),
)

# What a caller said is to be made once, with what was answered; both are forgotten after a while.
made_once = Table(
    "made_once",
    metadata,
    Column("key", String(64), primary_key=True),  # digest of who asks, where, and the key that was sent
    Column("mark", String(64), nullable=False),  # digest of what was sent with it
    Column("at", Utc, nullable=False),
    Column("answer", Json),
)
Index("ix_made_once_at", made_once.c.at)

audit = Table(
    "audit",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
