"""Kingdee sessions: LoginBySign, carried by cookies and `kdservice-sessionid` (accounting reference, 1.1)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from connectors.http import RemoteHttp
from connectors.kingdee.settings import KingdeeSettings
from tieout.core.errors import AuthError
from tieout.core.ports import Env, Token

LOGIN = "Kingdee.BOS.WebApi.ServicesStub.AuthService.LoginBySign"
_LOST = "会话信息已丢失".encode()
_LOST_ESCAPED = "会话信息已丢失".encode("unicode_escape")
_USABLE = (1, -5)  # 1 logged in; -5 a warning (password about to lapse) that still opens a session


def login_sign(settings: KingdeeSettings, stamp: str) -> str:
    """Hex digest of the five strings in ordinal order, joined (SHA-256; SHA-1 on builds before 8.0.0.202205)."""
    parts = sorted([settings.acct_id, settings.user, settings.app_id, settings.app_secret, stamp])
    return hashlib.new(settings.sign_method, "".join(parts).encode()).hexdigest()


def service_url(http: RemoteHttp, settings: KingdeeSettings, service: str) -> str:
    """`{base}/k3cloud/{service}.common.kdsvc`; a base address with a path of its own keeps it."""
    base = http.check_url(settings.base_url)
    if not urlsplit(base).path:
        base += "/k3cloud"
    return f"{base}/{service}.common.kdsvc"


def session_headers(token: Token) -> dict[str, str]:
    """What a call carries to be recognised."""
    headers = {"kdservice-sessionid": token.value}
    if token.extra.get("cookies"):
        headers["Cookie"] = token.extra["cookies"]
    return headers


class KingdeeAuth:
    """Opens sessions for one connection."""

    def __init__(self, env: Env, http: RemoteHttp, settings: KingdeeSettings) -> None:
        self._env = env
        self._http = http
        self._settings = settings

    def mint(self) -> Token:
        """A new session. The answer is HTTP 200 in every case: LoginResultType decides."""
        settings = self._settings
        now = self._env.clock.now()
        stamp = str(int(now.timestamp()))
        sign = login_sign(settings, stamp)
        self._http.redactor.hide(sign)
        parameters = [settings.acct_id, settings.user, settings.app_id, stamp, sign, settings.lcid]
        url = service_url(self._http, settings, LOGIN)
        reply = self._http.send("POST", url, safe=True, json={"parameters": parameters}, budgeted=False)
        answer = self._http.decode(reply)
        if not isinstance(answer, dict):
            raise self._http.unreadable(reply, "not a login answer")
        session = answer.get("KDSVCSessionId") or _context(answer).get("SessionId")
        if answer.get("LoginResultType") not in _USABLE or not isinstance(session, str) or not session:
            text = self._http.redactor.clean(str(answer.get("Message") or "no reason given"))[:200]
            raise AuthError(
                f"Kingdee refuses the login: {text}",
                code="login",
                hint="Check acct_id, user, app_id and app_secret, and that the user is among the app's users.",
                connection=self._env.connection,
            )
        self._http.redactor.hide(session)
        cookies = dict(reply.cookies)
        if not any(name.lower() == "kdservice-sessionid" for name in cookies):
            cookies["kdservice-sessionid"] = session
        return Token(
            value=session,
            expires_at=now + timedelta(minutes=settings.session_minutes),
            extra={"cookies": "; ".join(f"{name}={value}" for name, value in cookies.items())},
        )


def _context(answer: dict[str, Any]) -> dict[str, Any]:
    found = answer.get("Context")
    return found if isinstance(found, dict) else {}


def lost_session(body: bytes) -> bool:
    """Whether an answer says 会话信息已丢失 (session lost, or wrong account or app)."""
    if len(body) > 20_000 or b"ResponseStatus" not in body:
        return False
    return _LOST in body or _LOST_ESCAPED in body.lower()
