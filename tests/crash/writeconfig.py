"""A configuration of both vendors over loopback sockets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CONFIG = """
[tieout]
home = "{home}"
database_url = "{database}"
redis_url = "{redis}"
secret_key = "a test key, nothing else"
language = "en"
public_url = "{public_url}"

[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"

[connections.zoho]
vendor = "zoho_crm"
sandbox = true
company = "cn"
auth_url = "{zoho_url}"
{zoho}
timeout_seconds = {timeout}
streams = ["customers", "deals", "invoices"]
push = ["payment_status", "credit", "reminders"]
push_mode = "{push_mode}"

[connections.kingdee]
vendor = "kingdee"
sandbox = true
company = "cn"
{kingdee}
timeout_seconds = {timeout}
streams = ["customers", "invoices", "payments", "refunds", "allocations", "credit_limits", "rates"]
"""


def write_config(
    path: Path,
    *,
    database_url: str,
    redis_url: str,
    connections: Mapping[str, Mapping[str, Any]],
    push_mode: str = "auto",
    timeout_seconds: int = 20,
    public_url: str = "https://tieout.example",
) -> Path:
    """Write the file and answer its path; the home is its folder. `connections` as the sandbox describes them."""
    parts = {
        name: "\n".join(
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in one.items()
        )
        for name, one in connections.items()
        if name in ("zoho", "kingdee")
    }
    text = _CONFIG.format(
        home=path.parent,
        database=database_url,
        redis=redis_url,
        zoho_url=connections["zoho"]["base_url"],
        push_mode=push_mode,
        timeout=timeout_seconds,
        public_url=public_url,
        **parts,
    )
    path.write_text(text, encoding="utf-8")
    return path
