"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tieout.core.clock import Clock

EVERY = 2.0  # seconds between two plain lines about the same thing
_SHOWN = frozenset({"connection", "stream", "step", "state", "done", "total", "note"})
ENDED = frozenset({"done", "failed"})


class RunProgress:
    """What one run did, out of events whose counts go over the whole life of the database."""

    def __init__(self, before: Sequence[Mapping[str, Any]]) -> None:
        self._before = {_about(event): int(event.get("done") or 0) for event in before}

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event with `done` and `total` counted from the start of the run."""
        before = self._before.get(_about(event), 0)
        return {
            key: value - before if key in ("done", "total") and type(value) is int else value
            for key, value in event.items()
        }


def _about(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(event.get(key) for key in ("connection", "stream", "step"))


class ProgressView:
    """Shows events `{connection, stream, step, state, done, total, note}`; any may be missing, others become notes."""

    def __init__(self, console: Console, clock: Clock, *, quiet: bool = False) -> None:
        self._console = console
        self._clock = clock
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, tuple[str, float]] = {}
        self._bars: Progress | None = None
        if console.is_terminal and not quiet:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=console,
            )

    def __enter__(self) -> ProgressView:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show one event."""
        if self._quiet:
            return
        what = " ".join(str(event[key]) for key in ("connection", "stream", "step") if event.get(key)) or "…"
        state = str(event.get("state") or "")
        extras = [f"{key.replace('_', ' ')} {value}" for key, value in event.items() if key not in _SHOWN]
        note = " ".join([str(event.get("note") or ""), *extras]).strip()
        done, total = event.get("done"), event.get("total")
        if self._bars:
            self._show_bar(what, done, total, " ".join(word for word in (state, note) if word), state in ENDED)
            return
        line = what + (f" {done}" if done is not None else "") + (f" of {total}" if total is not None else "")
        line += "".join(f" {word}" for word in (state, note) if word)
        said, at = self._said.get(what, ("", -EVERY))
        now = self._clock.monotonic()
        if line != said and (state in ENDED or now - at >= EVERY):
            self._said[what] = (line, now)
            self._console.print(f"  {escape(line)}")

    def _show_bar(self, what: str, done: Any, total: Any, note: str, ended: bool) -> None:
        assert self._bars is not None
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(escape(what), total=None, note="")
        completed = int(done or 0)
        self._bars.update(
            self._tasks[what],
            completed=completed,
            total=total if total is not None else (completed if ended else None),
            note=escape(note),
        )
