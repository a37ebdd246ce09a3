"""What can be set on the Fxiaoke sandbox; every limit has the documented default (Fxiaoke open platform, rate page)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Base64 of 32 bytes, as an administrator enters it (解析密钥).
DEMO_KEY = "dGllb3V0LXNhbmRib3gtY2FsbGJhY2sta2V5LTAwMDE="


@dataclass(frozen=True, slots=True)
class Employee:
    """A person: the employee id of the header convention and the open user id of the body convention."""

    id: str
    open_id: str
    name: str


@dataclass(slots=True)
class FxiaokeSettings:
    """Credentials, the tenant and the limits of one enterprise."""

    app_id: str = "FSAID_1318a2b"
    app_secret: str = "sandbox-app-secret-fx"  # noqa: S105 - a local server's own, worth nothing elsewhere
    permanent_code: str = "SANDBOXPERMANENTCODE0001"
    ea: str = "shili2020"
    corp_id: str = "FSCID_SANDBOX0001"
    tenant_id: str = "691413"
    zone: str = "Asia/Shanghai"

    token_seconds: int = 7200
    reissue_after_seconds: int = 6600  # from this age on a new token is given, the old one lives to its end
    token_calls_per_minute: int = 10

    calls_per_window: int = 100  # per interface
    window_seconds: int = 20
    calls_per_day: int = 100_000  # one purchased pack; 0 = nothing was bought
    query_limit: int = 100
    offset_cap: int = 10_000
    strict_paths: bool = True  # preset objects by /crm/v2, custom ones by /crm/custom/v2 only
    hide_invalid: bool = True  # query shows invalid rows only to who asks for life_status; the harsher reading
    latency_seconds: float = 0.0

    api_user: Employee = Employee("1000", "FSUID_5E8A0001", "系统管理员")
    ui_user: Employee = Employee("1007", "FSUID_5E8A0007", "陈晨")
    employees: tuple[Employee, ...] = (
        Employee("1000", "FSUID_5E8A0001", "系统管理员"),
        Employee("1003", "FSUID_5E8A0003", "林伟"),
        Employee("1005", "FSUID_5E8A0005", "安娜"),
        Employee("1007", "FSUID_5E8A0007", "陈晨"),
    )
    callback_url: str = ""
    callback_key: str = DEMO_KEY
    custom_fields: dict[str, list[dict[str, Any]]] | None = None  # None: the seeded company's own
    extra_objects: list[dict[str, Any]] = field(default_factory=list)

    def open_id(self, employee: str) -> str:
        """The open user id of an employee id."""
        return next((one.open_id for one in self.employees if one.id == employee), f"FSUID_{employee}")

    def employee_id(self, given: str) -> str:
        """The employee id of either kind of id; what is not known stays as it is."""
        return next((one.id for one in self.employees if given in (one.id, one.open_id)), given)

    def name_of(self, employee: str) -> str:
        return next((one.name for one in self.employees if one.id == employee), "")
