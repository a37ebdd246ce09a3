"""Who else bears a name or domain, from the stored counts: what identity calls contested."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mapping.identity.rivals import noted
from sync.fold.batch import Batch
from tieout.store.queries.blocks import ask_bearers
from tieout.store.together import Together


def notes(batch: Batch, members: Collection[str]) -> dict[str, frozenset[str]]:
    """By member: whether several legal persons (valid tax ids) of the customer base share its name, brand or domain."""
    trip = Together(batch.conn)
    found = ask_notes(trip, members)
    trip.go()
    return found()


def ask_notes(trip: Together, members: Collection[str]) -> Callable[[], dict[str, frozenset[str]]]:
    """The same as a part of a trip."""
    borne = ask_bearers(trip, members)
    return lambda: noted(borne())
