"""Entering something in both worlds of a pair at once.

Only about what both show alike: whoever sees other figures might have decided otherwise. What was entered is known by
its author, one to a step: so a person who saw an error looks first whether it went through; nothing is entered twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from sync.answering import AnswerError
from sync.case_checks import CaseError
from sync.context import Context
from sync.service import Service
from tests.sim import operator
from tests.sim.process import nobody
from tieout.core.errors import Denied, Gone, StaleWrite, TieoutError
from tieout.store.tables import (
    case_links,
    cases,
    documents,
    inputs,
    memberships,
    open_items,
)

if TYPE_CHECKING:
    from tests.sim.world import World

Work = Callable[[Service, str], object]  # what a person does, and as whom

_DOES_NOT_FIT = (StaleWrite, Gone, CaseError, AnswerError, Denied)


@dataclass(frozen=True)
class Owed:
    """An invoice that is open, as both worlds must show it."""

    number: str
    document: str  # our own id, another one in each world
    customer: str
    facts: tuple[Any, ...]


def same_day(*worlds: World) -> bool:
    """Whether it is the same business day in both, whatever the clocks of their processes say."""
    zone = ZoneInfo(worlds[0].variant.timezone)
    moments = (world.time.now() + timedelta(seconds=skew) for world in worlds for skew in (-90, 90))
    return len({moment.astimezone(zone).date() for moment in moments}) == 1


def today(world: World) -> date:
    return world.time.now().astimezone(ZoneInfo(world.variant.timezone)).date()


def owed(world: World) -> dict[str, Owed]:
    """Open invoices by their number at the source, with everything a person would look at before deciding."""
    d, o, m = documents.c, open_items.c, memberships.c
    query = (
        select(d.external_id, d.id, d.account_id, d.currency, o.id.label("item"), o.open_minor, o.original_minor)
        .join(open_items, o.document_id == d.id)
        .where(d.kind == "invoice", d.state == "posted", o.open_minor > 0)
        .order_by(d.external_id, o.line_id)
    )
    groups = {key: name for name, key in operator.groups(world).items()}
    with nobody(), world.database.engine.connect() as conn:
        owners = dict(conn.execute(select(m.member, m.customer_id).where(m.to_seq.is_(None))).all())
        left = conn.execute(query).all()
        conn.rollback()
    words: dict[str, list[tuple[str, str, str]]] = {}
    about = select(case_links.c.ref, cases.c.kind, cases.c.note, cases.c.outcome).join(
        cases, cases.c.id == case_links.c.case_id
    )
    for link in rows(world, about.order_by(cases.c.note)):
        words.setdefault(link["ref"], []).append((link["kind"], link["note"], link["outcome"]))
    out: dict[str, Owed] = {}
    for row in left:
        customer = owners.get(row.account_id, "")
        said = (*words.get(row.item, ()), *words.get(row.account_id, ()))
        line = (row.item.partition(":")[2], row.open_minor, row.original_minor, row.currency, said)
        before = out.get(row.external_id)
        facts = (*(before.facts if before else (groups.get(customer, ""),)), line)
        out[row.external_id] = Owed(row.external_id, row.id, customer, facts)
    return {key: one for key, one in out.items() if one.customer}


def alike(here: Mapping[str, Owed], there: Mapping[str, Owed]) -> list[str]:
    return sorted(key for key in here.keys() & there.keys() if here[key].facts == there[key].facts)


def rows(world: World, query: Any) -> list[Mapping[Any, Any]]:
    with nobody(), world.database.engine.connect() as conn:
        found = [dict(row) for row in conn.execute(query).mappings()]
        conn.rollback()
    return found


def entered(world: World, actor: str) -> bool:
    """Whether what this person entered went through."""
    query = select(func.count().label("n")).select_from(inputs).where(inputs.c.actor == actor)
    return bool(rows(world, query)[0]["n"])


def do(world: World, what: str, actor: str, work: Work) -> None:
    def run(ctx: Context) -> None:
        if not entered(world, actor):
            work(Service(ctx), actor)

    operator.insist(world, what, run)


def in_both(rough: World, calm: World, what: str, number: int, works: Mapping[str, Work], *, who: str = "mei") -> None:
    """`works` by world: the same thing, with each world's own ids. What one refuses is not entered in the other."""
    actor = f"user:{who}{number}"
    do(rough, what, actor, works["rough"])
    if entered(rough, actor):
        do(calm, what, actor, works["calm"])


def on_an_invoice(rough: World, calm: World, rng: Random, *, unsaid: bool = False) -> tuple[Owed, Owed] | None:
    """An invoice that both show alike; `unsaid`: nobody gave a word about it that stands."""
    here, there = owed(rough), owed(calm)
    names = [name for name in alike(here, there) if not unsaid or not _word(here[name])]
    if not names:
        return None
    name = rng.choice(names)
    return here[name], there[name]


def _word(one: Owed) -> bool:
    words = [said for line in one.facts[1:] for said in line[4]]
    return any(kind in ("promise", "plan") and not outcome for kind, _, outcome in words)


def fitting(work: Work) -> Work:
    """A person who is told that it does not fit any more, or was done by somebody else, leaves it."""

    def run(service: Service, actor: str) -> object:
        try:
            return work(service, actor)
        except TieoutError as error:
            if not isinstance(error, _DOES_NOT_FIT) and error.code != "same_policy":
                raise  # the database, not the person: entered again
            _note(service, error)
        return None

    return run


def _note(service: Service, error: TieoutError) -> None:
    from tests.sim.process import current

    process = current()
    if process is not None:
        process.check()
        process.world.note(f"left: {type(error).__name__} {str(error).splitlines()[0][:80]}")
