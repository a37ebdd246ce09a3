"""Cases of the customers at hand: what disputes, promises, plans and pauses mean for their items today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, close, put
from sync.settle.former import former_homes
from sync.settle.positions import Position
from sync.settle.reach import Contact
from tieout.receivables.disputes import Dispute
from tieout.receivables.dunning.items import Block
from tieout.receivables.promises import Plan, PlanRow, Promise, Receipt, Word, judge_plan, judge_promise
from tieout.receivables.status import Reason
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import allocation_lines, allocations, case_links, cases, documents, memberships, open_items

Row = Mapping[Any, Any]
_ANY = select(case_links.c.case_id).limit(1)  # most books hold few cases or none: one look spares reading by every item
_LINKS = (
    select(case_links.c.case_id, case_links.c.ref)
    .where(among_given(case_links.c.ref, "refs"))
    .order_by(case_links.c.case_id, case_links.c.ref)
)


@dataclass
class CaseView:
    """What cases say about items and accounts; keys are open item ids and account ids."""

    disputes: dict[str, list[Dispute]] = field(default_factory=dict)
    stale_parts: dict[str, list[str]] = field(default_factory=dict)  # item -> ids of disputes taken back
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    links: Sequence[tuple[str, str]] = ()  # (case, ref) of every case that touches the positions, in order

    def blocks_of(self, item: str, account: str) -> Sequence[Block]:
        return (*self.blocks.get(item, ()), *self.blocks.get(account, ()))


def view_cases(batch: Batch, positions: Sequence[Position], *, store: bool = True) -> CaseView:
    """Read the cases of these positions; promises and plans are judged, and the judgement is stored as a decision."""
    if batch.conn.execute(_ANY).first() is None:
        return CaseView()
    owners = {ref: position for position in positions for ref in position.refs}
    links = [(case, ref) for case, ref in batch.conn.execute(_LINKS, {"refs": sorted(owners)}).all()]
    view = CaseView(links=links)
    linked = _linked(batch, {case for case, _ in links})
    receipts = _receipts(
        batch, {ref for _, refs in linked.values() for ref in refs if not ref.startswith(("acc_", "@"))}
    )
    credited = _credited(batch, linked.values())
    verdicts: dict[str, list[Verdict]] = {"promise": [], "plan": []}
    for key, (row, refs) in sorted(linked.items(), key=lambda one: one[1][0]["opened_seq"]):
        position = next((owners[ref] for ref in refs if ref in owners), None)
        if position is None or position.company != row["company_id"]:
            continue
        on = batch.on[position.company]
        kind = row["kind"]
        if kind == "dispute":
            for ref in _items(refs):
                _dispute(view, row, ref, credited.get((key, ref), 0))
        elif kind in ("promise", "plan"):
            found = [one for ref in _items(refs) for one in receipts.get(ref, ())]
            word = judge_promise(_promise(row), found, on) if kind == "promise" else judge_plan(_plan(row), found, on)
            verdicts[kind].append(_verdict(row, refs, position, word, on))
            if word.holds_until is not None:
                block = Block("promised" if kind == "promise" else "plan", word.holds_until, key)
                for ref in refs:
                    view.blocks.setdefault(ref, []).append(block)
        elif kind == "pause" and not row["outcome"]:
            block = Block("legal" if row["body"].get("legal") else "paused", row["until_on"], key)
            for ref in refs:
                view.blocks.setdefault(ref, []).append(block)
        elif kind == "contact" and not row["outcome"]:
            body = row["body"]
            made = Contact(tuple(body.get("emails", ())), body.get("language", ""), body.get("may_write", True))
            view.contacts.update(dict.fromkeys(refs, made))
    if store:
        for kind, rows in verdicts.items():
            put(batch, kind, rows)
        _close_left(batch, linked, positions)
    return view


def _close_left(batch: Batch, linked: Mapping[str, tuple[Row, list[str]]], positions: Sequence[Position]) -> None:
    """Promises and plans go with their items: the customer that has none of them any more keeps no decision on them."""
    words = {key: one for key, one in linked.items() if one[0]["kind"] in ("promise", "plan")}
    if not words:
        return
    homes = former_homes(batch, positions)
    mine = {account: position.key for position in positions for account in position.accounts}
    holders = _holders(batch, {ref for _, refs in words.values() for ref in refs})
    for kind in ("promise", "plan"):
        left = {
            f"{home}|{key}"
            for key, (row, refs) in words.items()
            if row["kind"] == kind
            for home in {one for position in set(mine.values()) for one in homes[position]}
            if home.split("|")[0] not in {holders.get(ref) for ref in refs}
        }
        close(batch, kind, left)


def _holders(batch: Batch, refs: Iterable[str]) -> dict[str, str]:
    """The customer that has each of these items now."""
    o, m = open_items.c, memberships.c
    out: dict[str, str] = {}
    for part in chunks(sorted(refs)):
        query = select(o.id, m.customer_id).join(memberships, m.member == o.account_id)
        out.update(batch.conn.execute(query.where(o.id.in_(part), m.to_seq.is_(None))).all())
    return out


def _linked(batch: Batch, ids: Iterable[str]) -> dict[str, tuple[Row, list[str]]]:
    """These cases with all the refs of each, by id."""
    k, c = case_links.c, cases.c
    out: dict[str, tuple[Row, list[str]]] = {}
    for part in chunks(sorted(ids)):
        for row in batch.conn.execute(select(cases).where(c.id.in_(part))).mappings():
            out[row["id"]] = (row, [])
        for link in batch.conn.execute(select(k.case_id, k.ref).where(k.case_id.in_(part)).order_by(k.ref)):
            out[link.case_id][1].append(link.ref)
    return out


def _receipts(batch: Batch, items: Iterable[str]) -> dict[str, list[Receipt]]:
    """What reached these items, by the day it took effect."""
    n, a = allocation_lines.c, allocations.c
    out: dict[str, list[Receipt]] = {}
    for part in chunks(sorted(items)):
        rows = batch.conn.execute(
            select(n.item_id, a.effective_on, n.amount_minor)
            .join(allocations, a.id == n.allocation_id)
            .where(n.item_id.in_(part), a.is_applied.is_(True))
            .order_by(a.effective_on, a.id)
        )
        for row in rows:
            out.setdefault(row.item_id, []).append(Receipt(row.effective_on, row.amount_minor))
    return out


def received_minor(conn: Any, items: Sequence[str]) -> int:
    """All that reached these items so far: the baseline of a promise or plan made now."""
    n, a = allocation_lines.c, allocations.c
    total = 0
    for part in chunks(sorted(items)):
        rows = conn.execute(
            select(n.amount_minor)
            .join(allocations, a.id == n.allocation_id)
            .where(n.item_id.in_(part), a.is_applied.is_(True))
        ).scalars()
        total += sum(rows)
    return total


def _credited(batch: Batch, linked: Iterable[tuple[Row, list[str]]]) -> dict[tuple[str, str], int]:
    """What credit notes took off disputed items since the dispute was opened, by (case, item)."""
    n, a, d = allocation_lines.c, allocations.c, documents.c
    out: dict[tuple[str, str], int] = {}
    for row, refs in linked:
        if row["kind"] != "dispute" or row["outcome"] not in ("accepted", "partial"):
            continue
        found = batch.conn.execute(
            select(n.item_id, n.amount_minor)
            .join(allocations, a.id == n.allocation_id)
            .join(documents, d.id == a.from_document_id)
            .where(
                n.item_id.in_(refs),
                a.is_applied.is_(True),
                d.kind == "credit_note",
                a.source_seq > row["opened_seq"],
            )
        )
        for item, amount in found:
            out[row["id"], item] = out.get((row["id"], item), 0) + amount
    return out


def _dispute(view: CaseView, row: Row, item: str, credited: int) -> None:
    outcome, body = row["outcome"], row["closed_body"] or {}
    if outcome in ("undone", "withdrawn", "cancelled"):
        view.stale_parts.setdefault(item, []).append(row["id"])
        return
    base = Dispute(row["id"], item, row["from_on"], row["amount_minor"], credited_minor=credited)
    rows = view.disputes.setdefault(item, [])
    back = replace(base, state="rejected", resolved_on=row["closed_on"], pay_by_on=_date(body.get("pay_by_on")))
    if outcome == "":
        rows.append(base)
    elif outcome == "accepted":
        rows.append(replace(base, state="accepted"))
    elif outcome == "rejected":
        rows.append(back)
    else:  # partial: the accepted part waits for its credit note, the rest is due again
        accepted = int(body["accepted_minor"])
        left = None if row["amount_minor"] is None else row["amount_minor"] - accepted
        rows.append(replace(base, id=f"{row['id']}+", amount_minor=accepted, state="accepted"))
        rows.append(replace(back, amount_minor=left, credited_minor=0))


def _items(refs: Iterable[str]) -> list[str]:
    return [ref for ref in refs if not ref.startswith(("acc_", "@"))]


def _promise(row: Row) -> Promise:
    body = row["body"]
    return Promise(
        id=row["id"],
        made_on=row["from_on"],
        promised_on=row["until_on"],
        amount_minor=row["amount_minor"],
        tolerance_days=body["tolerance_days"],
        before_minor=body["before_minor"],
        is_cancelled=bool(row["outcome"]),
    )


def _plan(row: Row) -> Plan:
    body = row["body"]
    return Plan(
        id=row["id"],
        made_on=row["from_on"],
        rows=[PlanRow(date.fromisoformat(due), amount) for due, amount in body["rows"]],
        grace_days=body["grace_days"],
        before_minor=body["before_minor"],
        is_cancelled=bool(row["outcome"]),
    )


def _verdict(row: Row, refs: Sequence[str], position: Position, word: Word, on: date) -> Verdict:
    return Verdict(
        subject=f"{position.key}|{row['id']}",
        company=position.company,
        value=word.value,
        body={
            "currency": row["currency"],
            "paid_minor": word.paid_minor,
            "due_minor": word.due_minor,
            "until_on": row["until_on"],
            "items": _items(refs),
        },
        reasons=[Reason(word.value)],
        inputs=word.inputs,
        rule_version=word.rule_version,
        effective_on=on,
        next_change_on=word.next_change_on,
    )


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None
