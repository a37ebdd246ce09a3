"""How many legal persons bear each name, brand and domain: counted as keys move, so that no question counts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete

from mapping.identity.rivals import MOST, SHARED_KINDS, notes_for
from sync.fold.batch import Batch
from tieout.store.bulk import put_rows
from tieout.store.queries.blocks import Key, legal_persons, persons_noted
from tieout.store.tables import key_bearers

Held = Mapping[str, frozenset[Key]]  # by member


def recount(batch: Batch, before: Held, after: Held) -> set[Key]:
    """Bring the counts up to date with what these members held and hold; answers the keys that say something else now.

    A key that as many bear as anything depends on is not counted again while it only gains.
    """
    gained: set[Key] = set()
    lost: set[Key] = set()
    for member in {*before, *after}:
        old, new = _borne(before.get(member, ())), _borne(after.get(member, ()))
        gained |= {key for key, _ in new - old}
        lost |= {key for key, _ in old - new}
    if not gained and not lost:
        return set()
    known = persons_noted(batch.conn, gained | lost)
    asked = {*lost, *(key for key in gained if known.get(key, 0) < MOST)}
    counts = legal_persons(batch.conn, asked, MOST)
    moved: set[Key] = set()
    rows, gone = [], []
    for key in sorted(asked):
        number, was = counts[key], known.get(key, 0)
        number = number if number > 1 else 0  # one bearer is everybody's case, and not kept
        if number == was:
            continue
        if number:
            rows.append({"kind": key[0], "value": key[1], "persons": number})
        else:
            gone.append(key)
        if notes_for(key[0], number) != notes_for(key[0], was):
            moved.add(key)
    put_rows(batch.conn, key_bearers, rows)
    b = key_bearers.c
    for kind, value in gone:
        batch.conn.execute(delete(key_bearers).where(b.kind == kind, b.value == value))
    return moved


def _borne(keys: Iterable[Key]) -> set[tuple[Key, str]]:
    """Each key that is counted, with each tax id that is shown under it."""
    ids = [value for kind, value in keys if kind == "tax"]
    return {(key, one) for key in keys if key[0] in SHARED_KINDS for one in ids}
