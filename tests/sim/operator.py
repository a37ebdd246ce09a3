"""The person who decides: answers conflicts, takes answers back, merges customers, in both worlds of a pair at once.

A conflict is named by what it is about, never by an id of ours. Only what stands open in both worlds is answered, so
that the two have the same decisions to fold; a world that crashes meanwhile is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from mapping.identity.contradictions import ranked
from sync import answering, merging
from sync.context import Context
from sync.queue import ring
from tests.sim import actors, desk
from tests.sim.process import nobody
from tieout.core.errors import Gone, StaleWrite
from tieout.store.tables import accounts, conflicts, documents, memberships

if TYPE_CHECKING:
    from tests.sim.world import World

Named = dict[tuple[str, str], Mapping[str, Any]]
_WAITS = (0.0, 2.0, 15.0, 60.0, 240.0, 900.0)  # before each try: longer than a database is down, or a disk full
ACTIONS = {"identity": ("link", "link", "separate", "leave"), "unlinked_document": ("bind", "bind", "leave")}


def is_wanted(actor: str, rough: World) -> bool:
    """Whether this is a step of the operator who finds something to decide in the world with faults."""
    state = {"answer": "open", "undo": "resolved"}.get(actor)
    return actor in ("merge", "desk") or (state is not None and bool(_conflicts(rough, state)))


def act(actor: str, rough: World, calm: World, rng: Random, number: int) -> None:
    """One decision, taken in both worlds."""
    if actor == "desk":
        desk.act(rough, calm, rng, number)
    elif actor == "answer":
        _answer(rough, calm, rng)
    elif actor == "undo":
        _undo(rough, calm, rng)
    else:
        _merge(rough, calm, rng)


def _conflicts(world: World, state: str) -> Named:
    with nobody(), world.database.engine.connect() as conn:
        rows = conn.execute(select(conflicts).where(conflicts.c.state == state)).mappings().all()
        conn.rollback()
    found: Named = {}
    for row in sorted(rows, key=lambda one: (one["closed_at"] or one["opened_at"], one["id"])):
        found[row["kind"], row["cause"]] = dict(row)
    return found


def open_conflicts(world: World) -> Named:
    """What waits for an answer."""
    return _conflicts(world, "open")


def _answer(rough: World, calm: World, rng: Random) -> None:
    here, there = _conflicts(rough, "open"), _conflicts(calm, "open")
    names = sorted(name for name in here.keys() & there.keys() if _facts(here[name]) == _facts(there[name]))
    if not names:
        return
    name = rng.choice(names)
    action = rng.choice(ACTIONS.get(name[0], ("leave",)))
    mine, other = _targets(rough, here[name]), _targets(calm, there[name])
    common = sorted(mine.keys() & other.keys())
    target = rng.choice(common) if common else ""
    if action in ("link", "bind") and not target:
        action = "leave"
    works = {}
    for label, found, known in (("rough", here, mine), ("calm", there, other)):
        meant = known.get(target, "") if action in ("link", "bind") else ""
        answer = {"action": action, "target": meant, "despite": _despite(found[name], meant)}
        works[label] = _resolver(found[name]["id"], answer)
    in_both(rough, calm, f"answer {name} {action} {target}", works)


def _facts(conflict: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a person sees of a conflict: one who was shown other facts may have decided otherwise."""
    return (
        conflict["title"],
        conflict["money_minor"],
        *(conflict["evidence"].get(name) for name in ("effective_on", "record")),
    )


def _despite(conflict: Mapping[str, Any], target: str) -> list[str]:
    """What contradicts the suggestion: whoever answers has looked at it."""
    told = ranked(conflict["suggestions"], conflict["evidence"].get("reasons"))
    return [code for one in told if one["target"] == target for code in one["contradictions"]]


def _resolver(conflict_id: str, answer: Mapping[str, Any]) -> Callable[[Context], None]:
    def run(ctx: Context) -> None:
        with suppress(StaleWrite):  # it went through before, or closed by itself
            answering.resolve(ctx, conflict_id, answer, "ann")

    return run


def _targets(world: World, conflict: Mapping[str, Any]) -> dict[str, str]:
    """Natural name -> id of what a conflict suggests."""
    wanted = [str(one["target"]) for one in conflict["suggestions"] or []]
    out: dict[str, str] = {}
    with nobody(), world.database.engine.connect() as conn:
        for key, name in conn.execute(
            select(documents.c.id, documents.c.external_id).where(documents.c.id.in_(wanted))
        ):
            out[name] = key
        a = accounts.c
        for key, name in conn.execute(select(a.id, a.party_ref).where(a.id.in_(wanted))):
            out[f"account {name}"] = key
        conn.rollback()
    return out


def _undo(rough: World, calm: World, rng: Random) -> None:
    here, there = _conflicts(rough, "resolved"), _conflicts(calm, "resolved")
    open_again = _conflicts(rough, "open").keys() | _conflicts(calm, "open").keys()
    names = sorted((here.keys() & there.keys()) - open_again)
    if not names:
        return
    name = rng.choice(names)
    works = {"rough": _undoer(here[name]["id"]), "calm": _undoer(there[name]["id"])}
    in_both(rough, calm, f"undo {name}", works)


def _undoer(conflict_id: str) -> Callable[[Context], None]:
    def run(ctx: Context) -> None:
        with suppress(StaleWrite):
            answering.undo(ctx, conflict_id, "ann")

    return run


def groups(world: World) -> dict[str, str]:
    """Members of each customer, as a name -> customer id."""
    m, a = memberships.c, accounts.c
    with nobody(), world.database.engine.connect() as conn:
        names = {row.id: f"account {row.party_ref}" for row in conn.execute(select(a.id, a.party_ref))}
        rows = conn.execute(select(m.customer_id, m.member).where(m.to_seq.is_(None))).all()
        conn.rollback()
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.customer_id, []).append(names.get(row.member, row.member))
    return {"+".join(sorted(group)): key for key, group in groups.items()}


def _merge(rough: World, calm: World, rng: Random) -> None:
    here, there = groups(rough), groups(calm)
    common = sorted(name for name in here.keys() & there.keys() if "account " in name)
    if len(common) < 2:
        return
    winner, loser = rng.sample(common, 2)
    works = {"rough": _merger(here[winner], here[loser]), "calm": _merger(there[winner], there[loser])}
    in_both(rough, calm, f"merge {loser} into {winner}", works)


def _merger(winner: str, loser: str) -> Callable[[Context], None]:
    def run(ctx: Context) -> None:
        with suppress(Gone, answering.AnswerError):  # it went through before
            merging.merge(ctx, winner, loser, "ann")

    return run


def insist(world: World, what: str, work: Callable[[Context], None]) -> bool:
    """Ask until it is done: a person sees an error, waits and tries again. False = told so again and again."""
    web = world.processes["web"]
    for wait in _WAITS:
        world.time.advance(wait)
        world.note(what)
        if web.run(actors.guarded(world, work, what)) and " failed: " not in world.log[-1]:
            web.run(actors.guarded(world, lambda ctx: ring(ctx, "apply"), "ring"))
            return True
    world.note(f"gave up: {what}")
    return False


def in_both(rough: World, calm: World, what: str, works: Mapping[str, Callable[[Context], None]]) -> None:
    """A decision with each world's own ids; what the world with faults refuses is decided in neither."""
    if insist(rough, what, works["rough"]) and not insist(calm, what, works["calm"]):
        calm.problem(f"the world without faults refuses what the other took: {what}")
