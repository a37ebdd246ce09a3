"""Several processes for `match`: steps are handed out and answered in order, so that the result is the same."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mapping.identity.blocks import Spread

_task: Callable[[Any], Any] | None = None  # what a worker runs; it is inherited, for it holds all records


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread_over(processes: int) -> Spread:
    """A `map` over that many processes; within this one for 1, and where processes cannot be forked."""
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return map

    def spread(task: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
        global _task
        _task = task
        gc.freeze()  # what is shared is not touched, and so not copied
        try:
            with multiprocessing.get_context("fork").Pool(processes) as pool:
                yield from pool.imap(_run, parts)
        finally:
            gc.unfreeze()
            _task = None

    return spread


def _run(part: Any) -> Any:
    assert _task is not None
    return _task(part)
