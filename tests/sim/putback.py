"""A backup, and its restore in the middle of a world: what was sent since is not sent again, and the end is the same.

People's decisions after a copy would be lost with it: whoever decides something takes away the copy that was made
before, as if a new one were made. PostgreSQL worlds are left out: they would need its client programs.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from sync.apply import run_apply
from sync.backup import backup
from sync.context import Context
from sync.pull import run_pull
from sync.restore import restore
from sync.service import Service
from tests.sim import actors
from tests.sim.process import nobody

if TYPE_CHECKING:
    from tests.sim.world import World


def copy(world: World, rng: Random, _: int) -> None:
    """An operator makes a backup while everything runs."""
    if world.database.kind != "sqlite":
        return
    path = Path(f"{world.database.url.removeprefix('sqlite:///')}.copy")
    path.unlink(missing_ok=True)
    world.copy_at = None

    def run(ctx: Context) -> None:
        backup(ctx, path)
        world.copy_at = len(world.reports)

    world.processes["web"].run(actors.guarded(world, run, "backup"))


def put_back(world: World, rng: Random, number: int) -> None:
    """The copy takes the place of the database; every process is started anew, the queue is empty."""
    if world.copy_at is None:
        return
    file = Path(world.database.url.removeprefix("sqlite:///"))
    world.database.engine.dispose()
    with nobody():
        done = restore(world.config, world.processes["web"].clock, Path(f"{file}.copy"), actor="cli:ann", replace=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{done['kept']}{suffix}").unlink(missing_ok=True)
    world.database.engine.dispose()
    del world.reports[world.copy_at :]  # printed of what is no more
    world.copy_at, world.kept_plan, world.is_put_back = None, "", True
    world.restores += 1
    world.fences.begin_again()
    world.doorbell.lose_everything()
    world.struck.append("restored")
    world.note("restored")
    for process in world.processes.values():
        process.start_anew()
    go_on(world, rng, number)


def go_on(world: World, rng: Random, _: int) -> None:
    """After a restore: everything is read again, then pushing is allowed; tried until it works."""
    if not world.is_put_back:
        return

    def run(ctx: Context) -> None:
        for name in actors.STREAMS:
            run_pull(ctx, name, full=True, trigger="command")
        run_apply(ctx)
        Service(ctx).push_resume("cli:ann")
        world.is_put_back = False

    world.processes["web"].run(actors.guarded(world, run, "go on"))
