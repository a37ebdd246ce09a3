"""Dry runs of mapping profiles over landed records: what they cover, what fails, what would change, and the money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select

from mapping.engine import Skip, map_record
from mapping.loader import load_profiles
from sync.connecting import load_connection_profiles
from sync.context import Context
from sync.ruled import ruled_context
from tieout.canonical import codec
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError, MappingError
from tieout.core.money import format_minor
from tieout.store.landing import chunks, load_payloads
from tieout.store.session import reading
from tieout.store.tables import source_records

EXAMPLES = 5


def check_mapping(ctx: Context, connection: str, stream: str | None) -> dict[str, Any]:
    """Map every landed record with the profiles as they stand on disk; nothing is written.

    Per stream: records, mapped, skipped by reason, failures by cause with examples, records whose result would differ
    from what stands, and the sum by which amounts would move per currency.
    """
    profiles = load_connection_profiles(ctx.config, connection)
    out = [
        _check_stream(ctx, connection, name, profile)
        for name, profile in sorted(profiles.items())
        if stream in (None, name)
    ]
    if not out:
        raise ConfigError(f"no profile for stream {stream!r}", hint="Streams: " + ", ".join(sorted(profiles)) + ".")
    return {"connection": connection, "ok": not any(row["failed"] for row in out), "streams": out}


def _check_stream(ctx: Context, connection: str, stream: str, profile: Any) -> dict[str, Any]:
    context = ruled_context(ctx, connection)
    mapped = differ = 0
    skipped: dict[str, int] = {}
    failures: dict[tuple[str, str], dict[str, Any]] = {}
    effect: dict[str, int] = {}
    total = 0
    for record, payload in _records(ctx, connection, stream):
        total += 1
        held = codec.decode(record["candidate_kind"], record["candidate"]) if record["candidate"] else None
        try:
            made = map_record(profile, payload, context)
        except (MappingError, BadPayload) as error:
            cause = (error.code, getattr(error, "path", ""))
            group = failures.setdefault(
                cause, {"code": cause[0], "path": cause[1], "message": error.message, "count": 0, "examples": []}
            )
            group["count"] += 1
            if len(group["examples"]) < EXAMPLES:
                group["examples"].append(record["external_id"])
            continue
        if isinstance(made, Skip):
            skipped[made.reason] = skipped.get(made.reason, 0) + 1
            continue
        mapped += 1
        if held is None or codec.encode(made) != codec.encode(held):
            differ += 1
            for candidate, sign in ((made, 1), (held, -1)):
                amount = getattr(candidate, "total_minor", None)
                if amount is not None:
                    currency = getattr(candidate, "currency", "")
                    effect[currency] = effect.get(currency, 0) + sign * int(amount)
    return {
        "stream": stream,
        "profile_version": profile.version,
        "records": total,
        "mapped": mapped,
        "skipped": skipped,
        "failed": sum(group["count"] for group in failures.values()),
        "failures": [failures[cause] for cause in sorted(failures)],
        "would_differ": differ,
        "money_effect": {code: format_minor(amount, code) for code, amount in sorted(effect.items()) if amount},
    }


def suggest_mapping(ctx: Context, connection: str, stream: str | None) -> dict[str, Any]:
    """Source fields that no profile reads, with how often they are filled and an example: candidates for a profile.

    Only what was landed can be seen: a connector asks for the fields its profile names, so look here after `--full`.
    """
    profiles = load_connection_profiles(ctx.config, connection)
    vendor = ctx.config.connections[connection].vendor
    shipped = load_profiles(vendor)
    out: list[dict[str, Any]] = []
    for name, profile in sorted(profiles.items()):
        if stream not in (None, name):
            continue
        read = {path.split("[")[0] for path in profile.source_paths}
        filled: dict[str, int] = {}
        example: dict[str, Any] = {}
        total = 0
        for _, payload in _records(ctx, connection, name):
            total += 1
            body = exact_json.loads(payload)
            for key, value in body.items() if isinstance(body, Mapping) else ():
                if key not in read and value not in (None, "", [], {}):
                    filled[key] = filled.get(key, 0) + 1
                    example.setdefault(key, value)
        out.append(
            {
                "stream": name,
                "profile": "shipped" if name in shipped and shipped[name].version == profile.version else "own",
                "records": total,
                "unread": [
                    {"field": key, "filled": filled[key], "example": str(example[key])[:80]}
                    for key in sorted(filled, key=lambda key: (-filled[key], key))
                ],
            }
        )
    return {"connection": connection, "streams": out}


def _records(ctx: Context, connection: str, stream: str) -> Iterator[tuple[Mapping[Any, Any], bytes]]:
    """Living records of a stream with their raw payloads, in constant memory."""
    s = source_records.c
    with reading(ctx.engine) as conn:
        ids = list(
            conn.execute(
                select(s.external_id)
                .where(s.connection == connection, s.stream == stream, s.is_deleted.is_(False))
                .order_by(s.external_id)
            ).scalars()
        )
        for part in chunks(ids):
            rows = (
                conn.execute(
                    select(s.external_id, s.payload_hash, s.candidate_kind, s.candidate).where(
                        s.connection == connection, s.stream == stream, s.external_id.in_(part)
                    )
                )
                .mappings()
                .all()
            )
            bodies = load_payloads(conn, [row["payload_hash"] for row in rows if row["payload_hash"]])
            for row in rows:
                if row["payload_hash"] in bodies:
                    yield row, bodies[row["payload_hash"]]
