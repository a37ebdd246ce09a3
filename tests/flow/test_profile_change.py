"""A changed mapping profile is an input: its records are mapped again, and the rebuild follows it there and back."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from mapping.loader import load_profiles
from sync.service import Service
from tests.flow.books import Synced, books, rows
from tieout.store.tables import inputs

NONE_IN_FORCE = """
vendor: kingdee
stream: allocations
extends: shipped
fields:
  is_active: {path: FISACTIVATION, map: {"true": false, "false": false, "True": false, "False": false}}
"""


def _activate(service: Service, override: Path | None) -> None:
    service.ctx._profiles["kingdee"] = load_profiles("kingdee", override)


def test_the_books_follow_a_profile_there_and_back_and_so_does_the_rebuild(synced: Synced, tmp_path: Path) -> None:
    world, service = synced
    with service:
        before = books(service)
        folder = tmp_path / "profiles"
        folder.mkdir()
        (folder / "allocations.yaml").write_text(NONE_IN_FORCE, encoding="utf-8")
        for override in (folder, None):
            _activate(service, override)
            world.clock.advance(600)
            assert service.sync().ok
            assert service.rebuild_check().differences == []
            is_same = books(service)["open items"] == before["open items"]
            assert is_same == (override is None)
        i = inputs.c
        noted = rows(service, select(i.body).where(i.kind == "activation", i.stream == "allocations"))
        assert [row["body"]["before"] for row in noted] == [row["body"]["version"] for row in reversed(noted)]
        assert service.verify() == []
