"""0019: settling as soon as something was read, instead of when every first pull is complete."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

from sqlalchemy import select

from sync import apply
from tests.flow.alternatives.place import Size, fresh
from tests.flow.books import rows
from tieout.store.tables import outbox


@dataclass(frozen=True, slots=True)
class Found:
    """Reminders, and changes in all, that are taken back or changed when the payments are read last."""

    reminders: int
    changes: int

    def __str__(self) -> str:
        return (
            f"settled before the payments were read: {self.reminders} reminders and {self.changes} changes in all "
            "taken back"
        )


def run(size: Size) -> Found:
    with fresh(size) as (_, service), patch.object(apply, "ready_to_settle", lambda _: True):
        conf = service.ctx.config
        half = conf.connections["kingdee"].model_copy(update={"streams": ("customers", "invoices")})
        service.ctx.config = conf.model_copy(update={"connections": {**conf.connections, "kingdee": half}})
        service.pull()
        service.apply()
        o = outbox.c
        made = {row["id"]: row for row in rows(service, select(o.id, o.version, o.operation))}
        service.ctx.config = conf
        service.pull(["kingdee"])
        service.apply()
        after = {row["id"]: row for row in rows(service, select(o.id, o.version, o.state))}
        wrong = [
            key
            for key, row in made.items()
            if after[key]["version"] != row["version"] or after[key]["state"] in ("superseded", "cancelled")
        ]
        return Found(sum(made[key]["operation"] == "create" for key in wrong), len(wrong))
