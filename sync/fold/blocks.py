"""Who is looked at together: the blocks of stored keys, by the rule that many records at once are matched by.

A key that more than `BLOCK_CAP` members hold brings nobody, unless it is one of the rules' own: then everyone who holds
it looks at its first holders and, as rivals, at the first ones of the own side. No key is read further than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mapping.identity.blocks import BLOCK_CAP, opened
from mapping.identity.keys import COUNTED_KINDS, RULE_KINDS
from sync.fold.batch import Batch
from tieout.store.queries.blocks import Key, all_holders, blocks_held, first_holders, holders

RIVALS = 2  # of a common key: the record itself may be one of them


def side_of(member: str) -> str:
    """The system a member stands in: accounts stand in the books, CRM records in their connection."""
    return "book" if member.startswith("acc_") else member.split("/", 1)[0]


Held = Mapping[str, Mapping[Key, Sequence[str]]]  # by member: its keys with their first holders


def held_blocks(batch: Batch, members: Collection[str]) -> Held:
    """The keys of each member with those who hold them, read no further than is needed to see that they are many."""
    known = {member: batch.blocks[member] for member in members if member in batch.blocks}
    rest = [member for member in members if member not in known]
    return known | blocks_held(batch.conn, rest, COUNTED_KINDS, BLOCK_CAP + 1) if rest else known


def candidates(batch: Batch, members: Collection[str], held: Held | None = None) -> dict[str, set[str]]:
    """Whom each of these CRM records is compared with: who shares a rule key, then its smallest other blocks."""
    out: dict[str, set[str]] = {}
    dropped: set[Key] = set()
    for member, found in (held_blocks(batch, members) if held is None else held).items():
        chosen, _ = opened(sorted((block for block in found.values() if len(block) <= BLOCK_CAP), key=len))
        for key, block in found.items():
            common = len(block) > BLOCK_CAP
            if key[0] in RULE_KINDS:
                chosen.update(_of_common(batch, key, member) if common else block)
            elif common:
                dropped.add(key)
        chosen.discard(member)
        out[member] = chosen
    if dropped:
        batch.count("blocks_dropped", len(dropped))
    return out


def hinted_twins(member: str, found: Mapping[Key, Sequence[str]]) -> set[str]:
    """Records of a member's own system that share only hint keys with it; none if a rule key of its own is common."""
    side = side_of(member)
    hinted: set[str] = set()
    ruled: set[str] = set()
    for key, block in found.items():
        if key[0] not in RULE_KINDS:
            hinted.update(block)
        elif len(block) > BLOCK_CAP:
            return set()
        else:
            ruled.update(block)
    return {one for one in hinted - ruled if one != member and side_of(one) == side}


def _of_common(batch: Batch, key: Key, member: str) -> set[str]:
    """Whom a member sees of a rule key that more members hold than are compared with each other."""
    first = first_holders(batch.conn, key, BLOCK_CAP)
    return {*first, *first_holders(batch.conn, key, RIVALS, f"{side_of(member)}/")}


@dataclass
class Moves:
    """What happened to one key: who came, who went, and who holds it as before but changed otherwise."""

    came: set[str] = field(default_factory=set)
    went: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)


def moves(before: Iterable[tuple[str, Key]], after: Iterable[tuple[str, Key]]) -> dict[Key, Moves]:
    """The moves of each key, from who held which before and after."""
    old, new = set(before), set(after)
    out: dict[Key, Moves] = {}
    for member, key in old - new:
        out.setdefault(key, Moves()).went.add(member)
    for member, key in new - old:
        out.setdefault(key, Moves()).came.add(member)
    for member, key in new & old:
        out.setdefault(key, Moves()).changed.add(member)
    return out


def onlookers(batch: Batch, moved: Mapping[Key, Moves], held: dict[Key, Sequence[str]] | None = None) -> set[str]:
    """The members whose candidates changed when these keys moved; `held` takes in who holds them now."""
    seen = {key: one for key, one in moved.items() if key[0] not in COUNTED_KINDS}
    most = BLOCK_CAP + 1 + max((len(one.came) for one in seen.values()), default=0)
    found = holders(batch.conn, seen, most)
    if held is not None:
        held.update(found)
    out: set[str] = set()
    for key, one in seen.items():
        block = found.get(key, [])
        before = len(block) - len(one.came) + len(one.went)
        if len(block) <= BLOCK_CAP or (len(block) < most and before <= BLOCK_CAP):
            out.update(block)
        elif key[0] in RULE_KINDS:
            out.update(_onlookers_of_common(batch, key, one))
    return out


def _onlookers_of_common(batch: Batch, key: Key, one: Moves) -> set[str]:
    first = first_holders(batch.conn, key, BLOCK_CAP)
    if any(member <= first[-1] for member in (*one.came, *one.went, *one.changed)):
        return all_holders(batch.conn, [key])
    out: set[str] = set()
    for side in sorted({side_of(member) for member in (*one.came, *one.went, *one.changed)}):
        out.update(first_holders(batch.conn, key, RIVALS + len(one.came), f"{side}/"))
    return out
