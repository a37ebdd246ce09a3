"""Why a number is what it is: from a document back to raw records, profile, rules, entries, answers and people."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from tieout.core import exact_json
from tieout.core.errors import Gone
from tieout.store.queries import accounts, conflicts, customers, decisions, invoices, openings, pushes
from tieout.store.tables import bindings, documents, entries, inputs, payloads, postings, runs, source_records

Row = RowMapping


def invoice(conn: Connection, document_id: str) -> dict[str, Any]:
    """Everything behind one invoice or credit note, as plain values; an unknown id raises Gone.

    Keys: `document`, `source` (the raw record and the run that landed it), `versions` (landed inputs), `opening` (how
    it stands if it is from before the books began), `entries` with postings, `items`, `allocations`, `claims` (bound
    CRM records with rule and evidence), `decisions` (value, reasons, inputs, rule version), `pushes`, `conflicts`,
    `customer`. Amounts are minor units with their currency beside them.
    """
    found = invoices.get(conn, document_id, invoices.INVOICE_KINDS)
    if found is None:
        raise Gone(f"there is no invoice {document_id}", code="no_invoice")
    ref = (found["connection"], found["stream"], found["record_id"])
    claims = bound_claims(conn, document_id)
    subjects = [document_id, *(f"{row['connection']}/{row['stream']}/{row['external_id']}" for row in claims)]
    standing = [row for subject in subjects for row in decisions.of_subject(conn, subject, 20)]
    owner = customers.names_of_accounts(conn, [found["account_id"]]).get(found["account_id"])
    return {
        "document": dict(found),
        "customer": None if owner is None else {"id": owner[0], "name": owner[1]},
        "source": raw_record(conn, found),
        "versions": landed_versions(conn, *ref),
        "opening": openings.of_document(conn, document_id),
        "entries": journal(conn, document_id),
        "items": [dict(row) for row in invoices.items(conn, document_id)],
        "allocations": [dict(row) for row in accounts.allocations_of_document(conn, document_id)],
        "claims": claims,
        "decisions": [dict(row) for row in standing],
        "pushes": [dict(row) for row in pushes.of_subjects(conn, subjects)],
        "conflicts": [dict(row) for row in conflicts.of_record(conn, *ref)],
    }


def raw_record(conn: Connection, document: Row) -> dict[str, Any] | None:
    """The source record a document was mapped from: payload with exact numbers, profile version, landing run."""
    query = (
        select(inputs, payloads.c.body.label("raw"), runs.c.trigger, runs.c.started_at.label("run_started_at"))
        .outerjoin(payloads, payloads.c.hash == inputs.c.payload_hash)
        .outerjoin(runs, runs.c.id == inputs.c.run_id)
        .where(inputs.c.seq == document["source_seq"])
    )
    landed = conn.execute(query).mappings().one_or_none()
    if landed is None:
        return None
    where = (
        source_records.c.connection == landed["connection"],
        source_records.c.stream == landed["stream"],
        source_records.c.external_id == landed["external_id"],
    )
    profile = conn.execute(select(source_records.c.profile_version).where(*where)).scalar_one_or_none()
    payload = None if landed["raw"] is None else exact_json.loads_fast(zlib.decompress(landed["raw"]))
    return {
        "connection": landed["connection"],
        "stream": landed["stream"],
        "external_id": landed["external_id"],
        "input_seq": landed["seq"],
        "landed_at": landed["at"],
        "modified_at": landed["modified_at"],
        "source_hash": landed["source_hash"],
        "profile_version": profile,
        "run_id": landed["run_id"],
        "run_trigger": landed["trigger"],
        "payload": payload,
    }


def landed_versions(conn: Connection, connection: str, stream: str, external_id: str) -> list[dict[str, Any]]:
    """Every landed version of the record behind a document, newest first, with whether it ever was current."""
    query = (
        select(inputs.c.seq, inputs.c.at, inputs.c.modified_at, inputs.c.run_id, inputs.c.is_current)
        .where(inputs.c.connection == connection, inputs.c.stream == stream, inputs.c.external_id == external_id)
        .order_by(inputs.c.seq.desc())
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def journal(conn: Connection, document_id: str) -> list[dict[str, Any]]:
    """The journal entries that touch a document, in commit order, each with its postings and the input behind it."""
    touched = select(postings.c.entry_id).where(postings.c.document_id == document_id)
    query = (
        select(entries, inputs.c.actor, inputs.c.run_id, inputs.c.kind.label("input_kind"))
        .outerjoin(inputs, inputs.c.seq == entries.c.source_seq)
        .where(or_(entries.c.document_id == document_id, entries.c.id.in_(touched)))
        .order_by(entries.c.seq, entries.c.position)
    )
    found = [dict(row) for row in conn.execute(query).mappings()]
    lines: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in found}
    if lines:
        wanted = select(postings).where(postings.c.entry_id.in_(lines)).order_by(postings.c.entry_id, postings.c.line)
        for row in conn.execute(wanted).mappings():
            lines[row["entry_id"]].append(dict(row))
    return [{**row, "postings": lines[row["id"]]} for row in found]


def bound_claims(conn: Connection, document_id: str) -> list[dict[str, Any]]:
    """CRM records bound to a document now, with the rule, its evidence and the person who answered, if one did."""
    query = (
        select(bindings, inputs.c.actor)
        .outerjoin(inputs, inputs.c.seq == bindings.c.answer_seq)
        .where(bindings.c.document_id == document_id, bindings.c.to_seq.is_(None))
        .order_by(bindings.c.connection, bindings.c.stream, bindings.c.external_id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def numbers(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """document id -> number, for pages that name documents."""
    if not ids:
        return {}
    query = select(documents.c.id, documents.c.number).where(documents.c.id.in_(ids))
    return {row.id: row.number for row in conn.execute(query)}
