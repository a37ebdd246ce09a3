"""`max_changes_per_run`: a mass change is parked whole, however its run is cut into batches, slices and processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from sync.apply import run_apply
from sync.plan import approve_parked
from sync.push import run_push
from sync.service import Service
from sync.sizing import Sizer
from sync.sweep import due
from tests.flow.books import Synced, examples, receive, rows, writes_since
from tests.flow.harness import outbox_states
from tieout.core import faults
from tieout.core.config import ChangeLimits
from tieout.store.tables import outbox


class Killed(BaseException):
    """A process that dies here."""


def limited(service: Service, count: int) -> None:
    """Set the limit of the CRM as its configuration would, in a process that knows nothing of costs."""
    conf = service.ctx.config
    zoho = conf.connections["zoho"].model_copy(update={"max_changes_per_run": ChangeLimits(rows=count)})
    service.ctx.config = conf.model_copy(update={"connections": {**conf.connections, "zoho": zoho}})
    service.ctx.sizer = Sizer()


def test_a_mass_change_cut_into_slices_and_killed_is_parked_whole(
    synced: Synced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, service = synced
    with service:
        limited(service, 8)
        monkeypatch.setattr(Sizer, "size", lambda self, kind: 3)  # many batches
        wanted = examples(service)[:6]
        for one in wanted:
            receive(world, one.number, "1.00")
        world.clock.advance(120)
        service.pull(["kingdee"])
        seq, sent, kills = world.store.effects.last_seq, 0, 0
        for turn in range(200):
            if turn % 9 == 4:  # now and then the process dies around a commit
                monkeypatch.setattr(
                    faults, "_hook", _die_once("before:settle.commit", "after:settle.commit")[kills % 2]
                )
                kills += 1
                with pytest.raises(Killed):
                    run_apply(service.ctx, limit_seconds=-1)
                monkeypatch.setattr(faults, "_hook", None)
                world.clock.advance(40)
            run_apply(service.ctx, limit_seconds=-1)
            sent += run_push(service.ctx, "zoho").done
            if "apply" not in due(service.ctx):
                break
        assert kills >= 2, "the run was too short to be killed"
        assert (sent, writes_since(world, seq)) == (0, [])
        states = outbox_states(service)
        assert states["parked"] >= 12
        assert "ready" not in states
        assert service.verify() == []
        assert approve_parked(service.ctx, "zoho", "ann") == states["parked"]
        run_push(service.ctx, "zoho", limit_seconds=None)
        changed = {(one.entity, str(one.record_id)) for one in writes_since(world, seq)}
        assert set().union(*(one.dependants for one in wanted)) <= changed


def test_a_change_below_the_limit_is_sent_once_its_run_has_ended(synced: Synced) -> None:
    world, service = synced
    with service:
        limited(service, 8)
        one = examples(service)[0]
        receive(world, one.number, "1.00")
        world.clock.advance(120)
        seq = world.store.effects.last_seq
        assert service.sync().ok
        assert {(e.entity, str(e.record_id)) for e in writes_since(world, seq)} >= {("Invoices", one.invoice)}
        assert not rows(service, select(outbox.c.id).where(outbox.c.is_counting))
        # A process that dies after the last batch and before the judgement leaves work for the sweep to ring for.
        receive(world, one.number, "1.00")
        world.clock.advance(120)
        service.pull(["kingdee"])
        while run_apply(service.ctx, limit_seconds=-1).batches > 0 and not _only_judgement_left(service):
            pass
        assert _only_judgement_left(service)
        assert "apply" in due(service.ctx)
        assert "push:zoho" not in due(service.ctx)
        run_apply(service.ctx)
        assert "push:zoho" in due(service.ctx)


def _only_judgement_left(service: Service) -> bool:
    from sync.apply import backlog

    left = backlog(service.ctx)
    counting = rows(service, select(outbox.c.id).where(outbox.c.is_counting))
    return left["pending"] == left["dirty"] == 0 and bool(counting)


def _die_once(*points: str) -> list[object]:
    def at(point: str) -> object:
        def hook(name: str) -> None:
            if name == point:
                raise Killed(point)

        return hook

    return [at(point) for point in points]
