"""Who acts in a world: workers, the scheduler, the web process, people at the vendors, days that pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from sync.apply import run_apply
from sync.context import Context
from sync.inbox import accept
from sync.jobs import drain
from sync.operations import check, prepare_sandboxes
from sync.plan import plan as make_plan
from sync.plan import push_plan, save_plan
from sync.pull import run_pull
from sync.push import run_push
from sync.queue import ring
from sync.reconcile import run_reconcile
from sync.service import Service
from sync.sweep import run_housekeeping, run_sweep
from tests.sim import asof, putback, users
from tests.sim.plan import Fault
from tests.sim.process import current, nobody
from tieout.core.errors import Denied, TieoutError
from tieout.store import pushes
from tieout.store.plans import plan_rows
from tieout.store.tables import inbox, outbox

if TYPE_CHECKING:
    from tests.sim.world import World

PROFILES: dict[str, Mapping[str, Any]] = {}
Actor = Callable[["World", Random, int], None]
STREAMS = {
    "zoho": ("customers", "deals", "invoices"),
    "kingdee": ("customers", "invoices", "payments", "refunds", "allocations"),
}


def guarded(world: World, work: Callable[[Context], object], what: str) -> Callable[[Context], None]:
    """The work as a worker or command runs it: errors the product names, and a lost database, end it and no more.

    Anything else that comes out is a defect.
    """

    def run(ctx: Context) -> None:
        try:
            work(ctx)
        except (TieoutError, SQLAlchemyError) as error:
            _still_alive()
            world.note(f"{what} failed: {type(error).__name__} {str(error).splitlines()[0][:100]}")
        except Exception as error:  # noqa: BLE001 - a finding
            _still_alive()
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            world.problem(f"{what} raised {type(error).__name__}: {error} ({where.filename}:{where.lineno})")

    return run


def _still_alive() -> None:
    """A dead process says nothing: whatever it raised on its way out does not count."""
    process = current()
    if process is not None:
        process.check()


def work(world: World, rng: Random, _: int) -> None:
    """A worker takes a waiting job, any of them."""
    jobs = sorted(world.doorbell.waiting)
    if not jobs:
        sweep(world, rng, 0)
        jobs = sorted(world.doorbell.waiting)
    if jobs:
        work_on(world, rng, rng.choice(jobs))


def work_on(world: World, rng: Random, job: tuple[str, int]) -> None:
    """A worker does one job."""
    name, turn = job
    process = world.free_process(rng)
    world.note(f"{process.name} {name}")
    world.doorbell.take(job, process.clock.now())
    process.is_horse_alone = False
    if process.run(guarded(world, lambda ctx: drain(ctx, name, turn), name)):
        world.doorbell.finish(job)
    elif process.is_horse_alone:
        world.doorbell.again(job)


def rush(world: World, rng: Random, *, with_push: bool) -> None:
    """Another worker reads the books and applies them, and sends what is due, while somebody is in the middle.

    Sometimes it ends after one batch, as at the end of a slice: whoever it overtook finds something left to do.
    """
    process = world.free_process(rng)
    world.note(f"{process.name} rushes in")
    process.run(guarded(world, lambda ctx: run_pull(ctx, "kingdee"), "pull kingdee"))
    is_short = rng.random() < 0.5
    process.run(guarded(world, partial(run_apply, limit_seconds=-1.0 if is_short else None), "apply"))
    if with_push and world.plan.push_mode == "auto":
        process.run(guarded(world, lambda ctx: run_push(ctx, "zoho", limit_seconds=None), "push"))


def both_at_once(world: World, rng: Random) -> None:
    """Two workers share what is new in the books: each reads some streams and applies them, one after the other."""
    names = rng.sample(("one", "two"), 2)
    for name, streams in zip(names, (("customers", "invoices", "payments"), ("allocations", "refunds")), strict=True):
        pull_some = partial(run_pull, connection="kingdee", streams=streams)
        world.processes[name].run(guarded(world, pull_some, "pull kingdee"))
        world.processes[name].run(guarded(world, run_apply, "apply"))


def sweep(world: World, rng: Random, _: int) -> None:
    """The scheduler looks what is due."""
    world.doorbell.maintain(world.time.now())
    process = world.free_process(rng)
    process.run(guarded(world, run_sweep, "sweep"))
    if rng.random() < 0.1:
        process.run(guarded(world, run_housekeeping, "housekeeping"))


def pull(world: World, rng: Random, _: int) -> None:
    """A person pulls one stream by command."""
    connection = rng.choice(("zoho", "kingdee", "kingdee"))
    stream = rng.choice(STREAMS[connection])
    full, swept = rng.random() < 0.08, rng.random() < 0.3

    def run(ctx: Context) -> None:
        run_pull(ctx, connection, streams=[stream], full=full, sweep=swept or None, trigger="command")

    world.free_process(rng).run(guarded(world, run, f"pull {connection} {stream}"))


def deliver(world: World, rng: Random, number: int) -> None:
    """The CRM delivers a notification that waits, in any order; lost, doubled, forged or old ones among them."""
    waiting = world.vendors.hints
    if not waiting:
        return
    url, body = waiting.pop(rng.randrange(len(waiting)))
    if world.strikes("hint_lost", "hint"):
        return
    if world.strikes("hint_unstored", "hint"):
        world.arm(Fault(number, "commit_lost", place="inbox.insert"))
    if world.strikes("hint_stale", "hint"):
        waiting.append((url, body))
    deliver_hint(world, url, body)
    if world.strikes("hint_twice", "hint"):
        deliver_hint(world, url, body)
    if world.strikes("hint_forged", "hint"):
        deliver_hint(world, url + "x", body, is_forged=True)
    if world.strikes("hint_other", "hint"):
        doc = json.loads(body)
        other = json.dumps({**doc, "token": "of another channel"}, ensure_ascii=False).encode()
        deliver_hint(world, url, other, is_forged=True)


def deliver_hint(world: World, url: str, body: bytes, *, is_forged: bool = False) -> None:
    """One delivery to the web process; what was answered with 2xx must be stored."""
    secret = urlsplit(url).path.rsplit("/", 1)[1]
    answered: list[str] = []

    def run(ctx: Context) -> None:
        try:
            answered.append(accept(ctx, "zoho", body, {"content-type": "application/json"}, {}, path_secret=secret))
        except Denied:
            if not is_forged:
                raise
        else:
            if is_forged:
                world.problem("a forged notification was accepted")

    world.processes["web"].run(guarded(world, run, "webhook"))
    if answered and not is_forged and not _is_stored(world, body):
        world.problem("P1 a notification was answered with success and is not stored")


def _is_stored(world: World, body: bytes) -> bool:
    """As it came, but without its token."""
    token = str(json.loads(body).get("token") or "")
    body = body.replace(token.encode(), b"***") if token else body
    with nobody(), world.database.engine.connect() as conn:
        found = conn.execute(select(inbox.c.id).where(inbox.c.body == body).limit(1)).first()
        conn.rollback()
    return found is not None


def plan(world: World, rng: Random, _: int) -> None:
    """A person looks at the plan and sends exactly that: at once, or at the next turn, when much has moved on.

    Where changes go out by themselves: a person lets go what was parked because it was too much at once.
    """
    if world.plan.push_mode != "plan":
        approve(world)
        return
    if world.kept_plan:
        digest, world.kept_plan = world.kept_plan, ""
        world.processes["web"].run(guarded(world, lambda ctx: _send(world, ctx, digest), "plan"))
        return
    look_and_send(world, fresh=rng.random() < 0.3, at_once=rng.random() < 0.6)


def approve(world: World) -> None:
    """Let parked changes go."""

    def run(ctx: Context) -> None:
        if pushes.approve(ctx.engine, "zoho", "user:ann", ctx.clock):
            ring(ctx, "push:zoho")

    if world.variant.max_rows:
        world.processes["web"].run(guarded(world, run, "approve"))


def revive(world: World, rng: Random, _: int) -> None:
    """An operator sends dead letters again: all of one reason, or a single one; nothing else may move by it."""
    o = outbox.c
    with nobody(), world.database.engine.connect() as conn:
        dead = conn.execute(select(o.id, o.error_code).where(o.state == "dead").order_by(o.id)).all()
        conn.rollback()
    codes = sorted({str(row.error_code) for row in dead}) or ["no_such_reason"]
    code = rng.choice(codes)
    one = rng.choice(dead).id if dead and rng.random() < 0.3 else ""

    def run(ctx: Context) -> None:
        if one:
            Service(ctx).retry_push(one, "user:ann")
        else:
            Service(ctx).revive("zoho", code, "user:ann")

    world.processes["web"].run(guarded(world, run, "revive"))


def look_and_send(world: World, *, fresh: bool, at_once: bool = True) -> None:
    """Show the plan as it is now; send it, or keep its digest."""

    def run(ctx: Context) -> None:
        view = make_plan(ctx, fresh)
        if not view.rows:
            return
        save_plan(ctx, view)
        if at_once:
            _send(world, ctx, view.digest)
        else:
            world.kept_plan = view.digest

    world.processes["web"].run(guarded(world, run, "plan"))


def _send(world: World, ctx: Context, digest: str) -> None:
    """Send a plan; what is another change by now than the plan showed must stay where it is."""
    shown = dict(plan_rows(ctx.engine, digest))
    before = _waiting(world, shown)
    try:
        push_plan(ctx, digest, "ann")
    finally:
        after = _waiting(world, shown)
        for key in sorted(before - after):
            if _is_under_way(world, key):
                world.problem(f"D13 {key} was let go although it is another change than the plan showed")


def _waiting(world: World, shown: Mapping[str, int]) -> set[str]:
    """Rows of a plan that are another version by now and still wait for somebody's approval."""
    with nobody(), world.database.engine.connect() as conn:
        rows = conn.execute(select(outbox.c.id, outbox.c.version, outbox.c.state).where(outbox.c.id.in_(shown))).all()
        conn.rollback()
    return {key for key, version, state in rows if version != shown[key] and state in ("planned", "parked")}


def _is_under_way(world: World, key: str) -> bool:
    with nobody(), world.database.engine.connect() as conn:
        state = conn.execute(select(outbox.c.state).where(outbox.c.id == key)).scalar()
        conn.rollback()
    return state in ("ready", "claimed", "done", "uncertain")


def reconcile(world: World, rng: Random, _: int) -> None:
    world.free_process(rng).run(guarded(world, run_reconcile, "reconcile"))


def setup(world: World, rng: Random, _: int) -> None:
    """The write-back fields are created where they are missing; where no unique one fits, a person makes the key's."""
    if not world.variant.unique_fields:
        key = {"api_name": "AR_Key", "field_label": "AR Key", "data_type": "text", "length": 255}
        world.vendors.zoho.seed_fields("Tasks", [key])
    world.processes["web"].run(guarded(world, prepare_sandboxes, "setup"))


def look(world: World, rng: Random, _: int) -> None:
    """Somebody tests the connections."""
    world.processes["web"].run(guarded(world, lambda ctx: check(ctx, None), "check"))


def report(world: World, rng: Random, _: int) -> None:
    """Somebody prints a report; it is printed again at the end."""
    asof.keep(world)


def nothing(world: World, rng: Random, _: int) -> None:
    """Time passes."""


ACTORS: dict[str, Actor] = {
    "work": work,
    "sweep": sweep,
    "pull": pull,
    "books": users.books,
    "crm": users.crm,
    "deliver": deliver,
    "plan": plan,
    "revive": revive,
    "hour": nothing,
    "day": nothing,
    "reconcile": reconcile,
    "setup": setup,
    "check": look,
    "report": report,
    "backup": putback.copy,
    "restore": putback.put_back,
    "go on": putback.go_on,
}
