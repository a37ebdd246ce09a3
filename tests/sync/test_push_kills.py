"""A sender killed at any of its write boundaries: nothing is lost and nothing has a second effect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sync.push import run_push
from tests.sync.fakes import NOW, Remote, make_context, proxy, served
from tieout.core import faults
from tieout.core.clock import ManualClock
from tieout.core.config import ChangeLimits
from tieout.core.ids import SeededIds
from tieout.store.outbox import EventIntent, Intent, intend
from tieout.store.session import make_engine, unit
from tieout.store.tables import outbox, remote_seen

POINTS = [
    f"{side}:{name}"
    for name in ("outbox.claim", "push.send", "push.read", "receipt.commit")
    for side in ("before", "after")
]


@pytest.mark.parametrize("occurrence", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_killed_sender(engine: Engine, engine_url: str, tmp_path: Path, point: str, occurrence: int) -> None:
    remote = Remote()
    ctx = make_context(engine, engine_url, tmp_path, remote=remote)
    with unit(engine, "settle.commit") as conn:
        intend(
            conn,
            [Intent("zoho", "Invoices", str(n), {"A": n}, {}, {}, str(n)) for n in range(5)],
            [EventIntent("zoho", "Tasks", f"k{n}", "AR_Key", "Accounts", "9", {}, {}, "c") for n in range(3)],
            modes={"zoho": "auto"},
            limits={"zoho": ChangeLimits()},
            now=NOW,
            ids=SeededIds(1),
        )
    engine.dispose()
    with served(remote, tmp_path) as address:
        child = os.fork()
        if child == 0:
            mine = make_context(make_engine(engine_url), engine_url, tmp_path, remote=proxy(address), ids=SeededIds(2))
            faults.kill_at(point, occurrence)
            run_push(mine, "zoho", limit_seconds=None)
            os._exit(7)
        status = os.waitpid(child, 0)[1]
        # Updates and creates are a claim, a call and a receipt each: every point is passed twice.
        assert os.WIFSIGNALED(status), f"{point} was not passed for the {occurrence}. time"
        assert os.WTERMSIG(status) == 9
        assert isinstance(ctx.clock, ManualClock)
        run_push(ctx, "zoho", limit_seconds=None)  # at once: what the dead one held is not touched
        ctx.clock.advance(120)
        run_push(ctx, "zoho", limit_seconds=None)
    with engine.connect() as conn:
        assert set(conn.execute(select(outbox.c.state)).scalars()) == {"done"}
        held = {
            row.remote_id: row.fields for row in conn.execute(select(remote_seen.c.remote_id, remote_seen.c.fields))
        }
    assert held == {str(n): {"A": n} for n in range(5)}
    assert sorted(str(effect[1]) for effect in remote.effects) == ["0", "1", "2", "3", "4", "k0", "k1", "k2"]
