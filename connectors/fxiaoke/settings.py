"""The keys of a `fxiaoke` connection with their documented defaults."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from pydantic import Field, field_validator

from connectors.settings import ConnectionSettings, Limits

WINDOW_SECONDS = 20


class FxiaokeSettings(ConnectionSettings):
    """Keys of a Fxiaoke connection. Limits default to four fifths of the documented ones (open platform, rate page)."""

    base_url: str = "https://open.fxiaoke.com"
    auth_style: Literal["header", "body"] = "header"
    app_id: str = Field(min_length=1)
    app_secret: str = Field(min_length=1)
    permanent_code: str = Field(min_length=1)
    user_id: str = Field("1000", min_length=1)
    timezone: str = "Asia/Shanghai"
    overlap_seconds: int = Field(300, ge=60, le=86_400)
    per_page: int = Field(100, ge=1, le=100)
    deal_object: str = "NewOpportunityObj"
    invoice_object: str = "InvoiceApplicationObj"
    labels: dict[str, str] = Field(default_factory=dict)
    trigger_workflow: bool = False
    trigger_approval: bool = False
    locked_retry_hours: int = Field(4, ge=1, le=168)
    callback_key: str = ""
    script_secret: str = ""
    calls_per_20_seconds: int = Field(80, ge=1)
    calls_per_day: int = Field(80_000, ge=0)
    concurrency: int = Field(4, ge=1)
    tokens_per_minute: int = Field(5, ge=1, le=10)

    @field_validator("callback_key")
    @classmethod
    def _key(cls, value: str) -> str:
        if value:
            try:
                raw = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raw = b""
            if len(raw) != 32:
                raise ValueError("callback_key is the Base64 text of 32 bytes (44 characters)")
        return value

    @field_validator("script_secret")
    @classmethod
    def _secret(cls, value: str) -> str:
        if value and len(value) < 16:
            raise ValueError("script_secret needs 16 characters or more")
        return value

    def limits(self) -> Limits:
        return Limits(
            window_seconds=WINDOW_SECONDS,
            window_cost=self.calls_per_20_seconds,
            concurrency=self.concurrency,
            heavy_concurrency=self.concurrency,
            mints=self.tokens_per_minute,
            mint_seconds=60,
            day_cost=self.calls_per_day,
            day_zone=self.timezone,
            write_rows=10,
        )
