"""A company's credit policy: what is in force, and what another one would change before anybody approves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from sync.credit_terms import REQUEST_DAYS, company_named, put_order
from sync.settle.credit_facts import policy_in_force
from tieout.core.dates import parse_on
from tieout.core.errors import TieoutError
from tieout.core.money import format_minor
from tieout.receivables.credit import CreditState, OwedItem, credit_status
from tieout.receivables.credit_policy import policy_of
from tieout.receivables.exposure import Exposure, MissingRate
from tieout.store.once import Once
from tieout.store.session import reading
from tieout.store.tables import customers, decisions

SHOWN = 50


def show_policy(ctx: Context, company: str = "") -> dict[str, Any]:
    """The thresholds in force and their version."""
    name = company_named(ctx, company)
    with reading(ctx.engine) as conn:
        return {"company": name, **asdict(policy_in_force(conn, name))}


def ask_policy(ctx: Context, wanted: Mapping[str, Any], actor: str, once: Once | None = None) -> dict[str, Any]:
    """Ask for another policy: `values` (thresholds that differ from the shipped ones), reason, company, dry_run.

    The answer says whose status would change. It counts once another person has approved it. Raises TieoutError for
    thresholds that cannot be.
    """
    company = company_named(ctx, str(wanted.get("company") or ""))
    values = dict(wanted.get("values") or {})
    policy = policy_of(values)
    with reading(ctx.engine) as conn:
        if policy == policy_in_force(conn, company):
            raise TieoutError("this is the policy in force already", code="same_policy")
        effect = _effect(conn, company, policy)
    answer = {"company": company, "version": policy.version, "effect": effect}
    if wanted.get("dry_run"):
        return {**answer, "id": "", "state": "preview", "approve_within_days": REQUEST_DAYS}
    made = put_order(
        ctx,
        {
            "kind": "policy",
            "account_id": "",
            "customer_id": None,
            "company_id": company,
            "reason": str(wanted.get("reason") or "").strip(),
            "needs_approval": True,
            "policy": values,
        },
        company,
        actor,
        once,
    )
    return {**answer, **made, "approve_within_days": REQUEST_DAYS}


def _effect(conn: Connection, company: str, policy: Any) -> dict[str, Any]:
    """Every standing decision judged again from its own stored inputs: how many move from what to what, and who.

    `amounts` is the exposure of those who move; `examples` are the largest of them.
    """
    d, c = decisions.c, customers.c
    standing = conn.execute(
        select(d.subject, d.value, d.body, d.inputs)
        .where(d.kind == "credit", d.company_id == company, d.is_current.is_(True))
        .order_by(d.subject)
    ).mappings()
    moves: dict[str, int] = {}
    amounts: dict[str, dict[str, int]] = {}
    moved: list[dict[str, Any]] = []
    count = 0
    for row in standing:
        count += 1
        now, then = row["body"].get("by_rule", row["value"]), _judge(row, policy)
        if now != then:
            move, currency, exposure = f"{now} -> {then}", row["body"]["currency"], int(row["inputs"]["exposure_minor"])
            moves[move] = moves.get(move, 0) + 1
            sums = amounts.setdefault(move, {})
            sums[currency] = sums.get(currency, 0) + exposure
            moved.append(
                {
                    "id": row["subject"].split("|")[0],
                    "from": now,
                    "to": then,
                    "exposure_minor": exposure,
                    "limit_minor": row["inputs"]["limit_minor"],
                    "currency": currency,
                }
            )
    shown = sorted(moved, key=lambda one: (-one["exposure_minor"], one["id"]))[:SHOWN]
    names = dict(conn.execute(select(c.id, c.name).where(c.id.in_([one["id"] for one in shown]))).all())
    return {
        "customers": count,
        "moves": dict(sorted(moves.items())),
        "amounts": {
            move: {code: format_minor(amount, code) for code, amount in sorted(sums.items())}
            for move, sums in sorted(amounts.items())
        },
        "examples": [{**one, "name": names.get(one["id"], "")} for one in shown],
    }


def _judge(row: Mapping[Any, Any], policy: Any) -> str:
    inputs, body = row["inputs"], row["body"]
    previous = inputs.get("previous")
    state = None
    if previous is not None:
        state = CreditState(previous[0], parse_on(previous[1]) if previous[1] else None)
    missing = tuple(MissingRate(code, 0, 0) for code in body.get("missing_rates", ()))
    exposure = Exposure(body["currency"], int(inputs["exposure_minor"]), (), missing, {})
    items = [OwedItem(item, code, parse_on(due), int(amount)) for item, code, due, amount in inputs["items"]]
    made = credit_status(
        state,
        exposure,
        inputs["limit_minor"],
        items,
        parse_on(inputs["as_of"]),
        policy,
        grade=body["grade"],
        broken_promises=int(inputs["broken_promises"]),
        manual_hold=inputs["manual_hold"],
    )
    return made.status
