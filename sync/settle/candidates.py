"""The canonical candidates behind source records, decoded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from sync.fold.batch import Batch
from tieout.canonical import codec
from tieout.canonical.codec import Candidate
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import source_records

Ref = tuple[str, str, str]  # connection, stream, record id
_s = source_records.c
_CANDIDATES = by_refs(
    select(_s.connection, _s.stream, _s.external_id, _s.candidate_kind, _s.candidate).where(
        _s.candidate.is_not(None), _s.is_deleted.is_(False)
    ),
    (_s.connection, _s.stream, _s.external_id),
)


def candidates_of(batch: Batch, refs: Iterable[Ref]) -> dict[Ref, Candidate]:
    """Candidates of living, mapped records."""
    return {
        (row.connection, row.stream, row.external_id): codec.decode(row.candidate_kind, row.candidate)
        for row in rows_by(batch.conn, _CANDIDATES, refs)
    }
