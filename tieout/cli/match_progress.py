"""How far a long run of `tieout match` is, on standard error; a short one says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from mapping.identity.blocks import Spread
from tieout.cli.match_words import said
from tieout.cli.output import Out
from tieout.cli.progress import ProgressView
from tieout.core.clock import Clock

QUIET = 2.0  # seconds before the first word


class Steps:
    """The steps of one run, in their order; what a step says is shown once the run takes longer than `QUIET`."""

    def __init__(self, out: Out, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._began = clock.monotonic()
        self._stack = ExitStack()
        self._view: ProgressView | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def tell(self, step: str, done: int | None = None, total: int | None = None) -> None:
        """A step begins, or is so far."""
        if self._view is None:
            if self._clock.monotonic() - self._began < QUIET:
                return
            self._view = self._stack.enter_context(ProgressView(self._out.err, self._clock))
        self._view({"step": said(f"step_{step}"), "done": done, "total": total})

    def counted(self, spread: Spread, steps: Sequence[str], size: int = 1, total: int | None = None) -> Spread:
        """The `map` that says of each use how far it is: the first is the first of `steps`, and so on.

        `size`: what one part counts for in the first of them; `total`: how much that is in all, where it is known.
        """
        left = list(steps)

        def run(task: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
            step, is_first = left[0], len(left) == len(steps)
            if len(left) > 1:
                del left[0]
            counts, whole = (size, total) if is_first and total is not None else (1, _length(parts))
            self.tell(step, 0, whole)
            done = 0
            for part in spread(task, parts):
                done += counts
                self.tell(step, done if whole is None else min(done, whole), whole)
                yield part
            self.tell(left[0])

        return run


def _length(parts: Iterable[Any]) -> int | None:
    return len(parts) if isinstance(parts, Sequence) else None
