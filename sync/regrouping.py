"""What a merge or its undoing would change: which members move, and what each customer then owes and is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from sync.context import Context
from sync.dunning import batch_to_look, by_subject
from sync.fold.batch import Batch
from sync.merging import contradicted, to_merge, to_separate, to_unmerge
from sync.settle.cases import view_cases
from sync.settle.positions import Position, positions_among
from sync.settle.reminders import judge
from tieout.receivables.dunning.decide import DunningDecision
from tieout.store.queries import cases, credit, customers, parties
from tieout.store.session import reading

SHOWN = 50  # open items on the page; the rest is counted
MOST_ORDERS = 200  # of one customer that are looked through
_ITEM = ("document_id", "number", "due_on", "currency", "open_minor", "company")
_AGAINST = ("subject", "target", "actor", "at")
_COUNTS = ("active", "waiting")  # orders that follow their account
Groups = Mapping[str, Sequence[str]]


class RegroupDesk:
    """Looks at merges and partings of customers before anybody makes them; nothing is stored."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def merge(self, customer_id: str, other_id: str) -> dict[str, Any]:
        """What merging `other_id` into a customer would move. Errors as for the merge itself."""
        with reading(self._ctx.engine) as conn:
            moving = to_merge(conn, customer_id, other_id)
            now = {key: parties.members_now(conn, key) for key in (customer_id, other_id)}
            after = {customer_id: [*now[customer_id], *now[other_id]], other_id: []}
            going = dict.fromkeys(now[other_id], customer_id)
            against = contradicted(conn, *([key, *members] for key, members in now.items()))
            return _shown(self._ctx, conn, other_id, moving, going, now, after, against)

    def unmerge(self, customer_id: str, members: Sequence[str]) -> dict[str, Any]:
        """Where members that people put into a customer would return to; a home of "" is decided anew by the rules."""
        with reading(self._ctx.engine) as conn:
            now = {customer_id: parties.members_now(conn, customer_id)}
            leaving = sorted(to_unmerge(conn, customer_id, members))
            events = parties.membership_events(conn, now[customer_id])
            homes = {member: _home_before(events, member, customer_id) for member in now[customer_id]}
            # Records that came along with an account leave with it.
            came = {homes[member] for member in leaving if member.startswith("acc_")} - {""}
            going = {
                member: home for member, home in homes.items() if member in leaving or ("/" in member and home in came)
            }
            after = {customer_id: [member for member in now[customer_id] if member not in going]}
            for home in sorted(set(going.values()) - {""}):
                now[home] = parties.members_now(conn, home)
                after[home] = [*now[home], *(member for member, to in going.items() if to == home)]
            return _shown(self._ctx, conn, customer_id, leaving, going, now, after)

    def separate(self, customer_id: str, members: Sequence[str]) -> dict[str, Any]:
        """What parting records that a rule linked would change; where they go then, the rules decide anew."""
        with reading(self._ctx.engine) as conn:
            leaving, _ = to_separate(conn, customer_id, members)
            now = {customer_id: parties.members_now(conn, customer_id)}
            after = {customer_id: [member for member in now[customer_id] if member not in leaving]}
            return _shown(self._ctx, conn, customer_id, leaving, dict.fromkeys(leaving, ""), now, after)


def _home_before(events: Sequence[Mapping[Any, Any]], member: str, customer_id: str) -> str:
    """The customer a member stood in before it came here; "" if it was nobody's."""
    before = [row["customer_id"] for row in events if row["member"] == member and row["customer_id"] != customer_id]
    return str(before[-1]) if before else ""


def _shown(
    ctx: Context,
    conn: Connection,
    origin: str,
    moving: Sequence[str],
    going: Mapping[str, str],
    now: Groups,
    after: Groups,
    against: Sequence[Mapping[Any, Any]] = (),
) -> dict[str, Any]:
    """The answer: `moving` are the members a person names, `going` all that leave `origin`, each with its new home.

    `against`: standing answers that it contradicts.
    """
    batch = batch_to_look(ctx, conn, None)
    told = {row["member"]: row for row in customers.members(conn, origin)}
    names = {key: parties.customer_name(conn, key) for key in now}
    left, moved = _judged(batch, now), _judged(batch, after)
    items = sorted(
        (row | {"company": one.company} for one in left[0] for row in one.items if row["account_id"] in going),
        key=lambda row: (row["due_on"], row["id"]),
    )
    return {
        "moves": [
            {
                "member": member,
                "name": told[member]["account_name"] or member,
                "kind": "account" if member.startswith("acc_") else "crm_record",
                "home": going[member],
                "home_name": names.get(going[member], ""),
            }
            for member in moving
        ],
        "along": len(going) - len(moving),
        "against": [{name: row[name] for name in _AGAINST} for row in against],
        "before": [_group(key, names[key], *left) for key in now if now[key]],
        "after": [_group(key, names[key], *moved) for key in after if after[key]],
        "items": [{name: row[name] for name in _ITEM} for row in items[:SHOWN]],
        "items_count": len(items),
        "cases": cases.open_of_accounts(conn, sorted(one for one in going if one.startswith("acc_"))),
        "orders": sum(
            row["state"] in _COUNTS and row["account_id"] in going
            for row in credit.terms(conn, MOST_ORDERS, None, customer=origin).rows
        ),
    }


def _judged(batch: Batch, groups: Groups) -> tuple[list[Position], dict[str, DunningDecision]]:
    """Positions and dunning of these customers, were these their members."""
    keys = [f"{customer}|{company}" for customer in groups for company in sorted(batch.config.companies)]
    members = {customer: list(held) for customer, held in groups.items()}
    positions = [one for one in positions_among(batch, keys, members) if one.accounts]
    decided = judge(batch, positions, members, view_cases(batch, positions, store=False))
    return positions, by_subject(decided)


def _group(
    customer: str, name: str, positions: Sequence[Position], decided: Mapping[str, DunningDecision]
) -> dict[str, Any]:
    mine = [one for one in positions if one.customer == customer]
    return {
        "id": customer,
        "name": name,
        "balances": [_balance(one, code) for one in mine for code in sorted({*one.open_minor, *one.unapplied_minor})],
        "items": sum(len(one.items) for one in mine),
        "reminders": [
            {
                "company": subject.split("|")[1],
                "currency": decision.currency,
                "value": "send" if decision.send else decision.why_not,
                "step": decision.step if decision.send else "",
                "amount_minor": decision.amount_minor if decision.send else 0,
            }
            for subject, decision in sorted(decided.items())
            if subject.split("|")[0] == customer
        ],
    }


def _balance(position: Position, currency: str) -> dict[str, Any]:
    """owed - credits - unapplied = balance, in minor units."""
    opened, credits = position.open_minor.get(currency, 0), -position.credits_minor.get(currency, 0)
    unapplied = -position.unapplied_minor.get(currency, 0)
    return {
        "company_id": position.company,
        "currency": currency,
        "owed": opened + credits,
        "overdue": position.overdue_minor.get(currency, 0),
        "credits": credits,
        "unapplied": unapplied,
        "balance": opened - unapplied,
    }
