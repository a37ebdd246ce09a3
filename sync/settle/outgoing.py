"""Handing intents to the outbox, under the connection's push mode and change limits."""

from __future__ import annotations

from collections.abc import Sequence

from sync.fold.batch import Batch
from tieout.store.outbox import EventIntent, Intent, intend


def send_states(batch: Batch, intents: Sequence[Intent]) -> None:
    """Intents of record fields; equal ones change nothing."""
    _intend(batch, intents, ())


def send_events(batch: Batch, events: Sequence[EventIntent]) -> None:
    """Intents of records to be created once."""
    _intend(batch, (), events)


def _intend(batch: Batch, intents: Sequence[Intent], events: Sequence[EventIntent]) -> None:
    if not intents and not events:
        return
    connections = batch.config.connections
    counts = intend(
        batch.conn,
        intents,
        events,
        modes={name: one.push_mode for name, one in connections.items()},
        limits={name: one.max_changes_per_run for name, one in connections.items()},
        now=batch.now,
        ids=batch.ids,
    )
    batch.count("intended", counts.planned + counts.parked + counts.ready)
