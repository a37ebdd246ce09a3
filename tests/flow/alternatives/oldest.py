"""0011: cash applied by our own rules instead of as the book of record allocated it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.service import Service
from tests.flow.alternatives.place import Size, synced
from tests.flow.books import rows
from tieout.canonical import codec
from tieout.canonical.documents import DocumentCandidate
from tieout.ledger.cash_application import Candidate, Receipt, propose
from tieout.store.tables import documents, open_items, source_records

CREDITS = ("payment", "credit_note")
Apply = Callable[[Receipt, list[Candidate]], Iterable[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one rule's end differs from Kingdee's: invoices with another open amount, and with another status."""

    amounts: int
    statuses: int


@dataclass(frozen=True, slots=True)
class Found:
    """Posted invoices and, per rule, those that would show something else than accounting."""

    invoices: int
    oldest: Rule
    guarded: Rule

    def __str__(self) -> str:
        def said(rule: Rule) -> str:
            share = rule.amounts * 100 / self.invoices
            return f"{rule.amounts} another open amount ({share:.0f} %), {rule.statuses} another status"

        return (
            f"of {self.invoices} invoices, against Kingdee's own allocations: oldest first {said(self.oldest)}; "
            f"our guarded rules {said(self.guarded)}"
        )


def run(size: Size) -> Found:
    with synced(size) as (_, service):
        d = documents.c
        held = rows(service, select(documents).where(d.state == "posted").order_by(d.issue_on, d.number))
        bills = {row["id"]: row for row in held if row["kind"] == "invoice"}
        today = service.ctx.clock.now().date()
        notes = _notes(service)

        def judge(apply: Apply) -> Rule:
            left = _applied(service, held, notes, apply)
            ours = {key: _status(row, left[key], today) for key, row in bills.items()}
            theirs = {key: _status(row, row["open_minor"], today) for key, row in bills.items()}
            return Rule(
                sum(left[key] != row["open_minor"] for key, row in bills.items()),
                sum(ours[key] != theirs[key] for key in bills),
            )

        return Found(len(bills), judge(_oldest_first), judge(_guarded))


def _applied(service: Service, held: list[Any], notes: Mapping[Any, str], apply: Apply) -> dict[str, int]:
    """What is open of each invoice after every credit, by date, was applied to the items its customer owed then."""
    items: dict[str, dict[str, Any]] = {}
    of_document: dict[str, list[str]] = defaultdict(list)
    for row in rows(service, select(open_items)):
        items[row["id"]] = {**row, "left": row["original_minor"]}
        of_document[row["document_id"]].append(row["id"])
    owed: dict[tuple[str, str], list[str]] = defaultdict(list)  # by account and currency
    spare: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)  # credits with something left
    numbers = {row["id"]: row["number"] for row in held}
    for row in held:
        key = row["account_id"], row["currency"]
        if row["kind"] == "invoice":
            owed[key] += of_document[row["id"]]
        elif row["kind"] in CREDITS:
            spare[key].append([row, -row["total_minor"]])
        for credit in spare[key]:
            if not credit[1]:
                continue
            candidates = [
                Candidate(one, items[one]["document_id"], numbers[items[one]["document_id"]], key[1],
                          items[one]["due_on"], items[one]["left"])
                for one in owed[key] if items[one]["left"] > 0
            ]  # fmt: skip
            note = notes.get((credit[0]["stream"], credit[0]["record_id"]), "")
            for item, part in apply(Receipt(credit[0]["id"], key[1], credit[1], (note,)), candidates):
                items[item]["left"] -= part
                credit[1] -= part
    return {key: sum(items[one]["left"] for one in of_document[key]) for key in numbers}


def _oldest_first(receipt: Receipt, candidates: list[Candidate]) -> Iterable[tuple[str, int]]:
    left = receipt.open_minor
    for row in sorted(candidates, key=lambda one: (one.due_on, one.item_id)):
        part = min(left, row.open_minor)
        if part > 0:
            left -= part
            yield row.item_id, part


def _guarded(receipt: Receipt, candidates: list[Candidate]) -> Iterable[tuple[str, int]]:
    """Only where exactly one explanation exists."""
    return [part for one in propose(receipt, candidates) if one.is_automatic for part in one.parts]


def _status(row: Any, left: int, today: date) -> str:
    if not left:
        return "paid"
    late = " late" if row["due_on"] is not None and row["due_on"] < today else ""
    return ("open" if left == row["total_minor"] else "part") + late


def _notes(service: Service) -> dict[tuple[str, str], str]:
    """The words that came with a document, by stream and record."""
    c = source_records.c
    out = {}
    for row in rows(service, select(source_records).where(c.candidate_kind == "document")):
        made = codec.decode("document", row["candidate"])
        assert isinstance(made, DocumentCandidate)
        out[row["stream"], row["external_id"]] = " ".join((made.note, *made.order_numbers))
    return out
