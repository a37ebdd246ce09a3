"""Writes configuration files: what `tieout init` gathers, and the sandbox's own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tieout.core import exact_json
from tieout.core.errors import BadPayload, HomeError
from tieout.runtime.home import unusable

GENERATED = "# Made by `tieout up --sandbox` at every start. To change it, copy it to ./tieout.toml."


def toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of plain values as TOML text (JSON strings are TOML basic strings)."""
    parts = []
    for name, table in tables.items():
        parts.append(f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in table.items()))
    return "\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def sandbox_text(sandbox: Mapping[str, Any], language: str) -> str:
    """The configuration that fits running vendor servers, from what they wrote to `sandbox.json`."""
    zoho, kingdee = dict(sandbox["zoho"]), dict(sandbox["kingdee"])
    tables: dict[str, dict[str, Any]] = {
        "tieout": {"home": ".", "language": language},
        "companies.cn": {
            "name": "示例科技有限公司",
            "functional_currency": "CNY",
            "timezone": "Asia/Shanghai",
            "calendar": "CN",
            "book_of_record": "kingdee",
        },
        "connections.zoho": {
            "vendor": "zoho_crm",
            "sandbox": True,
            "auth_url": zoho["base_url"],
            **zoho,
            "interval": "30s",
            "push": ["payment_status", "credit", "reminders"],
        },
        "connections.kingdee": {"vendor": "kingdee", "sandbox": True, **kingdee, "interval": "30s"},
    }
    if "fxiaoke" in sandbox:
        tables["connections.fxiaoke"] = {
            "vendor": "fxiaoke",
            "sandbox": True,
            **sandbox["fxiaoke"],
            "interval": "30s",
            "push": ["payment_status", "credit", "reminders"],
        }
    return f"{GENERATED}\n\n" + toml(tables)


def read_sandbox(path: Path) -> dict[str, Any]:
    """What the vendor servers say about themselves."""
    try:
        found = exact_json.loads(path.read_bytes())
    except (OSError, BadPayload) as error:
        raise HomeError(f"{path} cannot be read: {error}.", hint="Start again; it is written anew.") from None
    if not isinstance(found, dict) or not {"zoho", "kingdee"} <= found.keys():
        raise HomeError(f"{path} does not describe the vendor servers.", hint="Start again; it is written anew.")
    return found


def raised_limits(path: Path) -> tuple[int, int] | None:
    """Zoho credits a day of the local servers and the documented ones, where they differ; None where not."""
    if not path.exists():
        return None
    limits = read_sandbox(path).get("limits") or {}
    here, documented = limits.get("zoho_credits_per_day"), limits.get("zoho_credits_per_day_documented")
    return (int(here), int(documented)) if here and documented and here != documented else None


def is_generated(path: Path) -> bool:
    """True for a file that the sandbox wrote and may write again."""
    try:
        with path.open(encoding="utf-8") as text:
            return text.readline().strip() == GENERATED
    except (OSError, UnicodeDecodeError):
        return False


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a text file whole or not at all, by default readable by its owner only."""
    write_bytes(path, text.encode(), mode)


def write_bytes(path: Path, body: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, by default readable by its owner only."""
    part = path.with_name(path.name + ".part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as out:
            out.write(body)
        part.replace(path)
    except OSError as error:
        raise unusable(path.parent, error) from None
