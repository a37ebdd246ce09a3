"""What changed at the book of record since our last pull: differences of these documents are in flight."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from mapping.engine import map_record
from sync.context import Context
from sync.ruled import ruled_context
from tieout.canonical.documents import AllocationCandidate
from tieout.core.errors import TieoutError
from tieout.core.ports import Connector, Cursor, SourceRow
from tieout.store.refs import by_refs, rows_by
from tieout.store.session import reading
from tieout.store.tables import source_records, watermarks

MOST = 20_000  # rows looked at per stream: enough for days without a pull
MOST_ASKED = 200  # records asked for by id


def unread_changes(ctx: Context, name: str, connector: Connector) -> dict[str, str]:
    """Document reference -> the stream that moved it, for every change the source shows and we have not landed.

    Reads each stream from where the next pull would begin; nothing is stored, so that the pull still finds it all.
    A stream that cannot be read explains nothing.
    """
    out: dict[str, str] = {}
    for stream in ctx.streams(name):
        for row in _changed(ctx, name, stream, connector):
            for ref in _documents_of(ctx, name, stream, row):
                out.setdefault(ref, stream)
    return out


def _changed(ctx: Context, name: str, stream: str, connector: Connector) -> list[SourceRow]:
    w, s = watermarks.c, source_records.c
    with reading(ctx.engine) as conn:
        mark = conn.execute(select(watermarks).where(w.connection == name, w.stream == stream)).mappings().first()
    if mark is None:
        return []
    rows: list[SourceRow] = []
    try:
        for page in connector.read(stream, Cursor(mark["since_at"], mark["state"] or {})):
            rows.extend(page.rows)
            if len(rows) > MOST:
                break
    except TieoutError:
        return []
    held: dict[str, str] = {}
    with reading(ctx.engine) as conn:
        statement = by_refs(select(s.external_id, s.source_hash), (s.connection, s.stream, s.external_id))
        refs = [(name, stream, row.external_id) for row in rows]
        for found in rows_by(conn, statement, refs):
            held[found.external_id] = found.source_hash
    return [row for row in rows if held.get(row.external_id) != row.source_hash]


def _documents_of(ctx: Context, name: str, stream: str, row: SourceRow) -> list[str]:
    """The record itself, and the two documents of a settlement."""
    refs = [row.external_id]
    try:
        made = map_record(ctx.profiles(name)[stream], row.payload, ruled_context(ctx, name))
    except (TieoutError, KeyError):
        return refs
    if isinstance(made, AllocationCandidate):
        return [made.from_ref, made.to_ref]
    return refs


def gone_records(connector: Connector, records: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Reference -> "deleted" of documents (reference, stream, record id) that the source has no more, asked by id."""
    out: dict[str, str] = {}
    for stream in sorted({stream for _, stream, _ in records}):
        refs = {record: ref for ref, found, record in records if found == stream}
        wanted = list(refs)[:MOST_ASKED]
        try:
            page = connector.fetch(stream, wanted) if wanted else None
        except TieoutError:
            continue
        for row in page.rows if page else ():
            if row.is_deleted and row.external_id in refs:
                out[refs[row.external_id]] = "deleted"
    return out
