"""Dunning for people: who would be reminded and who not, what a policy would change, and putting it in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from sync.activation import append_policy
from sync.apply import fresh_companies
from sync.case_checks import CaseError
from sync.context import Context
from sync.fold.batch import Batch, BatchIds, business_dates
from sync.fold.journal import Journal
from sync.settle.cases import view_cases
from sync.settle.policies import active_policy
from sync.settle.positions import positions_of
from sync.settle.reminders import Judged, judge
from tieout.core.errors import Gone
from tieout.core.money import format_minor
from tieout.receivables.dunning.decide import DunningDecision
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.dunning.policy_file import PolicyError, load_policy
from tieout.store import audit
from tieout.store.landing import chunks
from tieout.store.session import reading, unit
from tieout.store.tables import (
    accounts,
    balances,
    customers,
    decisions,
    documents,
    dunning_policies,
    memberships,
)

BATCH = 200
SHOWN = 200


def preview(
    ctx: Context,
    *,
    company: str = "",
    policy_text: str = "",
    origin: str = "policy.yaml",
    on: date | None = None,
    customer: str = "",
    limit: int = SHOWN,
) -> dict[str, Any]:
    """Decide everybody's dunning as of a day (today if none) without storing or sending anything.

    With a policy text the answer says what it would change against the policy in force. On another day than today the
    books are as they are now; nothing is known of payments to come.
    """
    policy = read_policy(policy_text, origin) if policy_text else None
    names = [company] if company else sorted(ctx.config.companies)
    if company and company not in ctx.config.companies:
        raise CaseError(f"there is no company {company!r}.", hint="Known: " + ", ".join(sorted(ctx.config.companies)))
    with reading(ctx.engine) as conn:
        batch = batch_to_look(ctx, conn, on)
        keys = customer_keys(conn, names, customer)
        now: dict[str, DunningDecision] = {}
        then: dict[str, DunningDecision] = {}
        for part in chunks(keys, BATCH):
            positions, members = positions_of(batch, part)
            view = view_cases(batch, positions, store=False)
            now |= by_subject(judge(batch, positions, members, view))
            if policy is not None:
                stand_in = dict.fromkeys(names, policy)
                then |= by_subject(judge(batch, positions, members, view, stand_in))
        titles = titles_of(conn, {key.split("|")[0] for key in keys})
        active = {name: active_policy(conn, name) for name in names}
    shown = then if policy is not None else now
    out: dict[str, Any] = {
        "on": {name: batch.on[name].isoformat() for name in names},
        "policies": {name: policy_line(policy or active[name]) for name in names},
        "totals": _totals(shown),
        "messages": [
            _message_line(subject, decision, titles)
            for subject, decision in sorted(shown.items(), key=lambda one: (-one[1].amount_minor, one[0]))
            if decision.send
        ][:limit],
        "calendar_known": all(decision.is_calendar_known for decision in shown.values()),
    }
    if customer:
        out["groups"] = [_group(subject, decision, titles) for subject, decision in sorted(shown.items())]
    if policy is not None:
        out["effect"] = _effect(now, then, titles, limit)
    return out


def activate(
    ctx: Context, policy_text: str, *, companies: Sequence[str], actor: str, origin: str = "policy.yaml"
) -> dict[str, Any]:
    """Put a policy in force for these companies (all if none is named); answers its effect as of now.

    Decisions already made keep the version they were made under. Activating an earlier text again takes it back.
    """
    policy = read_policy(policy_text, origin)
    names = list(companies) or sorted(ctx.config.companies)
    for name in names:
        if name not in ctx.config.companies:
            known = ", ".join(sorted(ctx.config.companies))
            raise CaseError(f"there is no company {name!r}.", hint=f"Known: {known}")
    effect = {name: preview(ctx, company=name, policy_text=policy_text, origin=origin)["effect"] for name in names}
    now = ctx.clock.now()
    done = []
    with unit(ctx.engine, "answer.commit") as conn:
        for name in names:
            before = active_policy(conn, name)
            if before.version == policy.version:
                continue
            append_policy(conn, now, name, policy, policy_text, actor)
            body = {"policy": policy.name, "version": policy.version, "before": before.version}
            audit.append(conn, now, actor, "dunning.activate", name, body)
            done.append(name)
    return {"policy": policy_line(policy), "activated": done, "effect": effect}


def read_policy(text: str, origin: str) -> Policy:
    """A policy that a person hands in; CaseError names the line of the first mistake."""
    try:
        return load_policy(text, origin)
    except PolicyError as error:
        raise CaseError(error.message, hint=error.hint, code=error.code) from None


def policies(ctx: Context) -> dict[str, Any]:
    """Every policy that was in force, newest first, with its text; and the active one of each company."""
    p = dunning_policies.c
    with reading(ctx.engine) as conn:
        rows = conn.execute(select(dunning_policies).order_by(p.seq.desc())).mappings().all()
        active = {name: policy_line(active_policy(conn, name)) for name in sorted(ctx.config.companies)}
    return {
        "active": active,
        "history": [
            {
                "company": row["company_id"],
                "policy": row["name"],
                "version": row["version"],
                "by": row["actor"],
                "at": row["at"].isoformat(),
                "active": row["is_active"],
                "text": row["text"],
            }
            for row in rows
        ],
    }


def policy_text(ctx: Context, company: str = "", version: str = "") -> str:
    """The text of a policy: of a version, or of the one in force for a company."""
    p = dunning_policies.c
    query = select(p.text).order_by(p.seq.desc()).limit(1)
    query = query.where(p.version == version) if version else query.where(p.is_active)
    if company:
        query = query.where(p.company_id == company)
    with reading(ctx.engine) as conn:
        found = conn.execute(query).scalar()
    if found is None:
        raise Gone("there is no such policy", hint="`tieout dunning policy list` shows them.", code="no_policy")
    return str(found)


def why(ctx: Context, customer: str, on: date | None = None) -> dict[str, Any]:
    """What was decided about a customer as of a day (now if none), per currency and item: sent, or why not.

    From the stored decisions: the answer for a day stays what it was.
    """
    d, n = decisions.c, documents.c
    with reading(ctx.engine) as conn:
        if conn.execute(select(customers.c.id).where(customers.c.id == customer)).first() is None:
            raise Gone(f"there is no customer {customer}", code="no_customer")
        codes = conn.execute(select(balances.c.currency).distinct()).scalars().all()
        subjects = [f"{customer}|{company}|{code}" for company in sorted(ctx.config.companies) for code in codes]
        rows: list[Mapping[Any, Any]] = []
        for part in chunks(subjects):
            rows += conn.execute(
                select(decisions).where(d.kind == "reminder", d.subject.in_(part)).order_by(d.seq, d.id)
            ).mappings()
        standing: dict[str, Mapping[Any, Any]] = {}
        for row in rows:
            if on is None or row["effective_on"] <= on:
                standing[row["subject"]] = row
        ids = {step[1] for row in standing.values() for step in row["body"].get("steps", [])}
        numbers: dict[str, str] = {}
        for part in chunks(sorted(ids)):
            numbers.update(conn.execute(select(n.id, n.number).where(n.id.in_(part))).all())
    return {
        "customer": customer,
        "on": on.isoformat() if on is not None else None,
        "groups": [_standing(subject, row, numbers) for subject, row in sorted(standing.items())],
    }


def _standing(subject: str, row: Mapping[Any, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    _, company, currency = subject.split("|")
    body = row["body"]
    return {
        "company": company,
        "currency": currency,
        "value": row["value"],
        "since": row["effective_on"].isoformat(),
        "reasons": [reason["code"] for reason in row["reasons"]],
        "amount_minor": body.get("amount_minor", 0),
        "step": body.get("step", ""),
        "level": body.get("level", 0),
        "policy": body.get("policy", ""),
        "next_change_on": row["next_change_on"].isoformat() if row["next_change_on"] else None,
        "items": [
            {
                "item": step[0],
                "document": step[1],
                "number": numbers.get(step[1], ""),
                "amount_minor": step[2],
                "step": step[3],
                "why_not": step[4],
                "next_on": step[5],
                "skipped": step[6],
                "case": step[7],
            }
            for step in body.get("steps", [])
        ],
    }


def batch_to_look(ctx: Context, conn: Connection, on: date | None) -> Batch:
    """What the settle functions are handed; nothing is written with it."""
    now, ids = ctx.clock.now(), BatchIds(0)
    dates = business_dates(ctx.config, now)
    if on is not None:
        dates = dict.fromkeys(dates, on)
    fresh = frozenset(fresh_companies(ctx))
    return Batch(conn, ctx.config, {}, 0, now, dates, ids, Journal(conn, ids, now), fresh)


def as_decided(ctx: Context, conn: Connection, company: str, customer: str) -> tuple[Batch, list[Judged]]:
    """A customer's dunning at a company as it would be decided now, with what it is decided from; stores nothing."""
    batch = batch_to_look(ctx, conn, None)
    positions, members = positions_of(batch, customer_keys(conn, [company], customer))
    return batch, judge(batch, positions, members, view_cases(batch, positions, store=False))


def customer_keys(conn: Connection, companies: Sequence[str], customer: str = "") -> list[str]:
    """`customer|company` of every customer that has an account with one of these companies."""
    m, a = memberships.c, accounts.c
    query = (
        select(m.customer_id, a.company_id)
        .join(accounts, a.id == m.member)
        .where(m.to_seq.is_(None), a.company_id.in_(list(companies)))
        .distinct()
    )
    if customer:
        query = query.where(m.customer_id == customer)
    return sorted(f"{row.customer_id}|{row.company_id}" for row in conn.execute(query))


def titles_of(conn: Connection, ids: set[str]) -> dict[str, str]:
    """Names of customers by id."""
    out: dict[str, str] = {}
    for part in chunks(sorted(ids)):
        out.update(conn.execute(select(customers.c.id, customers.c.name).where(customers.c.id.in_(part))).all())
    return out


def by_subject(judged: Sequence[Judged]) -> dict[str, DunningDecision]:
    return {f"{one.position.key}|{code}": decision for one in judged for code, decision in one.decisions.items()}


def policy_line(policy: Policy) -> dict[str, Any]:
    """A policy in a line, for people."""
    return {"policy": policy.name, "version": policy.version, "label": policy.label, "steps": len(policy.steps)}


def _totals(found: Mapping[str, DunningDecision]) -> dict[str, Any]:
    """Messages by step with their money, and how many groups are not written to, by first reason."""
    sends: dict[str, dict[str, Any]] = {}
    silent: dict[str, int] = {}
    for decision in found.values():
        if not decision.send:
            silent[decision.why_not] = silent.get(decision.why_not, 0) + 1
            continue
        row = sends.setdefault(decision.step, {"messages": 0, "amounts": {}})
        row["messages"] += 1
        row["amounts"][decision.currency] = row["amounts"].get(decision.currency, 0) + decision.amount_minor
    for row in sends.values():
        row["amounts"] = {code: format_minor(amount, code) for code, amount in sorted(row["amounts"].items())}
    return {"send": dict(sorted(sends.items())), "silent": dict(sorted(silent.items()))}


def _message_line(subject: str, decision: DunningDecision, titles: Mapping[str, str]) -> dict[str, Any]:
    customer, company, currency = subject.split("|")
    return {
        "customer": customer,
        "name": titles.get(customer, customer),
        "company": company,
        "step": decision.step,
        "level": decision.level,
        "channels": list(decision.channels),
        "amount": format_minor(decision.amount_minor, currency),
        "items": len(decision.lines),
        "needs_approval": decision.needs_approval,
    }


def _group(subject: str, decision: DunningDecision, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        **_message_line(subject, decision, titles),
        "send": decision.send,
        "why_not": decision.why_not,
        "also": list(decision.also),
        "next_change_on": decision.next_change_on.isoformat() if decision.next_change_on else None,
        "lines": [
            {
                "item": one.item.id,
                "number": one.item.number,
                "amount": format_minor(one.item.claim_minor, decision.currency),
                "step": one.step.id if one.step is not None else "",
                "why_not": one.why,
                "next_on": one.next_on.isoformat() if one.next_on else None,
            }
            for one in decision.steps
        ],
    }


def _effect(
    now: Mapping[str, DunningDecision], then: Mapping[str, DunningDecision], titles: Mapping[str, str], limit: int
) -> dict[str, Any]:
    """What a policy changes today: messages that come, go, or are at another step or amount."""
    changes = []
    for subject in sorted(now.keys() | then.keys()):
        before, after = now.get(subject), then.get(subject)
        old = _says(before)
        new = _says(after)
        if old != new:
            customer = subject.split("|")[0]
            changes.append({"subject": subject, "name": titles.get(customer, customer), "from": old, "to": new})
    return {"now": _totals(now), "then": _totals(then), "changed": len(changes), "changes": changes[:limit]}


def _says(decision: DunningDecision | None) -> str:
    if decision is None:
        return ""
    if not decision.send:
        return decision.why_not
    return f"{decision.step} {format_minor(decision.amount_minor, decision.currency)}"
