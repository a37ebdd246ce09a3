"""The people in finance: disputes, promises, pauses, orders about credit, policies, message texts and answer rules.

Each is entered in both worlds of a pair at once, and only about what both show alike: whoever sees other figures might
have decided otherwise. What was entered is known by its author, one to a step: so a person who saw an error looks
first whether it went through, and nothing is entered twice.
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
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.store.tables import (
    answer_rules,
    case_links,
    cases,
    credit_terms,
    documents,
    dunning_texts,
    inputs,
    memberships,
    open_items,
)

if TYPE_CHECKING:
    from tests.sim.world import World

Work = Callable[[Service, str], object]  # what a person does, and as whom
CURRENCIES = ("CNY", "USD", "EUR")
TEXTS = (
    "Pay {{ amount }}\n{{ customer }}\n{% for line in lines %}\n* {{ line.number }}\n{% endfor %}\n",
    "请联系 {{ customer }}：{{ amount }}\n{% for line in lines %}\n{{ line.number }}\n{% endfor %}\n",
)


_DOES_NOT_FIT = (StaleWrite, Gone, CaseError, AnswerError, Denied)


@dataclass(frozen=True)
class Owed:
    """An invoice that is open, as both worlds must show it."""

    number: str
    document: str  # our own id, another one in each world
    customer: str
    facts: tuple[Any, ...]


def act(rough: World, calm: World, rng: Random, number: int) -> None:
    """One thing that a person enters, in both worlds."""
    if not _same_day(rough, calm):
        return
    names = list(ACTS)
    name = rng.choices(names, [ACTS[one][0] for one in names])[0]
    ACTS[name][1](rough, calm, rng, number)


def _same_day(*worlds: World) -> bool:
    """Whether it is the same business day in both, whatever the clocks of their processes say."""
    zone = ZoneInfo(worlds[0].variant.timezone)
    moments = (world.time.now() + timedelta(seconds=skew) for world in worlds for skew in (-90, 90))
    return len({moment.astimezone(zone).date() for moment in moments}) == 1


def _today(world: World) -> date:
    return world.time.now().astimezone(ZoneInfo(world.variant.timezone)).date()


# ------------------------------------------------------------- looking
def _owed(world: World) -> dict[str, Owed]:
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
        rows = conn.execute(query).all()
        conn.rollback()
    words: dict[str, list[tuple[str, str, str]]] = {}
    about = select(case_links.c.ref, cases.c.kind, cases.c.note, cases.c.outcome).join(
        cases, cases.c.id == case_links.c.case_id
    )
    for link in _rows(world, about.order_by(cases.c.note)):
        words.setdefault(link["ref"], []).append((link["kind"], link["note"], link["outcome"]))
    out: dict[str, Owed] = {}
    for row in rows:
        customer = owners.get(row.account_id, "")
        said = (*words.get(row.item, ()), *words.get(row.account_id, ()))
        line = (row.item.partition(":")[2], row.open_minor, row.original_minor, row.currency, said)
        before = out.get(row.external_id)
        facts = (*(before.facts if before else (groups.get(customer, ""),)), line)
        out[row.external_id] = Owed(row.external_id, row.id, customer, facts)
    return {key: one for key, one in out.items() if one.customer}


def _alike(here: Mapping[str, Owed], there: Mapping[str, Owed]) -> list[str]:
    return sorted(key for key in here.keys() & there.keys() if here[key].facts == there[key].facts)


def _rows(world: World, query: Any) -> list[Mapping[Any, Any]]:
    with nobody(), world.database.engine.connect() as conn:
        found = [dict(row) for row in conn.execute(query).mappings()]
        conn.rollback()
    return found


def _entered(world: World, actor: str) -> bool:
    """Whether what this person entered went through."""
    query = select(func.count().label("n")).select_from(inputs).where(inputs.c.actor == actor)
    return bool(_rows(world, query)[0]["n"])


def _do(world: World, what: str, actor: str, work: Work) -> None:
    def run(ctx: Context) -> None:
        if not _entered(world, actor):
            work(Service(ctx), actor)

    operator.insist(world, what, run)


def _in_both(rough: World, calm: World, what: str, number: int, works: Mapping[str, Work], *, who: str = "mei") -> None:
    """`works` by world: the same thing, with each world's own ids. What one refuses is not entered in the other."""
    actor = f"user:{who}{number}"
    _do(rough, what, actor, works["rough"])
    if _entered(rough, actor):
        _do(calm, what, actor, works["calm"])


# ------------------------------------------------------------- cases
def _on_an_invoice(rough: World, calm: World, rng: Random, *, unsaid: bool = False) -> tuple[Owed, Owed] | None:
    """An invoice that both show alike; `unsaid`: nobody gave a word about it that stands."""
    here, there = _owed(rough), _owed(calm)
    names = [name for name in _alike(here, there) if not unsaid or not _word(here[name])]
    if not names:
        return None
    name = rng.choice(names)
    return here[name], there[name]


def _word(one: Owed) -> bool:
    words = [said for line in one.facts[1:] for said in line[4]]
    return any(kind in ("promise", "plan") and not outcome for kind, _, outcome in words)


def _dispute(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _on_an_invoice(rough, calm, rng)
    if found is None:
        return
    lines = found[0].facts[1:]
    part = max(lines[0][1] // rng.choice((2, 3, 10)), 1) if len(lines) == 1 and rng.random() < 0.6 else None
    reason = rng.choice(("quality", "pricing", "not_received"))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_dispute(
            one.document, actor, reason=reason, amount_minor=part, note=f"case {number}"
        )

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"dispute {found[0].number} {part}", number, works)


def _promise(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _on_an_invoice(rough, calm, rng, unsaid=True)
    if found is None:
        return
    owed = sum(line[1] for line in found[0].facts[1:])
    amount = owed if rng.random() < 0.5 else max(owed // 2, 1)
    day = _today(calm) + timedelta(days=rng.choice((0, 1, 2, 7)))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_promise(
            one.customer, actor, promised_on=day, amount_minor=amount, items=[one.document], note=f"case {number}"
        )

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"promise {found[0].number} {amount} {day}", number, works)


def _plan(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _on_an_invoice(rough, calm, rng, unsaid=True)
    if found is None:
        return
    owed = sum(line[1] for line in found[0].facts[1:])
    first = max(owed // 3, 1)
    today = _today(calm)
    rows = [(today + timedelta(days=1), first), (today + timedelta(days=8), owed - first)]
    rows = [row for row in rows if row[1] > 0]

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_plan(
            one.customer, actor, rows=rows, items=[one.document], note=f"case {number}"
        )

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"plan {found[0].number}", number, works)


def _pause(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _on_an_invoice(rough, calm, rng)
    if found is None:
        return
    legal, whole = rng.random() < 0.2, rng.random() < 0.5
    until = None if legal else _today(calm) + timedelta(days=rng.choice((0, 1, 3, 30)))

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.open_pause(
            one.customer,
            actor,
            reason=f"case {number}",
            until_on=until,
            legal=legal,
            items=() if whole else [one.document],
        )

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"pause {found[0].number} {until}", number, works)


def _contact(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _on_an_invoice(rough, calm, rng)
    if found is None:
        return
    language, may_write = rng.choice(("", "en", "zh-CN")), rng.random() < 0.7

    def work(one: Owed) -> Work:
        return lambda service, actor: service.dunning.set_contact(
            one.customer, actor, language=language, may_write=may_write, note=f"case {number}"
        )

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"contact {found[0].number}", number, works)


def _cases(world: World) -> dict[tuple[str, str], Mapping[Any, Any]]:
    """Cases by their words and state, which are the same in both worlds."""
    return {(row["note"], row["outcome"]): row for row in _rows(world, select(cases)) if row["note"]}


def _a_case(
    rough: World, calm: World, rng: Random, wanted: Callable[[str], bool]
) -> tuple[Mapping[Any, Any], Mapping[Any, Any]] | None:
    here, there = _cases(rough), _cases(calm)
    names = sorted(name for name in here.keys() & there.keys() if wanted(name[1]))
    if not names:
        return None
    name = rng.choice(names)
    return here[name], there[name]


def _close(rough: World, calm: World, rng: Random, number: int) -> None:
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
            given["pay_by_on"] = _today(calm) + timedelta(days=rng.choice((0, 5, 14)))
        if outcome == "partial":
            given["accepted_minor"] = amount // 2

    def work(one: Mapping[Any, Any]) -> Work:
        return lambda service, actor: service.dunning.close(one["id"], outcome, actor, **given)

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"close {found[0]['note'] or kind} {outcome}", number, works)


def _take_back(rough: World, calm: World, rng: Random, number: int) -> None:
    found = _a_case(rough, calm, rng, lambda outcome: outcome != "undone")
    if found is None:
        return

    def work(one: Mapping[Any, Any]) -> Work:
        return lambda service, actor: service.dunning.undo(one["id"], actor)

    works = {"rough": _fitting(work(found[0])), "calm": _fitting(work(found[1]))}
    _in_both(rough, calm, f"take back {found[0]['note']}", number, works)


# ------------------------------------------------------------- policies, texts, rates
def _policy(rough: World, calm: World, rng: Random, number: int) -> None:
    text = shipped_text()
    for name, usual, others in (("grace_days", 3, (0, 3, 10)), ("cooldown_days", 5, (1, 5)), ("pay_by_days", 14, (7,))):
        text = text.replace(f"{name}: {usual}", f"{name}: {rng.choice(others)}")

    def work(service: Service, actor: str) -> None:
        service.dunning.activate(text, actor)

    _in_both(rough, calm, "dunning policy", number, {"rough": work, "calm": work})


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


def _text(rough: World, calm: World, rng: Random, number: int) -> None:
    t = dunning_texts.c
    if rng.random() < 0.3:
        active = [
            {row["slot"]: row for row in _rows(one, select(dunning_texts).where(t.is_active))} for one in (rough, calm)
        ]
        slots = sorted(active[0].keys() & active[1].keys())
        if not slots:
            return
        slot = rng.choice(slots)
        seqs = {"rough": active[0][slot]["seq"], "calm": active[1][slot]["seq"]}

        def drop(seq: int) -> Work:
            return lambda service, actor: service.dunning.texts.drop(seq, actor)

        _in_both(rough, calm, f"drop text {slot}", number, {name: _fitting(drop(seq)) for name, seq in seqs.items()})
        return
    slot, text = f"level:{rng.choice((1, 1, 2, 3))}", rng.choice(TEXTS)

    def use(service: Service, actor: str) -> None:
        service.dunning.texts.use(text, slot=slot, language="en", channel="crm_task", actor=actor)

    _in_both(rough, calm, f"text {slot}", number, {"rough": use, "calm": use})


def _rates(rough: World, calm: World, rng: Random, number: int) -> None:
    on = _today(calm) - timedelta(days=rng.choice((0, 1, 40)))
    line = {"base": rng.choice(("USD", "EUR")), "quote": "CNY", "rate": rng.choice(("7.1", "7.85", "6.99")), "on": on}

    def work(service: Service, actor: str) -> None:
        service.credit.state_rates([{**line, "on": on.isoformat()}], "by hand", actor)

    _in_both(rough, calm, f"rate {line['base']} {line['rate']} {on}", number, {"rough": work, "calm": work})


# ------------------------------------------------------------- credit
def _credit(rough: World, calm: World, rng: Random, number: int) -> None:
    """An order by one person; another one approves it at once, or it waits for ever."""
    kind = rng.choice(("limit", "limit", "hold", "policy"))
    found = _on_an_invoice(rough, calm, rng)
    if found is None:
        return
    reason, day = f"order {number}", _today(calm) + timedelta(days=rng.choice((0, 2, 30)))
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

        return _fitting(ask)

    _in_both(rough, calm, f"credit {kind} {found[0].number}", number, {"rough": work(found[0]), "calm": work(found[1])})
    if kind == "hold" or rng.random() < 0.2:
        return

    def approve(service: Service, actor: str) -> None:
        rows = _rows_of(service, reason)
        if rows:
            service.credit.approve(rows[0]["id"], actor)

    both = dict.fromkeys(("rough", "calm"), _fitting(approve))
    _in_both(rough, calm, f"approve {reason}", number, both, who="li")


def _rows_of(service: Service, reason: str) -> list[Mapping[str, Any]]:
    return [row for row in service.credit.terms(limit=200)["items"] if row["reason"] == reason]


def _withdraw(rough: World, calm: World, rng: Random, number: int) -> None:
    states = ("waiting", "active")
    here, there = (
        {row["reason"]: row for row in _rows(one, select(credit_terms).where(credit_terms.c.state.in_(states)))}
        for one in (rough, calm)
    )
    names = sorted(name for name in here.keys() & there.keys() if here[name]["state"] == there[name]["state"])
    if not names:
        return
    name = rng.choice(names)

    def work(term: str) -> Work:
        return _fitting(lambda service, actor: service.credit.withdraw(term, "no longer", actor))

    works = {"rough": work(here[name]["id"]), "calm": work(there[name]["id"])}
    _in_both(rough, calm, f"withdraw {name}", number, works)


# ------------------------------------------------------------- always do this
def _rule(rough: World, calm: World, rng: Random, number: int) -> None:
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

        return _fitting(make)

    works = {"rough": work(here[name]["id"]), "calm": work(there[name]["id"])}
    _in_both(rough, calm, f"rule for {name}", number, works)


def _end_rule(rough: World, calm: World, rng: Random, number: int) -> None:
    here, there = (
        {row["note"]: row["id"] for row in _rows(one, select(answer_rules).where(answer_rules.c.state == "active"))}
        for one in (rough, calm)
    )
    notes = sorted(here.keys() & there.keys())
    if not notes:
        return
    note = rng.choice(notes)

    def work(rule: str) -> Work:
        return _fitting(lambda service, actor: service.rules.end(rule, "no longer", actor))

    _in_both(rough, calm, f"end {note}", number, {"rough": work(here[note]), "calm": work(there[note])})


def _fitting(work: Work) -> Work:
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


ACTS: dict[str, tuple[float, Callable[[World, World, Random, int], None]]] = {
    "dispute": (5, _dispute),
    "promise": (4, _promise),
    "payment plan": (1, _plan),
    "pause": (3, _pause),
    "contact": (1, _contact),
    "close": (4, _close),
    "take back": (2, _take_back),
    "dunning policy": (2, _policy),
    "message text": (3, _text),
    "rates": (2, _rates),
    "credit order": (4, _credit),
    "withdraw order": (1, _withdraw),
    "answer rule": (5, _rule),
}
