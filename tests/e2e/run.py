"""Real input, end to end: real invoices and names into three vendors on a fixed day, synced on each engine, the proof.

One `tieout sync` on SQLite and one on PostgreSQL do all; and on PostgreSQL the processes of docker-compose.yml do it,
while workers, scheduler and API are killed without warning. People answer conflicts of both CRMs over the API. All must
end in the same fields in both CRMs, in the ledger that the rows add up to, and in a reconciliation without a
remainder. With `--whole` a foreground `tieout sync` on PostgreSQL is killed three times as well.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text

from tests.e2e import checks
from tests.e2e.answers import Answered, answer, served
from tests.e2e.calls import calls
from tests.e2e.company import CURRENCY, Loaded, load
from tests.e2e.composed import composed
from tests.e2e.crms import crms
from tests.e2e.dated import STARTS_AT, TODAY, ZONE, DatedClock
from tests.e2e.expected import Expected
from tests.e2e.killing import Patience, kill_on_the_way, until_quiet
from tests.e2e.naming import SURE
from tests.e2e.product import Product, install
from tests.e2e.receivables import TERM, Row, read_rows
from tests.e2e.servers import serving
from tests.servers import postgres as postgres_server
from tieout.core.dates import business_on
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.fxiaoke import FxiaokeSettings
from tieout.sandbox.world import SandboxWorld
from tieout.sandbox.zoho import ZohoSettings
from tieout.store.session import make_engine

ENGINES = ("sqlite", "postgresql")
FLEET, KILLED_SYNC = "postgresql, processes killed", "postgresql, sync killed"
LARGE = 2_000  # from so many invoices on no more than two cases run at once, and every worker is killed twice
KILLED_SYNCS = (4.0, 12.0, 25.0)  # seconds after which a foreground sync is killed


def rows_of(wish: argparse.Namespace, today: date = TODAY) -> tuple[list[Row], Path | None, str]:
    """The invoices, the folder of real names, and what to say about where they are from."""
    data: Path | None = wish.data
    customers: int = wish.customers or 200
    if data is not None and (data / "highradius").is_dir() and (data / "customer_matching").is_dir():
        rows = read_rows(data / "highradius", today, wish.customers, wish.each)
        return rows, data / "customer_matching", "real invoices and names"
    rng = Random(11)
    made = []
    for number in range((wish.each or 20) * customers):
        issued = date.fromordinal(today.toordinal() - rng.randrange(1, 400))
        due = issued + TERM
        late = date.fromordinal(due.toordinal() + rng.randrange(-10, 40))
        paid = late if late < today and late >= issued and rng.random() < 0.8 else None
        made.append(Row(f"{number % customers}", issued, due, paid, rng.randrange(100, 5_000_000)))
    where = "there is no data folder" if data is None else f"{data} does not hold highradius and customer_matching"
    return made, None, f"INVENTED invoices and names, for {where}"


def _beside() -> Path | None:
    """The folder that the environment names, or the one that lies beside the checkout; None where there is none."""
    if named := os.environ.get("TIEOUT_DATA"):
        return Path(named)
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    return beside if beside.is_dir() else None


@contextmanager
def database(server: str) -> Iterator[str]:
    """A PostgreSQL database of our own that is dropped at the end."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"tieout_e2e_{os.getpid()}"
    with admin.connect() as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as conn:
            conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


class Case:
    """One engine from an empty database to the proof."""

    def __init__(self, name: str, rows: list[Row], names: Path | None, folder: Path, url: str) -> None:
        self.name, self.rows, self.folder, self.url = name, rows, folder, url
        self.clock = DatedClock()
        self.world = SandboxWorld(
            None,
            customers=0,
            clock=SandboxClock(self.clock.now()),
            zoho_settings=ZohoSettings(credits_per_day=10_000_000),
            fxiaoke_settings=FxiaokeSettings(calls_per_window=1_000_000, calls_per_day=100_000_000),
        )
        self.loaded: Loaded = load(self.world, rows, names, TODAY)
        self.expected = Expected(self.loaded.loading, TODAY)
        books = self.loaded.books
        self.say(f"{len(rows):,} invoices, {len(books.customers)} customers, {len(books.receipts):,} receipts")
        for crm in crms(self.loaded):
            sure, known = checks.sure_names(self.world, self.loaded, crm)
            assert sure == round(SURE * known), f"{crm.connection}: {sure} of {known} names are sure"
            self.say(f"{crm.connection}: {sure} of {known} accounts have the exact name or the tax id")

    def say(self, words: str) -> None:
        print(f"[{self.name}] {words}", flush=True)

    def run(self, work: Callable[[Case, Product], Mapping[str, Answered]]) -> dict[str, Any]:
        """Do the work against the vendors, then prove all; the CRMs' own fields at the end."""
        with serving(self.world) as urls:
            product = install(self.folder, self.world, urls, self.url, self.clock)
            answered = work(self, product)
            engine = make_engine(self.url)
            self._prove(product, engine, answered)
            engine.dispose()
        found = checks.state(self.world)
        self.world.close()
        return found

    def _prove(self, product: Product, engine: Engine, answered: Mapping[str, Answered]) -> None:
        first, last = checks.recorded(engine)
        assert STARTS_AT <= first <= last, f"recorded before the fixed day: {first}"
        assert business_on(last, ZONE) == TODAY, f"a business day began meanwhile: {last}"
        self.none(f"all of it recorded on {TODAY}, {first:%H:%M} to {last:%H:%M} UTC", [])
        self._same("ledger", checks.ledger(engine), {CURRENCY: self.expected.owed()})
        for crm in crms(self.loaded):
            mine = answered[crm.connection]
            looked, wrong = checks.wrong_invoices(engine, self.world, self.expected, crm, mine.invoices)
            self.none(f"{looked:,} bound invoices in {crm.connection} show all ten fields, the others nothing", wrong)
            looked, wrong = checks.wrong_accounts(engine, self.world, self.loaded, self.expected, crm, mine.accounts)
            self.none(f"{looked:,} linked accounts in {crm.connection} show all nine fields, the others nothing", wrong)
        tie = product.tieout("reconcile")
        assert tie["is_valid"], tie
        for section in tie["sections"]:
            rest = {total["currency"]: total["difference_minor"] - total["breaks_minor"] for total in section["totals"]}
            assert not any(rest.values()), (section["counterpart"], rest)
            if section["side"] == "book_of_record":
                assert section["break_count"] == 0, section
        assert product.tieout("verify") == {"breaches": []}
        waiting, blocking = checks.open_conflicts(engine)
        total = checks.records(engine)
        self.say(
            f"reconciled without a remainder; {waiting} open conflicts, {1000 * waiting / total:.1f} per 1,000 of "
            f"{total:,} records, {blocking} of them block a balance"
        )

    def _same(self, what: str, found: Mapping[str, int], wanted: Mapping[str, int]) -> None:
        assert dict(found) == dict(wanted), f"{what}: {found}, should be {wanted}"
        self.say(f"ok: {what} {dict(found)}")

    def none(self, what: str, wrong: list[str]) -> None:
        assert not wrong, f"{what}: {len(wrong)} wrong\n" + "\n".join(wrong[:20])
        self.say(f"ok: {what}")

    def said(self, answered: Mapping[str, Answered]) -> str:
        """What people answered, in words."""
        return "answered over the API: " + ", ".join(
            f"{len(made.accounts)} accounts and {len(made.invoices)} invoices of {name}"
            for name, made in answered.items()
        )

    def costs(self) -> None:
        """Print what the vendors were asked so far, and what stands open."""
        engine = make_engine(self.url)
        asked = calls(engine, self.world)
        waiting, blocking = checks.open_conflicts(engine)
        total = checks.records(engine)
        engine.dispose()
        self.say(
            "calls, and the fewest possible: "
            + "; ".join(f"{vendor} {count:,} ({fewest:,})" for vendor, (count, fewest) in sorted(asked.items()))
        )
        self.say(
            f"before anybody answers: {waiting} open conflicts, {1000 * waiting / total:.1f} per 1,000 of {total:,} "
            f"records, {blocking} of them block a balance"
        )


def _set_up(product: Product) -> None:
    """Fields in both CRMs; Fxiaoke has them already, and the command says what is left for people to do."""
    for connection in ("zoho", "fxiaoke"):
        product.tieout("setup", connection, codes=(0, 1))


def in_the_foreground(case: Case, product: Product, kills: tuple[float, ...] = ()) -> Mapping[str, Answered]:
    """One `tieout sync`, perhaps killed on the way; a person answers; another sync."""
    _set_up(product)
    case.world.store.requests.clear()
    cost = product.sync(kill_after=kills)
    case.say(
        f"sync: {cost.wall:.0f} s, {cost.cpu:.0f} CPU s, {cost.peak:.0f} MB"
        + (f", killed {len(kills)} times" if kills else "")
    )
    case.costs()
    with served(product) as url:
        answered = answer(product, url, case.loaded)
    again = product.sync()
    case.say(f"{case.said(answered)}; the sync after it: {again.cpu:.0f} CPU s")
    return answered


def killed_in_the_foreground(case: Case, product: Product) -> Mapping[str, Answered]:
    """The same, killed three times."""
    return in_the_foreground(case, product, KILLED_SYNCS)


def by_the_processes_of_compose(case: Case, product: Product) -> Mapping[str, Answered]:
    """What docker-compose.yml starts does the work, and is killed on the way; a person answers over its API."""
    engine = make_engine(case.url)
    patience = Patience(engine, case.world, case.clock)
    _set_up(product)
    began = case.clock.monotonic()
    with composed(product, case.url) as fleet:
        kill_on_the_way(fleet, engine, patience, len(case.rows), case.say, is_whole=len(case.rows) >= LARGE)
        until_quiet(fleet, engine, patience, case.clock)
        fleet.healthy()
        case.say(f"processes of docker-compose.yml: {case.clock.monotonic() - began:.0f} s until all is quiet")
        case.costs()
        answered = answer(product, fleet.url, case.loaded)
        until_quiet(fleet, engine, patience, case.clock)
    case.say(f"{fleet.cpu:.0f} CPU s of all processes")
    engine.dispose()
    writes = case.world.store.effects.last_seq
    again = product.sync()
    assert case.world.store.effects.last_seq == writes, "a sync after all was quiet wrote something"
    case.say(f"{case.said(answered)}; the sync after it wrote nothing: {again.cpu:.0f} CPU s")
    return answered


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


WORK: Mapping[str, Callable[[Case, Product], Mapping[str, Answered]]] = {
    "sqlite": in_the_foreground,
    "postgresql": in_the_foreground,
    FLEET: by_the_processes_of_compose,
    KILLED_SYNC: killed_in_the_foreground,
}


@contextmanager
def _place(keep: Path | None) -> Iterator[str]:
    """A folder for all that a case makes: a new one that stays, or one that is gone at the end."""
    if keep is not None:
        keep.mkdir(mode=0o700, parents=True)
        yield str(keep.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="tieout-e2e-") as folder:
            yield folder


def prove(name: str, wish: argparse.Namespace, out: Path) -> None:
    """One case by its name; its end state is left in `out` for another process to read."""
    rows, names, _ = rows_of(wish)
    with _place(wish.keep) as folder:
        if name == "sqlite":
            found = Case(name, rows, names, Path(folder), f"sqlite:///{folder}/tieout.db").run(WORK[name])
        else:
            with postgres_server(lambda: _made(Path(folder, "postgres"))) as server, database(server) as url:
                found = Case(name, rows, names, Path(folder), url).run(WORK[name])
    out.write_bytes(pickle.dumps(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=_beside(),
        help="folder with highradius and customer_matching (default: TIEOUT_DATA, else ../shared/data where it is)",
    )
    parser.add_argument("--customers", type=int, help="only about so many customers")
    parser.add_argument("--each", type=int, help="only about so many invoices of one customer")
    parser.add_argument("--engine", choices=ENGINES, help="only this one")
    parser.add_argument("--whole", action="store_true", help="also kill a foreground sync on PostgreSQL")
    parser.add_argument("--case", choices=list(WORK), help="only this one")
    parser.add_argument("--keep", type=Path, help="with --case: leave configuration and database in this new folder")
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.case and wish.out:
        prove(wish.case, wish, wish.out)
        return 0
    rows, _, words = rows_of(wish)
    print(f"Input: {words}; every process is at {TODAY}", flush=True)
    wanted = [wish.case] if wish.case else ["sqlite", "postgresql", FLEET, *([KILLED_SYNC] if wish.whole else [])]
    ends = _all([name for name in wanted if name.startswith(wish.engine or "")], wish, 2 if len(rows) >= LARGE else 3)
    (first_name, first), *others = ends.items()
    for name, found in others:
        wrong = [key for key in first.keys() | found.keys() if first.get(key) != found.get(key)]
        assert not wrong, f"{name} ends otherwise than {first_name}: {len(wrong)} records\n" + "\n".join(
            f"{key}: {first.get(key)} and {found.get(key)}" for key in sorted(wrong)[:10]
        )
        print(f"ok: {len(first):,} records of both CRMs end alike: {first_name}; {name}")
    print("end to end: all holds")
    return 0


def _all(names: Sequence[str], wish: argparse.Namespace, at_once: int) -> dict[str, dict[str, Any]]:
    """End states by case, each case in a process of its own, so many at once."""
    argv = [sys.executable, "-m", "tests.e2e.run"]
    for option in ("data", "customers", "each", "keep"):
        value = getattr(wish, option)
        argv += [f"--{option}", str(value)] if value else []
    with tempfile.TemporaryDirectory(prefix="tieout-e2e-") as folder:
        files = {name: Path(folder, str(index)) for index, name in enumerate(names)}
        for start in range(0, len(names), at_once):
            running = {
                name: subprocess.Popen([*argv, "--case", name, "--out", str(files[name])])
                for name in names[start : start + at_once]
            }
            try:
                codes = {name: process.wait() for name, process in running.items()}
            finally:
                for process in running.values():
                    process.terminate()
                    process.wait()
            assert not any(codes.values()), f"failed: {[name for name, code in codes.items() if code]}"
        return {name: pickle.loads(file.read_bytes()) for name, file in files.items()}


if __name__ == "__main__":
    sys.exit(main())
