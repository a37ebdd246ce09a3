"""0018: surrogate ids from chance instead of from the place in the log."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

from sync.fold.batch import BatchIds
from tests.flow.alternatives.place import Size, fresh
from tieout.core.clock import SystemClock
from tieout.core.ids import RandomIds


@dataclass(frozen=True, slots=True)
class Found:
    """Facts that are shown to differ after a rebuild; at most 50 of a kind are shown."""

    from_log: int
    from_chance: int

    def __str__(self) -> str:
        return (
            f"facts that differ after a rebuild: {self.from_log} with ids from the log, "
            f"{self.from_chance} or more with ids from chance"
        )


def run(size: Size) -> Found:
    ids = RandomIds(SystemClock())
    from_log = _differing(size)
    with patch.object(BatchIds, "new", lambda self, prefix: ids.new(prefix)):
        return Found(from_log, _differing(size))


def _differing(size: Size) -> int:
    with fresh(size) as (_, service):
        assert service.sync().ok
        return len(service.rebuild_check().differences)
