"""What finance lays down: dunning policies, message texts, rates, orders about credit and answer rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sync.service import Service
from tests.sim import operator
from tests.sim.entering import Owed, Work, fitting, in_both, on_an_invoice, rows, today
from tests.sim.process import nobody
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.store.tables import (
    answer_rules,
    credit_terms,
    dunning_texts,
)

if TYPE_CHECKING:
    from tests.sim.world import World

TEXTS = (
    "Pay {{ amount }}\n{{ customer }}\n{% for line in lines %}\n* {{ line.number }}\n{% endfor %}\n",
    "请联系 {{ customer }}：{{ amount }}\n{% for line in lines %}\n{{ line.number }}\n{% endfor %}\n",
)


# ------------------------------------------------------------- policies, texts, rates
def policy(rough: World, calm: World, rng: Random, number: int) -> None:
    text = shipped_text()
    for name, usual, others in (("grace_days", 3, (0, 3, 10)), ("cooldown_days", 5, (1, 5)), ("pay_by_days", 14, (7,))):
        text = text.replace(f"{name}: {usual}", f"{name}: {rng.choice(others)}")

    def work(service: Service, actor: str) -> None:
        service.dunning.activate(text, actor)

    in_both(rough, calm, "dunning policy", number, {"rough": work, "calm": work})


_OFTEN = {
    'send_window: "09:30-17:30"': 'send_window: "00:00-23:59"',
    "\ngrace_days: 3": "\nany_day: true\ngrace_days: 0",
    "cooldown_days: 5": "cooldown_days: 1",
    "max_per_month: 4": "max_per_month: 28",
    "offset: 7,": "offset: 1,",
    "offset: 15,": "offset: 2,",
    "offset: 30,": "offset: 3,",
    "offset: 60,": "offset: 4,",
}


def remind_often(world: World) -> None:
    """A policy under which each new overdue bill and each day makes messages."""
    text = shipped_text()
    for usual, often in _OFTEN.items():
        assert usual in text, f"the shipped policy has no {usual!r} any more"
        text = text.replace(usual, often)
    with nobody():
        Service(world.processes["web"].ctx).dunning.activate(text, "user:mei")


def text(rough: World, calm: World, rng: Random, number: int) -> None:
    t = dunning_texts.c
    if rng.random() < 0.3:
        active = [
            {row["slot"]: row for row in rows(one, select(dunning_texts).where(t.is_active))} for one in (rough, calm)
        ]
        slots = sorted(active[0].keys() & active[1].keys())
        if not slots:
            return
        slot = rng.choice(slots)
        seqs = {"rough": active[0][slot]["seq"], "calm": active[1][slot]["seq"]}

        def drop(seq: int) -> Work:
            return lambda service, actor: service.dunning.texts.drop(seq, actor)

        in_both(rough, calm, f"drop text {slot}", number, {name: fitting(drop(seq)) for name, seq in seqs.items()})
        return
    slot, text = f"level:{rng.choice((1, 1, 2, 3))}", rng.choice(TEXTS)

    def use(service: Service, actor: str) -> None:
        service.dunning.texts.use(text, slot=slot, language="en", channel="crm_task", actor=actor)

    in_both(rough, calm, f"text {slot}", number, {"rough": use, "calm": use})


def rates(rough: World, calm: World, rng: Random, number: int) -> None:
    on = today(calm) - timedelta(days=rng.choice((0, 1, 40)))
    line = {"base": rng.choice(("USD", "EUR")), "quote": "CNY", "rate": rng.choice(("7.1", "7.85", "6.99")), "on": on}

    def work(service: Service, actor: str) -> None:
        service.credit.state_rates([{**line, "on": on.isoformat()}], "by hand", actor)

    in_both(rough, calm, f"rate {line['base']} {line['rate']} {on}", number, {"rough": work, "calm": work})


# ------------------------------------------------------------- credit
def credit(rough: World, calm: World, rng: Random, number: int) -> None:
    """An order by one person; another one approves it at once, or it waits for ever."""
    kind = rng.choice(("limit", "limit", "hold", "policy"))
    found = on_an_invoice(rough, calm, rng)
    if found is None:
        return
    reason, day = f"order {number}", today(calm) + timedelta(days=rng.choice((0, 2, 30)))
    currency = found[0].facts[1][3]
    amount = rng.choice((0, 1_000_00, 500_000_00, 10_000_000_00))
    values = {"watch_above_percent": rng.choice((70, 75, 90, None))}

    def work(one: Owed) -> Work:
        def ask(service: Service, actor: str) -> None:
            if kind == "policy":
                service.credit.ask_policy({"values": values, "reason": reason}, actor)
            elif kind == "limit":
                wanted: dict[str, Any] = {"amount_minor": amount, "currency": currency, "reason": reason}
                service.credit.ask_limit(one.customer, wanted, actor)
            else:
                service.credit.ask_override(
                    one.customer, {"status": "hold", "valid_until": day, "reason": reason}, actor
                )

        return fitting(ask)

    in_both(rough, calm, f"credit {kind} {found[0].number}", number, {"rough": work(found[0]), "calm": work(found[1])})
    if kind == "hold" or rng.random() < 0.2:
        return

    def approve(service: Service, actor: str) -> None:
        found = _rows_of(service, reason)
        if found:
            service.credit.approve(found[0]["id"], actor)

    both = dict.fromkeys(("rough", "calm"), fitting(approve))
    in_both(rough, calm, f"approve {reason}", number, both, who="li")


def _rows_of(service: Service, reason: str) -> list[Mapping[str, Any]]:
    return [row for row in service.credit.terms(limit=200)["items"] if row["reason"] == reason]


def withdraw(rough: World, calm: World, rng: Random, number: int) -> None:
    states = ("waiting", "active")
    here, there = (
        {row["reason"]: row for row in rows(one, select(credit_terms).where(credit_terms.c.state.in_(states)))}
        for one in (rough, calm)
    )
    names = sorted(name for name in here.keys() & there.keys() if here[name]["state"] == there[name]["state"])
    if not names:
        return
    name = rng.choice(names)

    def work(term: str) -> Work:
        return fitting(lambda service, actor: service.credit.withdraw(term, "no longer", actor))

    works = {"rough": work(here[name]["id"]), "calm": work(there[name]["id"])}
    in_both(rough, calm, f"withdraw {name}", number, works)


# ------------------------------------------------------------- always do this
def rule(rough: World, calm: World, rng: Random, number: int) -> None:
    """An answer for every conflict of a shape; or the end of one."""
    if rng.random() < 0.35:
        _end_rule(rough, calm, rng, number)
        return
    here, there = operator.open_conflicts(rough), operator.open_conflicts(calm)
    names = sorted(
        name
        for name in here.keys() & there.keys()
        if name[0] in ("unlinked_document", "unmapped_value")
        and bool(here[name]["suggestions"]) == bool(there[name]["suggestions"])
    )
    if not names:
        return
    name = rng.choice(names)
    pick = rng.random()

    def work(conflict: str) -> Work:
        def make(service: Service, actor: str) -> None:
            offers = service.rules.offers(conflict)
            if not offers:
                return
            targets = offers[0]["targets"]
            target = targets[int(pick * len(targets))] if targets else ""
            wish = {"conflict": conflict, "action": offers[0]["action"], "target": target}
            shown = service.rules.preview(wish)
            service.rules.make(wish, shown["digest"], f"rule {number}", actor)

        return fitting(make)

    works = {"rough": work(here[name]["id"]), "calm": work(there[name]["id"])}
    in_both(rough, calm, f"rule for {name}", number, works)


def _end_rule(rough: World, calm: World, rng: Random, number: int) -> None:
    here, there = (
        {row["note"]: row["id"] for row in rows(one, select(answer_rules).where(answer_rules.c.state == "active"))}
        for one in (rough, calm)
    )
    notes = sorted(here.keys() & there.keys())
    if not notes:
        return
    note = rng.choice(notes)

    def work(rule: str) -> Work:
        return fitting(lambda service, actor: service.rules.end(rule, "no longer", actor))

    in_both(rough, calm, f"end {note}", number, {"rough": work(here[note]), "calm": work(there[note])})
