"""Notices from Fxiaoke: 事件回调 (signed and encrypted), and a workflow's script that posts with a shared secret.

Source: the platform's own demo of the event callback, whose vector is a test. Both are hints only: the record is
fetched fresh, because an event names nothing but the record and a script may hold stale computed fields.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from connectors.fxiaoke.streams import streams_of
from tieout.core import exact_json
from tieout.core.crypto import same
from tieout.core.errors import BadPayload, Denied
from tieout.core.ports import Hint, JsonValue

MAX_BYTES = 1_000_000
MAX_IDS = 1_000
FRESH = timedelta(minutes=5)
_GONE = frozenset({"invalid", "delete", "deleted", "abolish"})


class EventCipher:
    """The key of one callback: Base64 of 32 bytes; the IV is its first half."""

    def __init__(self, key: str) -> None:
        self.text = key
        self._raw = base64.b64decode(key)

    def open(self, content: str) -> bytes:
        """The plaintext; BadPayload for anything that this key did not make."""
        try:
            sealed = base64.b64decode(content, validate=True)
            cipher = Cipher(algorithms.AES(self._raw), modes.CBC(self._raw[:16])).decryptor()
            unpadder = padding.PKCS7(128).unpadder()
            return unpadder.update(cipher.update(sealed) + cipher.finalize()) + unpadder.finalize()
        except (ValueError, binascii.Error):
            raise BadPayload("the event cannot be decrypted with callback_key") from None

    def seal(self, plain: bytes) -> str:
        padder = padding.PKCS7(128).padder()
        cipher = Cipher(algorithms.AES(self._raw), modes.CBC(self._raw[:16])).encryptor()
        sealed = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
        return base64.b64encode(sealed).decode()

    def sign(self, *parts: str) -> str:
        """Lower-case hex SHA-1 of the parts and the key's text, as the platform demands."""
        return hashlib.sha1("".join([*parts, self.text]).encode()).hexdigest()  # noqa: S324 - their protocol


class FxiaokeWebhook:
    """Verifies both kinds of notices of one connection.

    `tokens` (and `script_secret`) are what a script sends in the header `X-Tieout-Token`, or as the key of an HMAC in
    `X-Tieout-Signature`; `callback_key` is the 解析密钥 of the event callback, "" where none is configured.
    """

    def __init__(
        self, tokens: Sequence[str], *, callback_key: str = "", deal_object: str = "", invoice_object: str = ""
    ) -> None:
        if not tokens or any(len(token) < 16 for token in tokens):
            raise ValueError("a webhook needs a token of 16 characters or more")
        self._tokens = tuple(tokens)
        self._cipher = EventCipher(callback_key) if callback_key else None
        table = streams_of(deal_object or "NewOpportunityObj", invoice_object or "InvoiceApplicationObj")
        self._streams = {stream.object: name for name, stream in table.items()}

    def verify(self, body: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> list[Hint]:
        """The hints of a call; Denied for a wrong signature or secret, BadPayload for what cannot be read."""
        facts = _json(body)
        if "encryptedContent" in facts or "signature" in facts:
            return self._event(facts, now)
        return self._script(body, facts, {key.lower(): value for key, value in headers.items()}, query)

    def answer(self, body: bytes, now: datetime, nonce: str) -> bytes | None:
        """What an event must be answered with so that it is not sent again; None for scripts."""
        if self._cipher is None or b"encryptedContent" not in body:
            return None
        result, at = self._cipher.seal(b"success"), str(int(now.timestamp() * 1000))
        return exact_json.dumps(
            {
                "signature": self._cipher.sign(at, nonce, result),
                "timestamp": at,
                "nonce": nonce,
                "encryptedResult": result,
            }
        )

    # ------------------------------------------------------------- event callback
    def _event(self, facts: dict[str, JsonValue], now: datetime) -> list[Hint]:
        if self._cipher is None:
            raise Denied("an event callback, but the connection has no callback_key")
        part = {
            name: _text(facts.get(name))
            for name in ("timestamp", "nonce", "messageId", "enterpriseAccount", "encryptedContent")
        }
        retry = facts.get("retryTimes")
        times = [_text(retry)] if retry not in (None, "") else []
        signed = self._cipher.sign(
            part["timestamp"], part["nonce"], part["messageId"], *times, part["enterpriseAccount"],
            part["encryptedContent"],
        )  # fmt: skip
        if not same(_text(facts.get("signature")), signed):
            raise Denied("the event's signature is not ours")
        sent_at = _instant(part["timestamp"])
        if not times and abs(now - sent_at) > FRESH:
            raise Denied("the event is older than five minutes and says that it was never sent before")
        inner = _json(self._cipher.open(part["encryptedContent"]))
        kind = str(inner.get("eventType") or "update").lower()
        return self._hints(inner.get("apiName"), [inner.get("dataId")], kind in _GONE, sent_at, part["messageId"])

    # ------------------------------------------------------------- a script of the enterprise
    def _script(
        self, body: bytes, facts: dict[str, JsonValue], headers: Mapping[str, str], query: Mapping[str, str]
    ) -> list[Hint]:
        """`{"apiName": …, "dataId": … or "ids": […], "eventType": …}` by header secret or HMAC-SHA-256 of the body."""
        given, signed = headers.get("x-tieout-token") or query.get("token", ""), headers.get("x-tieout-signature", "")
        if signed:
            good = [same(signed.lower(), hmac.new(t.encode(), body, hashlib.sha256).hexdigest()) for t in self._tokens]
        else:
            good = [same(given, token) for token in self._tokens]
        if not any(good):
            raise Denied("the notice's secret is not ours")
        ids = facts.get("ids", [facts.get("dataId")])
        kind = str(facts.get("eventType") or "update").lower()
        return self._hints(facts.get("apiName"), ids if isinstance(ids, list) else [ids], kind in _GONE, None, "")

    def _hints(
        self, api_name: JsonValue, ids: Sequence[JsonValue], deleted: bool, sent_at: datetime | None, key: str
    ) -> list[Hint]:
        if not isinstance(api_name, str) or not api_name:
            raise BadPayload("the notice names no object")
        wanted = [str(one) for one in ids if isinstance(one, str) and one]
        usable = all(one.isascii() and one.isalnum() and len(one) <= 64 for one in wanted)
        if not wanted or len(wanted) > MAX_IDS or not usable:
            raise BadPayload("the notice's ids cannot be read")
        stream = self._streams.get(api_name)
        if stream is None:
            # A financial record's id is not its customer's: the next pull finds it by its own window.
            return []
        return [Hint(stream, wanted, deleted=deleted, sent_at=sent_at, message_key=key)]


def _json(body: bytes) -> dict[str, JsonValue]:
    if len(body) > MAX_BYTES:
        raise BadPayload("the notice is larger than 1 MB", code="too_large")
    if body.count(b"{") + body.count(b"[") > MAX_IDS:
        raise BadPayload("the notice is nested too deeply", code="too_deep")
    value = exact_json.loads(body)
    if not isinstance(value, dict):
        raise BadPayload("the notice is not a JSON object")
    return value


def _text(value: JsonValue) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadPayload("a part of the event is missing")
    return str(value)


def _instant(text: str) -> datetime:
    if not text.isascii() or not text.isdigit() or len(text) > 14:
        raise BadPayload("the event's timestamp cannot be read")
    return datetime.fromtimestamp(int(text) / 1000, UTC)
