"""A whole installation against in-process vendor servers: one clock for both sides, no sockets, no sleeping."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import decisions, inputs, outbox

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
ZOHO, KINGDEE = "127.0.0.1:7001", "127.0.0.1:7002"


class SharedClock:
    """The product's clock, driven by the sandbox's: waiting moves both."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.now().timestamp()

    def worked(self) -> float:
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.advance(seconds)


def make_world(customers: int = 30, invoices: int = 120, seed: int = 7, store_path: str | None = None) -> SandboxWorld:
    """A seeded company on a clock that stands still until it is told to move."""
    return SandboxWorld(store_path, seed, customers, invoices, SandboxClock(START, running=False))


def write_config(
    folder: Path, world: SandboxWorld, database_url: str, *, push_mode: str = "auto", start_on: date | None = None
) -> Path:
    """A configuration of both vendors over loopback addresses that only the transport knows."""
    parts = world.connections(f"http://{ZOHO}", f"http://{KINGDEE}")
    zoho = "\n".join(f'{key} = "{value}"' for key, value in parts["zoho"].items())
    kingdee = "\n".join(f'{key} = "{value}"' for key, value in parts["kingdee"].items())
    kingdee += f"\nstart_on = {start_on}" if start_on is not None else ""
    path = folder / "tieout.toml"
    path.write_text(
        f"""
[tieout]
home = "{folder}"
database_url = "{database_url}"
secret_key = "a test key and nothing else"
language = "en"

[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"

[connections.zoho]
vendor = "zoho_crm"
sandbox = true
company = "cn"
auth_url = "http://{ZOHO}"
{zoho}
streams = ["customers", "deals", "invoices"]
push = ["payment_status", "credit", "reminders"]
push_mode = "{push_mode}"

[connections.kingdee]
vendor = "kingdee"
sandbox = true
company = "cn"
{kingdee}
streams = ["customers", "invoices", "payments", "refunds", "allocations", "credit_limits", "rates"]
""",
        encoding="utf-8",
    )
    return path


def transport(world: SandboxWorld) -> InProcessTransport:
    return InProcessTransport({ZOHO: world.zoho, KINGDEE: world.kingdee})


def open_installation(
    folder: Path,
    world: SandboxWorld,
    database_url: str,
    *,
    push_mode: str = "auto",
    ids: Any = None,
    start_on: date | None = None,
) -> Service:
    """The product on a database, speaking to the world in process; the books begin on `start_on`."""
    path = write_config(folder, world, database_url, push_mode=push_mode, start_on=start_on)
    config = load(path, vendor_settings=vendor_settings)
    service = open_service(config, transport=transport(world), clock=SharedClock(world.clock), ids=ids)
    service.migrate()
    return service


def versions(service: Service) -> int:
    """Landed versions so far."""
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(inputs).where(inputs.c.kind == "landed")).scalar_one())


def outbox_states(service: Service) -> dict[str, int]:
    """Outbox rows by state."""
    with reading(service.ctx.engine) as conn:
        rows = conn.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
    return {state: int(count) for state, count in rows}


def standing_decisions(service: Service) -> dict[tuple[str, str], str]:
    """(kind, subject) -> value of every standing decision."""
    with reading(service.ctx.engine) as conn:
        rows = conn.execute(
            select(decisions.c.kind, decisions.c.subject, decisions.c.value).where(decisions.c.is_current.is_(True))
        ).all()
    return {(row.kind, row.subject): row.value for row in rows}
