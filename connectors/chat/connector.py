"""One group robot. A robot answers HTTP 200 to almost everything: only its own code says whether a message was taken.

A robot cannot be asked what it has posted: a message whose answer was lost is never sent again by itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from connectors.chat.settings import ChatSettings
from connectors.http import RemoteHttp
from tieout.core.errors import BadPayload, ConfigError, RateLimited, SourceError, Transient, UnknownOutcome
from tieout.core.ports import (
    Cursor,
    Env,
    Finding,
    IdPage,
    JsonValue,
    Page,
    Receipt,
    RemoteChange,
    Seen,
    SourceTotal,
    StreamInfo,
    WritableField,
)

WAIT = timedelta(seconds=60)  # the vendors count messages per minute


@dataclass(frozen=True, slots=True)
class _Robot:
    host: str
    path: str
    code: str  # where the answer says how it went; 0 = taken
    words: str
    too_fast: frozenset[int]
    max_bytes: int


_ROBOTS = {
    # developer.work.weixin.qq.com/document/path/91770: 2048 bytes of text, errcode 45009 = too many
    "wecom": _Robot(
        "https://qyapi.weixin.qq.com", "/cgi-bin/webhook/send?key={key}", "errcode", "errmsg", frozenset({45009}), 2048
    ),
    # open.dingtalk.com, custom robots: errcode 130101 and 410100 = too many
    "dingtalk": _Robot(
        "https://oapi.dingtalk.com", "/robot/send?access_token={key}", "errcode", "errmsg", frozenset({130101, 410100}),
        16000,
    ),
    # open.feishu.cn, custom bots: code 11232 = too many, 9499 = malformed
    "feishu": _Robot(
        "https://open.feishu.cn", "/open-apis/bot/v2/hook/{key}", "code", "msg", frozenset({11232}), 16000
    ),
}  # fmt: skip


class ChatConnector:
    """Sends text to one group; everything else a connector may do has nothing to do here."""

    def __init__(self, vendor: str, env: Env) -> None:
        self._env, self._vendor, self._robot = env, vendor, _ROBOTS[vendor]
        self._settings = settings = ChatSettings.of(env.connection, env.settings)
        self._http = RemoteHttp.of(env, settings)
        self._base = self._http.check_url(settings.base_url or self._robot.host)

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """One message per change, in order; after the robot says it is too fast the rest is given back."""
        out: list[Receipt] = []
        for change in changes:
            if out and out[-1].outcome == "retry":
                out.append(Receipt(change.change_id, "retry", code="not_sent", retry_at=out[-1].retry_at))
                continue
            out.append(self._send(change))
        return out

    def _send(self, change: RemoteChange) -> Receipt:
        text = _cut(str(change.fields.get("text", "")), self._robot.max_bytes)
        query, body = self._signed(text)
        url = self._base + self._robot.path.format(key=quote(self._settings.key, safe="")) + query
        try:
            reply = self._http.write("POST", url, json=body)
            answer = self._http.decode(reply, safe=False)
        except (UnknownOutcome, BadPayload) as error:
            return Receipt(change.change_id, "uncertain", code="answer_lost", message=error.message)
        except RateLimited as error:
            return self._too_fast(change, error.message)
        except Transient as error:
            return Receipt(change.change_id, "retry", code="not_sent", message=error.message, retry_at=error.retry_at)
        except SourceError as error:
            return Receipt(change.change_id, "rejected", code=error.code, message=error.message)
        code = answer.get(self._robot.code) if isinstance(answer, Mapping) else None
        words = str(answer.get(self._robot.words, "")) if isinstance(answer, Mapping) else ""
        if code == 0:
            return Receipt(change.change_id, "done", remote_id=change.key)
        if not isinstance(code, int):
            return Receipt(change.change_id, "uncertain", code="no_code", message="the answer says neither yes nor no")
        if code in self._robot.too_fast:
            return self._too_fast(change, words)
        return Receipt(change.change_id, "rejected", code=str(code), message=words)

    def _too_fast(self, change: RemoteChange, words: str) -> Receipt:
        return Receipt(change.change_id, "retry", code="too_fast", message=words, retry_at=self._env.clock.now() + WAIT)

    def _signed(self, text: str) -> tuple[str, dict[str, Any]]:
        """Query to append and body, signed where a secret is set (WeCom robots have none)."""
        secret, now = self._settings.secret, self._env.clock.now().timestamp()
        if self._vendor == "wecom":
            return "", {"msgtype": "text", "text": {"content": text}}
        if self._vendor == "dingtalk":
            stamp = str(int(now * 1000))
            sign = quote(_mac(secret, f"{stamp}\n{secret}"), safe="")
            return f"&timestamp={stamp}&sign={sign}" if secret else "", {"msgtype": "text", "text": {"content": text}}
        stamp = str(int(now))
        signed = {"timestamp": stamp, "sign": _mac(f"{stamp}\n{secret}", "")} if secret else {}
        return "", {**signed, "msg_type": "text", "content": {"text": text}}

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        """Nobody can say whether a robot's message arrived."""
        return [Seen(change.module, "", False, {}, is_known=False) for change in changes]

    def check(self) -> list[Finding]:
        """The address and the key are there; a robot cannot be asked without posting."""
        return [Finding("ok", "robot", f"messages go to {self._base}; a robot is only tried by posting to it")]

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        return [Finding("ok", "nothing", "a robot has no fields to create")]

    def streams(self) -> Sequence[StreamInfo]:
        return ()

    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        raise _only_out(stream)

    def next_cursor(self, stream: str, cursor: Cursor, started_at: Any, seen: Mapping[str, JsonValue]) -> Cursor:
        raise _only_out(stream)

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        raise _only_out(stream)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        raise _only_out(stream)

    def ids(self, stream: str, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        raise _only_out(stream)

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        return iter(())

    def close(self) -> None:
        self._http.close()


def _only_out(stream: str) -> ConfigError:
    return ConfigError(f"messages only go out here: there is no stream {stream!r} to read")


def _mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _cut(text: str, limit: int) -> str:
    """Whole lines of a text within a number of bytes of UTF-8."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    kept = raw[: limit - 4].decode(errors="ignore")
    return (kept.rsplit("\n", 1)[0] if "\n" in kept else kept) + "\n…"
