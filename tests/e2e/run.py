"""Real input, end to end: real invoices and names into three vendors, `tieout sync` on each engine, then the proof.

On SQLite the sync runs through; on PostgreSQL it is killed without warning on the way and started again. Both must end
in the same fields in both CRMs, in the ledger that the rows add up to, and in a reconciliation without a remainder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import create_engine, make_url, text

from tests.e2e import checks
from tests.e2e.answers import answer_identity
from tests.e2e.company import CURRENCY, Loaded, load
from tests.e2e.product import CLOCK, sync, tieout, write_config
from tests.e2e.receivables import TERM, Row, read_rows
from tests.e2e.servers import serving
from tieout.core.dates import business_on
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.fxiaoke import FxiaokeSettings
from tieout.sandbox.world import SandboxWorld
from tieout.sandbox.zoho import ZohoSettings
from tieout.store.session import make_engine

POSTGRES = os.environ.get("TIEOUT_TEST_DATABASE_URL") or "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


def rows_of(data: Path | None, today: date, customers: int | None) -> tuple[list[Row], Path | None, str]:
    """The invoices, the folder of real names, and what to say about where they are from."""
    if data is not None and (data / "highradius").is_dir() and (data / "customer_matching").is_dir():
        rows = read_rows(data / "highradius", today, customers)
        return rows, data / "customer_matching", "real invoices and names"
    rng = Random(11)
    made = []
    for number in range(4000):
        issued = date.fromordinal(today.toordinal() - rng.randrange(1, 400))
        due = issued + TERM
        late = date.fromordinal(due.toordinal() + rng.randrange(-10, 40))
        paid = late if late < today and late >= issued and rng.random() < 0.8 else None
        made.append(Row(f"{number % 200}", issued, due, paid, rng.randrange(100, 5_000_000)))
    return made, None, "INVENTED invoices and names: the shared data is not on this machine"


@contextmanager
def postgres() -> Iterator[str]:
    """A database of our own that is dropped at the end."""
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    name = f"tieout_e2e_{os.getpid()}"
    with admin.connect() as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as conn:
            conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def prove(
    name: str, rows: list[Row], names: Path | None, folder: Path, url: str, kills: tuple[float, ...]
) -> dict[str, Any]:
    """One engine from an empty database to the proof; the CRMs' own fields at the end."""
    clock = SandboxClock()
    world = SandboxWorld(
        None, customers=0, clock=clock, zoho_settings=ZohoSettings(credits_per_day=10_000_000),
        fxiaoke_settings=FxiaokeSettings(calls_per_window=1_000_000, calls_per_day=100_000_000),
    )  # fmt: skip
    today = business_on(clock.now(), "Asia/Shanghai")
    loaded: Loaded = load(world, rows, names, today)
    print(
        f"[{name}] {len(rows):,} invoices, {len(loaded.books.customers)} customers, "
        f"{len(loaded.books.receipts):,} receipts",
        flush=True,
    )
    with serving(world) as urls:
        config = write_config(folder, world, urls, url)
        for connection in ("zoho", "fxiaoke"):
            tieout(config, "setup", connection, codes=(0, 1))
        cost = sync(config, kill_after=kills)
        print(
            f"[{name}] sync: {cost.wall:.0f} s, {cost.cpu:.0f} CPU s, {cost.peak_mb:.0f} MB"
            + (f", killed {len(kills)} times" if kills else ""),
            flush=True,
        )
        answered = answer_identity(config, loaded)
        again = sync(config)
        print(
            f"[{name}] {len(answered)} conflicts answered over the API; the sync after it: {again.cpu:.0f} CPU s",
            flush=True,
        )
        _same("ledger", checks.ledger(make_engine(url)), {CURRENCY: checks.owed(rows)})
        looked, wrong = checks.wrong_invoices(world, loaded, today)
        _none(f"{looked:,} bound invoices in Zoho", wrong)
        linked = [key for key, one in loaded.accounts.items() if one["expect"] == "link" and one["way"] == "tax_id"]
        _none(f"{len(linked):,} accounts with a tax id", checks.wrong_accounts(world, loaded, linked, today))
        _none(f"{len(answered)} answered accounts", checks.wrong_accounts(world, loaded, answered, today))
        tie = tieout(config, "reconcile")
        assert tie["is_valid"], tie
        for section in tie["sections"]:
            rest = {total["currency"]: total["difference_minor"] - total["breaks_minor"] for total in section["totals"]}
            assert not any(rest.values()), (section["counterpart"], rest)
            if section["side"] == "book_of_record":
                assert section["break_count"] == 0, section
        waiting = checks.open_conflicts(make_engine(url))
        per = 1000 * waiting / (2 * len(rows))
        print(
            f"[{name}] reconciled without a remainder; {waiting} conflicts, {per:.1f} per 1,000 invoices of both sides"
        )
        assert tieout(config, "verify") == {"breaches": []}
    found = checks.state(world)
    world.close()
    return found


def _same(what: str, found: Any, wanted: Any) -> None:
    assert dict(found) == dict(wanted), f"{what}: {found}, should be {wanted}"
    print(f"  ok: {what} {found}", flush=True)


def _none(what: str, wrong: list[str]) -> None:
    assert not wrong, f"{what}: {len(wrong)} wrong\n" + "\n".join(wrong[:20])
    print(f"  ok: {what}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with highradius and customer_matching")
    parser.add_argument("--customers", type=int, help="only so many customers")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only this one")
    wish = parser.parse_args()
    today = business_on(CLOCK.now(), "Asia/Shanghai")
    rows, names, what = rows_of(wish.data, today, wish.customers)
    print(f"Input: {what}", flush=True)
    ends: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if wish.engine != "postgresql":
            home = Path(folder, "one")
            home.mkdir()
            ends["sqlite"] = prove("sqlite", rows, names, home, f"sqlite:///{home / 'tieout.db'}", ())
        if wish.engine != "sqlite":
            home = Path(folder, "two")
            home.mkdir()
            with postgres() as url:
                ends["postgresql"] = prove("postgresql", rows, names, home, url, (4.0, 12.0, 25.0))
    if len(ends) == 2:
        first, second = ends["sqlite"], ends["postgresql"]
        _none("both engines end in the same fields", [key for key in first if first[key] != second.get(key)])
    print("end to end: all holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
