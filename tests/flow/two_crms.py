"""An installation with Zoho CRM, Fxiaoke and Kingdee, after its first sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.service import Service, open_service
from tests.flow.harness import KINGDEE, ZOHO, SharedClock, make_world, write_config
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.world import SandboxWorld

FXIAOKE = "127.0.0.1:7003"


def open_three(folder: Path, world: SandboxWorld, database_url: str) -> Service:
    """The product with both CRMs and the books."""
    keys = world.connections(fxiaoke_url=f"http://{FXIAOKE}")["fxiaoke"]
    lines = "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    path = write_config(folder, world, database_url)
    more = f"""
[connections.fxiaoke]
vendor = "fxiaoke"
sandbox = true
company = "cn"
{lines}
push = ["payment_status", "credit", "reminders"]
push_mode = "auto"
"""
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    config = load(path, vendor_settings=vendor_settings).model_copy(update={"public_url": "http://127.0.0.1:8000"})
    wires = InProcessTransport({ZOHO: world.zoho, KINGDEE: world.kingdee, FXIAOKE: world.fxiaoke})
    service = open_service(config, transport=wires, clock=SharedClock(world.clock))
    service.migrate()
    return service


def three_systems() -> SandboxWorld:
    """A company whose customers stand in both CRMs and in the books."""
    return make_world(40, 90, seed=11)


@contextmanager
def synced_three(folder: Path, world: SandboxWorld, database_url: str = "") -> Iterator[Service]:
    """Those systems synced once, a minute ago; on SQLite where no database is named."""
    with open_three(folder, world, database_url or f"sqlite:///{folder / 'tieout.db'}") as opened:
        assert opened.sync().ok
        world.clock.advance(60)
        yield opened
