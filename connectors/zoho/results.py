"""What Zoho says of each row of a write: the row's own code decides, never the HTTP status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.http import Reply
from connectors.zoho.api import MOVED, Problem, ZohoApi, problem_of, row_problem
from tieout.core.dates import DateError, parse_at
from tieout.core.errors import AuthError, ConfigError, RateLimited, VersionMoved
from tieout.core.ports import JsonValue, Outcome, Receipt, RemoteChange

_LOCKED = frozenset({"RECORD_LOCKED", "NOT_APPROVED", "RECORD_IN_BLUEPRINT"})
_TOO_MANY = frozenset({"LIMIT_EXCEEDED", "REQUEST_ENTITY_TOO_LARGE"})


def receipts_of(api: ZohoApi, reply: Reply, batch: Sequence[RemoteChange], now: datetime) -> list[Receipt] | None:
    """One receipt per row; None when the whole request was too large and should be halved.

    Raises AuthError, ConfigError and RateLimited for refusals of the whole request, UnknownOutcome when rows that
    were accepted cannot be matched to what was sent.
    """
    rows = _rows(api, reply)
    if rows is not None and len(rows) == len(batch):
        return [_receipt(api, change, row, now) for change, row in zip(batch, rows, strict=True)]
    if reply.status < 400:
        raise api.http.unreadable(reply, "not one result per row", safe=False)
    problem = problem_of(reply.body)
    if reply.status == 413 or problem.code in _TOO_MANY:
        return None
    error = api.error(reply)
    if isinstance(error, AuthError | ConfigError | RateLimited):
        raise error
    outcome: Outcome = "version_moved" if isinstance(error, VersionMoved) else "rejected"
    text = str(error)[:300]
    return [Receipt(change.change_id, outcome, change.remote_id, problem.code, text) for change in batch]


def _rows(api: ZohoApi, reply: Reply) -> list[JsonValue] | None:
    if reply.status >= 400 and not reply.body.lstrip().startswith(b"{"):
        return None
    found = api.object(reply, safe=reply.status >= 400).get("data")
    return found if isinstance(found, list) else None


def _receipt(api: ZohoApi, change: RemoteChange, row: JsonValue, now: datetime) -> Receipt:
    problem = row_problem(row)
    details = problem.details
    remote_id = str(details.get("id") or change.remote_id)
    if problem.code == "SUCCESS":
        at = _stamp(details)
        return Receipt(change.change_id, "done", remote_id, "SUCCESS", problem.message, remote_modified_at=at)
    outcome = _outcome(change, problem)
    retry_at = now + timedelta(hours=api.settings.locked_retry_hours) if outcome == "locked" else None
    if outcome == "done":  # a create that had already happened: the unique key found it
        remote_id = _duplicate_id(details)
    where = str(details.get("api_name") or details.get("json_path") or "")
    text = api.http.redactor.clean(f"{problem.message} {where}".strip())[:300]
    kept = {key: details[key] for key in ("api_name", "json_path", "expected_data_type") if key in details}
    return Receipt(change.change_id, outcome, remote_id, problem.code, text, retry_at=retry_at, detail=kept)


def _outcome(change: RemoteChange, problem: Problem) -> Outcome:
    code, field = problem.code, problem.details.get("api_name")
    if code in _LOCKED:
        return "locked"
    if code in MOVED:
        return "version_moved"
    if code in {"INTERNAL_ERROR", ""}:
        return "uncertain"
    if code == "TOO_MANY_REQUESTS":
        return "retry"
    if change.operation == "update" and code == "INVALID_DATA" and field == "id":
        return "not_found"
    if (
        change.operation == "create"
        and code == "DUPLICATE_DATA"
        and field == change.key_field
        and _duplicate_id(problem.details)
    ):
        return "done"
    return "rejected"


def _duplicate_id(details: Mapping[str, Any]) -> str:
    twin = details.get("duplicate_record")
    found = twin.get("id") if isinstance(twin, dict) else None
    return str(found or details.get("id") or "")


def _stamp(details: Mapping[str, Any]) -> datetime | None:
    value = details.get("Modified_Time")
    try:
        return parse_at(value) if isinstance(value, str) else None
    except DateError:
        return None
