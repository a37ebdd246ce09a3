"""Which keys a vendor has: checked when a configuration is read, suggested when one is written."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import BaseModel, ValidationError

from tieout.core.config_text import unknown_key
from tieout.core.errors import ConfigError

_SETTINGS = {
    "zoho_crm": ("connectors.zoho.settings", "ZohoSettings"),
    "kingdee": ("connectors.kingdee.settings", "KingdeeSettings"),
}

STARTERS: dict[str, dict[str, str]] = {
    "zoho_crm": {
        "auth_url": "https://accounts.zoho.com",
        "base_url": "",
        "client_id": "env:ZOHO_CLIENT_ID",
        "client_secret": "env:ZOHO_CLIENT_SECRET",
        "refresh_token": "env:ZOHO_REFRESH_TOKEN",
    },
    "kingdee": {
        "base_url": "https://erp.example.com/k3cloud",
        "acct_id": "env:KINGDEE_ACCT_ID",
        "user": "env:KINGDEE_USER",
        "app_id": "env:KINGDEE_APP_ID",
        "app_secret": "env:KINGDEE_APP_SECRET",
    },
}
"""What `tieout init` writes for a vendor; secrets stay outside the file."""


def vendor_settings(vendor: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The vendor's own keys, checked; ConfigError names an unknown vendor or key with the nearest known one."""
    if vendor not in _SETTINGS:
        raise ConfigError(f"unknown vendor {vendor!r}.", hint=f"Known vendors: {', '.join(sorted(_SETTINGS))}.")
    module, name = _SETTINGS[vendor]
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    for key in settings:
        if key not in model.model_fields:
            raise unknown_key(key, f"a {vendor} connection", [*model.model_fields, *_COMMON])
    try:
        model.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"{key} is missing.", hint=f"See docs/connectors for the keys of {vendor}.") from None
        raise ConfigError(f"{key}: {first['msg']}.") from None
    return settings


_COMMON = ("company", "interval", "organizations", "profile", "push", "push_mode", "start_on", "streams")
