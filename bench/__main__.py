"""`python -m bench [SECTION …]`: measures, prints one table a section and keeps the raw results as JSON."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import growth, identity, pull
from bench.databases import Databases, open_databases
from bench.table import Section, save

QUICK: dict[str, Any] = {
    "rows": 10_000,
    "growth": (1_000, 3_000, 10_000),
    "api": 10_000,
    "company": 400,
    "samples": 12,
    "firms": 10_000,
    "stored": 10_000,
}
FULL: dict[str, Any] = {
    "rows": 100_000,
    "growth": (10_000, 100_000, 1_000_000),
    "api": 1_000_000,
    "company": 5_000,
    "samples": 60,
    "firms": 100_000,
    "stored": 1_000_000,
}


BOUND = 300  # new records that come one by one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", help="pull, remote, syncs, push, latency, growth, api, identity, binding (default: all)"
    )
    parser.add_argument("--full", action="store_true", help="the sizes that are published, instead of quick ones")
    parser.add_argument("--rows", type=int, default=0, help="invoices to pull, and the largest books")
    parser.add_argument("--company", type=int, default=0, help="invoices of the company that is pushed")
    parser.add_argument("--out", type=Path, default=Path("var/bench"), help="where environments and results are kept")
    parser.add_argument("--records", type=int, default=0, help="customer records to match, and to bind against")
    parser.add_argument(
        "--data", type=Path, help="folder of customer tables with truth.csv, to match beside invented ones"
    )
    parser.add_argument("--no-others", action="store_true", help="without dlt, Singer and Splink")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only this database")
    args = parser.parse_args()
    sizes = dict(FULL if args.full else QUICK)
    if args.rows:
        sizes |= {"rows": args.rows, "api": args.rows, "growth": (args.rows // 10, args.rows // 3, args.rows)}
    if args.company:
        sizes["company"] = args.company
    if args.records:
        sizes |= {"firms": args.records, "stored": args.records}
    engines = (args.engine,) if args.engine else ("sqlite", "postgresql")
    args.out.mkdir(parents=True, exist_ok=True)
    work = args.out.resolve() / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with open_databases(work) as databases:
        # Loaded late: a child's peak memory counts what its parent held when it was forked.
        known: dict[str, Callable[[Databases], Section]] = {
            "pull": lambda db: pull.measure(work, db, sizes["rows"], engines=engines, others=not args.no_others),
            "remote": lambda db: import_module("bench.remote").measure(work, db, sizes["rows"], engines),
            "syncs": lambda db: import_module("bench.syncs").measure(work, db, sizes["company"], engines),
            "push": lambda db: import_module("bench.push").measure(work, db, sizes["company"]),
            "latency": lambda db: import_module("bench.latency").measure(work, db, sizes["company"], sizes["samples"]),
            "growth": lambda db: growth.measure(work, db, sizes["growth"], engines[0], args.out / "growth.svg"),
            "identity": lambda _: identity.measure(
                work, args.out, sizes["firms"], args.data, others=not args.no_others
            ),
            "binding": lambda db: identity.binding(work, db, sizes["stored"], BOUND, engines),
            "api": lambda db: growth.measure_api(work, db, sizes["api"], engines[0]),
        }
        wanted = args.sections or list(known)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            parser.error(f"no section {unknown[0]!r}; there are {', '.join(known)}")
        done = []
        for name in wanted:
            began = time.perf_counter()
            section = known[name](databases)
            print(section.text(), flush=True)
            print(f"({name}: {time.perf_counter() - began:.0f} s)\n", file=sys.stderr, flush=True)
            done.append(section)
            save(args.out / "results.json", done, sizes)
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
