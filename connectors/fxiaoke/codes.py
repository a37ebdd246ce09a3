"""errorCode to the error tree: HTTP is 200 for everything, the number decides and never the text.

Source: Fxiaoke open platform, error code page, corrected by recorded answers of the gateway. The same number means
different things at times (10006, 10013, 20017, 50009), so the classes below say what the caller does next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from connectors.http import RemoteHttp, Reply
from tieout.core.dates import zone
from tieout.core.errors import AuthError, ConfigError, RateLimited, Rejected, Transient, UnknownOutcome

STALE = frozenset({20016, 20005})
BUSY = frozenset({-1, -2})
UNKNOWN = frozenset({50009})
THROTTLED = frozenset({30004, 14001})
DAY_USED = 30002
NOT_BOUGHT = 30003
CREDENTIALS = frozenset(
    {10001, 10002, 10003, 10004, 10005, 10007, 10008, 10010, 10012, 10014, 20006, 20012, 20015, 20017, 20020, 20021,
     20022, 20023}
)  # fmt: skip
PERMISSION = frozenset({15003, 20014})
OFFSET = 10013
BACK_OFF = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a refusal says."""

    code: int
    message: str

    def __str__(self) -> str:
        return f"errorCode {self.code} {self.message}".strip()


def problem_of(body: dict[str, Any]) -> Problem | None:
    """The refusal in an answer; None when errorCode is 0. A body without errorCode is no answer of the platform."""
    code = body.get("errorCode")
    if isinstance(code, bool) or not isinstance(code, int):
        raise ValueError("no errorCode")
    if code == 0:
        return None
    said = body.get("errorDescription") or ""
    message = str(body.get("errorMessage") or "")
    return Problem(code, f"{message} ({said})" if said and said != message else message)


def next_midnight(now: datetime, zone_name: str) -> datetime:
    """When the daily quota begins anew: 00:00 of the tenant's zone."""
    local = now.astimezone(zone(zone_name))
    return datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo).astimezone(UTC)


def passing(problem: Problem, reply: Reply, http: RemoteHttp, safe: bool, zone_name: str) -> None:
    """Raise what waiting or looking again may cure; other refusals are left to the caller."""
    text = http.redactor.clean(f"{reply.what}: {problem}")[:300]
    at: dict[str, Any] = {"connection": http.env.connection, "code": str(problem.code)}
    now = http.env.clock.now()
    if problem.code in THROTTLED or problem.code == DAY_USED:
        retry_at = now + BACK_OFF if problem.code in THROTTLED else next_midnight(now, zone_name)
        http.env.budget.refused(retry_at)
        raise RateLimited(text, retry_at=retry_at, **at)
    if problem.code in BUSY or problem.code in UNKNOWN:
        if safe:
            raise Transient(text, **at)
        raise UnknownOutcome(text, **at)


def lasting(problem: Problem, what: str, http: RemoteHttp) -> Exception:
    """The error of a refusal that will be the same tomorrow."""
    text = http.redactor.clean(f"{what}: {problem}")[:300]
    at: dict[str, Any] = {"connection": http.env.connection, "code": str(problem.code)}
    if problem.code in STALE:
        return AuthError(text, hint="Check app_id, app_secret, permanent_code and user_id.", **at)
    if problem.code == NOT_BOUGHT:
        return AuthError(text, hint="The enterprise has bought no API quota: ask the administrator for a pack.", **at)
    if problem.code in CREDENTIALS:
        hint = "Check app_id, app_secret, permanent_code and user_id, and that the app is not stopped."
        return AuthError(text, hint=hint, **at)
    if problem.code in PERMISSION:
        return Rejected(text, hint="Give user_id a role that sees all data, and the app the object.", **at)
    if problem.code == 10006:  # documented as a missing scope, in fact an unknown path
        return ConfigError(text, hint="Check base_url: it is open- and the login domain.", code="10006")
    return Rejected(text, **at)
