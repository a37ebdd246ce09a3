"""Which keys a vendor has: checked when a configuration is read, suggested when one is written."""

from __future__ import annotations

from typing import Any

from tieout.core.config import Connection
from tieout.core.config_text import unknown_key

STARTERS: dict[str, dict[str, str]] = {
    "zoho_crm": {
        "auth_url": "https://accounts.zoho.com",
        "base_url": "",
        "client_id": "env:ZOHO_CLIENT_ID",
        "client_secret": "env:ZOHO_CLIENT_SECRET",
        "refresh_token": "env:ZOHO_REFRESH_TOKEN",
    },
    "fxiaoke": {
        "base_url": "https://open.fxiaoke.com",
        "app_id": "env:FXIAOKE_APP_ID",
        "app_secret": "env:FXIAOKE_APP_SECRET",
        "permanent_code": "env:FXIAOKE_PERMANENT_CODE",
        "user_id": "1000",
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
    """The vendor's own keys, checked and completed; ConfigError names an unknown vendor or key and the nearest one."""
    import connectors

    known = set(connectors.settings_model(vendor).model_fields)
    for key in settings:
        if key not in known:
            raise unknown_key(key, f"a {vendor} connection", known | (set(Connection.model_fields) - {"settings"}))
    return connectors.check_settings(vendor, settings)
