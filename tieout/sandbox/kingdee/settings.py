"""Settings of one Kingdee sandbox; limits carry the documented default."""

from __future__ import annotations

from dataclasses import dataclass, field

# 32 characters of base64 after the underscore, as the app ids of the open platform have.
DEMO_APP_ID = "300001_SandboxDemoAppSuffix0123456789AB"


@dataclass(slots=True)
class KingdeeSettings:
    """Credentials and limits.

    `limit_default` rows are given when a query names no Limit, `limit_max` is the most (2,000 / 10,000 by the vendor's
    2025 connector page; older builds stop at 2,000). Requests per second are undocumented: off unless set.
    `log_modify_date` False takes FModifyDate out of the settlement log, as on builds that lack it.
    `amount_places` pads amounts with zeros as some builds do (10 places).
    """

    acct_id: str = "sandbox0001acct"
    acct_name: str = "示例科技账套"
    user: str = "tieout"
    password: str = "sandbox-password"  # noqa: S105 - a loopback sandbox
    app_id: str = DEMO_APP_ID
    app_secret: str = "sandbox-app-secret"  # noqa: S105 - a loopback sandbox
    org_number: str = "100"
    timezone: str = "Asia/Shanghai"
    session_ttl_seconds: int = 1200
    limit_default: int = 2000
    limit_max: int = 10000
    requests_per_second: int | None = None
    milliseconds: bool = False
    amount_places: int | None = None
    log_modify_date: bool = True
    forbidden_forms: frozenset[str] = frozenset()
    hidden_customers: frozenset[str] = field(default_factory=frozenset)
