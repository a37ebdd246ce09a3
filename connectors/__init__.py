"""Connectors: one vendor a folder, built by name. They know tieout.core only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.settings import ConnectionSettings, Limits
from tieout.core.errors import ConfigError
from tieout.core.ports import Connector, Env, WebhookVerifier

CHATS = ("wecom", "dingtalk", "feishu")
MAIL = "mail"
SEND_ONLY = (*CHATS, MAIL)
VENDORS = ("zoho_crm", "fxiaoke", "kingdee", *SEND_ONLY)


def settings_model(vendor: str) -> type[ConnectionSettings]:
    """The strict model of a vendor's own keys with their documented defaults; unknown keys are refused by it."""
    if vendor == "zoho_crm":
        from connectors.zoho.settings import ZohoSettings

        return ZohoSettings
    if vendor == "fxiaoke":
        from connectors.fxiaoke.settings import FxiaokeSettings

        return FxiaokeSettings
    if vendor == "kingdee":
        from connectors.kingdee.settings import KingdeeSettings

        return KingdeeSettings
    if vendor in CHATS:
        from connectors.chat.settings import ChatSettings

        return ChatSettings
    if vendor == MAIL:
        return ConnectionSettings
    raise _unknown(vendor)


def check_settings(vendor: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A vendor's own keys checked and completed with defaults, for the config loader; ConfigError names the key."""
    return settings_model(vendor).strict(settings)


def limits(vendor: str, settings: Mapping[str, Any]) -> Limits:
    """What a budget must hold a connection of this vendor to."""
    return settings_model(vendor).of(vendor, settings).limits()


def build(vendor: str, env: Env) -> Connector:
    """The connector of one connection; ConfigError for an unknown vendor or an unusable key."""
    if vendor == "zoho_crm":
        from connectors.zoho.connector import ZohoConnector

        return ZohoConnector(env)
    if vendor == "fxiaoke":
        from connectors.fxiaoke.connector import FxiaokeConnector

        return FxiaokeConnector(env)
    if vendor == "kingdee":
        from connectors.kingdee.connector import KingdeeConnector

        return KingdeeConnector(env)
    if vendor in CHATS:
        from connectors.chat.connector import ChatConnector

        return ChatConnector(vendor, env)
    raise _unknown(vendor)


def webhook(vendor: str, tokens: Sequence[str], settings: Mapping[str, Any] | None = None) -> WebhookVerifier | None:
    """The verifier of a vendor's webhooks for these tokens; None where the vendor pushes nothing.

    `settings` are the connection's own keys: some vendors' notices are sealed with a key of the configuration.
    """
    if vendor == "zoho_crm":
        from connectors.zoho.webhook import ZohoWebhook

        return ZohoWebhook(tokens)
    if vendor == "fxiaoke":
        from connectors.fxiaoke.events import FxiaokeWebhook

        given = settings or {}
        secret = str(given.get("script_secret") or "")
        return FxiaokeWebhook(
            [*tokens, *([secret] if secret else [])],
            callback_key=str(given.get("callback_key") or ""),
            deal_object=str(given.get("deal_object") or ""),
            invoice_object=str(given.get("invoice_object") or ""),
        )
    if vendor in VENDORS:
        return None
    raise _unknown(vendor)


def _unknown(vendor: str) -> ConfigError:
    return ConfigError(f"unknown vendor {vendor!r}", hint=f"Known vendors: {', '.join(VENDORS)}.")
