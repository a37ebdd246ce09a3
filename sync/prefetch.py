"""One page ahead: fetching overlaps with landing. A thread in production, inline under a simulator."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(source: Iterator[T], *, threaded: bool, depth: int = 1) -> Iterator[T]:
    """Yield what `source` yields, in order; errors surface where they belong. Memory: at most depth + 2 items."""
    if not threaded:
        yield from source
        return
    box: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item: T | _End) -> bool:
        while not stop.is_set():
            try:
                box.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            while True:  # no page is held here while the next one is made
                try:
                    if not put(next(source)):
                        return
                except StopIteration:
                    break
        except BaseException as caught:  # noqa: BLE001 - carried to the consumer, raised there
            error = caught
        put(_End(error))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = box.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item  # landed: it need not stay while the next one is waited for
    finally:
        stop.set()
        thread.join(timeout=5)
