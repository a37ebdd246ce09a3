"""The items of a customer as dunning sees them: parts in dispute, what holds them back, how far they were reminded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.settle.cases import CaseView
from sync.settle.former import former_homes
from sync.settle.positions import Position
from tieout.receivables.disputes import Part, part_id, parts_of
from tieout.receivables.dunning.items import Block, DunningItem, History
from tieout.store.among import among_given
from tieout.store.tables import decisions, documents

# Reminders of before policies: one step, seven days after the due date.
FIRST_STEP, FIRST_LEVEL, FIRST_OFFSET = "L1", 1, 7


@dataclass
class Sent:
    """The messages of one customer in one currency, sent or waiting to be sent, and the steps of each part in order."""

    on: list[date] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    parts: dict[str, list[History]] = field(default_factory=dict)

    @property
    def was_late(self) -> bool:
        return any(one.level > 0 for steps in self.parts.values() for one in steps)


_NOTHING = Sent()
_SENT = (
    select(decisions.c.subject, decisions.c.body, decisions.c.effective_on, decisions.c.value)
    .where(
        decisions.c.kind == "reminder",
        among_given(decisions.c.subject, "subjects"),
        decisions.c.value.in_(("send", "withdrawn")),
    )
    .order_by(decisions.c.seq, decisions.c.id)
)

_ACCOUNT = select(documents.c.id, documents.c.account_id).where(among_given(documents.c.id, "ids"))


def sent_of(batch: Batch, positions: Sequence[Position]) -> dict[str, Sent]:
    """What was sent, by `customer|company|currency`: decisions to send that were not withdrawn.

    What was sent to the customer an account stood in before goes with the account: a merge or a parting repeats
    nothing.
    """
    former = former_homes(batch, positions)
    subjects = {position.key: [f"{position.key}|{code}" for code in position.currencies] for position in positions}
    asked = {one for held in subjects.values() for one in held}
    asked |= {
        f"{home}|{code}" for position in positions for home in former[position.key] for code in position.currencies
    }
    rows: dict[str, list[Mapping[Any, Any]]] = {}
    for row in batch.conn.execute(_SENT, {"subjects": sorted(asked)}).mappings():
        held = rows.setdefault(row["subject"], [])
        if row["value"] == "send":
            held.append(row)
        else:
            rows[row["subject"]] = [kept for kept in held if kept["body"]["key"] != row["body"]["key"]]
    out = {one: _sent(rows[one]) for held in subjects.values() for one in held if one in rows}
    for position in positions:
        if former[position.key]:
            _add_former(batch, position, former[position.key], rows, out)
    return out


def _add_former(
    batch: Batch,
    position: Position,
    homes: Sequence[str],
    rows: Mapping[str, Sequence[Mapping[Any, Any]]],
    out: dict[str, Sent],
) -> None:
    """Put in what was said elsewhere of documents of this position's accounts."""
    for code in sorted(position.currencies):
        told = [(row, line) for home in homes for row in rows.get(f"{home}|{code}", ()) for line in _lines(row)]
        documents_of = {line[0]: line[0].partition(":")[0] for _, line in told}
        given = {"ids": sorted(set(documents_of.values()))}
        mine = {document for document, account in batch.conn.execute(_ACCOUNT, given) if account in position.accounts}
        kept: dict[int, tuple[Mapping[Any, Any], list[Any]]] = {}
        for row, line in told:
            if documents_of[line[0]] in mine:
                kept.setdefault(id(row), (row, []))[1].append(line)
        for row, lines in kept.values():
            _note(out.setdefault(f"{position.key}|{code}", Sent()), row, lines)


def _sent(rows: Sequence[Mapping[Any, Any]]) -> Sent:
    out = Sent()
    for row in rows:
        out.keys.add(row["body"]["key"])
        _note(out, row, _lines(row))
    return out


def _lines(row: Mapping[Any, Any]) -> Sequence[Any]:
    """[item, minor units, step, level, offset, …] of each item a message asked for."""
    lines: Sequence[Any] | None = row["body"].get("lines")
    if lines is None:
        return [[item, amount, FIRST_STEP, FIRST_LEVEL, FIRST_OFFSET] for item, amount in row["body"]["items"]]
    return lines


def _note(out: Sent, row: Mapping[Any, Any], lines: Sequence[Any]) -> None:
    on = row["effective_on"]
    out.on.append(on)
    for item, _, step, level, offset, *_ in lines:
        out.parts.setdefault(item, []).append(History(step, level, offset, on))


def dunning_items(position: Position, view: CaseView, sent: Mapping[str, Sent]) -> list[DunningItem]:
    """Every claimable part of the open items of a position."""
    out = []
    key = position.key
    histories = {
        code: sent.get(f"{key}|{code}", _NOTHING).parts for code in {row["currency"] for row in position.items}
    }
    for row in position.items:
        history, item, account = histories[row["currency"]], row["id"], row["account_id"]
        if not history and item not in view.disputes and item not in view.blocks and account not in view.blocks:
            out.append(  # nothing was ever said about it: as it stands in the books
                DunningItem(
                    id=item,
                    document_id=row["document_id"],
                    number=row["number"],
                    company_id=position.company,
                    customer_id=position.customer,
                    currency=row["currency"],
                    due_on=row["due_on"],
                    claim_minor=row["open_minor"],
                )
            )
            continue
        for part in parts_of(item, row["open_minor"], view.disputes.get(item, ())):
            blocks = list(view.blocks_of(item, account))
            dispute = part.dispute
            if part.is_blocked and dispute is not None:
                blocks.append(Block("disputed", None, dispute.id))
            is_back = dispute is not None and dispute.state == "rejected"
            out.append(
                DunningItem(
                    id=part.id,
                    document_id=row["document_id"],
                    number=row["number"],
                    company_id=position.company,
                    customer_id=position.customer,
                    currency=row["currency"],
                    due_on=row["due_on"],
                    claim_minor=part.amount_minor,
                    blocks=tuple(blocks),
                    last=_last(item, part, history, view.stale_parts.get(item, ())),
                    resumed_on=dispute.resolved_on if dispute is not None and is_back else None,
                    pay_by_on=dispute.pay_by_on if dispute is not None and is_back else None,
                )
            )
    return out


def _last(item: str, part: Part, history: Mapping[str, Sequence[History]], stale: Sequence[str]) -> History | None:
    """The furthest step of a part: its own, or before it was in dispute that of its item.

    A dispute that was taken back leaves the steps of its part to the item.
    """
    own = list(history.get(part.id, ()))
    if part.dispute is None:
        for dispute in stale:
            own += history.get(part_id(item, dispute), ())
    elif not own:
        own = [one for one in history.get(item, ()) if one.sent_on <= part.dispute.opened_on]
    return max(own, key=lambda one: (one.level, one.offset, one.sent_on), default=None)
