"""Where the books begin: what was open then enters as opening items, what was settled as history without postings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, insert, literal, or_, select, update

from sync.fold.allocations import Settlement
from sync.fold.batch import Batch, Start
from sync.fold.journal import load_entries
from tieout.ledger.documents import WHOLE_LINE
from tieout.ledger.entries import Entry, reverse
from tieout.ledger.openings import code_of, full_postings, lines_left, post_opening, restore
from tieout.store.among import among
from tieout.store.bulk import insert_new, put_rows
from tieout.store.landing import chunks
from tieout.store.queries.openings import OPENING, applied_before, current, effective_before, joined
from tieout.store.tables import allocations, balances, dirty, documents, open_items, opening_items, openings


def carried_row(document_id: str, start: Start, full: Entry | None) -> dict[str, Any]:
    """A document from before the beginning, its opening not weighed yet."""
    return {
        "document_id": document_id,
        "start_on": start.on,
        "amount_minor": 0,
        "postings": full_postings(full),
        "opening_seq": None,
    }


def fold_openings(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """An opening is in force from here on; every document it bears on waits to be opened, in batches of their own."""
    o, d = openings.c, documents.c
    for row in rows:
        body = row["body"]
        start_on, before_on = _day(body["start_on"]), _day(body["before_on"])
        batch.conn.execute(
            update(openings).where(o.connection == body["connection"], o.is_current.is_(True)).values(is_current=False)
        )
        batch.conn.execute(
            insert(openings).values(
                seq=row["seq"],
                connection=body["connection"],
                start_on=start_on,
                before_on=before_on,
                reason=body["reason"],
                totals=body["totals"],
                at=row["at"],
                is_current=True,
            )
        )
        last = max(day for day in (start_on, before_on) if day is not None)
        older = select(literal(OPENING), d.id).where(
            d.connection == body["connection"], d.state == "posted", d.issue_on < last
        )
        batch.conn.execute(insert(dirty).from_select(["kind", "key"], older))
        batch.count("openings")


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def open_documents(batch: Batch, keys: Sequence[str]) -> None:
    """Open the next documents, together with those whose settlements become history, or stop being it, with theirs.

    So the books balance after every batch, however the documents are cut.
    """
    flips = False
    ids = set(keys)
    for connection, row in sorted(current(batch.conn).items()):
        if row["start_on"] != row["before_on"]:
            flips |= _close_over(batch, connection, row["before_on"], row["start_on"], ids)
    for part in chunks(sorted(ids - set(keys))):
        batch.conn.execute(delete(dirty).where(dirty.c.kind == OPENING, among(dirty.c.key, part)))
    if flips:
        Settlement(batch, frozenset(ids)).run(ids, ())
    weigh(batch, ids)


def _close_over(batch: Batch, connection: str, before: date | None, start: date | None, ids: set[str]) -> bool:
    """Add what is tied to these documents by allocations of the days between two beginnings; False if nothing is."""
    a = allocations.c
    first, last = sorted((before or date.min, start or date.min))
    between = (a.connection == connection, a.is_applied.is_(True), *effective_before(last))
    found, fresh = False, set(ids)
    while fresh:
        reached: set[str] = set()
        for part in chunks(sorted(fresh), 300):
            rows = batch.conn.execute(
                joined(select(a.from_document_id, a.to_document_id).select_from(allocations)).where(
                    *between,
                    ~_all_before(first),
                    or_(among(a.from_document_id, part), among(a.to_document_id, part)),
                )
            )
            for row in rows:
                reached |= {row.from_document_id, row.to_document_id}
        found |= bool(reached)
        fresh = reached - ids
        ids |= fresh
    return found


def _all_before(day: date) -> Any:
    first, *rest = effective_before(day)
    for condition in rest:
        first = first & condition
    return first


def weigh(batch: Batch, ids: Iterable[str], causes: Mapping[str, int] | None = None) -> None:
    """Hold what documents from before the beginning have in the journal against what was open of them then.

    `causes` names the input behind a change of a document; without it the opening in force is the cause.
    """
    for part in chunks(sorted(set(ids))):
        _Weighing(batch, causes).run(part)


class _Weighing:
    """One set of documents; a difference is a reversal and a new entry, both dated as the opening is."""

    def __init__(self, batch: Batch, causes: Mapping[str, int] | None) -> None:
        self.batch, self.causes = batch, causes
        self.openings = {} if causes is not None else {name: row["seq"] for name, row in current(batch.conn).items()}
        self.standing: dict[str, Entry] = {}
        self.entry_of: list[dict[str, Any]] = []

    def run(self, ids: Sequence[str]) -> None:
        batch, conn = self.batch, self.batch.conn
        d, o = documents.c, opening_items.c
        docs = {row["id"]: row for row in conn.execute(select(documents).where(among(d.id, ids))).mappings()}
        kept = {
            row["document_id"]: row
            for row in conn.execute(select(opening_items).where(among(o.document_id, ids))).mappings()
        }
        old: dict[str, Start] = {}
        for key, doc in docs.items():
            start = batch.starts.get(doc["connection"])
            if start is not None and doc["state"] == "posted" and start.covers(doc["issue_on"]):
                old[key] = start
        stale = sorted(kept.keys() - old.keys())
        wanted = [docs[key]["entry_id"] for key in sorted({*old, *stale}) if docs[key]["entry_id"]]
        self.standing = load_entries(conn, wanted)
        self._open(docs, kept, old)
        for key in stale:
            if docs[key]["state"] == "posted":
                self._restore(docs[key], kept[key])
        for part in chunks(stale):
            conn.execute(delete(opening_items).where(among(o.document_id, part)))
        if self.entry_of:
            statement = update(documents).where(d.id == bindparam("b_id")).values(entry_id=bindparam("b_entry"))
            conn.execute(statement, self.entry_of)

    def _open(self, docs: Mapping[str, Any], kept: Mapping[str, Any], old: Mapping[str, Start]) -> None:
        batch = self.batch
        lines = _lines(batch, docs, old)
        rows: list[dict[str, Any]] = []
        settled: set[tuple[str, str, str]] = set()
        for key, start in sorted(old.items()):
            doc, row = docs[key], kept.get(key)
            entry = post_opening(
                key, doc["company_id"], doc["account_id"], doc["kind"], doc["currency"], lines[key], start.on
            )
            stands = self.standing.get(doc["entry_id"] or "")
            full = row["postings"] if row is not None else full_postings(stands)
            rows.append(
                {
                    "document_id": key,
                    "start_on": start.on,
                    "amount_minor": sum(amount for _, amount in lines[key]),
                    "postings": full,
                    "opening_seq": start.seq,
                }
            )
            if entry is None:
                settled.add((doc["account_id"], code_of(doc["kind"]), doc["currency"]))
            self._replace(doc, entry if start.seq is not None else None, OPENING)
        put_rows(batch.conn, opening_items, rows)
        # An account whose whole history is settled has a balance of nothing, as if it had been posted.
        insert_new(
            batch.conn,
            balances,
            [
                {"account_id": account, "code": code, "currency": currency, "amount_minor": 0}
                for account, code, currency in sorted(settled)
            ],
        )

    def _restore(self, doc: Any, row: Any) -> None:
        """The beginning was taken back or moved before this document: it posts at its full amount."""
        stands = self.standing.get(doc["entry_id"] or "")
        if doc["entry_id"] and (stands is None or stands.kind != OPENING):
            return  # it has been posted so, a moment ago or long since
        entry = restore(
            doc["id"], doc["company_id"], doc["account_id"], doc["kind"], doc["currency"], doc["issue_on"],
            row["postings"],
        )  # fmt: skip
        self._replace(doc, entry, "document")

    def _replace(self, doc: Any, entry: Entry | None, reason: str) -> None:
        batch, old_id = self.batch, doc["entry_id"]
        stands = self.standing.get(old_id or "")
        if _same(stands, entry):
            return
        cause = self._cause(doc)
        if stands is not None:
            why = "start_on" if self.causes is None else "correction"
            batch.journal.add(reverse(stands, stands.effective_on, entry_id=old_id), source_seq=cause, reason=why)
            batch.count("reversed")
        entry_id = None
        if entry is not None:
            entry_id = batch.journal.add(entry, source_seq=cause, reason=reason)
            batch.count("opened" if entry.kind == OPENING else "posted")
        self.entry_of.append({"b_id": doc["id"], "b_entry": entry_id})

    def _cause(self, doc: Any) -> int | None:
        if self.causes is None:
            return self.openings.get(doc["connection"])
        return max(self.causes.get(doc["id"], 0), int(doc["source_seq"]))


def _same(stands: Entry | None, wanted: Entry | None) -> bool:
    if stands is None or wanted is None:
        return stands is wanted
    return (stands.kind, stands.company_id, stands.effective_on, tuple(stands.postings)) == (
        wanted.kind,
        wanted.company_id,
        wanted.effective_on,
        tuple(wanted.postings),
    )


def _lines(batch: Batch, docs: Mapping[str, Any], old: Mapping[str, Start]) -> Mapping[str, Sequence[tuple[str, int]]]:
    """What was open of each document when its books began, line by line."""
    items: dict[str, dict[str, int]] = {}
    by_item: dict[str, int] = {}
    by_credit: dict[str, int] = {}
    o = open_items.c
    for part in chunks(sorted(old)):
        for row in batch.conn.execute(
            select(o.document_id, o.line_id, o.original_minor).where(among(o.document_id, part))
        ):
            items.setdefault(row.document_id, {})[row.line_id] = row.original_minor
    for on in sorted({start.on for start in old.values()}):
        for part in chunks(sorted(key for key, start in old.items() if start.on == on)):
            on_items, used = applied_before(batch.conn, part, on)
            by_item.update(on_items)
            by_credit.update(used)
    out = {}
    for key in old:
        lines = items.get(key, {})
        paid = {line: by_item.get(f"{key}:{line}", 0) for line in (*lines, WHOLE_LINE)}
        out[key] = lines_left(docs[key]["kind"], docs[key]["total_minor"], lines, paid, by_credit.get(key, 0))
    return out
