"""Webhooks in: verified, stored once and committed before the 2xx; then the records themselves are fetched fresh.

A notification is a hint only: duplicates and disorder are harmless, because what counts is what the record shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import connectors
from sync.connecting import connection_of, vendor_settings
from sync.context import Context
from sync.queue import ring
from tieout.core import exact_json, logging
from tieout.core.crypto import same
from tieout.core.errors import AuthError, Denied, Gone, RateLimited, TieoutError, Transient
from tieout.core.ports import Connector
from tieout.store import channels, inbox, leases
from tieout.store import connections as connection_store
from tieout.store.inbox import Message
from tieout.store.landing import LandCounts

log = logging.get("inbox")
LEASE_SECONDS = 180.0


@dataclass
class InboxSummary:
    """What one run over the inbox did."""

    connection: str
    messages: int = 0
    records: int = 0
    new: int = 0
    failed: int = 0
    refused: str = ""
    is_busy: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def accept(
    ctx: Context,
    connection: str,
    body: bytes,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    *,
    path_secret: str | None = None,
) -> Literal["stored", "duplicate"]:
    """Verify a delivery and store it once; committed when this returns, so a 2xx may follow.

    `path_secret` is the unguessable part of the address it came to (None: not checked, for callers that did). Raises
    Gone where no webhook is expected, Denied for a wrong address or token, BadPayload for what cannot be read.
    """
    conf = connection_of(ctx, connection)
    held = channels.load(ctx.engine, ctx.sealer, connection)
    if held is None:
        raise Gone(f"connection {connection!r} expects no webhooks")
    if path_secret is not None and not same(path_secret, held.path_secret):
        raise Denied("this is not the address that was registered")
    verifier = connectors.webhook(conf.vendor, [held.token], vendor_settings(conf))
    if verifier is None:
        raise Gone(f"connection {connection!r} expects no webhooks")
    now = ctx.clock.now()
    hints = [
        hint if hint.message_key else replace(hint, message_key=exact_json.digest([number, body.hex()]))
        for number, hint in enumerate(verifier.verify(body, headers, query, now))
    ]
    kept = body.replace(held.token.encode(), b"***")  # the token stays sealed: no message and no backup shows it
    new = inbox.store(ctx.engine, connection, hints, kept, now=now, ids=ctx.ids)
    if new:
        ring(ctx, f"inbox:{connection}")
    return "duplicate" if hints and not new else "stored"


def answer(ctx: Context, connection: str, body: bytes) -> bytes | None:
    """The body that an accepted delivery must be answered with, for vendors that want a sealed one; else None."""
    conf, held = connection_of(ctx, connection), channels.load(ctx.engine, ctx.sealer, connection)
    if held is None:
        return None
    made = getattr(connectors.webhook(conf.vendor, [held.token], vendor_settings(conf)), "answer", None)
    return made(body, ctx.clock.now(), ctx.ids.token(12)) if made is not None else None


def run_inbox(ctx: Context, connection: str) -> InboxSummary:
    """Fetch and land the records that stored hints name, each once per stream however often it was named.

    A hint that fails is tried again later and parked after some attempts; a remote that asks to wait costs no attempt.
    """
    summary = InboxSummary(connection)
    name = f"inbox_{connection}"
    with leases.held(ctx.engine, name, ctx.ids.new("own"), ttl_seconds=LEASE_SECONDS, clock=ctx.clock) as lease:
        if lease is None:
            summary.is_busy = True
            return summary
        messages = inbox.due(ctx.engine, connection, ctx.clock.now())
        if not messages:
            return summary
        messages = inbox.begin(ctx.engine, messages, ctx.clock.now())
        summary.messages = len(messages)
        connector = ctx.connector(connection, "fast")
        try:
            offered = {info.name for info in connector.streams()}
            by_stream: dict[str, list[Message]] = {}
            for message in messages:
                by_stream.setdefault(message.stream, []).append(message)
            for stream, some in by_stream.items():
                if stream not in offered or not _is_wanted(ctx, connection, stream):
                    inbox.finish(ctx.engine, ctx.clock, done=[message.id for message in some])
                elif summary.refused:
                    inbox.finish(ctx.engine, ctx.clock, untouched=[message.id for message in some])
                else:
                    _fetch(ctx, connector, stream, some, summary)
        finally:
            connector.close()
    if summary.new:
        ring(ctx, "apply")
    return summary


def _is_wanted(ctx: Context, connection: str, stream: str) -> bool:
    wanted = connection_of(ctx, connection).streams
    return not wanted or stream in wanted


def _fetch(ctx: Context, connector: Connector, stream: str, messages: Sequence[Message], summary: InboxSummary) -> None:
    """All records of a stream at once; if that fails, message by message, so that one cannot hold up the others."""
    connection = summary.connection
    try:
        _count(summary, _land(ctx, connector, connection, stream, messages))
    except (RateLimited, AuthError, Transient) as error:
        summary.refused = str(error)
        inbox.finish(ctx.engine, ctx.clock, untouched=[message.id for message in messages])
        if isinstance(error, AuthError):
            connection_store.set_auth_dead(ctx.engine, connection, str(error), ctx.clock)
        else:
            connection_store.set_backoff(ctx.engine, connection, error.retry_at, ctx.clock)
    except TieoutError as error:
        if len(messages) > 1:
            for message in messages:
                if summary.refused:
                    inbox.finish(ctx.engine, ctx.clock, untouched=[message.id])
                else:
                    _fetch(ctx, connector, stream, [message], summary)
            return
        summary.failed += 1
        log.warning("a notification could not be followed", connection=connection, stream=stream, why=str(error))
        inbox.finish(ctx.engine, ctx.clock, failed={messages[0].id: str(error)})
    else:
        inbox.finish(ctx.engine, ctx.clock, done=[message.id for message in messages])


def _land(ctx: Context, connector: Connector, connection: str, stream: str, messages: Sequence[Message]) -> LandCounts:
    from sync.fetching import fetch_and_land

    ids = list(dict.fromkeys(key for message in messages for key in message.external_ids))
    return fetch_and_land(ctx, connection, stream, ids, trigger="webhook", connector=connector)


def _count(summary: InboxSummary, counts: LandCounts) -> None:
    summary.records += counts.rows
    summary.new += counts.new + counts.drifted
