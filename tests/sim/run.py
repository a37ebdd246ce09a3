"""Runs worlds: `python -m tests.sim.run [--seed N] [--worlds N] [--steps N] [--processes N] [--night]`.

First the corpus, then fresh worlds. A world that fails is replayed, shrunk and kept in the corpus; one line says how to
see it again. Exit 1 when anything failed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.servers import GIVEN, postgres
from tests.sim.database import scratch
from tests.sim.plan import Plan, draw
from tests.sim.shrink import shrink
from tests.sim.twin import Outcome, Theatre

CORPUS = Path(__file__).parent / "corpus"
POSTGRES_EVERY = 60  # of the fresh worlds
SHRINK_RUNS = 60
SAY_EVERY = 30.0  # seconds
STOPPED = 130  # as a shell says of what Ctrl-C ended
_theatre: list[Theatre] = []
_shared: list[Path] = []  # where the processes of a run keep the starts of worlds


@dataclass(frozen=True, slots=True)
class Summary:
    """What one world came to, small enough to travel between processes."""

    name: str
    seed: int
    problems: tuple[str, ...]
    steps: int
    struck: tuple[str, ...]
    engine: str
    seconds: float  # of this process' time


def theatre() -> Theatre:
    """The theatre of this process."""
    if not _theatre:
        _theatre.append(Theatre(_shared[0] if _shared else None))
    return _theatre[0]


def engine_of(seed: int) -> str:
    """Every sixtieth world runs on PostgreSQL, for its locks, unless SIM_ENGINE says otherwise."""
    return os.environ.get("SIM_ENGINE") or ("postgresql" if seed % POSTGRES_EVERY == 0 else "sqlite")


def perform(name: str, plan: Plan) -> Summary:
    """Run one plan in this process."""
    began = time.process_time()
    try:
        found = theatre().run(plan)
    except Exception as error:  # noqa: BLE001 - one world that cannot be finished must not end the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        found = Outcome(plan, [f"the world broke: {type(error).__name__} {error} ({where.filename}:{where.lineno})"], 0)
        _close()
    spent = time.process_time() - began
    return Summary(name, plan.seed, tuple(found.problems), found.steps, tuple(found.struck), plan.engine, spent)


def corpus() -> list[tuple[str, Plan]]:
    """Plans that once showed something, by name."""
    return [(path.stem, Plan.load(path)) for path in sorted(CORPUS.glob("*.json"))]


def fresh(first: int, count: int | None, steps: int) -> Iterator[tuple[str, Plan]]:
    seed = first
    while count is None or seed < first + count:
        yield f"seed {seed}", draw(seed, steps, engine_of(seed))
        seed += 1


def kept(found: Outcome, theatre_: Theatre) -> Path:
    """Shrink what failed and put it into the corpus."""
    sign = _sign(found.problems[0])

    def fails(plan: Plan) -> bool:
        again = theatre_.run(plan, rebuilds="rebuild" in found.problems[0])
        return any(_sign(problem) == sign for problem in again.problems)

    small = shrink(found.plan, fails, SHRINK_RUNS)
    path = CORPUS / f"seed-{small.seed}.json"
    path.write_text(replace(small, found=found.problems[0][:200]).dump(), encoding="utf-8")
    return path


def _sign(problem: str) -> str:
    """The kind of a problem, without what differs from run to run."""
    words = problem.removeprefix("without faults: ")
    words = words.partition(": ")[2] if words.startswith("step ") else words
    return " ".join(word for word in words.split()[:3] if not any(c.isdigit() for c in word[2:]))


def replay(seed: int, steps: int) -> int:
    """Run one seed and say all of it."""
    found = theatre().run(draw(seed, steps, engine_of(seed)))
    sys.stdout.write("\n".join(found.log) + "\n")
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(
        f"{'FAILED' if found.problems else 'ok'}: seed {seed}, {found.steps} steps, {len(found.struck)} faults\n"
    )
    return 1 if found.problems else 0


class Show:
    """Counts and tells."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.worlds = self.steps = 0
        self.spent: dict[str, list[float]] = {}  # by engine
        self.said = self.began
        self.struck: Counter[str] = Counter()
        self.failed: list[Summary] = []

    def add(self, one: Summary, steps: int) -> None:
        self.worlds += 1
        self.steps += one.steps
        self.spent.setdefault(one.engine, []).append(one.seconds)
        self.struck.update(one.struck)
        if one.problems:
            self.failed.append(one)
            how = f"make sim SEED={one.seed}" + (f" STEPS={steps}" if steps != 150 else "")
            sys.stdout.write(f"{how}    # {one.name}: {one.problems[0][:160]}\n")
            sys.stdout.flush()
        if time.perf_counter() - self.said > SAY_EVERY:
            self.said = time.perf_counter()
            sys.stdout.write(f"{self.worlds} worlds in {self.said - self.began:.0f} s\n")
            sys.stdout.flush()

    def close(self) -> None:
        seconds = time.perf_counter() - self.began
        sys.stdout.write(
            f"{self.worlds} worlds, {self.steps} steps, {sum(self.struck.values())} faults of {len(self.struck)} kinds "
            f"in {seconds:.0f} s ({self.worlds * 60 / max(seconds, 1):.0f} worlds a minute, "
            f"{self.steps / max(seconds, 1):.0f} steps a second): "
            f"{len(self.failed) or 'nothing'} failed\n"
        )
        each = ", ".join(f"{sum(all_) / len(all_):.2f} on {len(all_)} {name}" for name, all_ in self.spent.items())
        whole = resource.getrusage(resource.RUSAGE_CHILDREN)
        sys.stdout.write(f"CPU seconds a world: {each}; {whole.ru_utime + whole.ru_stime:.0f} in all\n")


def many(plans: Iterator[tuple[str, Plan]], processes: int, show: Show, steps: int, stop_after: int) -> bool:
    """Run plans on several processes until they are done or enough failed; False when stopped by a signal.

    Whatever ends this process, also a kill, ends its workers within a second: a world half done is worth nothing.
    """
    stop = multiprocessing.Event()
    starts = scratch()
    pool = ProcessPoolExecutor(processes, initializer=_begin, initargs=(stop, os.getpid(), starts))
    running: set[Future[Summary]] = set()
    try:
        more = True
        while more or running:
            while more and len(running) < processes * 2:
                found = next(plans, None)
                if found is None:
                    more = False
                else:
                    running.add(pool.submit(perform, *found))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                show.add(one.result(), steps)
            if len(show.failed) >= stop_after:
                more = False
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
        return False
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(starts, ignore_errors=True)
    return True


def _begin(stop: Any, parent: int, starts: Path) -> None:
    """A worker process: signals are its parent's business, and it ends when told to or when that is gone."""
    _shared.append(starts)
    # Also when the whole group is signalled: who waits for `stop` and dies is waited for by `set` for ever.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(stop, parent, starts), daemon=True).start()


def _watch(stop: Any, parent: int, starts: Path) -> None:
    while not stop.wait(0.5):
        if os.getppid() != parent:
            shutil.rmtree(starts, ignore_errors=True)  # nobody else does
            break
    try:
        _close()
    finally:
        os._exit(0)


def _close() -> None:
    if _theatre:
        _theatre.pop().close()


def _listen() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell began us with Ctrl-C switched off
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Seeded worlds that try to break the sync.")
    parser.add_argument("--seed", type=int, help="replay one seed and tell everything")
    parser.add_argument("--first", type=int, default=1, help="the first fresh seed")
    parser.add_argument("--worlds", type=int, default=150)  # what two cores do in a few minutes
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--night", action="store_true", help="go on with new seeds until stopped")
    parser.add_argument("--stop-after", type=int, default=10_000, help="failures after which no more is begun")
    parser.add_argument("--no-corpus", action="store_true")
    parser.add_argument("--keep", action="store_true", help="shrink what failed and keep it in the corpus")
    given = parser.parse_args(arguments)
    _listen()
    try:
        with ExitStack() as held:
            held.callback(_close)
            if _needs_postgres(given):
                os.environ[GIVEN] = held.enter_context(postgres(lambda: _folder(held)))
            return _run(given)
    except KeyboardInterrupt:
        return STOPPED


def _needs_postgres(given: argparse.Namespace) -> bool:
    seeds = range(given.first, given.first + given.worlds) if given.seed is None else (given.seed,)
    plans = () if given.seed is not None or given.no_corpus else corpus()
    engines = {plan.engine for _, plan in plans} | {engine_of(seed) for seed in seeds}
    return given.night or "postgresql" in engines


def _folder(held: ExitStack) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tieout-sim-server-"))
    held.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _run(given: argparse.Namespace) -> int:
    if given.seed is not None:
        return replay(given.seed, given.steps)
    show = Show()
    first = int(time.time()) if given.night else given.first
    count = None if given.night else given.worlds
    portions = [iter([] if given.no_corpus else corpus()), fresh(first, count, given.steps)]
    is_whole = all(many(one, given.processes, show, given.steps, given.stop_after) for one in portions)
    if given.keep and (is_whole or given.night):
        _listen()
        for one in show.failed[:3]:
            if one.name.startswith("seed "):
                plan = draw(one.seed, given.steps, engine_of(one.seed))
                sys.stdout.write(f"kept as {kept(theatre().run(plan), theatre())}\n")
    show.close()
    if show.failed:
        return 1
    return 0 if is_whole or given.night else STOPPED


if __name__ == "__main__":
    sys.exit(main())
