"""Allocations of the book of record: which credit paid which item, mirrored as the source says (D11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, update

from sync.fold.batch import Batch
from sync.fold.changes import Change
from sync.fold.journal import load_entries, reversal_on
from sync.fold.links import Link, put_links
from sync.fold.open_amounts import recompute
from sync.fold.parties import books_of
from tieout.canonical.documents import AllocationCandidate
from tieout.core.exact_json import digest
from tieout.core.money import Money
from tieout.ledger.allocation import AllocationFact, Split, accept, counted_on
from tieout.ledger.documents import WHOLE_LINE
from tieout.ledger.entries import Entry, post_allocation, reverse
from tieout.ledger.open_items import OpenItem
from tieout.store.among import among, among_given
from tieout.store.landing import chunks
from tieout.store.tables import allocation_lines, allocation_sources, allocations, documents, open_items
from tieout.store.upsert import upsert

CREDITS = ("payment", "credit_note")
_a, _d = allocations.c, documents.c
_ANY = select(_a.id).limit(1)
_DOCS = select(
    _d.id,
    _d.connection,
    _d.external_id,
    _d.kind,
    _d.currency,
    _d.total_minor,
    _d.state,
    _d.account_id,
    _d.company_id,
    _d.issue_on,
    _d.due_on,
    _d.open_minor,
    _d.last_payment_on,
    _d.number,
)
_DOCS_BY_ID = _DOCS.where(among_given(_d.id, "keys"))
_DOCS_BY_REF = _DOCS.where(_d.connection == bindparam("of"), among_given(_d.external_id, "refs"))
_BY_ID = select(allocations).where(among_given(_a.id, "keys"))
_BY_REF = select(allocations).where(
    _a.connection == bindparam("of"), or_(among_given(_a.from_ref, "refs"), among_given(_a.to_ref, "refs"))
)


def fold_allocations(batch: Batch, changes: Sequence[Change]) -> set[str]:
    """Write the source's allocations; answers the ids of those that changed."""
    groups: dict[tuple[str, str], tuple[AllocationCandidate, int]] = {}
    sources: list[dict[str, Any]] = []
    for change in changes:
        if change.is_broken or not books_of(batch.config, change.connection):
            continue
        candidate = change.candidate
        is_active = isinstance(candidate, AllocationCandidate) and candidate.is_active
        known = candidate if isinstance(candidate, AllocationCandidate) else change.previous
        if not isinstance(known, AllocationCandidate):
            continue
        groups[change.connection, known.group_key] = (known, change.seq)
        before = change.previous
        if isinstance(before, AllocationCandidate) and before.group_key != known.group_key:
            groups.setdefault((change.connection, before.group_key), (before, change.seq))  # it left that settlement
        sources.append(
            {
                "connection": change.connection,
                "stream": change.stream,
                "external_id": change.record_id,
                "group_key": known.group_key,
                "is_active": is_active,
            }
        )
    for part in chunks(sources):
        upsert(batch.conn, allocation_sources, part)
    return _upsert(batch, groups)


def _upsert(batch: Batch, groups: dict[tuple[str, str], tuple[AllocationCandidate, int]]) -> set[str]:
    touched: set[str] = set()
    by_connection: dict[str, list[str]] = {}
    for connection, group_key in sorted(groups):
        by_connection.setdefault(connection, []).append(group_key)
    a, s = allocations.c, allocation_sources.c
    fresh: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for connection, keys in by_connection.items():
        states: dict[str, set[bool]] = {}
        held: dict[str, Any] = {}
        for part in chunks(keys):
            for source in batch.conn.execute(
                select(s.group_key, s.is_active).where(s.connection == connection, among(s.group_key, part))
            ):
                states.setdefault(source.group_key, set()).add(source.is_active)
            for row in batch.conn.execute(
                select(allocations).where(a.connection == connection, among(a.group_key, part))
            ).mappings():
                held[row["group_key"]] = row
        books = books_of(batch.config, connection)
        for key in keys:
            candidate, seq = groups[connection, key]
            values = {
                "company_id": candidate.company_ref if candidate.company_ref in books else books[0],
                "from_ref": candidate.from_ref,
                "to_ref": candidate.to_ref,
                "to_line": candidate.to_line,
                "currency": candidate.currency,
                "amount_minor": candidate.amount_minor,
                "effective_on": candidate.effective_on,
                "is_active": states.get(key) == {True},  # all its rows, and there is one
            }
            known = held.get(key)
            if known is None:
                allocation_id = batch.ids.new("alc")
                fresh.append(
                    {"id": allocation_id, "connection": connection, "group_key": key, "source_seq": seq, **values}
                )
            elif any(known[name] != value for name, value in values.items()):
                allocation_id = known["id"]
                changed.append({"b_id": allocation_id, "source_seq": seq, **values})
            else:
                continue
            touched.add(allocation_id)
    for rows in chunks(fresh):
        batch.conn.execute(insert(allocations), list(rows))
    for moved in changed:
        allocation_id = moved.pop("b_id")
        batch.conn.execute(update(allocations).where(a.id == allocation_id).values(moved))
    return touched


class Settlement:
    """Decides again which allocations count, for the documents and allocations that moved.

    `only` narrows it to allocations between these documents: what the beginning of the books means for their entries.
    Afterwards `affected` names the documents whose allocations moved, with the input behind it.
    """

    def __init__(self, batch: Batch, only: frozenset[str] | None = None) -> None:
        self.batch = batch
        self.only = only
        self.affected: dict[str, int] = {}
        self.docs: dict[str, Any] = {}  # by id
        self.by_ref: dict[tuple[str, str], str] = {}
        self.rows: dict[str, Any] = {}  # allocations by id

    def run(self, moved_documents: Iterable[str], moved_allocations: Iterable[str]) -> None:
        """Load the neighbourhood, ask the ledger's rules, write the difference."""
        moved = set(moved_documents)
        touched = set(moved_allocations)
        if not touched and self.batch.conn.execute(_ANY).first() is None:
            self.batch.touch("document", moved)  # books without any settlement yet, as on the first read of their bills
            return
        self._load_docs(ids=moved)
        refs = {(doc["connection"], doc["external_id"]) for doc in self.docs.values()}
        self._load_allocations(ids=touched, refs=refs)
        if not self.rows:
            # Nothing ever settled these: what posting wrote as open stands.
            self.batch.touch("document", moved)
            return
        self._resolve()
        credits = {key for key in moved if self.docs[key]["kind"] in CREDITS}
        credits |= {row["from_document_id"] for row in self.rows.values() if row["id"] in touched}
        self._load_allocations(refs=self._refs(credits))
        self._resolve()
        debits = {key for key in moved if self.docs[key]["kind"] not in CREDITS}
        debits |= {row["to_document_id"] for row in self.rows.values() if row["id"] in touched}
        # A moved one that is no credit any more (a red bill became a bill) gives back what it had settled.
        debits |= {row["to_document_id"] for row in self.rows.values() if row["from_document_id"] in credits | moved}
        self._load_allocations(refs=self._refs(debits))
        self._resolve()
        paying = {row["from_document_id"] for row in self.rows.values() if row["to_document_id"] in debits}
        self._load_allocations(refs=self._refs(paying | credits))
        self._resolve()
        self._decide({key for key in debits if key}, moved)

    def _refs(self, ids: Iterable[str | None]) -> set[tuple[str, str]]:
        return {
            (self.docs[key]["connection"], self.docs[key]["external_id"]) for key in ids if key and key in self.docs
        }

    def _load_docs(self, *, ids: Iterable[str] = (), refs: Iterable[tuple[str, str]] = ()) -> None:
        for part in chunks(sorted(set(ids) - self.docs.keys())):
            for row in self.batch.conn.execute(_DOCS_BY_ID, {"keys": part}).mappings():
                self._keep(row)
        by_connection: dict[str, list[str]] = {}
        for connection, ref in sorted(set(refs) - self.by_ref.keys()):
            by_connection.setdefault(connection, []).append(ref)
        for connection, wanted in by_connection.items():
            for part in chunks(wanted):
                found = self.batch.conn.execute(_DOCS_BY_REF, {"of": connection, "refs": part})
                for row in found.mappings():
                    self._keep(row)

    def _keep(self, row: Any) -> None:
        self.docs[row["id"]] = row
        self.by_ref[row["connection"], row["external_id"]] = row["id"]

    def _load_allocations(self, *, ids: Iterable[str] = (), refs: Iterable[tuple[str, str]] = ()) -> None:
        for part in chunks(sorted(set(ids) - self.rows.keys())):
            for row in self.batch.conn.execute(_BY_ID, {"keys": part}).mappings():
                self.rows.setdefault(row["id"], dict(row))
        by_connection: dict[str, list[str]] = {}
        for connection, ref in sorted(refs):
            by_connection.setdefault(connection, []).append(ref)
        for connection, wanted in by_connection.items():
            for part in chunks(wanted, 300):
                found = self.batch.conn.execute(_BY_REF, {"of": connection, "refs": part})
                for row in found.mappings():
                    self.rows.setdefault(row["id"], dict(row))

    def _resolve(self) -> None:
        """Find the documents both sides name; they may have arrived later than the allocation."""
        wanted = set()
        for row in self.rows.values():
            wanted |= {(row["connection"], row["from_ref"]), (row["connection"], row["to_ref"])}
        self._load_docs(refs=wanted)
        for row in self.rows.values():
            row["from_document_id"] = self.by_ref.get((row["connection"], row["from_ref"]))
            row["to_document_id"] = self.by_ref.get((row["connection"], row["to_ref"]))

    def _decide(self, debits: set[str], moved: set[str]) -> None:
        facts = [fact for row in self.rows.values() if (fact := self._fact(row)) is not None]
        result = accept(self._items(debits), self._capacity(), facts)
        splits: dict[str, list[Split]] = {}
        for split in result.splits:
            splits.setdefault(split.allocation_id, []).append(split)
        by_id = {fact.allocation_id: fact for fact in facts}
        standing = load_entries(self.batch.conn, [row["entry_id"] for row in self.rows.values() if row["entry_id"]])
        updates: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        drop: list[str] = []
        linked: list[Link] = []
        for key, row in sorted(self.rows.items()):
            if self.only is None and self._is_stranded(row, moved):
                self.batch.touch("allocation", [key])
            if row["to_document_id"] is not None and row["to_document_id"] not in debits | moved:
                continue  # its debit document did not move and neither did its credit
            if self.only is not None and not {row["from_document_id"], row["to_document_id"]} <= self.only:
                continue
            fact = by_id.get(_fact_key(row))
            mine = splits.get(_fact_key(row), []) if fact is not None else []
            is_history = fact is not None and bool(mine) and self._is_history(row, fact)
            entry = self._entry(row, fact, mine) if mine and fact is not None and not is_history else None
            mark = _mark(entry, mine, is_history)
            refusal = None if mine else self._refusal(row, result.refused.get(_fact_key(row)))
            if fact is not None and mine and entry is None and not is_history:
                linked.append(Link.of(row, fact))
            elif row["is_applied"] and not row["entry_id"]:
                linked.append(Link(key))
            self._report(row, refusal)
            if mark == row["posting_digest"] and bool(mine) == row["is_applied"] and refusal == row["refusal"]:
                updates.append(self._update(row, row["entry_id"], mark, bool(mine), refusal))
                continue
            if mark != row["posting_digest"]:
                entry_id = self._repost(row, standing, entry, is_history)
                drop.append(key)
                lines.extend(
                    {"allocation_id": key, "item_id": split.item_id, "amount_minor": split.amount_minor}
                    for split in mine
                )
                for doc in (row["from_document_id"], row["to_document_id"]):
                    if doc:
                        self.affected[doc] = max(row["source_seq"], self.affected.get(doc, 0))
            else:
                entry_id = row["entry_id"]
            updates.append(self._update(row, entry_id, mark, bool(mine), refusal))
        self._write(updates, drop, lines)
        put_links(self.batch, linked)
        if self.only is None:
            self._refresh(moved | self.affected.keys())

    def _is_history(self, row: Any, fact: AllocationFact) -> bool:
        """Effective before the books began, so that both of its documents are from before as well."""
        start = self.batch.starts.get(row["connection"])
        return start is not None and start.covers(fact.effective_on)

    def _fact(self, row: Any) -> AllocationFact | None:
        source, target = self.docs.get(row["from_document_id"] or ""), self.docs.get(row["to_document_id"] or "")
        if not row["is_active"] or source is None or target is None:
            return None
        if source["kind"] not in CREDITS or target["kind"] in CREDITS:
            return None
        return AllocationFact(
            allocation_id=_fact_key(row),  # not our id: the order of equal dates must not depend on arrival
            from_document_id=source["id"],
            to_document_id=target["id"],
            to_line=row["to_line"],
            amount_minor=row["amount_minor"],
            effective_on=counted_on(row["effective_on"], source["issue_on"], target["issue_on"]),
            currency=row["currency"],
        )

    def _items(self, debits: set[str]) -> list[OpenItem]:
        out: list[OpenItem] = []
        o = open_items.c
        for part in chunks(sorted(debits)):
            for row in self.batch.conn.execute(select(open_items).where(among(o.document_id, part))).mappings():
                out.append(
                    OpenItem(
                        row["document_id"],
                        row["line_id"],
                        row["account_id"],
                        row["company_id"],
                        row["currency"],
                        row["due_on"],
                        row["original_minor"],
                    )
                )
        for key in sorted(debits):
            doc = self.docs[key]
            if doc["kind"] == "refund" and doc["state"] == "posted":
                out.append(
                    OpenItem(
                        key,
                        WHOLE_LINE,
                        doc["account_id"],
                        doc["company_id"],
                        doc["currency"],
                        doc["due_on"] or doc["issue_on"],
                        doc["total_minor"],
                    )
                )
        return out

    def _capacity(self) -> dict[str, Money]:
        return {
            key: Money(-doc["total_minor"] if doc["state"] == "posted" else 0, doc["currency"])
            for key, doc in self.docs.items()
            if doc["kind"] in CREDITS
        }

    def _entry(self, row: Any, fact: AllocationFact, mine: Sequence[Split]) -> Entry | None:
        source, target = self.docs[fact.from_document_id], self.docs[fact.to_document_id]
        return post_allocation(
            row["company_id"],
            fact,
            mine,
            from_kind=source["kind"],
            to_kind=target["kind"],
            from_account_id=source["account_id"],
            to_account_id=target["account_id"],
        )

    def _refusal(self, row: Any, reason: str | None) -> str:
        if not row["is_active"]:
            return "undone"
        if row["from_document_id"] is None or row["to_document_id"] is None:
            return "missing_document"
        return reason or "unknown_document_kind"

    def _is_stranded(self, row: Any, moved: set[str]) -> bool:
        """Undone at the source, and its bill is void or moved: was it paid, the money may wait for a new use."""
        target = self.docs.get(row["to_document_id"] or "")
        return not row["is_active"] and target is not None and (target["state"] == "void" or target["id"] in moved)

    def _report(self, row: Any, refusal: str | None) -> None:
        """Refusals are conflicts of the settle phase, once everything that may still arrive has arrived."""
        if refusal not in (None, "undone") or row["refusal"] not in (None, "undone"):
            self.batch.touch("allocation", [row["id"]])

    def _repost(self, row: Any, standing: dict[str, Entry], entry: Entry | None, is_history: bool) -> str | None:
        batch = self.batch
        old_id = row["entry_id"]
        if old_id:
            old = standing[old_id]
            stands = entry is not None or is_history  # as another entry, or in the opening of its documents
            on: date = old.effective_on if stands else reversal_on(old.effective_on, self._today(old))
            batch.journal.add(
                reverse(old, on, entry_id=old_id),
                source_seq=row["source_seq"],
                reason="correction" if stands else "allocation released",
                allocation_id=row["id"],
            )
        if entry is None:
            return None
        batch.count("allocated")
        return batch.journal.add(entry, source_seq=row["source_seq"], reason="allocation", allocation_id=row["id"])

    def _today(self, entry: Entry) -> date:
        return self.batch.on[entry.company_id]

    def _update(
        self, row: Any, entry_id: str | None, mark: str, is_applied: bool, refusal: str | None
    ) -> dict[str, Any]:
        return {
            "b_id": row["id"],
            "b_from": row["from_document_id"],
            "b_to": row["to_document_id"],
            "b_entry": entry_id,
            "b_mark": mark,
            "b_applied": is_applied,
            "b_refusal": refusal,
        }

    def _write(self, updates: list[dict[str, Any]], drop: list[str], lines: list[dict[str, Any]]) -> None:
        conn = self.batch.conn
        if updates:
            conn.execute(
                update(allocations)
                .where(allocations.c.id == bindparam("b_id"))
                .values(
                    from_document_id=bindparam("b_from"),
                    to_document_id=bindparam("b_to"),
                    entry_id=bindparam("b_entry"),
                    posting_digest=bindparam("b_mark"),
                    is_applied=bindparam("b_applied"),
                    refusal=bindparam("b_refusal"),
                ),
                updates,
            )
        for part in chunks(drop):
            conn.execute(delete(allocation_lines).where(among(allocation_lines.c.allocation_id, part)))
        for rows in chunks(lines):
            conn.execute(insert(allocation_lines), list(rows))

    def _refresh(self, ids: set[str]) -> None:
        recompute(self.batch, sorted(ids))
        self.batch.touch("document", ids)


def _fact_key(row: Any) -> str:
    return f"{row['connection']}/{row['group_key']}"


def _mark(entry: Entry | None, splits: Sequence[Split], is_history: bool) -> str:
    if not splits:
        return ""
    body: list[Any] = [[split.item_id, split.amount_minor, split.effective_on] for split in splits]
    if is_history:
        body.append("history")
    if entry is not None:
        body.append([[p.code, p.account_id, p.amount_minor, p.document_id, p.line_id] for p in entry.postings])
    return digest(body)
