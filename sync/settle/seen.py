"""Members as identity sees them: the facts of their living records, and the customers they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.stored import restored, stored
from sync.fold.batch import Batch
from sync.fold.blocks import side_of
from tieout.store.queries.parties import Seen, ask_seen, parties_of, put_facts
from tieout.store.together import Together


@dataclass
class Sight:
    """`known`: facts of the members that have a record; `held`: the standing membership of those that have one."""

    known: dict[str, PartyFacts] = field(default_factory=dict)
    held: dict[str, Mapping[Any, Any]] = field(default_factory=dict)
    anew: list[tuple[Seen, bytes]] = field(default_factory=list)  # taken apart here, and not kept yet

    def add(self, other: Sight) -> None:
        """What was seen later."""
        self.known.update(other.known)
        self.held.update(other.held)
        self.anew += other.anew

    def keep(self, batch: Batch) -> None:
        """Store what had to be taken apart, for the next one who looks."""
        put_facts(batch.conn, self.anew)
        self.anew = []


def sight_of(batch: Batch, members: Iterable[str]) -> Sight:
    """What is known of these members."""
    trip = Together(batch.conn)
    found = ask_sight(batch, trip, members)
    trip.go()
    return found()


def ask_sight(batch: Batch, trip: Together, members: Iterable[str]) -> Callable[[], Sight]:
    """The same as a part of a trip."""
    found = ask_seen(trip, members)
    return lambda: _sight(batch, found())


def _sight(batch: Batch, found: Iterable[Seen]) -> Sight:
    out = Sight()
    bare: list[Seen] = []
    for one in found:
        if one.membership is not None:
            out.held[one.member] = {"id": one.membership, "customer_id": one.customer, "rule": one.rule}
        if one.record is None:
            continue
        known = restored(one.facts, one.member, side_of(one.member), one.customer or "", one.rule or "")
        if known is None:
            bare.append(one)
        else:
            out.known[one.member] = known
    parties = parties_of(batch.conn, [one.member for one in bare]) if bare else {}
    for one in bare:
        if (party := parties.get(one.member)) is not None:
            made = facts(
                one.member,
                party,
                side=side_of(one.member),
                group=one.customer or "",
                rule=one.rule or "",
            )
            out.known[one.member] = made
            out.anew.append((one, stored(made)))
    return out
