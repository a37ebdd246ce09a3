"""From landed versions to candidates: map what changed, keep what failed as conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update

from mapping.engine import MappingContext, Skip, map_record
from mapping.identity.stored import stored_party
from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from sync.fold.readings import Readings
from sync.fold.rules import fold_rules
from tieout.canonical import codec
from tieout.canonical.codec import Candidate
from tieout.canonical.parties import PartyCandidate
from tieout.core import exact_json
from tieout.core.errors import BadPayload, MappingError
from tieout.store.among import among, among_given
from tieout.store.bulk import update_rows
from tieout.store.landing import chunks, load_payloads
from tieout.store.tables import inputs, pending, source_records

KINDS = ("invalid_record", "unmapped_value")
_LANDED = (
    select(inputs.c.seq, inputs.c.kind, inputs.c.connection, inputs.c.stream, inputs.c.external_id)
    .where(among_given(inputs.c.seq, "seqs"))
    .order_by(inputs.c.seq)
)
_RECORDS = (
    select(
        source_records.c.external_id,
        source_records.c.seq,
        source_records.c.applied_seq,
        source_records.c.payload_hash,
        source_records.c.is_deleted,
        source_records.c.candidate_kind,
        source_records.c.candidate,
    )
    .where(
        source_records.c.connection == bindparam("of"),
        source_records.c.stream == bindparam("at"),
        among_given(source_records.c.external_id, "ids"),
    )
    .order_by(source_records.c.external_id)
)
Ruled = Mapping[str, Mapping[tuple[str, str], str]]


class Change(msgspec.Struct, frozen=True):
    """One source record whose current version moved.

    `candidate` is None when the record is deleted, skipped by its profile, or cannot be mapped; `is_broken` tells the
    last case, in which what stood before goes on standing until the record can be read again.
    """

    connection: str
    stream: str
    record_id: str
    seq: int
    candidate: Candidate | None
    previous: Candidate | None
    is_deleted: bool
    is_broken: bool

    @property
    def key(self) -> str:
        return f"{self.connection}/{self.stream}/{self.record_id}"


def collect(batch: Batch, seqs: Sequence[int]) -> tuple[list[Change], list[Mapping[Any, Any]]]:
    """The changes and the other inputs (answers, cases, ticks, policies) behind a list of seqs, in seq order."""
    others: list[Mapping[Any, Any]] = []
    keys: dict[tuple[str, str], list[str]] = {}
    i = inputs.c
    for part in chunks(seqs):
        rest: list[int] = []
        for seq, kind, connection, stream, external_id in batch.conn.execute(_LANDED, {"seqs": part}).all():
            if kind == "landed":
                keys.setdefault((connection, stream), []).append(external_id)
            else:
                rest.append(seq)
        if not rest:
            continue
        for row in batch.conn.execute(select(inputs).where(among(i.seq, rest)).order_by(i.seq)).mappings():
            if row["kind"] == "activation" and row["stream"]:
                _reopen(batch, row)
            elif row["kind"] == "rule":
                fold_rules(batch, [row])
            else:
                others.append(dict(row))
    changes: list[Change] = []
    for (connection, stream), ids in sorted(keys.items()):
        changes.extend(_map_stream(batch, connection, stream, list(dict.fromkeys(ids))))
    return changes, others


def _reopen(batch: Batch, activation: Mapping[Any, Any]) -> None:
    """A profile was changed: every record of its stream that was mapped so far waits to be mapped again.

    They wait like new inputs, for batches of their own: mapping a whole stream here would hold the lock for long.
    """
    c = source_records.c
    mine = (c.connection == activation["connection"], c.stream == activation["stream"], c.is_deleted.is_(False))
    again = select(c.seq).where(*mine, c.applied_seq == c.seq)
    count = batch.conn.execute(insert(pending).from_select(["seq"], again)).rowcount
    batch.conn.execute(update(source_records).where(*mine, c.applied_seq.is_not(None)).values(applied_seq=None))
    batch.count("mapped_again", count)


def _map_stream(batch: Batch, connection: str, stream: str, ids: Sequence[str]) -> list[Change]:
    of = {"of": connection, "at": stream, "ids": ids}
    rows = [row for row in batch.conn.execute(_RECORDS, of).mappings().all() if row["applied_seq"] != row["seq"]]
    bodies = load_payloads(batch.conn, [row["payload_hash"] for row in rows if row["payload_hash"]])
    profile = batch.profiles.get(connection, {}).get(stream)
    readings = Readings(
        batch, connection, stream, context_of(batch.config, connection), [r["external_id"] for r in rows]
    )
    changes: list[Change] = []
    writes: list[dict[str, Any]] = []
    failed: list[ConflictCall] = []
    for row in rows:
        previous = codec.decode(row["candidate_kind"], row["candidate"]) if row["candidate"] else None
        candidate: Candidate | None = None
        problem: dict[str, Any] | None = None
        is_broken = False
        if row["is_deleted"]:
            readings.forget(row["external_id"])
        else:
            payload = bodies[row["payload_hash"]]
            try:
                made = readings.read(row, partial(_read, profile, payload, stream))
                if isinstance(made, Skip):
                    problem = {"skipped": made.reason}
                    batch.count("skipped")
                else:
                    candidate = made
            except MappingError as error:
                candidate, is_broken = readings.without(row["external_id"])
                problem = {"code": error.code, "path": error.path, "message": error.message}
                failed.append(_failure(connection, stream, row["external_id"], error, payload, previous))
        changes.append(
            Change(
                connection, stream, row["external_id"], row["seq"], candidate, previous, row["is_deleted"], is_broken
            )
        )
        kept = previous if is_broken else candidate
        writes.append(
            {
                "connection": connection,
                "stream": stream,
                "external_id": row["external_id"],
                "applied_seq": row["seq"],
                "candidate_kind": codec.kind_of(kept) if kept is not None else None,
                "candidate": codec.encode(kept) if kept is not None else None,
                "facts": stored_party(kept) if isinstance(kept, PartyCandidate) else None,
                "profile_version": profile.version if profile is not None else None,
                "problem": problem,
            }
        )
    update_rows(batch.conn, source_records, ("connection", "stream", "external_id"), writes)
    readings.write()
    for kind in KINDS:  # what fails for another reason now no longer asks about the one before
        asked = {call.cause for call in failed if call.kind == kind}
        over = [change.key for change in changes if change.key not in asked]
        close_conflicts(batch, kind, over, state="superseded")
    open_conflicts(batch, failed)
    batch.count("mapped", len(changes))
    return changes


def _read(profile: Any, payload: bytes, stream: str, context: MappingContext) -> Candidate | Skip:
    if payload.startswith(b'{"$bad"'):
        bad = exact_json.loads_fast(payload)
        raise MappingError(f"the source sent a record that cannot be read: {bad['$bad']}", path="$", code="bad_row")
    if profile is None:
        raise MappingError(f"no mapping profile for stream {stream!r}", code="no_profile")
    try:
        return map_record(profile, payload, context, is_landed=True)
    except BadPayload as error:
        raise MappingError(str(error), path="$", code="bad_payload") from None


def _failure(
    connection: str,
    stream: str,
    record_id: str,
    error: MappingError,
    payload: bytes,
    previous: Candidate | None,
) -> ConflictCall:
    currency = getattr(previous, "currency", "") or None
    amount = getattr(previous, "total_minor", None) or getattr(previous, "amount_minor", None) or 0
    return ConflictCall(
        kind="unmapped_value" if error.code == "unmapped_value" else "invalid_record",
        cause=f"{connection}/{stream}/{record_id}",
        connection=connection,
        stream=stream,
        external_id=record_id,
        title=f"{connection}/{stream} {record_id}: {error.message}",
        evidence={
            "code": error.code,
            "path": error.path,
            "message": error.message,
            **({"value": error.value} if error.value else {}),
            "record": payload[:4000].decode("utf-8", "replace"),
        },
        suggestions=[],
        currency=currency,
        money_minor=abs(int(amount)),
        blocks_balance=stream not in ("deals",),
    )


def context_of(config: Any, connection: str, ruled: Ruled | None = None) -> MappingContext:
    """What a profile may know besides the record: companies of source organisations, time zone, default currency.

    `ruled` = what rules of people say of unmapped values (`answer_rules.ruled_values`).
    """
    settings = config.connections[connection]
    companies = dict(settings.organizations) or {"": settings.company}
    company = settings.company or next(iter(companies.values()))
    home = config.companies[company]
    return MappingContext(
        timezone=home.timezone,
        default_currency=str(settings.settings.get("default_currency", "")),
        companies=companies,
        ruled=ruled or {},
    )
