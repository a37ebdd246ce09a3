"""Real input, end to end: real invoices and names into three vendors, synced on each engine, then the proof.

On SQLite one `tieout sync` does all. On PostgreSQL the processes of docker-compose.yml do it, and workers, scheduler
and API are killed without warning on the way; then one `tieout sync` finds nothing left to do. Both must end in the
same fields in both CRMs, in the ledger that the rows add up to, and in a reconciliation without a remainder. With
`--whole` a third run kills a foreground `tieout sync` on PostgreSQL three times.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text

from tests.e2e import checks
from tests.e2e.answers import answer_identity, served
from tests.e2e.calls import calls
from tests.e2e.company import CURRENCY, Loaded, load
from tests.e2e.composed import Composed, composed
from tests.e2e.killing import kill_on_the_way, until_quiet
from tests.e2e.product import CLOCK, sync, tieout, write_config
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
QUICK = 2_000  # below so many invoices only what costs no minute of waiting is killed
KILLED_SYNCS = (4.0, 12.0, 25.0)  # seconds after which a foreground sync is killed


def rows_of(wish: argparse.Namespace, today: date) -> tuple[list[Row], Path | None, str]:
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

    def __init__(self, name: str, rows: list[Row], names: Path | None, folder: Path, url: str, today: date) -> None:
        self.name, self.rows, self.folder, self.url, self.today = name, rows, folder, url, today
        self.world = SandboxWorld(
            None, customers=0, clock=SandboxClock(), zoho_settings=ZohoSettings(credits_per_day=10_000_000),
            fxiaoke_settings=FxiaokeSettings(calls_per_window=1_000_000, calls_per_day=100_000_000),
        )  # fmt: skip
        self.loaded: Loaded = load(self.world, rows, names, today)
        self.say(
            f"{len(rows):,} invoices, {len(self.loaded.books.customers)} customers, "
            f"{len(self.loaded.books.receipts):,} receipts; {self.loaded.named_share:.0%} of the accounts in Zoho have "
            "the exact name or the tax id"
        )
        if len(self.loaded.accounts) >= 100:  # of few accounts the share is what chance gives
            assert abs(self.loaded.named_share - 0.8) < 0.01

    def say(self, words: str) -> None:
        print(f"[{self.name}] {words}", flush=True)

    def run(self, work: Callable[[Case, Path], list[str]]) -> dict[str, Any]:
        """Do the work against the vendors, then prove all; the CRMs' own fields at the end."""
        with serving(self.world) as urls:
            config = write_config(self.folder, self.world, urls, self.url)
            answered = work(self, config)
            engine = make_engine(self.url)
            self._prove(config, engine, answered)
            engine.dispose()
        found = checks.state(self.world)
        self.world.close()
        return found

    def _prove(self, config: Path, engine: Engine, answered: list[str]) -> None:
        assert business_on(CLOCK.now(), "Asia/Shanghai") == self.today, "a business day began meanwhile: run it again"
        self._same("ledger", checks.ledger(engine), {CURRENCY: checks.owed(self.rows)})
        for crm in checks.crms(self.loaded):
            looked, wrong = checks.wrong_invoices(engine, self.world, self.loaded, crm, self.today)
            self.none(f"{looked:,} bound invoices in {crm.connection}", wrong)
            mine = answered if crm.connection == "zoho" else ()
            looked, wrong = checks.wrong_accounts(engine, self.world, self.loaded, crm, self.today, mine)
            self.none(f"{looked:,} linked accounts in {crm.connection}", wrong)
        tie = tieout(config, "reconcile")
        assert tie["is_valid"], tie
        for section in tie["sections"]:
            rest = {total["currency"]: total["difference_minor"] - total["breaks_minor"] for total in section["totals"]}
            assert not any(rest.values()), (section["counterpart"], rest)
            if section["side"] == "book_of_record":
                assert section["break_count"] == 0, section
        assert tieout(config, "verify") == {"breaches": []}
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


def in_the_foreground(case: Case, config: Path, kills: tuple[float, ...] = ()) -> list[str]:
    """One `tieout sync`, perhaps killed on the way; a person answers; another sync."""
    for connection in ("zoho", "fxiaoke"):
        tieout(config, "setup", connection, codes=(0, 1))
    case.world.store.requests.clear()
    cost = sync(config, kill_after=kills)
    case.say(f"sync: {cost.wall:.0f} s, {cost.cpu:.0f} CPU s" + (f", killed {len(kills)} times" if kills else ""))
    engine = make_engine(case.url)
    asked = calls(engine, case.world)
    engine.dispose()
    case.say(
        "calls, and the fewest possible: "
        + "; ".join(f"{vendor} {count:,} ({fewest:,})" for vendor, (count, fewest) in sorted(asked.items()))
    )
    with served(config) as url:
        answered = answer_identity(config, url, case.loaded)
    again = sync(config)
    case.say(f"{len(answered)} conflicts answered over the API; the sync after it: {again.cpu:.0f} CPU s")
    return answered


def killed_in_the_foreground(case: Case, config: Path) -> list[str]:
    """The same, killed three times."""
    return in_the_foreground(case, config, KILLED_SYNCS)


def by_the_processes_of_compose(case: Case, config: Path) -> list[str]:
    """What docker-compose.yml starts does the work, and is killed on the way; a person answers over its API."""
    engine = make_engine(case.url)
    fleet: Composed
    began = CLOCK.monotonic()
    with composed(config, case.url) as fleet:
        for connection in ("zoho", "fxiaoke"):
            tieout(config, "setup", connection, codes=(0, 1))
        kill_on_the_way(fleet, engine, len(case.rows), case.say, is_quick=len(case.rows) < QUICK)
        until_quiet(fleet, engine, config, len(case.rows))
        case.say(f"processes of docker-compose.yml: {CLOCK.monotonic() - began:.0f} s until all is quiet")
        answered = answer_identity(config, fleet.url, case.loaded)
        until_quiet(fleet, engine, config, len(case.rows))
    engine.dispose()
    writes = case.world.store.effects.last_seq
    again = sync(config)
    assert case.world.store.effects.last_seq == writes, "a sync after all was quiet wrote something"
    case.say(f"{len(answered)} conflicts answered over the API; the sync after it wrote nothing: {again.cpu:.0f} CPU s")
    return answered


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def prove(name: str, wish: argparse.Namespace, out: Path | None = None) -> dict[str, Any]:
    """One case by its name; its end state is left in `out` for another process to read."""
    today = business_on(CLOCK.now(), "Asia/Shanghai")
    rows, names, _ = rows_of(wish, today)
    with tempfile.TemporaryDirectory(prefix="tieout-e2e-") as folder:
        if name == "sqlite":
            case = Case(name, rows, names, Path(folder), f"sqlite:///{folder}/tieout.db", today)
            found = case.run(in_the_foreground)
        else:
            work = by_the_processes_of_compose if name == "postgresql" else killed_in_the_foreground
            with postgres_server(lambda: _made(Path(folder, "postgres"))) as server, database(server) as url:
                found = Case(name, rows, names, Path(folder), url, today).run(work)
    if out is not None:
        out.write_bytes(pickle.dumps(found))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with highradius and customer_matching")
    parser.add_argument("--customers", type=int, help="only about so many customers")
    parser.add_argument("--each", type=int, help="only about so many invoices of one customer")
    parser.add_argument("--engine", choices=ENGINES, help="only this one")
    parser.add_argument("--whole", action="store_true", help="also kill a foreground sync on PostgreSQL")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.case:
        prove(wish.case, wish, wish.out)
        return 0
    print(f"Input: {rows_of(wish, business_on(CLOCK.now(), 'Asia/Shanghai'))[2]}", flush=True)
    if wish.engine:
        prove(wish.engine, wish)
        print("end to end: all holds")
        return 0
    ends = _all(wish)
    first = ends.pop("sqlite")
    for name, found in ends.items():
        wrong = [key for key in first.keys() | found.keys() if first.get(key) != found.get(key)]
        assert not wrong, f"{name} ends otherwise than sqlite: {len(wrong)} records\n" + "\n".join(
            f"{key}: {first.get(key)} and {found.get(key)}" for key in sorted(wrong)[:10]
        )
        print(f"ok: {len(first):,} records of both CRMs end alike on sqlite and {name}")
    print("end to end: all holds")
    return 0


def _all(wish: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Both engines at once, each in a process of its own; the whole run's third case after them."""
    argv = [sys.executable, "-m", "tests.e2e.run"]
    argv += ["--data", str(wish.data)] if wish.data else []
    argv += ["--customers", str(wish.customers)] if wish.customers else []
    argv += ["--each", str(wish.each)] if wish.each else []
    with tempfile.TemporaryDirectory(prefix="tieout-e2e-") as folder:
        files: dict[str, Path] = {}
        for group in (ENGINES, ("postgresql, sync killed",) if wish.whole else ()):
            running = {}
            for name in group:
                files[name] = Path(folder, str(len(files)))
                running[name] = subprocess.Popen([*argv, "--case", name, "--out", str(files[name])])
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
