"""The keys of a `zoho_crm` connection with their documented defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.settings import ConnectionSettings, Limits

Trigger = Literal["workflow", "approval", "blueprint", "pathfinder", "orchestration"]


class ZohoSettings(ConnectionSettings):
    """Keys of a Zoho CRM connection. Limits default to half of the Enterprise edition's (Zoho docs v8 api-limits)."""

    auth_url: str = "https://accounts.zoho.com"
    base_url: str = ""
    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)
    refresh_token: str = Field(min_length=1)
    overlap_seconds: int = Field(300, ge=60, le=3600)
    per_page: int = Field(200, ge=1, le=200)
    write_batch: int = Field(100, ge=1, le=100)
    triggers: list[Trigger] = Field(default_factory=list)
    locked_retry_hours: int = Field(4, ge=1, le=168)
    credits_per_day: int = Field(50_000, ge=0)
    concurrency: int = Field(10, ge=1)
    heavy_concurrency: int = Field(5, ge=1)
    tokens_per_10_minutes: int = Field(10, ge=1)

    def limits(self) -> Limits:
        return Limits(
            window_seconds=86_400,
            window_cost=self.credits_per_day,
            concurrency=self.concurrency,
            heavy_concurrency=self.heavy_concurrency,
            mints=self.tokens_per_10_minutes,
            mint_seconds=600,
        )
