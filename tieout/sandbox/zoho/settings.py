"""What can be set on the Zoho sandbox; every limit has Zoho's documented default."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

# Zoho docs v8 "API limits": concurrent calls per org and app, custom fields per module, credits (base, per user).
EDITIONS: dict[str, tuple[int, int, int, int]] = {
    "free": (5, 10, 5_000, 0),
    "standard": (10, 10, 50_000, 250),
    "professional": (15, 155, 50_000, 500),
    "enterprise": (20, 300, 50_000, 1_000),
    "ultimate": (25, 500, 50_000, 2_000),
}


@dataclass(frozen=True, slots=True)
class User:
    """A person of the organisation."""

    id: str
    name: str
    email: str

    def ref(self) -> dict[str, str]:
        """As owners, creators and modifiers are shown."""
        return {"name": self.name, "id": self.id, "email": self.email}

    def short(self) -> dict[str, str]:
        return {"name": self.name, "id": self.id}


@dataclass(slots=True)
class ZohoSettings:
    """Credentials, the organisation and the limits. `api_domain` empty: own base URL from the Host header."""

    client_id: str = "1000.SANDBOXCLIENT"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - a local server's own, worth nothing elsewhere
    refresh_token: str = "1000.sandbox.refresh"  # noqa: S105
    grant_codes: tuple[str, ...] = ("1000.sandbox.code",)
    scopes: tuple[str, ...] = (
        "ZohoCRM.modules.ALL",
        "ZohoCRM.settings.ALL",
        "ZohoCRM.coql.READ",
        "ZohoCRM.notifications.ALL",
        "ZohoCRM.users.READ",
        "ZohoCRM.org.READ",
    )
    api_domain: str = ""
    token_ttl_seconds: int = 3600
    mint_limit: int = 10  # access tokens per refresh token in 10 minutes
    live_tokens: int = 15  # the 16th kills the oldest

    edition: str = "enterprise"
    users_licensed: int = 10
    credits_per_day: int | None = None  # None: the edition's
    concurrency: int | None = None  # None: the edition's
    heavy_concurrency: int = 10
    custom_field_limit: int | None = None  # None: the edition's
    unique_fields_per_module: int = 2
    latency_seconds: float = 0.0  # waited inside the concurrency slot of every API call

    page_cap: int = 2_000  # rows reachable by `page`
    token_cap: int = 100_000  # rows reachable by `page_token`
    page_token_ttl_seconds: int = 86_400
    modified_since_inclusive: bool = False  # Zoho does not say; the harsher reading is the default
    search_lag_seconds: float = 2.0
    restore_bumps_modified: bool = True
    watch_default_seconds: int = 3_600
    watch_max_seconds: int = 7 * 86_400

    zone: str = "Asia/Shanghai"
    company_name: str = "示例科技有限公司"
    home_currency: str = "CNY"
    currencies: dict[str, Decimal] = field(
        default_factory=lambda: {"CNY": Decimal(1), "USD": Decimal("7.12"), "EUR": Decimal("7.795")}
    )
    api_user: User = User("4150868000000225013", "Integration", "integration@example.com")
    ui_user: User = User("4150868000000225027", "李敏", "li.min@example.com")
    extra_fields: dict[str, list[dict[str, Any]]] | None = None  # None: the seeded company's custom fields

    def limit_concurrency(self) -> int:
        return self.concurrency if self.concurrency is not None else EDITIONS[self.edition][0]

    def limit_custom_fields(self) -> int:
        return self.custom_field_limit if self.custom_field_limit is not None else EDITIONS[self.edition][1]

    def limit_credits(self) -> int:
        if self.credits_per_day is not None:
            return self.credits_per_day
        base, per_user = EDITIONS[self.edition][2:]
        return base + per_user * self.users_licensed
