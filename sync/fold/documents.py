"""Documents of the book of record: posted as they stand, corrected by a reversal and a new entry (D9, D11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select

from mapping.identity.numbers import number_key
from sync.fold.accounts import ensure_accounts
from sync.fold.batch import Batch
from sync.fold.changes import Change
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from sync.fold.journal import load_entries, reversal_on
from sync.fold.openings import carried_row
from sync.fold.parties import books_of
from tieout.canonical.documents import DocumentCandidate
from tieout.core.exact_json import digest
from tieout.ledger.documents import problems_of
from tieout.ledger.entries import post_document, reverse
from tieout.ledger.open_items import items_of
from tieout.store.among import among_given
from tieout.store.bulk import insert_rows, put_rows, update_rows
from tieout.store.queries.openings import OPENING
from tieout.store.tables import claim_keys, conflicts, document_keys, documents, open_items, opening_items

PREFIX = {"invoice": "inv", "credit_note": "crn", "payment": "pay", "refund": "ref"}

# Every batch asks these: they are made once.
_HELD = select(
    documents.c.id,
    documents.c.external_id,
    documents.c.entry_id,
    documents.c.posting_digest,
    documents.c.open_minor,
    documents.c.total_minor,
).where(documents.c.connection == bindparam("of"), among_given(documents.c.external_id, "refs"))
_UNLINKED = select(conflicts.c.cause).where(
    conflicts.c.state == "open",
    conflicts.c.kind == "unlinked_document",
    among_given(conflicts.c.money_minor, "amounts"),
)
_KEYS = select(document_keys.c.kind, document_keys.c.value, document_keys.c.document_id).where(
    among_given(document_keys.c.document_id, "documents")
)
_DROP_KEYS = delete(document_keys).where(among_given(document_keys.c.document_id, "documents"))
_DROP_ITEMS = delete(open_items).where(among_given(open_items.c.document_id, "documents"))
_claims = select(claim_keys.c.connection, claim_keys.c.stream, claim_keys.c.external_id)
_NAMING = _claims.where(claim_keys.c.kind.in_(("external", "number")), among_given(claim_keys.c.value, "values"))
_ORDERED = _claims.where(claim_keys.c.kind == "order", among_given(claim_keys.c.value, "values"))


class _Work(msgspec.Struct, frozen=True):
    change: Change
    doc: DocumentCandidate
    company: str
    account: str


def fold_documents(batch: Batch, changes: Sequence[Change]) -> set[str]:
    """Post, correct or reverse; answers the ids of documents whose items or capacity moved."""
    works = _prepare(batch, changes)
    held = _held(batch, works)
    standing = load_entries(batch.conn, [row.entry_id for row in held.values() if row.entry_id])
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    drop_items: list[str] = []
    moved: set[str] = set()
    ids: dict[str, DocumentCandidate] = {}
    carried: list[dict[str, Any]] = []
    for work in works:
        doc, change = work.doc, work.change
        row = held.get((change.connection, doc.external_id))
        if row is None and doc.state != "posted":
            continue  # never posted: a draft is not in the books
        document_id = row.id if row is not None else batch.ids.new(PREFIX[doc.kind])
        ids[document_id] = doc
        ours = (document_id, work.company, work.account, doc)
        entry = post_document(*ours, source_versions=(str(change.seq),), is_checked=True)
        rows = items_of(*ours, is_checked=True)
        mark = _mark(entry, rows, doc)
        values = _values(batch, work, document_id, mark)
        if row is not None and row.posting_digest == mark:
            updates.append({**values, "entry_id": row.entry_id, "open_minor": row.open_minor})
            continue
        moved.add(document_id)
        gone = entry is None
        stays = False
        if doc.state == "posted" and (start := batch.starts.get(change.connection)) and start.covers(doc.issue_on):
            # From before the books began: its opening is weighed once its settlements are.
            carried.append(carried_row(document_id, start, entry))
            entry, gone = None, False
            stays = row is not None and bool(row.entry_id) and standing[row.entry_id].kind == OPENING
        if row is not None and row.entry_id and not stays:
            old = standing[row.entry_id]
            on = reversal_on(old.effective_on, batch.on[old.company_id]) if gone else old.effective_on
            batch.journal.add(
                reverse(old, on, entry_id=row.entry_id),
                source_seq=change.seq,
                reason="void" if gone else "correction",
            )
            batch.count("reversed")
        entry_id = row.entry_id if row is not None and stays else None
        if entry is not None:
            entry_id = batch.journal.add(entry, source_seq=change.seq, reason="document")
            batch.count("posted")
        if row is not None:
            drop_items.append(document_id)
        items.extend(
            {
                "id": item.item_id,
                "document_id": document_id,
                "line_id": item.line_id,
                "account_id": item.account_id,
                "company_id": item.company_id,
                "currency": item.currency,
                "due_on": item.due_on,
                "original_minor": item.original_minor,
                "open_minor": item.original_minor,
            }
            for item in rows
        )
        values["entry_id"] = entry_id
        values["open_minor"] = doc.total_minor if doc.state == "posted" else 0
        (updates if row is not None else inserts).append(values)
    _write(batch, inserts, updates, drop_items, items)
    put_rows(batch.conn, opening_items, carried)
    _replace_keys(batch, ids)
    batch.touch("document", moved)
    amounts = {ids[key].total_minor for key in moved} | {row.total_minor for row in held.values() if row.id in moved}
    batch.touch("claim", _unlinked_of(batch, amounts))
    return moved


def _unlinked_of(batch: Batch, amounts: set[int]) -> set[str]:
    """CRM invoices that nothing is bound to and that claim one of these amounts: a document may be suggested now."""
    return set(batch.conn.execute(_UNLINKED, {"amounts": sorted(amounts)}).scalars())


def _prepare(batch: Batch, changes: Sequence[Change]) -> list[_Work]:
    failed: list[ConflictCall] = []
    ready: list[tuple[Change, DocumentCandidate]] = []
    healthy: list[str] = []
    books = {name: books_of(batch.config, name) for name in {change.connection for change in changes}}
    for change in changes:
        doc = change.candidate
        if change.is_broken or not books[change.connection]:
            continue
        if doc is None and isinstance(change.previous, DocumentCandidate):
            doc = msgspec.structs.replace(change.previous, state="void")  # deleted in the book of record
        if not isinstance(doc, DocumentCandidate):
            continue
        problems = problems_of(doc) if doc.state == "posted" else ()
        if problems:
            failed.append(_contradiction(change, doc, problems))
            continue
        healthy.append(f"{change.key}#contradiction")
        ready.append((change, doc))
    close_conflicts(batch, "invalid_record", healthy, state="superseded")
    open_conflicts(batch, failed)
    refs = [_ref(books[change.connection], change, doc) for change, doc in ready]
    accounts = ensure_accounts(batch, refs)
    return [_Work(change, doc, ref[0], accounts[ref]) for (change, doc), ref in zip(ready, refs, strict=True)]


def _ref(books: Sequence[str], change: Change, doc: DocumentCandidate) -> tuple[str, str, str]:
    company = doc.company_ref if doc.company_ref in books else books[0]
    return company, change.connection, doc.party_ref


def _contradiction(change: Change, doc: DocumentCandidate, problems: Sequence[str]) -> ConflictCall:
    return ConflictCall(
        kind="invalid_record",
        cause=f"{change.key}#contradiction",
        connection=change.connection,
        stream=change.stream,
        external_id=change.record_id,
        title=f"{doc.number}: the document contradicts itself ({', '.join(problems)})",
        evidence={"problems": list(problems), "number": doc.number, "total_minor": doc.total_minor},
        currency=doc.currency,
        money_minor=abs(doc.total_minor),
        blocks_balance=True,
    )


def _held(batch: Batch, works: Sequence[_Work]) -> dict[tuple[str, str], Any]:
    out: dict[tuple[str, str], Any] = {}
    by_connection: dict[str, list[str]] = {}
    for work in works:
        by_connection.setdefault(work.change.connection, []).append(work.doc.external_id)
    for connection, refs in by_connection.items():
        for row in batch.conn.execute(_HELD, {"of": connection, "refs": refs}).all():
            out[connection, row.external_id] = row
    return out


def _mark(entry: Any, rows: Sequence[Any], doc: DocumentCandidate) -> str:
    """Digest of everything that decides how the document stands in the books."""
    if entry is None:
        return digest(["nothing", doc.state])
    return digest(
        [
            entry.kind,
            entry.company_id,
            entry.effective_on,
            [[p.code, p.account_id, p.currency, p.amount_minor, p.line_id] for p in entry.postings],
            [[item.line_id, item.due_on, item.original_minor] for item in rows],
        ]
    )


def _values(batch: Batch, work: _Work, document_id: str, mark: str) -> dict[str, Any]:
    doc = work.doc
    due = doc.due_on or (max(row.due_on for row in doc.installments) if doc.installments else None)
    return {
        "id": document_id,
        "company_id": work.company,
        "account_id": work.account,
        "connection": work.change.connection,
        "external_id": doc.external_id,
        "stream": work.change.stream,
        "record_id": work.change.record_id,
        "kind": doc.kind,
        "number": doc.number,
        "currency": doc.currency,
        "total_minor": doc.total_minor,
        "issue_on": doc.issue_on,
        "due_on": due,
        "state": doc.state,
        "is_opening": doc.is_opening,
        "source_seq": work.change.seq,
        "posting_digest": mark,
    }


def _write(
    batch: Batch,
    inserts: list[dict[str, Any]],
    updates: list[dict[str, Any]],
    drop_items: list[str],
    items: list[dict[str, Any]],
) -> None:
    conn = batch.conn
    for row in inserts:
        row["created_at"] = batch.now
    insert_rows(conn, documents, inserts)
    update_rows(conn, documents, ("id",), updates)
    if drop_items:
        conn.execute(_DROP_ITEMS, {"documents": drop_items})
    insert_rows(conn, open_items, items)


def _replace_keys(batch: Batch, docs: dict[str, DocumentCandidate]) -> None:
    """How claims find a document; claims that hold an old or new key are looked at again."""
    if not docs:
        return
    conn = batch.conn
    held: dict[str, set[tuple[str, str]]] = {}
    for kind, value, document_id in conn.execute(_KEYS, {"documents": sorted(docs)}).all():
        held.setdefault(document_id, set()).add((kind, value))
    fresh: list[dict[str, Any]] = []
    stale: list[str] = []
    touched: set[tuple[str, str]] = set()
    for document_id, doc in docs.items():
        wanted = keys_of(doc)
        old = held.get(document_id, set())
        touched |= wanted | old
        if wanted != old:
            if old:
                stale.append(document_id)
            fresh.extend({"kind": kind, "value": value, "document_id": document_id} for kind, value in sorted(wanted))
    if stale:
        conn.execute(_DROP_KEYS, {"documents": stale})
    insert_rows(conn, document_keys, fresh)
    batch.touch("claim", claims_holding(batch, touched))


def keys_of(doc: DocumentCandidate) -> set[tuple[str, str]]:
    """Normalised lookup keys of a document: external reference, number, order numbers."""
    # A CRM may have stored the id with or without its form.
    out = {("external", number_key(doc.external_id)), ("external", number_key(doc.external_id.rpartition(":")[2]))}
    if number := number_key(doc.number):
        out.add(("number", number))
    out |= {("order", key) for order in doc.order_numbers if (key := number_key(order))}
    return out


def claims_holding(batch: Batch, keys: set[tuple[str, str]]) -> set[str]:
    """Claims that name any of these documents: a stored external id may hold a document number too."""
    values = {value for kind, value in keys if kind in ("external", "number")}
    orders = {value for kind, value in keys if kind == "order"}
    out: set[str] = set()
    for statement, wanted in ((_NAMING, values), (_ORDERED, orders)):
        for connection, stream, record in batch.conn.execute(statement, {"values": sorted(wanted)}):
            out.add(f"{connection}/{stream}/{record}")
    return out
