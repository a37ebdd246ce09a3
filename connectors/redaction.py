"""Keeps secrets out of messages: the connection's own secrets by value, anything token-shaped by form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tieout.core.logging import redact

_SECRET_KEY = re.compile(
    r"(secret|permanent_code|callback_key|token|password|passwd|private|session|api[_-]?key|sign)", re.I
)
_KEPT = 32


class Redactor:
    """Replaces every known secret of one connection, also in its URL-encoded form."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._fixed: list[str] = []
        self._live: list[str] = []
        for key, value in settings.items():
            if _SECRET_KEY.search(key):
                plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
                if isinstance(plain, str) and len(plain) >= 4:
                    self._fixed += [plain, quote(plain, safe="")]

    def hide(self, secret: str) -> None:
        """Remember a secret learned at run time (access token, session id)."""
        if len(secret) >= 4 and secret not in self._live:
            self._live = [*self._live[-_KEPT:], secret, quote(secret, safe="")]

    def clean(self, text: str) -> str:
        """The text without any known or token-shaped secret."""
        for secret in sorted({*self._fixed, *self._live}, key=len, reverse=True):
            text = text.replace(secret, "[redacted]")
        return redact(text)
