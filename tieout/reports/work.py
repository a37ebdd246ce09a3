"""Conflicts, pushes, runs and reconciliations as the API and the console show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mapping.identity.contradictions import ranked
from tieout.core.errors import Gone
from tieout.reports.values import money, money_or_none, pick
from tieout.store.queries import conflicts, pushes, reconciliations, runs

Row = Mapping[Any, Any]


def conflict(row: Row, now: datetime) -> dict[str, Any]:
    """One line of the work list; `age_seconds` counts from the day it was found until it was closed or now."""
    until = row["closed_at"] or now
    return {
        **pick(row, "id", "kind", "cause", "connection", "stream", "external_id", "title", "state", "owner"),
        **pick(row, "blocks_balance", "opened_at", "closed_at", "answered_by"),
        "at_stake": money_or_none(row["money_minor"], row["currency"]),
        "age_seconds": max(0, int((until - row["opened_at"]).total_seconds())),
    }


def conflict_detail(conn: Connection, conflict_id: str, now: datetime) -> dict[str, Any]:
    """A conflict with the evidence of both sides, suggestions and the answer; an unknown id raises Gone."""
    row = conflicts.get(conn, conflict_id)
    if row is None:
        raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
    return {
        **conflict(row, now),
        **pick(row, "evidence", "answer"),
        "suggestions": ranked(
            row["suggestions"], row["evidence"].get("reasons") if isinstance(row["evidence"], dict) else ()
        ),
        "rule": row["rule_id"],
        "may_overrule": row["state"] == "resolved" and bool(row["rule_id"]) and row["kind"] == "unlinked_document",
    }


def push(row: Row) -> dict[str, Any]:
    """One intended effect: what is set, what was there before, why, and what became of it."""
    return {
        **pick(row, "id", "connection", "module", "operation", "remote_id", "subject", "state", "version", "attempts"),
        **pick(row, "fields", "before", "reason", "event_key", "receipt", "error_code", "error", "approved_by"),
        **pick(row, "not_before_at", "created_at", "updated_at", "sent_at", "done_at"),
        "money": money_or_none(row["money_minor"], row["currency"]),
    }


def push_detail(conn: Connection, push_id: str) -> dict[str, Any]:
    """One push; an unknown id raises Gone."""
    row = pushes.get(conn, push_id)
    if row is None:
        raise Gone(f"there is no push {push_id}", code="no_push")
    return push(row)


def pending(conn: Connection) -> dict[str, Any]:
    """What waits to be written, per connection, state and operation, and what is owed behind it: each debt once."""
    lines, totals = pushes.pending(conn)
    return {
        "lines": [
            {**pick(asdict(line), "connection", "state", "operation", "rows"), "totals": _amounts(line.totals)}
            for line in lines
        ],
        "rows": sum(line.rows for line in lines),
        "totals": _amounts(totals),
    }


def _amounts(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    return [money(minor, currency) for currency, minor in totals.items()]


def run(row: Row) -> dict[str, Any]:
    """One run of the service."""
    return pick(
        row, "id", "kind", "connection", "stream", "started_at", "ended_at", "state", "counts", "error", "trigger"
    )


def run_detail(conn: Connection, run_id: str) -> dict[str, Any]:
    """One run; an unknown id raises Gone."""
    row = runs.get(conn, run_id)
    if row is None:
        raise Gone(f"there is no run {run_id}", code="no_run")
    return run(row)


def reconciliation(row: Row) -> dict[str, Any]:
    """The head of a reconciliation."""
    return pick(row, "id", "as_of", "known_seq", "run_at", "is_valid", "breaks")


def reconciliation_detail(conn: Connection, reconciliation_id: str) -> dict[str, Any]:
    """A reconciliation with its body; an unknown id raises Gone."""
    row = reconciliations.get(conn, reconciliation_id)
    if row is None:
        raise Gone(f"there is no reconciliation {reconciliation_id}", code="no_reconciliation")
    return {**reconciliation(row), "body": row["body"]}


def conflict_figures(conn: Connection) -> dict[str, Any]:
    """The cost of attention: open conflicts by kind, per 1,000 records (in thousandths), and how many block a balance.

    `per_thousand_milli` is an integer: 2,400 means 2.4 conflicts per 1,000 records.
    """
    kinds: Sequence[Row] = conflicts.open_by_kind(conn)
    records = conflicts.records(conn)
    total = sum(int(row["open"]) for row in kinds)
    blocking = sum(int(row["blocking"] or 0) for row in kinds)
    return {
        "open": total,
        "blocking": blocking,
        "records": records,
        "per_thousand_milli": 0 if not records else total * 1_000_000 // records,
        "by_kind": {row["kind"]: {"open": int(row["open"]), "blocking": int(row["blocking"] or 0)} for row in kinds},
    }
