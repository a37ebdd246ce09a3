"""Who is asking: login in three ways, cookie sessions that lapse, and signed requests without a session."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any

from tieout.core.dates import iso_utc
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.kingdee.settings import KingdeeSettings
from tieout.sandbox.kingdee.signing import client_secret, hmac_text, login_sign, request_sign

_COOKIE = "kdservice-sessionid"
_ASP_COOKIE = "asp.net_sessionid"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


class Sessions:
    """Logins and sessions of one account set, in memory: a restart loses them, as an IIS recycle does."""

    def __init__(self, clock: SandboxClock, settings: KingdeeSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._used_at: dict[str, datetime] = {}
        self._count = 0
        self._lock = threading.Lock()

    def drop_all(self) -> None:
        """Lose every session."""
        with self._lock:
            self._used_at.clear()

    def login(self, method: str, args: dict[str, str]) -> Response:
        """LoginBySign, LoginByAppSecret or ValidateUser; HTTP 200 whatever comes of it."""
        problem = self._refusal(method, args)
        if problem is not None:
            kind, message = problem
            return json_response(_login_answer(kind, message, None, self._settings, args))
        with self._lock:
            now = self._clock.now()
            self._count += 1
            seed = f"{iso_utc(now)}/{self._count}/{self._settings.app_secret}"
            session = hashlib.sha256(seed.encode()).hexdigest()[:32]
            session = "-".join((session[:8], session[8:12], session[12:16], session[16:20], session[20:]))
            self._used_at[session] = now
        # Two cookies in one answer: the keys differ in case because headers are kept in a dict.
        cookies = {
            "set-cookie": f"{_COOKIE}={session}; path=/",
            "Set-Cookie": f"ASP.NET_SessionId={session[:8]}{session[9:13]}; path=/; HttpOnly",
        }
        return json_response(_login_answer(1, None, session, self._settings, args), headers=cookies)

    def _refusal(self, method: str, args: dict[str, str]) -> tuple[int, str] | None:
        ours = self._settings
        if not _same(args.get("acctid", ""), ours.acct_id):
            return -1, "数据中心不存在或已停用"
        if method == "validateuser":
            good = _same(args.get("user", ""), ours.user) and _same(args.get("password", ""), ours.password)
            return None if good else (0, "用户名或密码错误")
        if not _same(args.get("appid", ""), ours.app_id):
            return -1, "第三方系统登录授权的应用ID不存在"
        if not _same(args.get("user", ""), ours.user):
            return 0, "集成用户不在授权的用户列表中"
        if method == "loginbyappsecret":
            return None if _same(args.get("appsecret", ""), ours.app_secret) else (0, "应用密钥错误")
        stamp = args.get("timestamp", "")
        wanted = login_sign(ours.acct_id, ours.user, ours.app_id, ours.app_secret, stamp)
        return None if stamp.isdigit() and _same(args.get("sign", ""), wanted) else (0, "签名验证失败")

    def known(self, req: Request) -> bool:
        """Whether the request carries a live session, or a valid signature; a used session lives on."""
        if "x-kd-appkey" in req.headers and self._signed(req):
            return True
        ttl = timedelta(seconds=self._settings.session_ttl_seconds)
        with self._lock:
            now = self._clock.now()
            for session in _session_ids(req):
                used_at = self._used_at.get(session)
                if used_at is not None and now - used_at <= ttl:
                    self._used_at[session] = now
                    return True
                self._used_at.pop(session, None)
        return False

    def _signed(self, req: Request) -> bool:
        """The headers of the official SDK: `X-Kd-Signature` with the app secret, `X-Api-Signature` over the path."""
        ours, headers = self._settings, req.headers
        try:
            data = base64.b64decode(headers.get("x-kd-appdata", ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        if data.split(",")[:2] != [ours.acct_id, ours.user] or not _same(headers["x-kd-appkey"], ours.app_id):
            return False
        if not _same(headers.get("x-kd-signature", ""), hmac_text(ours.app_id + data, ours.app_secret)):
            return False
        stamp, nonce = headers.get("x-api-timestamp", ""), headers.get("x-api-nonce", "")
        wanted = request_sign(req.path, nonce, stamp, client_secret(ours.app_id))
        return _same(headers.get("x-api-signature", ""), wanted)


def _session_ids(req: Request) -> list[str]:
    found = []
    if req.headers.get(_COOKIE):
        found.append(req.headers[_COOKIE])
    try:
        cookies = SimpleCookie(req.headers.get("cookie", ""))
    except CookieError:
        return found
    return found + [morsel.value for name, morsel in cookies.items() if name.lower() == _COOKIE]


def _login_answer(
    kind: int, message: str | None, session: str | None, settings: KingdeeSettings, args: dict[str, str]
) -> dict[str, Any]:
    context = None
    if session is not None:
        context = {
            "UserLocale": "zh-CN",
            "LogLocale": "zh-CN",
            "DBid": settings.acct_id,
            "DataCenterName": settings.acct_name,
            "UserName": settings.user,
            "SessionId": session,
            "CurrentOrganizationInfo": {"Number": settings.org_number, "Name": "示例科技有限公司"},
            "LCID": int(args["lcid"]) if args.get("lcid", "").isdigit() else 2052,
        }
    return {
        "Message": message,
        "MessageCode": None if kind == 1 else "CheckPasswordPolicy",
        "LoginResultType": kind,
        "Context": context,
        "KDSVCSessionId": session,
        "FormId": None,
        "RedirectFormParam": None,
        "FormInputObject": None,
        "ErrorStackTrace": None,
        "Lcid": 0,
        "AccessToken": None,
        "CustomParam": None,
        "KdAccessResult": None,
        "IsSuccessByAPI": kind == 1,
    }


LOGIN_ARGUMENTS = {
    "loginbysign": ("acctid", "user", "appid", "timestamp", "sign", "lcid"),
    "loginbyappsecret": ("acctid", "user", "appid", "appsecret", "lcid"),
    "validateuser": ("acctid", "user", "password", "lcid"),
}
