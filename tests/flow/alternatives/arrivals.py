"""0004: the last to arrive wins, or the newest stamp, or our own clock, where versions come in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

from sqlalchemy import Engine, select

from tests.flow.alternatives.place import Size, folder
from tieout.core.exact_json import dumps
from tieout.core.ports import SourceRow
from tieout.core.versions import Newer, SourceVersion, compare
from tieout.store.landing import land, records_needing_fetch
from tieout.store.migrate import migrate
from tieout.store.session import make_engine, reading, unit
from tieout.store.tables import source_records

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SPAN = 6.0  # seconds in which a record is edited
PAGE = 4.0  # seconds that a page may take between the start of its read and the row
LATE = 30.0  # seconds that an answer or a message may be under way
Rule = Callable[..., Newer]


@dataclass(frozen=True, slots=True)
class Found:
    """Records, and by rule those that end in another state than the vendor's."""

    records: int
    ours: int
    arrival: int
    stamp: int
    own_clock: int
    fetched: int  # records that our rule asks for by id

    def __str__(self) -> str:
        return (
            f"of {self.records} records edited 2 to 4 times within {SPAN:.0f} s and read in random order, wrong at the "
            f"end: {self.ours} by stamp and a fetch of ties ({self.fetched} fetches), {self.arrival} where the last to "
            f"arrive wins, {self.stamp} where the newest stamp alone wins, {self.own_clock} by the start of our read"
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """A state of a record and when it came about."""

    at: float
    value: int

    @property
    def stamp(self) -> datetime:
        """As Zoho says it: whole seconds."""
        return START + timedelta(seconds=int(self.at))


@dataclass(frozen=True, slots=True)
class Read:
    """One sight of a record: when the asking began, what it showed, when it reached us."""

    began: float
    shows: Edit
    arrives: float


def run(size: Size) -> Found:
    chance = Random(7)
    histories = {str(n): _history(chance) for n in range(size.invoices)}
    reads = {key: _reads(chance, edits) for key, edits in histories.items()}
    ours, fetched = _wrong(histories, reads, compare)
    return Found(
        len(histories),
        ours,
        _wrong(histories, reads, _last_to_arrive)[0],
        _wrong(histories, reads, _newest_stamp)[0],
        _wrong(histories, reads, _start_of_read)[0],
        fetched,
    )


def _history(chance: Random) -> list[Edit]:
    moments = sorted(chance.uniform(0, SPAN) for _ in range(chance.randint(2, 4)))
    return [Edit(at, value) for value, at in enumerate([-60.0, *moments])]


def _reads(chance: Random, edits: list[Edit]) -> list[Read]:
    """Each edit sends a message that is answered by a fetch; two pages pass over the record as well. By arrival."""
    out = []
    for edit in edits[1:]:
        began = edit.at + chance.uniform(0, 1)
        out.append(Read(began, _at(edits, began), began + chance.uniform(0, LATE)))
    for _ in range(2):
        began = chance.uniform(-PAGE, SPAN)
        out.append(Read(began, _at(edits, began + chance.uniform(0, PAGE)), began + PAGE + chance.uniform(0, LATE)))
    return sorted(out, key=lambda read: read.arrives)


def _at(edits: list[Edit], moment: float) -> Edit:
    return max((edit for edit in edits if edit.at <= moment), key=lambda edit: edit.at)


def _wrong(histories: dict[str, list[Edit]], reads: dict[str, list[Read]], rule: Rule) -> tuple[int, int]:
    """Land everything in its order of arrival under a rule, fetch what it asks for; how many end wrong, fetches."""
    with folder() as home, patch("tieout.store.landing.compare", rule):
        engine = make_engine(f"sqlite:///{home}/tieout.db")
        migrate(engine)
        for turn in range(max(len(some) for some in reads.values())):
            _land(
                engine,
                [_row(key, some[turn].shows, some[turn].began) for key, some in reads.items() if turn < len(some)],
            )
        with reading(engine) as conn:
            asked = records_needing_fetch(conn, "crm", "invoices", limit=len(reads))
        _land(engine, [_row(key, histories[key][-1], SPAN + PAGE + LATE) for key in asked], fetched_by_id=True)
        with reading(engine) as conn:
            s = source_records.c
            held = dict(conn.execute(select(s.external_id, s.source_hash)).all())
        engine.dispose()
    return sum(held[key] != str(edits[-1].value) for key, edits in histories.items()), len(asked)


def _row(key: str, shows: Edit, began: float) -> SourceRow:
    version = SourceVersion(shows.stamp, None, START + timedelta(seconds=began))
    return SourceRow(key, version, dumps({"id": key, "value": shows.value}), str(shows.value))


def _land(engine: Engine, some: list[SourceRow], *, fetched_by_id: bool = False) -> None:
    with unit(engine, "landing.commit") as conn:
        land(
            conn, connection="crm", stream="invoices", module="Invoices", rows=some, run_id=None, now=START,
            fetched_by_id=fetched_by_id,
        )  # fmt: skip


# ------------------------------------------------------------- the rules not taken
def _last_to_arrive(incoming: SourceVersion, new: str, current: SourceVersion | None, old: str, **_: bool) -> Newer:
    return Newer.SAME if current is not None and new == old else Newer.YES


def _newest_stamp(incoming: SourceVersion, new: str, current: SourceVersion | None, old: str, **_: bool) -> Newer:
    if current is None or current.modified_at is None or incoming.modified_at is None:
        return Newer.YES
    if new == old:
        return Newer.SAME
    return Newer.YES if incoming.modified_at > current.modified_at else Newer.NO


def _start_of_read(incoming: SourceVersion, new: str, current: SourceVersion | None, old: str, **_: bool) -> Newer:
    if current is None:
        return Newer.YES
    if new == old:
        return Newer.SAME
    return Newer.YES if incoming.read_started_at > current.read_started_at else Newer.NO
