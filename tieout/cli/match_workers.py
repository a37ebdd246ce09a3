"""Several processes for `match`: steps are handed out and answered in order, so that the result is the same."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mapping.identity.blocks import Spread
from tieout.cli.match_words import problem

LOOK = 2.0  # seconds between two looks whether all processes are there

_task: Callable[[Any], Any] | None = None  # what a worker runs; it is inherited, for it holds all records


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Ctrl-C waits until this is over; processes that are forked meanwhile never hear it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def spread_over(processes: int) -> Spread:
    """A `map` over that many processes; within this one for 1, and where processes cannot be forked.

    TieoutError when one of them is ended from outside: its part is lost, and waiting for it would never end.
    """
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return map

    def spread(task: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
        global _task
        _task = task
        gc.freeze()  # what is shared is not touched, and so not copied
        try:
            with deaf_to_ctrl_c():  # it is for this process to end them
                others = _children()
                pool = multiprocessing.get_context("fork").Pool(processes)
                own = _children() - others
            with pool:
                found = pool.imap(_run, parts)
                while True:
                    try:
                        yield found.next(LOOK)
                    except multiprocessing.TimeoutError:
                        if not own <= _children():
                            raise problem("worker_lost") from None
                    except StopIteration:
                        return
        finally:
            gc.unfreeze()
            _task = None

    return spread


def _children() -> set[int | None]:
    return {child.pid for child in multiprocessing.active_children()}


def _run(part: Any) -> Any:
    assert _task is not None
    return _task(part)
