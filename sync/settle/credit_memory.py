"""What credit remembers goes with the accounts: after an unmerge a customer is what it was before the merge.

Status, grade and hold wait before they get better, counted from the decision before. That decision may have been about
other accounts: then the state to go on from is the one these accounts had when they last stood together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.settle.positions import Position
from tieout.store.among import among_given
from tieout.store.tables import decisions, memberships

_m, _d = memberships.c, decisions.c
_HISTORY = select(_m.customer_id, _m.member, _m.from_seq, _m.to_seq).where(
    among_given(_m.customer_id, "customers"), _m.member.like("acc\\_%", escape="\\")
)
_DECIDED = (
    select(*(column for column in _d if column.name != "inputs"))
    .where(_d.kind == "credit", among_given(_d.subject, "subjects"))
    .order_by(_d.seq.desc(), _d.id.desc())
)
_ALERTS = (
    select(_d.subject, _d.seq, _d.value, _d.body)
    .where(_d.kind == "credit_alert", among_given(_d.subject, "subjects"))
    .order_by(_d.seq.desc(), _d.id.desc())
)
Row = Mapping[Any, Any]
Spans = Mapping[str, Sequence[Any]]


def remembered(batch: Batch, positions: Sequence[Position], held: Mapping[str, Row]) -> dict[str, Row]:
    """By `customer|company` the decision to go on from: the standing one, or an earlier one of just these accounts.

    Accounts that never stood together before go on from the standing decision, as a merge does.
    """
    of = sorted({one.customer for one in positions if one.key in held})
    if not of:
        return dict(held)
    spans: dict[str, list[Any]] = {}
    for row in batch.conn.execute(_HISTORY, {"customers": of}).all():
        spans.setdefault(row.customer_id, []).append(row)
    moved = [
        one
        for one in positions
        if one.key in held and _at(spans, one.customer, held[one.key]["seq"]) != _now(spans, one.customer)
    ]
    out = dict(held)
    if moved:
        earlier: dict[str, list[Row]] = {}
        for found in batch.conn.execute(_DECIDED, {"subjects": sorted(one.key for one in moved)}).mappings():
            earlier.setdefault(found["subject"], []).append(found)
        for one in moved:
            now = _now(spans, one.customer)
            same = (past for past in earlier[one.key] if _at(spans, one.customer, past["seq"]) == now)
            out[one.key] = next(same, held[one.key])
    return out


def breaches_of(batch: Batch, memory: Mapping[str, Row], held: Mapping[str, Row]) -> dict[str, str]:
    """The key of the breach that stood when these accounts were last judged: it was told already, and goes on."""
    back = {key: row["seq"] for key, row in memory.items() if row["id"] != held[key]["id"]}
    out: dict[str, str] = {}
    seen: set[str] = set()
    for row in batch.conn.execute(_ALERTS, {"subjects": sorted(back)}).mappings() if back else ():
        if row["subject"] not in seen and row["seq"] <= back[row["subject"]]:
            seen.add(row["subject"])
            if row["value"] == "breach":
                out[row["subject"]] = row["body"]["key"]
    return out


def _at(spans: Spans, customer: str, seq: int) -> frozenset[str]:
    """The accounts of a customer once the inputs up to `seq` were folded."""
    rows = spans.get(customer, ())
    return frozenset(row.member for row in rows if row.from_seq <= seq and (row.to_seq is None or row.to_seq > seq))


def _now(spans: Spans, customer: str) -> frozenset[str]:
    return frozenset(row.member for row in spans.get(customer, ()) if row.to_seq is None)
