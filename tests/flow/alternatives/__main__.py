"""`python -m tests.flow.alternatives [0001 …] [--customers 60 --invoices 400]`: the figures of the experiments.

0002 and 0012 take the PostgreSQL of TIEOUT_TEST_DATABASE_URL, else one of their own from the wheel.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.flow.alternatives import (
    arrivals,
    at_once,
    chance,
    companies,
    doorbell,
    double_books,
    echoes,
    flights,
    haste,
    lanes,
    merges,
    oldest,
    overwriting,
    provenance,
    sequences,
    stock,
)
from tests.flow.alternatives.place import Size, server

EXPERIMENTS: dict[str, Callable[[Size], object]] = {
    "0001": overwriting.run,
    "0003": doorbell.run,
    "0004": arrivals.run,
    "0005": echoes.run,
    "0006": companies.run,
    "0007": provenance.run,
    "0008": flights.run,
    "0009": double_books.run,
    "0010": merges.run,
    "0011": oldest.run,
    "0013": at_once.run,
    "0014": stock.run,
    "0018": chance.run,
    "0019": haste.run,
}
ON_POSTGRES: dict[str, Callable[[Size, str], object]] = {"0002": lanes.run, "0012": sequences.run}


def main() -> None:
    known = sorted([*EXPERIMENTS, *ON_POSTGRES])
    asked = argparse.ArgumentParser(prog="python -m tests.flow.alternatives")
    asked.add_argument("numbers", nargs="*", metavar="0001", help=f"decisions: {', '.join(known)}; all by default")
    asked.add_argument("--customers", type=int, default=Size().customers)
    asked.add_argument("--invoices", type=int, default=Size().invoices)
    given = asked.parse_args()
    if unknown := set(given.numbers) - set(known):
        asked.error(f"no experiment for {', '.join(sorted(unknown))}")
    size = Size(given.customers, given.invoices)
    for number in given.numbers or known:
        if number in EXPERIMENTS:
            print(number, EXPERIMENTS[number](size), flush=True)
        else:
            with server() as address:
                print(number, ON_POSTGRES[number](size, address), flush=True)


if __name__ == "__main__":
    main()
