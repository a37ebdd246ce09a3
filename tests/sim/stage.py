"""What every world of this process shares: configurations, the sealer, the seams into the product, stored starts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import structlog

import sync.queue
from tests.sim import database, doorbell
from tests.sim.network import KINGDEE, ZOHO
from tests.sim.variant import Variant
from tieout.cli.vendors import vendor_settings
from tieout.core import config as configuration
from tieout.core import faults, logging
from tieout.core.config import Config
from tieout.core.crypto import Sealer
from tieout.sandbox.kingdee import KingdeeSettings
from tieout.sandbox.zoho import ZohoSettings
from tieout.store import session

KEY = "a simulated key and nothing else"  # a comma would make two of it
PUBLIC = "https://sim.invalid"


@cache
def sealer() -> Sealer:
    return Sealer((KEY,))


@cache
def configured(variant: Variant, push_mode: str, url: str, folder: Path) -> Config:
    """The configuration of a variant's installation."""
    zoho, kingdee = ZohoSettings(), KingdeeSettings()
    path = folder / f"tieout-{variant.number}-{push_mode}.toml"
    path.write_text(
        f"""
[tieout]
home = "{folder}"
database_url = "{url}"
redis_url = "{doorbell.URL}"
secret_key = "{KEY}"
public_url = "{PUBLIC}"
language = "en"

[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "{variant.timezone}"
book_of_record = "kingdee"

[connections.zoho]
vendor = "zoho_crm"
sandbox = true
company = "cn"
auth_url = "http://{ZOHO}"
base_url = "http://{ZOHO}"
client_id = "{zoho.client_id}"
client_secret = "{zoho.client_secret}"
refresh_token = "{zoho.refresh_token}"
per_page = {variant.per_page}
interval = "30m"
streams = ["customers", "deals", "invoices"]
push = ["payment_status", "credit", "reminders"]
push_mode = "{push_mode}"
max_changes_per_run = {{ rows = {variant.max_rows} }}

[connections.kingdee]
vendor = "kingdee"
sandbox = true
company = "cn"
base_url = "http://{KINGDEE}"
acct_id = "{kingdee.acct_id}"
user = "{kingdee.user}"
app_id = "{kingdee.app_id}"
app_secret = "{kingdee.app_secret}"
page_rows = {variant.page_rows}
interval = "20m"
streams = ["customers", "invoices", "payments", "refunds", "allocations"]
""",
        encoding="utf-8",
    )
    return configuration.load(path, vendor_settings=vendor_settings)


class _Said:
    """Takes what the product logs to the world that runs."""

    def write(self, text: str) -> int:
        from tests.sim.process import current

        process = current()
        if process is not None and text.strip():
            process.world.said.append(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def install() -> None:
    """Put the simulator's clockwork behind the product's seams, once per process."""
    from tests.sim.world import hook

    faults.set_hook(hook)
    session.begin, session.commit = database.begin, database.commit
    _replace(sync.queue, "_enqueue", doorbell.enqueue)
    logging.configure(json_lines=True, stream=_Said())
    processors: list[Any] = [one for one in structlog.get_config()["processors"] if not _is_stamper(one)]
    structlog.configure(processors=processors)


def _is_stamper(processor: Any) -> bool:
    return isinstance(processor, structlog.processors.TimeStamper)


def _replace(module: Any, name: str, value: Any) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more: the simulator must follow"
    setattr(module, name, value)
