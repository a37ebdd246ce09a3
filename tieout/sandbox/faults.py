"""Faults on demand: what a network, a proxy or a vendor does on a bad day, by rule."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tieout.sandbox.http import Request, Response, text_response

TRANSPORT_ACTIONS = frozenset(
    {"status_500", "html_502", "timeout_before", "timeout_after", "reset", "cut_body", "slow"}
)
VENDOR_ACTIONS = frozenset(
    {
        "rate_limit", "expire_token", "lose_session", "empty_page", "bad_row",
        "daily_limit", "busy", "service_timeout", "service_timeout_after",
    }
)  # fmt: skip
CALLBACK_ACTIONS = frozenset({"duplicate_callback", "drop_callback", "reorder_callbacks"})
ACTIONS = TRANSPORT_ACTIONS | VENDOR_ACTIONS | CALLBACK_ACTIONS

_HTML_502 = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


@dataclass(slots=True)
class Rule:
    """One fault: from the (after+1)-th match on, `times` times (None: always). `seconds` belongs to `slow`."""

    vendor: str
    match: str
    action: str
    times: int | None = 1
    after: int = 0
    seconds: float = 0.0
    id: int = 0
    fired: int = 0
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"unknown fault action {self.action!r}; one of {', '.join(sorted(ACTIONS))}")
        self.pattern = re.compile(self.match)

    def as_doc(self) -> dict[str, Any]:
        names = ("id", "vendor", "match", "action", "times", "after", "seconds", "fired")
        return {name: getattr(self, name) for name in names}


class FaultRegistry:
    """The rules in force. `match` is a regular expression on `METHOD path` (callbacks: `CALLBACK Module`).

    `sleep` is how `slow` waits: real time by default; an in-process world hands in its own so that nobody waits.
    """

    def __init__(self, sleep: Callable[[float], None] | None = None) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._next = 1
        self._stopped = threading.Event()
        self.sleep: Callable[[float], None] = sleep if sleep is not None else self._wait

    def release(self) -> None:
        """Wake everybody who waits in a slow fault: the sandbox is going down."""
        self._stopped.set()

    def _wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def add(
        self,
        vendor: str,
        match: str,
        action: str,
        *,
        times: int | None = 1,
        after: int = 0,
        seconds: float = 0.0,
    ) -> Rule:
        """Put a rule in force; raises ValueError for an unknown action or a bad pattern."""
        try:
            rule = Rule(vendor, match, action, times, after, seconds)
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from None
        with self._lock:
            rule.id = self._next
            self._next += 1
            self._rules.append(rule)
        return rule

    def clear(self, rule_id: int | None = None) -> int:
        """Take one rule or all of them out of force; gives how many went."""
        with self._lock:
            before = len(self._rules)
            self._rules = [] if rule_id is None else [rule for rule in self._rules if rule.id != rule_id]
            return before - len(self._rules)

    def rules(self) -> list[Rule]:
        with self._lock:
            return list(self._rules)

    def take(self, vendor: str, line: str, actions: Iterable[str]) -> list[Rule]:
        """The rules among `actions` that fire for this line now; each match counts against `after`, then `times`."""
        wanted = frozenset(actions)
        fired = []
        with self._lock:
            for rule in self._rules:
                if rule.vendor != vendor or rule.action not in wanted or not rule.pattern.search(line):
                    continue
                if rule.after > 0:
                    rule.after -= 1
                elif rule.times is None or rule.fired < rule.times:
                    rule.fired += 1
                    fired.append(rule)
        return fired

    def around(self, vendor: str, req: Request, handle: Callable[[Request, frozenset[str]], Response]) -> Response:
        """Answer a request under the faults in force.

        Transport faults are done here. The vendor's own (`rate_limit`, `expire_token`, `lose_session`, `empty_page`,
        `bad_row`) go to `handle` as names. `timeout_before`, `status_500`, `html_502` and `reset` do not
        apply the request; `timeout_after` and `cut_body` do, and only the answer is lost.
        """
        transport = {rule.action: rule for rule in self.take(vendor, req.line, TRANSPORT_ACTIONS)}
        delay = transport["slow"].seconds if "slow" in transport else 0.0
        if delay > 0:
            self.sleep(delay)
        if "timeout_before" in transport:
            return Response(599, effect="timeout")
        if "reset" in transport:
            return Response(599, effect="reset")
        if "status_500" in transport:
            body = b'{"code":"INTERNAL_ERROR","details":{},"message":"Internal Server Error","status":"error"}'
            return Response(500, body, {"content-type": "application/json;charset=UTF-8"}, delay=delay)
        if "html_502" in transport:
            answer = text_response(_HTML_502, 502)
            answer.delay = delay
            return answer
        own = frozenset(rule.action for rule in self.take(vendor, req.line, VENDOR_ACTIONS))
        answer = handle(req, own)
        answer.delay = max(answer.delay, delay)
        if "timeout_after" in transport:
            answer.effect = "timeout"
        elif "cut_body" in transport:
            answer.effect = "cut"
        return answer
