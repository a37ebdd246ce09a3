"""Named write boundaries: a test may kill or raise at any of them; in production they do nothing.

Every `session.commit()` goes through one helper that names its boundary, each with `before:` and `after:`.
`POINTS` is the list a kill matrix walks; hitting an unlisted name is an error, so a new boundary must be listed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

BOUNDARIES = (
    "migration.step",
    "landing.commit",
    "apply.commit",
    "opening.commit",
    "settle.commit",
    "outbox.claim",
    "push.send",
    "push.read",
    "receipt.commit",
    "inbox.insert",
    "inbox.done",
    "token.save",
    "lease.save",
    "queue.enqueue",
    "answer.commit",
    "plan.commit",
    "channel.save",
    "reconcile.commit",
    "run.commit",
    "admin.commit",
)
POINTS = tuple(f"{side}:{name}" for name in BOUNDARIES for side in ("before", "after"))
_KNOWN = frozenset(POINTS)

_hook: Callable[[str], None] | None = None


def hit(point: str) -> None:
    """Pass a fault point; a no-op unless a hook is set (tests only)."""
    if point not in _KNOWN:
        raise AssertionError(f"unlisted fault point {point!r}")
    if _hook is not None:
        _hook(point)


def set_hook(hook: Callable[[str], None] | None) -> None:
    """Set or clear what happens at fault points (tests and simulators only)."""
    global _hook
    _hook = hook


def kill_at(point: str, occurrence: int = 1) -> None:
    """SIGKILL this process when the point is passed for the n-th time."""
    if point not in _KNOWN:
        raise ValueError(f"unknown fault point {point!r}")
    left = occurrence

    def hook(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    set_hook(hook)
