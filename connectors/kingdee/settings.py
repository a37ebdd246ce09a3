"""The keys of a `kingdee` connection (金蝶云·星空) with their defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors.settings import ConnectionSettings, Limits


class KingdeeSettings(ConnectionSettings):
    """Keys of a Kingdee K3Cloud connection. Call limits are not published; two calls at a time is our default."""

    base_url: str = Field(min_length=1)
    acct_id: str = Field(min_length=1)
    user: str = Field(min_length=1)
    app_id: str = Field(min_length=1)
    app_secret: str = Field(min_length=1)
    lcid: int = 2052
    sign_method: Literal["sha256", "sha1"] = "sha256"
    timezone: str = "Asia/Shanghai"
    overlap_seconds: int = Field(300, ge=60, le=86_400)
    page_rows: int = Field(2000, ge=1, le=10_000)
    org_numbers: list[str] = Field(default_factory=list)
    settlement_form: str = "AR_RECMacthLog"
    refund_form: str = "AR_REFUNDBILL"
    credit_form: str = "CRE_CustArchives"
    credit_entry: str = "FEntity"
    rate_form: str = "BD_Rate"
    plan_written_off_field: str = "FWRITTENOFFAMOUNTFOR"
    session_minutes: int = Field(720, ge=1, le=1440)
    calls_per_minute: int = Field(0, ge=0)
    concurrency: int = Field(2, ge=1)

    def limits(self) -> Limits:
        return Limits(
            window_seconds=60,
            window_cost=self.calls_per_minute,
            concurrency=self.concurrency,
            heavy_concurrency=self.concurrency,
            mints=10,
            mint_seconds=600,
        )
