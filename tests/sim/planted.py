"""Plants known defects, one at a time, in a copy of the tree, and lets the simulator look for them.

`python -m tests.sim.planted [NAME…]` prints per defect: the seed that caught it, seeds tried, steps, and what was seen.
Exit 1 if one was not caught. A patch is applied with `git apply`; it changes the product only, never the simulator.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "planted"
STOPPED = 130  # as a shell says of what Ctrl-C ended
_children: set[subprocess.Popen[str]] = set()  # searches that run
_stopping = threading.Event()
COPIED = ("connectors", "mapping", "sync", "tieout", "tests", "api.py", "worker.py", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Catch:
    """What became of one planted defect; `seed` None = not caught."""

    name: str
    seed: str | None
    tried: int
    steps: int
    seen: str

    @property
    def line(self) -> str:
        if self.seed is None:
            return f"{self.name:<36} NOT CAUGHT after {self.tried} seeds, {self.steps} steps {self.seen}"
        return f"{self.name:<36} seed {self.seed:<7} tried {self.tried:<4} steps {self.steps:<6} {self.seen[:110]}"


def hunt(patch: Path, seeds: int, first: int, steps: int) -> Catch:
    """Plant one defect and run fresh worlds until one fails that the tree without the defect gets through."""
    with tempfile.TemporaryDirectory(prefix="tieout-planted-") as folder:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder)
        applied = subprocess.run(
            ["git", "apply", "--unsafe-paths", f"--directory={folder}", str(patch)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if applied.returncode:
            return Catch(patch.stem, None, 0, 0, f"the patch does not apply: {applied.stderr.strip()[:200]}")
        tried = walked = 0
        at = first
        while tried < seeds and not _stopping.is_set():
            found = _search(Path(folder), at, seeds - tried, steps)
            tried, walked = tried + found.tried, walked + found.steps
            if found.seed is None:
                return Catch(patch.stem, None, tried, walked, found.seen)
            if not found.seed.isdigit() or _search(ROOT, int(found.seed), 1, steps).seed is None:
                return Catch(patch.stem, found.seed, tried, walked, found.seen)  # without the defect it goes well
            at = int(found.seed) + 1
        return Catch(patch.stem, None, tried, walked, "")


def _search(tree: Path, first: int, seeds: int, steps: int) -> Catch:
    """Fresh worlds, and in a tree with a defect the kept plans after them."""
    command = [sys.executable, "-m", "tests.sim.planted", "--search", str(seeds), "--first", str(first)]
    command += ["--kept"] if tree != ROOT else []
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
    child = subprocess.Popen(
        [*command, "--steps", str(steps)],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _children.add(child)
    if _stopping.is_set():
        child.terminate()
    try:
        said, errors = child.communicate()
    finally:
        _children.discard(child)
    last = said.strip("\n").rpartition("\n")[2]
    parts = last.split("\t")
    if len(parts) != 4:
        return Catch("", None, seeds, 0, f"the search broke: {errors.strip()[-300:]}")
    return Catch("", parts[0] if parts[0] != "-" else None, int(parts[1]), int(parts[2]), parts[3])


def search(seeds: Iterator[int], length: int, *, kept: bool) -> str:
    """Run worlds in this tree until one fails; answers seed, seeds tried, steps and what was seen, tab-separated."""
    from tests.sim.plan import draw
    from tests.sim.run import corpus
    from tests.sim.twin import Theatre

    theatre = Theatre()
    tried = steps = 0
    try:
        fresh = ((str(seed), draw(seed, length)) for seed in seeds)
        for seed, plan in itertools.chain(fresh, corpus() if kept else ()):
            tried += 1
            try:
                found = theatre.run(plan, rebuilds=False)
            except Exception as error:  # noqa: BLE001 - the planted defect broke the product itself
                return f"{seed}\t{tried}\t{steps}\tbroke: {type(error).__name__} {str(error).splitlines()[0][:80]}"
            steps += found.steps
            if found.problems:
                return f"{seed}\t{tried}\t{steps}\t{found.problems[0]}"
    finally:
        theatre.close()
    return f"-\t{tried}\t{steps}\t"


def _listen() -> None:
    """TERM ends this process as Ctrl-C does: what was made is taken away, searches that run are ended."""

    def interrupt(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # once is enough
        _stopping.set()
        for child in list(_children):
            child.terminate()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def main() -> int:
    parser = argparse.ArgumentParser(description="Does the simulator catch what it must catch?")
    parser.add_argument("names", nargs="*", help="patches under tests/sim/planted, without .patch; all by default")
    parser.add_argument("--seeds", type=int, default=60, help="seeds tried at most")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=PATCHES, help="where the patches are")
    parser.add_argument("--search", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    _listen()
    if given.search:
        sys.stdout.write(
            search(iter(range(given.first, given.first + given.search)), given.steps, kept=given.kept).replace(
                "\n", " "
            )
            + "\n"
        )
        return 0
    patches = [path for path in sorted(given.folder.glob("*.patch")) if not given.names or path.stem in given.names]
    missed = 0
    pool = ThreadPoolExecutor(given.processes)
    try:
        for found in pool.map(lambda patch: hunt(patch, given.seeds, given.first, given.steps), patches):
            missed += found.seed is None
            sys.stdout.write(found.line + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
        return STOPPED
    finally:
        pool.shutdown(cancel_futures=True)
    sys.stdout.write(f"{len(patches) - missed} of {len(patches)} planted defects were caught\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
