"""Dunning as it stands: what was decided last of everybody, read and not decided again.

A decision stands until an input of its customer changes or its announced day comes, and what is sent follows from
decisions alone. So the answer is what the service does today, at the price of reading; `sync.dunning.preview` decides
everybody anew, which takes seconds where tens of thousands of items are open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sync.apply import backlog
from sync.context import Context
from sync.dunning import customer_keys, policy_line, titles_of
from sync.fold.batch import business_dates
from sync.settle.policies import active_policy
from tieout.core.money import format_minor
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.outbox import IN_FLIGHT, OPEN
from tieout.store.session import reading
from tieout.store.tables import balances, decisions, outbox

_d, _o = decisions.c, outbox.c
_STANDING = select(_d.subject, _d.value, _d.effective_on, _d.next_change_on).where(
    _d.kind == "reminder", among_given(_d.subject, "subjects"), _d.is_current.is_(True)
)
_MESSAGES = (
    select(_o.subject, _o.reason, _o.state, _o.money_minor, _o.created_at)
    .where(among_given(_o.subject, "subjects"), _o.event_key.is_not(None))
    .order_by(_o.id)
)
_OVER = ("settled", "withdrawn")  # nothing is open any more
_ON_THE_WAY = (*OPEN, *IN_FLIGHT, "dead")  # refused ones wait for a person
# The state of a message of several channels is the first of these that any of them is in.
_ORDER = ("parked", "planned", "ready", "claimed", "sent", "uncertain", "dead", "done", "superseded", "cancelled")
Row = Mapping[Any, Any]


def standing(ctx: Context, limit: int | None = None) -> dict[str, Any]:
    """Messages decided today or still on their way, the largest first, and how many groups are silent, by reason.

    A group is a customer of a company in one currency. `undecided` says what the answer may still lack: groups whose
    announced day has come (`due`), and records and keys that wait to be applied (`waiting`).
    """
    on = business_dates(ctx.config, ctx.clock.now())
    with reading(ctx.engine) as conn:
        rows = _standing(conn, sorted(ctx.config.companies))
        messages = _messages(conn, {row["subject"].rpartition("|")[0] for row in rows})
        lines: list[dict[str, Any]] = []
        silent: Counter[str] = Counter()
        due = 0
        for row in rows:
            today = on[row["subject"].split("|")[1]]
            due += row["next_change_on"] is not None and row["next_change_on"] <= today
            message = messages.get(row["subject"])
            is_of_today = row["value"] == "send" and row["effective_on"] == today
            if message is not None and (is_of_today or message["state"] in _ON_THE_WAY):
                lines.append(message)
            else:
                silent["already_sent" if row["value"] == "send" else row["value"]] += 1
        lines.sort(key=lambda one: (-one["amount_minor"], one["customer"], one["currency"]))
        titles = titles_of(conn, {one["customer"] for one in lines[:limit]})
        policies = {name: active_policy(conn, name) for name in sorted(ctx.config.companies)}
    left = backlog(ctx)
    return {
        "on": {name: day.isoformat() for name, day in on.items()},
        "policies": {name: policy_line(policy) for name, policy in policies.items()},
        "totals": {"send": _totals(lines), "silent": dict(sorted(silent.items()))},
        "messages": [one | {"name": titles.get(one["customer"], one["customer"])} for one in lines[:limit]],
        "count": len(lines),
        "calendar_known": all(
            policy.work_calendar(ctx.config.companies[name].calendar).is_known(on[name])
            for name, policy in policies.items()
        ),
        "undecided": {"due": due, "waiting": left["pending"] + left["dirty"]},
    }


def _standing(conn: Connection, companies: Sequence[str]) -> list[Row]:
    """The standing decision of every group that may still owe something."""
    codes = sorted(conn.execute(select(balances.c.currency).distinct()).scalars())
    subjects = [f"{key}|{code}" for key in customer_keys(conn, companies) for code in codes]
    out: list[Row] = []
    for part in chunks(subjects):
        out += conn.execute(_STANDING, {"subjects": part}).mappings()
    return [row for row in out if row["value"] not in _OVER]


def _messages(conn: Connection, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The newest message of each `customer|company|currency`, whatever became of it; its channels in one line."""
    newest: dict[str, tuple[str, list[Row]]] = {}
    for part in chunks(sorted(subjects)):
        for row in conn.execute(_MESSAGES, {"subjects": part}).mappings():
            group, key = f"{row['subject']}|{row['reason'].get('currency', '')}", row["reason"].get("key", "")
            if group not in newest or newest[group][0] != key:
                newest[group] = (key, [])
            newest[group][1].append(row)
    return {group: _line(group, rows) for group, (_, rows) in newest.items()}


def _line(group: str, rows: Sequence[Row]) -> dict[str, Any]:
    customer, company, currency = group.split("|")
    reason, minor = rows[0]["reason"], int(rows[0]["money_minor"])
    states = {row["state"] for row in rows}
    return {
        "customer": customer,
        "company": company,
        "currency": currency,
        "at": rows[0]["created_at"],
        "step": reason.get("step", ""),
        "level": reason.get("level", 0),
        "channels": sorted({str(row["reason"].get("channel") or "crm_task") for row in rows}),
        "amount_minor": minor,
        "amount": format_minor(minor, currency),
        "items": len(reason.get("items", ())),
        "needs_approval": bool(reason.get("needs_approval")),
        "state": next(state for state in _ORDER if state in states),
    }


def _totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Messages and money by step and currency."""
    found: dict[str, dict[str, Any]] = {}
    for one in lines:
        row = found.setdefault(one["step"], {"messages": 0, "amounts": Counter()})
        row["messages"] += 1
        row["amounts"][one["currency"]] += one["amount_minor"]
    for row in found.values():
        row["amounts"] = {code: format_minor(amount, code) for code, amount in sorted(row["amounts"].items())}
    return dict(sorted(found.items()))
