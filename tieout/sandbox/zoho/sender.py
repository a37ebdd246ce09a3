"""Sends callbacks to notify_url: by a background thread, or through a callable in process; faults may lose, double or
reorder them. There is no retry: Zoho documents none."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tieout.sandbox.faults import CALLBACK_ACTIONS, FaultRegistry

Deliver = Callable[[str, bytes, dict[str, str]], object]
TIMEOUT_SECONDS = 5.0
HELD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Callback:
    """One POST to a subscriber."""

    module: str
    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a callback: the status of the answer, or the error."""

    callback: Callback
    outcome: str

    @property
    def about(self) -> str:
        """What was sent."""
        return self.callback.body.decode(errors="replace")


class CallbackSender:
    """Hands callbacks on, in order unless a fault says otherwise.

    With `deliver` they go out at once in the caller's thread. Without it they wait until `start()` runs a thread that
    POSTs them over HTTP. A callback held back by `reorder_callbacks` goes after the next one, or after a second.
    """

    def __init__(self, faults: FaultRegistry, deliver: Deliver | None = None) -> None:
        self._faults = faults
        self.deliver = deliver
        self.history: list[Delivery] = []
        self._queue: queue.SimpleQueue[Callback | None] = queue.SimpleQueue()
        self._held: list[Callback] = []
        self._thread: threading.Thread | None = None

    def send(self, callbacks: list[Callback]) -> None:
        for callback in callbacks:
            for one in self._after_faults(callback):
                self._out(one)

    def release(self) -> None:
        """Send what a reorder fault still holds back."""
        held, self._held = self._held, []
        for callback in held:
            self._out(callback)

    def start(self) -> None:
        """Start the sending thread; a second start does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="zoho-callbacks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread after the callback it is sending; waits at most a second."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(1.0)
            self._thread = None

    def _after_faults(self, callback: Callback) -> list[Callback]:
        fired = {rule.action for rule in self._faults.take("zoho", f"CALLBACK {callback.module}", CALLBACK_ACTIONS)}
        if "drop_callback" in fired:
            self._remember(callback, "dropped by fault")
            return []
        if "reorder_callbacks" in fired:
            self._held.append(callback)
            return []
        once = [callback, callback] if "duplicate_callback" in fired else [callback]
        held, self._held = self._held, []
        return [*once, *held]

    def _out(self, callback: Callback) -> None:
        if self.deliver is None:
            self._queue.put(callback)
            return
        try:
            self._remember(callback, str(self.deliver(callback.url, callback.body, callback.headers)))
        except Exception as error:  # noqa: BLE001 - a subscriber's failure is never the vendor's
            self._remember(callback, f"{type(error).__name__}: {error}")

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while True:
                try:
                    callback = self._queue.get(timeout=HELD_SECONDS)
                except queue.Empty:
                    if self._held:
                        self.release()
                    continue
                if callback is None:
                    return
                try:
                    answer = client.post(callback.url, content=callback.body, headers=callback.headers)
                    self._remember(callback, str(answer.status_code))
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    self._remember(callback, type(error).__name__)

    def _remember(self, callback: Callback, outcome: str) -> None:
        self.history.append(Delivery(callback, outcome))
        del self.history[:-1000]
