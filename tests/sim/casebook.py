"""Cases that people enter: disputes, promises, plans, pauses and contacts; settled and taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tests.sim.entering import Owed, Work, fitting, in_both, on_an_invoice, rows, today
from tieout.store.tables import (
    cases,
)

if TYPE_CHECKING:
    from tests.sim.world import World


def dispute(rough: World, calm: World, rng: Random, number: int) -> None:
    found = on_an_invoice(rough, calm, rng)
    if found is None:
        return
    lines = found[0].facts[1:]
    part = max(lines[0][1] // rng.choice((2, 3, 10)), 1) if len(lines) == 1 and rng.random() < 0.6 else None
    reason = rng.choice(("quality", "pricing", "not_received"))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_dispute(
            one.document, actor, reason=reason, amount_minor=part, note=f"case {number}"
        )

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"dispute {found[0].number} {part}", number, works)


def promise(rough: World, calm: World, rng: Random, number: int) -> None:
    found = on_an_invoice(rough, calm, rng, unsaid=True)
    if found is None:
        return
    total = sum(line[1] for line in found[0].facts[1:])
    amount = total if rng.random() < 0.5 else max(total // 2, 1)
    day = today(calm) + timedelta(days=rng.choice((0, 1, 2, 7)))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_promise(
            one.customer, actor, promised_on=day, amount_minor=amount, items=[one.document], note=f"case {number}"
        )

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"promise {found[0].number} {amount} {day}", number, works)


def plan(rough: World, calm: World, rng: Random, number: int) -> None:
    found = on_an_invoice(rough, calm, rng, unsaid=True)
    if found is None:
        return
    total = sum(line[1] for line in found[0].facts[1:])
    first = max(total // 3, 1)
    day = today(calm)
    parts = [(day + timedelta(days=1), first), (day + timedelta(days=8), total - first)]
    parts = [part for part in parts if part[1] > 0]

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_plan(
            one.customer, actor, rows=parts, items=[one.document], note=f"case {number}"
        )

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"plan {found[0].number}", number, works)


def pause(rough: World, calm: World, rng: Random, number: int) -> None:
    found = on_an_invoice(rough, calm, rng)
    if found is None:
        return
    legal, whole = rng.random() < 0.2, rng.random() < 0.5
    until = None if legal else today(calm) + timedelta(days=rng.choice((0, 1, 3, 30)))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_pause(
            one.customer,
            actor,
            reason=f"case {number}",
            until_on=until,
            legal=legal,
            items=() if whole else [one.document],
        )

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"pause {found[0].number} {until}", number, works)


def contact(rough: World, calm: World, rng: Random, number: int) -> None:
    found = on_an_invoice(rough, calm, rng)
    if found is None:
        return
    language, may_write = rng.choice(("", "en", "zh-CN")), rng.random() < 0.7

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.set_contact(
            one.customer, actor, language=language, may_write=may_write, note=f"case {number}"
        )

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"contact {found[0].number}", number, works)


def _cases(world: World) -> dict[tuple[str, str], Mapping[Any, Any]]:
    """Cases by their words and state, which are the same in both worlds."""
    return {(row["note"], row["outcome"]): row for row in rows(world, select(cases)) if row["note"]}


def _a_case(
    rough: World, calm: World, rng: Random, wanted: Callable[[str], bool]
) -> tuple[Mapping[Any, Any], Mapping[Any, Any]] | None:
    here, there = _cases(rough), _cases(calm)
    names = sorted(name for name in here.keys() & there.keys() if wanted(name[1]))
    if not names:
        return None
    name = rng.choice(names)
    return here[name], there[name]


def close(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _a_case(rough, calm, rng, lambda outcome: outcome == "")
    if found is None:
        return
    kind, amount = found[0]["kind"], found[0]["amount_minor"]
    outcome, given = "cancelled", {}
    if kind == "dispute":
        outcomes = ["accepted", "rejected", "withdrawn", *(["partial"] if amount and amount > 1 else [])]
        outcome = rng.choice(outcomes)
        if outcome != "withdrawn":
            given = {"root_cause": "price list", "team": "sales"}
        if outcome in ("rejected", "partial"):
            given["pay_by_on"] = today(calm) + timedelta(days=rng.choice((0, 5, 14)))
        if outcome == "partial":
            given["accepted_minor"] = amount // 2

    def work(one: Mapping[Any, Any]) -> Work:
        return lambda service, actor: service.dunning.close(one["id"], outcome, actor, **given)

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"close {found[0]['note'] or kind} {outcome}", number, works)


def take_back(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _a_case(rough, calm, rng, lambda outcome: outcome != "undone")
    if found is None:
        return

    def work(one: Mapping[Any, Any]) -> Work:
        return lambda service, actor: service.dunning.undo(one["id"], actor)

    works = {"rough": fitting(work(found[0])), "calm": fitting(work(found[1]))}
    in_both(rough, calm, f"take back {found[0]['note']}", number, works)
