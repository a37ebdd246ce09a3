"""0013: every change sent at once, where somebody activates a wrong mapping profile and takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mapping.loader import load_profiles
from sync.service import Service
from tests.flow.alternatives.place import Size, folder, fresh, synced
from tests.flow.books import ZOHO_MODULES, waiting, writes_since
from tieout.core.config import ChangeLimits
from tieout.sandbox.world import SandboxWorld

# Somebody reads the flag "in force" of settlements the wrong way round: what was paid looks open again.
WRONG = """
vendor: kingdee
stream: allocations
extends: shipped
fields:
  is_active:
    path: FISACTIVATION
    map: {"true": false, "false": true, "True": false, "False": true, "1": false, "0": true}
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What reached the CRM: records written while the profile was wrong, written after it, and wrong reminders."""

    wrong: int
    right: int
    tasks: int  # reminders that nobody would have got, or that state another amount, under the right profile


@dataclass(frozen=True, slots=True)
class Found:
    """A first sync under a wrong profile, at once and planned; the same mistake later, under a limit of changes."""

    at_once: Sent
    planned: Sent
    parked: int  # changes that `max_changes_per_run` holds when the mistake is made after the first sync
    passed: int  # records written in spite of the limit

    def __str__(self) -> str:
        def said(sent: Sent) -> str:
            return (
                f"{sent.wrong} records written under it, {sent.right} after its correction, "
                f"{sent.tasks} wrong reminders stay"
            )

        return (
            f"a first sync under a wrong profile. At once: {said(self.at_once)}. Plan: {said(self.planned)}. The same "
            f"mistake later under a limit of 10 %: {self.parked} changes parked, {self.passed} sent"
        )


def run(size: Size) -> Found:
    with synced(size) as (world, _):
        due = _tasks(world)
    parked, passed = _later(size)
    return Found(_first(size, "auto", due), _first(size, "plan", due), parked, passed)


def _first(size: Size, mode: str, due: set[tuple[str, str]]) -> Sent:
    with fresh(size, push_mode=mode) as (world, service), folder() as profiles:
        _activate(service, wrong=profiles)
        wrong = _sync(world, service)
        _activate(service)
        right = _sync(world, service)
        if mode == "plan":  # somebody looks at it now
            seq = world.store.effects.last_seq
            service.push(service.plan().digest)
            right = _written(world, seq)
        return Sent(wrong, right, len(_tasks(world) - due))


def _later(size: Size) -> tuple[int, int]:
    with synced(size) as (world, service), folder() as profiles:
        conf = service.ctx.config
        zoho = conf.connections["zoho"].model_copy(update={"max_changes_per_run": ChangeLimits(share_percent=10)})
        service.ctx.config = conf.model_copy(update={"connections": {**conf.connections, "zoho": zoho}})
        _activate(service, wrong=profiles)
        passed = _sync(world, service)
        return sum(row["state"] == "parked" for row in waiting(service)), passed


def _tasks(world: SandboxWorld) -> set[tuple[str, str]]:
    """Whose task it is and what it says, of every task of ours in the CRM."""
    tasks = world.zoho.tables["Tasks"].rows.values()
    return {
        (str((task.get("What_Id") or {}).get("id")), f"{task['Subject']} {task.get('Description')}")
        for task in tasks
        if task.get("AR_Key")
    }


def _activate(service: Service, wrong: Path | None = None) -> None:
    if wrong is not None:
        (wrong / "allocations.yaml").write_text(WRONG, encoding="utf-8")
    service.ctx._profiles["kingdee"] = load_profiles("kingdee", wrong)


def _sync(world: SandboxWorld, service: Service) -> int:
    """An hour later: a sync; how many records of the CRM it wrote, tasks not counted."""
    world.clock.advance(3600)
    seq = world.store.effects.last_seq
    assert service.sync().ok
    return _written(world, seq)


def _written(world: SandboxWorld, seq: int) -> int:
    return len({(one.entity, one.record_id) for one in writes_since(world, seq) if one.entity in ZOHO_MODULES.values()})
