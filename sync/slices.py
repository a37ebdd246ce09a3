"""A slice of work: where a drain stops after about two seconds to let others run, and rings itself again (D3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from tieout.core.clock import Clock

T = TypeVar("T")
_stopping = False


def stop() -> None:
    """This process was asked to end: every slice is over at its next look, so that leases are given back in time."""
    global _stopping
    _stopping = True


def is_stopping() -> bool:
    """Whether this process was asked to end."""
    return _stopping


class Slice:
    """So much time by the injected clock; without a limit the work goes on until it is done."""

    def __init__(self, clock: Clock, limit_seconds: float | None = None) -> None:
        self._clock = clock
        self._until = None if limit_seconds is None else clock.monotonic() + limit_seconds
        self.is_cut = False  # somebody stopped because of it

    @property
    def is_over(self) -> bool:
        return self._until is not None and (_stopping or self._clock.monotonic() >= self._until)

    def cut(self) -> bool:
        """True, and noted, when the time is up and the caller should stop here."""
        self.is_cut = self.is_cut or self.is_over
        return self.is_cut

    def through(self, pages: Iterator[T]) -> Iterator[T]:
        """Pages until the time is up; at least one. The next page is not even asked for, so that no call is wasted."""
        for page in pages:
            yield page
            if self.is_over and getattr(page, "resume", None) is not None:
                self.is_cut = True
                return
