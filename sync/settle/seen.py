"""Members as identity sees them: the facts of their living records, and the customers they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.stored import restored, stored
from sync.fold.batch import Batch
from sync.fold.blocks import side_of
from tieout.store.queries.parties import Seen, parties_of, put_facts, seen_of


@dataclass
class Sight:
    """`known`: facts of the members that have a record; `held`: the standing membership of those that have one."""

    known: dict[str, PartyFacts] = field(default_factory=dict)
    held: dict[str, Mapping[Any, Any]] = field(default_factory=dict)
    anew: list[tuple[Seen, bytes]] = field(default_factory=list)  # taken apart here, and not kept yet

    def keep(self, batch: Batch) -> None:
        """Store what had to be taken apart, for the next one who looks."""
        put_facts(batch.conn, self.anew)
        self.anew = []


def sight_of(batch: Batch, members: Iterable[str]) -> Sight:
    """What is known of these members."""
    out = Sight()
    bare: list[Seen] = []
    for one in seen_of(batch.conn, members):
        if one.membership is not None:
            out.held[one.member] = {"id": one.membership, "customer_id": one.customer, "rule": one.rule}
        if one.record is None:
            continue
        found = restored(one.facts, one.member, side_of(one.member), one.customer or "", one.rule or "")
        if found is None:
            bare.append(one)
        else:
            out.known[one.member] = found
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
