"""0005: an echo told by the whole content of a record instead of by the values we map."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

from connectors.zoho.rows import RowReader
from tests.flow.alternatives.place import Size, fresh
from tests.flow.harness import versions
from tieout.core import exact_json


@dataclass(frozen=True, slots=True)
class Found:
    """New versions that our own writes make at the next pull."""

    by_value: int
    by_content: int

    def __str__(self) -> str:
        return f"new versions by our own writes: {self.by_value} by mapped value, {self.by_content} by whole content"


def run(size: Size) -> Found:
    whole = patch.object(RowReader, "hash", lambda self, record: exact_json.digest(record))
    by_value = _echoes(size)
    with whole:
        return Found(by_value, _echoes(size))


def _echoes(size: Size) -> int:
    with fresh(size) as (world, service):
        assert service.sync().ok
        before = versions(service)
        world.clock.advance(600)
        service.pull(["zoho"])
        return versions(service) - before
