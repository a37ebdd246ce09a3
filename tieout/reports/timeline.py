"""What happened with a customer: decisions, messages, cases and orders of people, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, true

from tieout.core.dates import DateError, iso_utc, parse_at
from tieout.core.errors import Gone
from tieout.store.queries import cases as case_rows
from tieout.store.queries import credit
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import accounts, balances, decisions, memberships, outbox

MOST = 60
_LOT = 200
_RANK = {"message": 4, "reminder": 3, "credit": 3, "case": 2, "order": 1}  # which of one instant stands first
Row = Mapping[Any, Any]
Key = tuple[datetime, int, str]


def of_customer(conn: Connection, customer: str, cursor: str | None = None, limit: int = MOST) -> Slice[dict[str, Any]]:
    """A page of entries, newest first: `at`, `kind` (credit reminder message case order), `value`, money, words, who.

    `who` is empty where the rules decided. Decisions and messages are those made under this customer's id. A cursor of
    another list raises Gone.
    """
    before = None if cursor is None else _opened(cursor)
    m, a = memberships.c, accounts.c
    companies = select(a.company_id).join(memberships, m.member == a.id).where(m.customer_id == customer).distinct()
    keys = [f"{customer}|{company}" for company in conn.execute(companies).scalars()]
    codes = list(conn.execute(select(balances.c.currency).distinct()).scalars())
    groups = [f"{key}|{code}" for key in keys for code in codes]
    cases = list(_all(partial(case_rows.page, conn, customer=customer)))
    steps = case_rows.steps(conn, [row["id"] for row in cases])
    orders = list(_all(partial(credit.terms, conn, customer=customer)))
    at_once = credit.counted_at_once(conn, orders)
    found = [
        *_decided(conn, [*keys, *groups], before, limit + 1),
        *_messages(conn, keys, before, limit + 1),
        *(one for row in cases for one in _case(row, steps.get(row["id"], ()))),
        *(one for row in orders for one in _order(row, row["id"] in at_once)),
    ]
    left = [one for one in found if before is None or _key(one) < before]
    left.sort(key=_key, reverse=True)
    return cut(left[: limit + 1], limit, "timeline", lambda one: (iso_utc(one["at"]), *_key(one)[1:]))


def _opened(cursor: str) -> Key:
    at, rank, mark = decode(cursor, "timeline", (str, int, str))
    try:
        return parse_at(str(at)), int(rank), str(mark)
    except DateError:
        raise Gone("there is no such page", hint="Start again without a cursor.", code="unknown_cursor") from None


def _all(page: Callable[..., Slice[Any]]) -> Iterable[Row]:
    """Every row of a list, a lot at a time: a customer has few, and their events stand in another order."""
    cursor: str | None = None
    while True:
        found = page(limit=_LOT, cursor=cursor)
        yield from found.rows
        cursor = found.next
        if cursor is None:
            return


def _key(one: Mapping[str, Any]) -> Key:
    return one["at"], _RANK[one["kind"]], one["mark"]


def _older(at: Any, mark: Any, rank: int, before: Key | None) -> Any:
    """The condition that a row of a source of this rank stands after the key in the order of `_key`."""
    if before is None:
        return true()
    if rank != before[1]:
        return at <= before[0] if rank < before[1] else at < before[0]
    return or_(at < before[0], and_(at == before[0], mark < before[2]))


def _entry(at: datetime, kind: str, value: str, mark: str, **more: Any) -> dict[str, Any]:
    blank = {"minor": None, "currency": "", "words": "", "reasons": (), "who": "", "step": ""}
    return {**blank, "at": at, "kind": kind, "value": value, "mark": mark, **more}


def _decided(conn: Connection, subjects: Sequence[str], before: Key | None, limit: int) -> Iterable[dict[str, Any]]:
    d = decisions.c
    last = func.lag(d.value).over(partition_by=(d.subject, d.kind), order_by=d.id)
    told = (
        select(d.id, last.label("last")).where(d.subject.in_(subjects), d.kind.in_(("credit", "reminder"))).subquery()
    )
    query = (
        select(d.id, d.kind, d.subject, d.value, d.body, d.reasons, d.recorded_at)
        .join(told, told.c.id == d.id)
        # a credit status that was confirmed with other figures is no event
        .where(or_(d.kind == "reminder", told.c.last.is_(None), told.c.last != d.value))
        .where(_older(d.recorded_at, d.id, _RANK["credit"], before))
        .order_by(d.recorded_at.desc(), d.id.desc())
        .limit(limit)
    )
    for row in conn.execute(query).mappings():
        body = row["body"]
        currency = row["subject"].split("|")[2] if row["kind"] == "reminder" else ""
        yield _entry(
            row["recorded_at"],
            row["kind"],
            row["value"],
            row["id"],
            step=body.get("step", "") if row["kind"] == "reminder" else "",
            minor=(body.get("amount_minor") or None) if currency else None,
            currency=currency,
            reasons=[reason["code"] for reason in row["reasons"]] if row["kind"] == "credit" else (),
        )


def _messages(conn: Connection, keys: Sequence[str], before: Key | None, limit: int) -> Iterable[dict[str, Any]]:
    o = outbox.c
    query = (
        select(o.id, o.reason, o.state, o.updated_at, o.money_minor, o.currency, o.error, o.approved_by)
        .where(o.subject.in_(keys), o.event_key.is_not(None))
        .where(_older(o.updated_at, o.id, _RANK["message"], before))
        .order_by(o.updated_at.desc(), o.id.desc())
        .limit(limit)
    )
    for row in conn.execute(query).mappings():
        reason = row["reason"]
        yield _entry(
            row["updated_at"],
            "message",
            row["state"],
            row["id"],
            id=row["id"],
            channel=reason.get("channel") or "crm_task",
            step=reason.get("step", ""),
            minor=row["money_minor"],
            currency=row["currency"] or reason.get("currency", ""),
            words=row["error"] or "",
            who=row["approved_by"] or "",
        )


def _case(row: Row, steps: Sequence[Row]) -> Iterable[dict[str, Any]]:
    """How it was opened, and every step since: settled, settling taken back, taken back as a whole."""
    money = {"minor": row["amount_minor"] if row["currency"] else None, "currency": row["currency"]}
    numbers = ", ".join(str(item["number"]) for item in row["items"])
    words = " · ".join(part for part in (numbers, row["note"] or "") if part)
    yield _entry(
        row["opened_at"],
        "case",
        "open",
        f"{row['id']}:0001",
        case=row["kind"],
        words=words,
        who=row["opened_by"],
        id=row["id"],
        **money,
    )
    outcome = ""
    for number, step in enumerate(steps, 2):
        if step["do"] == "close" and not outcome:
            value = outcome = step["outcome"]
        elif step["do"] == "undo" and outcome not in ("", "undone"):
            value, outcome = "reopened", ""
        elif step["do"] == "undo" and not outcome:
            value = outcome = "undone"
        else:
            continue  # it came too late and changed nothing, as it did when it was folded
        yield _entry(
            step["at"],
            "case",
            value,
            f"{row['id']}:{number:04}",
            case=row["kind"],
            words=numbers,
            who=step["actor"] or "",
            id=row["id"],
        )


def _order(row: Row, is_at_once: bool) -> Iterable[dict[str, Any]]:
    """How it was given, approved and taken back; one that needs no approval counts from the start."""
    money = {"minor": row["amount_minor"], "currency": row["currency"] or ""}
    for step, (at, value, who, words) in enumerate(
        (
            (row["asked_at"], "active" if is_at_once else "waiting", row["author"], row["reason"]),
            (row["approved_at"], "active", row["approver"], ""),
            (row["ended_at"], "withdrawn", row["ended_by"], row["end_reason"]),
        )
    ):
        if at is not None:
            yield _entry(
                at, "order", value, f"{row['id']}:{step}", term=row["kind"], words=words or "", who=who or "", **money
            )
