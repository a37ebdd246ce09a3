"""The canonical candidates behind source records, decoded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from sync.fold.batch import Batch
from tieout.canonical import codec
from tieout.canonical.codec import Candidate
from tieout.store.refs import rows_by
from tieout.store.tables import source_records

Ref = tuple[str, str, str]  # connection, stream, record id


def candidates_of(batch: Batch, refs: Iterable[Ref]) -> dict[Ref, Candidate]:
    """Candidates of living, mapped records."""
    s = source_records.c
    statement = select(s.connection, s.stream, s.external_id, s.candidate_kind, s.candidate).where(
        s.candidate.is_not(None), s.is_deleted.is_(False)
    )
    return {
        (row.connection, row.stream, row.external_id): codec.decode(row.candidate_kind, row.candidate)
        for row in rows_by(batch.conn, statement, (s.connection, s.stream, s.external_id), refs)
    }
