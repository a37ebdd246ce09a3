"""The audit trail: append-only, hash-chained, written in the transaction of the change it tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text

from tieout.core import exact_json
from tieout.core.dates import iso_utc
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.session import is_sqlite
from tieout.store.tables import audit

GENESIS = "0" * 64
# PostgreSQL advisory lock that orders appends; SQLite writers already stand in one line.
_LOCK = 7_305_801_245


def link(prev_hash: str, seq: int, at: datetime, actor: str, action: str, subject: str, body: Any) -> str:
    """H(previous hash, row in canonical JSON): SHA-256 hex (reliability reference, section 7)."""
    row = exact_json.canonical([prev_hash, seq, iso_utc(at), actor, action, subject, body])
    return hashlib.sha256(row).hexdigest()


def append(
    conn: Connection, at: datetime, actor: str, action: str, subject: str, body: Mapping[str, Any] | None = None
) -> int:
    """Write one line in the caller's unit of work and give its sequence number; the lock is held until it ends.

    `actor` is `user:<name>`, `key:<id>`, `cli:<os user>` or `system`. No secret belongs into `body`.
    """
    if not is_sqlite(conn):
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    head = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    seq, prev_hash = (1, GENESIS) if head is None else (head[0] + 1, head[1])
    plain = exact_json.loads_fast(exact_json.dumps(dict(body or {})))
    conn.execute(
        insert(audit).values(
            seq=seq,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            body=plain,
            prev_hash=prev_hash,
            hash=link(prev_hash, seq, at, actor, action, subject, plain),
        )
    )
    return seq


def verify(conn: Connection) -> Sequence[str]:
    """Walk the chain and name every breach: a gap, a changed row, a cut link; empty = it holds."""
    problems: list[str] = []
    prev_hash, expected = GENESIS, 1
    for row in conn.execute(select(audit).order_by(audit.c.seq)).mappings():
        if row["seq"] != expected:
            problems.append(f"audit {expected} to {row['seq'] - 1} are missing")
        if row["prev_hash"] != prev_hash:
            problems.append(f"audit {row['seq']} does not follow the line before it")
        told = (row["at"], row["actor"], row["action"], row["subject"], row["body"])
        if link(row["prev_hash"], row["seq"], *told) != row["hash"]:
            problems.append(f"audit {row['seq']} was changed")
        prev_hash, expected = row["hash"], row["seq"] + 1
    return problems


def page(conn: Connection, limit: int, cursor: str | None) -> Slice[RowMapping]:
    """Audit lines, newest first."""
    query = select(audit)
    if cursor:
        query = query.where(audit.c.seq < decode(cursor, "audit", (int,))[0])
    rows = conn.execute(query.order_by(audit.c.seq.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "audit", lambda row: (int(row["seq"]),))
