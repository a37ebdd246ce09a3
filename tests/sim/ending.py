"""The end of a world: faults stop, work drains until all is quiet, and the books must be what they ought to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import text

from sync.apply import run_apply, run_tick
from sync.context import Context
from sync.pull import run_pull
from sync.push import run_push
from sync.queue import ring
from sync.service import Service
from sync.sweep import due
from tests.crash.endstate import waiting
from tests.sim import actors, credit, putback
from tests.sim.actors import STREAMS
from tests.sim.process import nobody
from tieout.store import pushes

if TYPE_CHECKING:
    from tests.sim.world import World

# Seconds between rounds: past every back-off, lease, id sweep and wait for a locked record; then a day on, because
# the money at stake in open questions follows the books daily.
ROUNDS = (22_700.0, 86_400.0)
OWN = ("Accounts", "Deals", "Invoices")


def drain(world: World, until: float, *, is_calm: bool = False) -> None:
    """Rounds of everything that is due, from an instant on, without faults.

    `is_calm`: there were none before either; nothing is left to be noticed late or to be looked at by a person.
    """
    world.heal()
    for module in OWN:
        table = world.vendors.zoho.tables[module]
        for key, _ in list(table.locks.items()):
            world.vendors.zoho.user_change("unlock", module, key)
    for url, body in () if is_calm else world.vendors.hints:
        actors.deliver_hint(world, url, body)
    world.vendors.hints.clear()
    at = until
    for number, gap in enumerate(ROUNDS):
        at += gap
        world.time.reach(at)
        world.network.carry_out_late()
        world.note(f"round {number}")
        putback.go_on(world, Random(0), 0)  # each until it works: a quota for the day may refuse it the first time
        if not is_calm:
            actors.look(world, Random(0), 0)
        actors.setup(world, Random(0), 0)
        if number:
            world.processes["one"].run(actors.guarded(world, lambda _: revive(world), "revive"))
        if is_calm and not number:
            catch_up(world)  # whoever missed nothing has nothing to read again
        else:
            one_round(world, accept=True)
    drain_doorbell(world)


def one_round(world: World, *, accept: bool, sends: bool = True) -> None:
    """Pull, apply, plan or push, until nothing is due any more; or only up to what waits to be sent."""
    process = world.processes["one"]
    world.doorbell.lose_everything()
    for name in STREAMS:
        process.run(actors.guarded(world, _puller(name, accept=accept), f"pull {name}"))
    process.run(actors.guarded(world, run_tick, "tick"))
    if sends:
        _decide(world)
    else:
        process.run(actors.guarded(world, run_apply, "apply"))


def catch_up(world: World) -> None:
    """What people changed since the last time is read, applied and sent; nothing else is asked for."""
    process = world.processes["one"]
    world.doorbell.lose_everything()
    changed, gone = world.vendors.changed_since(world.caught_up)
    world.caught_up = world.vendors.store.effects.last_seq
    for name, streams in STREAMS.items():
        for swept in (False, True):
            some = [one for one in streams if one in changed.get(name, ()) and (one in gone.get(name, ())) is swept]
            if some:
                pull = partial(run_pull, connection=name, streams=some, sweep=swept)
                process.run(actors.guarded(world, pull, f"pull {name}"))
    process.run(actors.guarded(world, run_tick, "tick"))
    _decide(world)


def _decide(world: World) -> None:
    process = world.processes["one"]
    process.run(actors.guarded(world, run_apply, "apply"))
    if world.plan.push_mode == "plan":
        actors.look_and_send(world, fresh=False)
    else:
        actors.approve(world)
        process.run(actors.guarded(world, lambda ctx: run_push(ctx, "zoho", limit_seconds=None), "push"))


def drain_doorbell(world: World) -> None:
    """Whatever the sweep finds due is done, until it finds nothing; what was just read is not read again."""
    for _ in range(20):
        actors.sweep(world, Random(0), 0)
        for job in [job for job in world.doorbell.waiting if job[0].startswith("pull:")]:
            del world.doorbell.waiting[job]
        if not world.doorbell.waiting:
            return
        while world.doorbell.waiting:
            actors.work_on(world, Random(1), min(world.doorbell.waiting))


def _puller(name: str, *, accept: bool) -> Callable[[Context], object]:
    return lambda ctx: run_pull(ctx, name, sweep=accept or None, accept_deletes=accept)


def revive(world: World) -> None:
    """An operator sends dead letters again."""
    ctx = world.processes["web"].ctx
    with nobody(), ctx.engine.connect() as conn:
        codes = [row[0] for row in conn.execute(text("SELECT DISTINCT error_code FROM outbox WHERE state = 'dead'"))]
        conn.rollback()
    if codes:
        pushes.revive(ctx.engine, "zoho", codes, "ann", ctx.clock)
        ring(ctx, "push:zoho")


def quiet(world: World) -> list[str]:
    """E3: what is still stuck."""
    ctx = world.processes["web"].ctx
    out: list[str] = []
    with nobody():
        left = waiting(Service(ctx))
        left.pop("dead", None)
        left.pop("planned", None) if world.plan.push_mode == "plan" else None
        if left:
            out.append(f"E3 still waiting: {left}")
        names = [name for name in due(ctx) if not name.startswith(("pull:", "report:"))]
        if names:
            out.append(f"E3 still due: {names}")
        with ctx.engine.connect() as conn:
            held = conn.execute(
                text("SELECT name FROM leases WHERE owner <> '' AND until_at > :now"), {"now": str(ctx.clock.now())}
            ).all()
            conn.rollback()
        if held:
            out.append(f"E3 still leased: {[row[0] for row in held]}")
    return out


def proofs(world: World, *, rebuilds: bool) -> list[str]:
    """I1 to I4 by the product's own proof, grades judged again, and the fold done again."""
    service = Service(world.processes["web"].ctx)
    out: list[str] = []
    with nobody():
        out += [f"verify: {breach}" for breach in service.verify()[:3]]
        out += credit.wrong(service)[:3]
        if rebuilds:
            view = service.rebuild_check()
            if not view.ok:
                out.append(f"I7 a rebuild differs: {view.differences[:3]}")
    return out
