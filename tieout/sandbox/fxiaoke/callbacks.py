"""事件回调: signed and encrypted notices of changes, as the platform's own demo shows them; re-sent when not answered.

signature = SHA-1 over timestamp, nonce, messageId, retryTimes (only on a re-delivery), enterpriseAccount, content, key.
"""

from __future__ import annotations

import base64
import hashlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import CALLBACK_ACTIONS, FaultRegistry
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings
from tieout.sandbox.http import encode
from tieout.sandbox.state import SandboxStore

Deliver = Callable[[str, bytes, dict[str, str]], Any]
RETRIES = 3


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery and what became of it."""

    message_id: str
    record_id: str
    outcome: str

    @property
    def about(self) -> str:
        """The record it told of."""
        return self.record_id


def encrypt(plain: bytes, key: str) -> str:
    """AES-256-CBC with PKCS7; the IV is the first half of the key."""
    raw = base64.b64decode(key)
    padder = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
    return base64.b64encode(cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()).decode()


def decrypt(content: str, key: str) -> bytes:
    raw = base64.b64decode(key)
    cipher = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(cipher.update(base64.b64decode(content)) + cipher.finalize()) + unpadder.finalize()


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(parts).encode()).hexdigest()  # noqa: S324 - the platform's own signature


class CallbackSender:
    """Hands events on at once (`deliver`) or by a background thread; faults lose, double or reorder them."""

    def __init__(
        self,
        store: SandboxStore,
        clock: SandboxClock,
        faults: FaultRegistry,
        settings: FxiaokeSettings,
        deliver: Deliver | None = None,
    ) -> None:
        self._store, self._clock, self._faults, self._settings = store, clock, faults, settings
        self._target = store.collection("fxiaoke", "_callback")
        self.deliver = deliver
        self.history: list[Sent] = []
        self._held: list[tuple[str, str, str]] = []
        self._queue: queue.SimpleQueue[tuple[str, str, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def subscribe(self, url: str, key: str) -> None:
        """What an administrator enters under 事件回调设置; an empty address switches it off."""
        if url and len(base64.b64decode(key)) != 32:
            raise ValueError("the key is the Base64 text of 32 bytes")
        self._target.put("target", {"url": url, "key": key})

    def target(self) -> tuple[str, str]:
        """Address and key in force; empty when nobody asked for events."""
        held = self._target.get("target")
        if held is not None:
            return str(held["url"]), str(held["key"])
        return self._settings.callback_url, self._settings.callback_key

    def send(self, events: list[tuple[str, str, str]]) -> None:
        """Tell of (event type, object, id); nothing happens while no address is set."""
        if not self.target()[0]:
            return
        for event in events:
            line = f"CALLBACK {event[1]}"
            fired = {rule.action for rule in self._faults.take("fxiaoke", line, CALLBACK_ACTIONS)}
            if "drop_callback" in fired:
                self.history.append(Sent("", event[2], "dropped by fault"))
            elif "reorder_callbacks" in fired:
                self._held.append(event)
            else:
                held, self._held = self._held, []
                for one in [event, *held]:
                    self._out(one, doubled="duplicate_callback" in fired)

    def release(self) -> None:
        """Send what a reorder fault holds back."""
        held, self._held = self._held, []
        for event in held:
            self._out(event)

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fxiaoke-callbacks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(1.0)
            self._thread = None

    def body(self, event: tuple[str, str, str], message_id: str, retry: int, key: str) -> bytes:
        """One delivery as it goes over the wire."""
        now = str(int(self._clock.now().timestamp() * 1000))
        kind, api_name, record_id = event
        plain = encode(
            {
                "tenantId": int(self._settings.tenant_id),
                "eventType": kind,
                "apiName": api_name,
                "dataId": record_id,
                "timestamp": int(now),
                "messageId": message_id,
            }
        )
        nonce = hashlib.sha256(f"{message_id}{retry}".encode()).hexdigest()[:16]
        content, times = encrypt(plain, key), [str(retry)] if retry else []
        account = self._settings.ea
        doc: dict[str, Any] = {
            "signature": sha1(now, nonce, message_id, *times, account, content, key),
            "timestamp": now,
            "nonce": nonce,
            "messageId": message_id,
            "enterpriseAccount": account,
            "encryptedContent": content,
        }
        if retry:
            doc["retryTimes"] = str(retry)
        return encode(doc)

    def _out(self, event: tuple[str, str, str], *, doubled: bool = False) -> None:
        for one in [event, event] if doubled else [event]:
            if self.deliver is None:
                self._queue.put(one)
            else:
                self._deliver(one, self.deliver, "same" if doubled else "")

    def _deliver(self, event: tuple[str, str, str], deliver: Deliver, mark: str = "") -> None:
        """Send until the answer proves that the receiver could read it."""
        url, key = self.target()
        last = self._store.next_number("fxiaoke", "message", 1) if not mark else self._doubled(event)
        message_id = f"AC112917{last:024X}"
        for retry in range(RETRIES + 1):
            try:
                answer = deliver(url, self.body(event, message_id, retry, key), {"content-type": "application/json"})
                outcome = "ok" if self._is_answer(answer, key) else "not acknowledged"
            except Exception as error:  # noqa: BLE001 - a subscriber's failure is never the vendor's
                outcome = type(error).__name__
            self.history.append(Sent(message_id, event[2], outcome))
            del self.history[:-1000]
            if outcome == "ok":
                return

    def _doubled(self, event: tuple[str, str, str]) -> int:
        held = self._store.collection("fxiaoke", "_doubled")
        found = held.get("/".join(event))
        if found is not None:
            held.delete("/".join(event))
            return int(found["number"])
        number = self._store.next_number("fxiaoke", "message", 1)
        held.put("/".join(event), {"number": number})
        return number

    @staticmethod
    def _is_answer(answer: Any, key: str) -> bool:
        """`{signature, timestamp, nonce, encryptedResult}` where the result reads `success`."""
        try:
            doc = exact_json.loads(answer)
            signed = sha1(str(doc["timestamp"]), str(doc["nonce"]), str(doc["encryptedResult"]), key)
            return signed == doc["signature"] and decrypt(str(doc["encryptedResult"]), key) == b"success"
        except (BadPayload, KeyError, TypeError, ValueError):
            return False

    def _run(self) -> None:
        with httpx.Client(timeout=5.0, trust_env=False) as client:

            def post(url: str, body: bytes, headers: dict[str, str]) -> bytes:
                return client.post(url, content=body, headers=headers).content

            while True:
                try:
                    event = self._queue.get(timeout=1.0)
                except queue.Empty:
                    self.release()
                    continue
                if event is None:
                    return
                self._deliver(event, post)
