"""What one foreground sync did, connection by connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sync.apply import ApplySummary
from sync.pull import PullSummary
from sync.push import PushSummary


@dataclass
class SyncSummary:
    """One foreground sync: what was pulled, applied, planned and pushed."""

    pulls: list[PullSummary] = field(default_factory=list)
    applied: ApplySummary = field(default_factory=ApplySummary)
    pushes: list[PushSummary] = field(default_factory=list)
    planned: int = 0
    plan_digest: str = ""

    @property
    def ok(self) -> bool:
        return all(pull.ok for pull in self.pulls) and all(push.ok for push in self.pushes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "connections": [pull.as_dict() for pull in self.pulls],
            "applied": self.applied.as_dict(),
            "pushed": [push.as_dict() for push in self.pushes],
            "planned": self.planned,
            "plan_digest": self.plan_digest,
        }
