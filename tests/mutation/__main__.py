"""Mutate the pure rooms and say which changes nobody noticed.

    python -m tests.mutation                     all rooms
    python -m tests.mutation ledger receivables  these
    python -m tests.mutation ledger --again      what lived in the last run, against the tests as they are now
    python -m tests.mutation --only tieout/core/money.py tieout/ledger/entries.py   these files
    python -m tests.mutation --show              the last run's survivors once more

With TIEOUT_EXAMPLES=few set, property tests take 20 examples; `--again` without it judges by all what lived.
Ends with 1 when a survivor has no reason in tests/mutation/explained.toml.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.mutation import tool
from tests.mutation.explained import reasons
from tests.mutation.results import Mutant, mutants
from tests.mutation.rooms import NOT_MUTATED, ROOMS

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; default: all")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="only these files of the rooms")
    parser.add_argument("--again", action="store_true", help="only what lived in the last run")
    parser.add_argument("--show", action="store_true", help="run nothing; tell the last run once more")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "mutation")
    asked = parser.parse_args()
    if unknown := set(asked.rooms) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(unknown))}; there are {', '.join(ROOMS)}")
    rooms = asked.rooms or list(ROOMS)
    patterns = [pattern for room in rooms for pattern in ROOMS[room]]
    if outside := [path for path in asked.only if not in_rooms(path, patterns)]:
        parser.error(f"no file of these rooms: {', '.join(outside)}")
    folder: Path = asked.folder.resolve()
    tree = folder / "tree"
    if not asked.show:
        python = tool.python_of(folder)
        names: Sequence[str] = ()
        if asked.again:
            names = [
                one.name for one in mutants(tree) if one.fate != "killed" and one.file in (asked.only or [one.file])
            ]
            if not names:
                print("Nothing lived in the last run.")
                return 0
            tool.renew(ROOT, tree)
        else:
            tree = tool.prepare(ROOT, folder, asked.only or patterns)
            tool.make(python, tree, asked.workers, patterns)
        tool.run(python, tree, asked.workers, names)
    return report(list(mutants(tree)))


def in_rooms(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path from the root is a file that these rooms mutate."""
    return (ROOT / path).is_file() and path not in NOT_MUTATED and any(fnmatch(path, one) for one in patterns)


def report(made: Sequence[Mutant]) -> int:
    """One line a file, then every survivor without a reason; 1 if there is one."""
    known = reasons()
    files: dict[str, Counter[str]] = {}
    unexplained = []
    for one in made:
        counts = files.setdefault(one.file, Counter())
        counts["all"] += 1
        if one.fate in ("killed", "undecided"):
            counts[one.fate] += 1
        elif any(reason.covers(one) for reason in known):
            counts["explained"] += 1
        else:
            counts["open"] += 1
            unexplained.append(one)
    columns = ("all", "killed", "explained", "open", "undecided")
    print(f"{'file':<44}" + "".join(f"{name:>10}" for name in columns))
    for name, counts in [*sorted(files.items()), ("together", sum(files.values(), Counter()))]:
        print(f"{name:<44}" + "".join(f"{counts[column]:>10}" for column in columns))
    for one in unexplained:
        print(f"\n{one.where}: {one.fate}\n  - {one.before}\n  + {one.after}")
    return 1 if unexplained or any(counts["undecided"] for counts in files.values()) or not made else 0


if __name__ == "__main__":
    raise SystemExit(main())
