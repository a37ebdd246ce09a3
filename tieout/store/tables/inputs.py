"""The input log and the current state of every source record (design decisions D1, D4, D5)."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from tieout.store.tables.base import metadata
from tieout.store.types import Json, Key, Seq, Utc

# Everything the state is a fold of: landed versions, people's answers, activations, ticks, receipts, apply marks.
inputs = Table(
    "inputs",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),  # landed answer case activation opening tick recheck … mark
    Column("at", Utc, nullable=False),
    Column("run_id", String(40)),
    Column("connection", String(64)),
    Column("stream", String(64)),
    Column("external_id", Text),
    Column("modified_at", Utc),
    Column("counter", BigInteger),
    Column("read_started_at", Utc),
    Column("source_hash", String(32)),
    Column("payload_hash", String(32)),
    Column("is_deleted", Boolean, nullable=False, default=False),
    Column("is_current", Boolean, nullable=False, default=False),  # was it the newest when it landed
    Column("actor", Text),
    Column("body", Json),
    sqlite_autoincrement=True,
)
Index("ix_inputs_record", inputs.c.connection, inputs.c.stream, inputs.c.external_id, inputs.c.seq)
Index("ix_inputs_kind", inputs.c.kind, inputs.c.seq)

# Inputs that apply has not folded yet.
pending = Table("pending", metadata, Column("seq", Seq, primary_key=True, autoincrement=False))

payloads = Table(
    "payloads",
    metadata,
    Column("hash", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # zlib
    Column("size", Integer, nullable=False),
)

source_records = Table(
    "source_records",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("seq", Seq, nullable=False),  # the current version's input
    Column("source_hash", String(32), nullable=False),
    Column("payload_hash", String(32)),
    Column("modified_at", Utc),
    Column("counter", BigInteger),
    Column("read_started_at", Utc, nullable=False),
    Column("is_deleted", Boolean, nullable=False, default=False),
    Column("missing_since_at", Utc),  # first sweep that did not see it
    Column("needs_fetch", Boolean, nullable=False, default=False),
    Column("applied_seq", Seq),  # version the candidate was mapped from
    Column("candidate_kind", String(16)),
    Column("candidate", LargeBinary),
    Column("facts", LargeBinary),  # of a party: what identity compares, as a version of its code took it apart
    Column("profile_version", String(40)),
    Column("problem", Json),  # why it could not be mapped, or why it was skipped
)
# Only what waits to be fetched stands in it: asked for at every pull, it must not grow with the records.
Index(
    "ix_source_records_fetch",
    source_records.c.connection,
    source_records.c.stream,
    source_records.c.external_id,
    sqlite_where=source_records.c.needs_fetch.is_(True),
    postgresql_where=source_records.c.needs_fetch.is_(True),
)
Index(
    "ix_source_records_deleted",
    source_records.c.connection,
    sqlite_where=source_records.c.is_deleted.is_(True),
    postgresql_where=source_records.c.is_deleted.is_(True),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("since_at", Utc),
    Column("state", Json),
    Column("read_started_at", Utc),  # of the read in flight
    Column("resume", Json),  # where the read in flight goes on
    Column("leg", Json),  # which part of a read or sweep is in flight, and what it began with
    Column("is_reading", Boolean, nullable=False, default=False),
    Column("first_completed_at", Utc),
    Column("completed_at", Utc),
    Column("swept_at", Utc),
    Column("deletes_since_at", Utc),
    Column("error", Text),
    Column("held_back", Text),  # deletions the guard holds back until a person answers or a sweep finds them undone
    Column("rows_read", BigInteger, nullable=False, default=0),
)

# What an id sweep has listed so far, while it is cut into slices.
sweep_marks = Table(
    "sweep_marks",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("mark", Text, nullable=False),
)

# What the settle phase must look at again: account, claim, party, customer; opening: documents to be opened.
dirty = Table(
    "dirty",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("key", Key, primary_key=True),
)
