"""The write calls over HTTP: bodies in, ordered per-row results and the fitting status out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tieout.core.errors import BadPayload
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.problems import RowProblem, ZohoProblem, invalid_param, missing_param
from tieout.sandbox.zoho.stamps import parse_header
from tieout.sandbox.zoho.writing import WriteCall, Writer

MAX_ROWS = 100
ROWS_PER_CREDIT = 10


def read_body(req: Request, wrapper: str) -> dict[str, Any]:
    """The JSON object of a call with its list under `wrapper`; raises the 400 or 415 of anything else."""
    kind = req.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind not in ("application/json", "") and not kind.startswith("multipart/"):
        raise ZohoProblem(415, "MEDIA_TYPE_NOT_SUPPORTED", "the media type is not supported")
    try:
        body = req.json()
    except BadPayload:
        details = {"expected_data_type": "jsonobject"}
        raise ZohoProblem(400, "INVALID_DATA", "unable to parse the request body", details) from None
    if not isinstance(body, dict) or wrapper not in body:
        details = {"api_name": wrapper, "json_path": f"$.{wrapper}"}
        raise ZohoProblem(400, "MANDATORY_NOT_FOUND", "required field not found", details)
    if not isinstance(body[wrapper], list) or not body[wrapper]:
        details = {"expected_data_type": "jsonarray", "api_name": wrapper, "json_path": f"$.{wrapper}"}
        raise ZohoProblem(400, "INVALID_DATA", "invalid data", details)
    return body


def write_rows(req: Request) -> tuple[dict[str, Any], list[Any]]:
    """Body and rows of a record write: at most 100 rows."""
    body = read_body(req, "data")
    rows = body["data"]
    if len(rows) > MAX_ROWS:
        details = {"maximum_length": MAX_ROWS, "api_name": "data", "json_path": "$.data"}
        raise ZohoProblem(400, "INVALID_DATA", "invalid data", details)
    return body, rows


def cost(rows: int) -> int:
    """Credits of a write: one per ten rows."""
    return max(1, -(-rows // ROWS_PER_CREDIT))


def results(rows: list[Doc], success: int) -> Response:
    """`success` when all rows went through, 207 when some did, 400 (412 if all were modified) when none did."""
    bad = [row["code"] for row in rows if row["status"] == "error"]
    if not bad:
        status = success
    elif len(bad) < len(rows):
        status = 207
    else:
        status = 412 if set(bad) == {"ALREADY_MODIFIED"} else 400
    return json_response({"data": rows}, status)


class WriteApi:
    """POST, PUT and DELETE on records."""

    def __init__(self, store: SandboxStore, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def insert(self, module: str, rows: list[Any], call: WriteCall) -> Response:
        def one(index: int, row: Any) -> Doc:
            return self._writer.insert(module, row, index, call)

        return results(self._each(rows, one), 201)

    def update(self, module: str, rows: list[Any], call: WriteCall) -> Response:
        def one(index: int, row: Any) -> Doc:
            record_id = row.get("id") if isinstance(row, dict) else None
            if not record_id:
                details = {"api_name": "id", "json_path": f"$.data[{index}].id"}
                raise RowProblem("MANDATORY_NOT_FOUND", "required field not found", details)
            return self._writer.update(module, str(record_id), row, index, call)

        return results(self._each(rows, one), 200)

    def update_one(self, module: str, record_id: str, rows: list[Any], call: WriteCall) -> Response:
        return results(
            self._each(rows[:1], lambda index, row: self._writer.update(module, record_id, row, index, call)), 200
        )

    def upsert(self, module: str, body: dict[str, Any], rows: list[Any], call: WriteCall) -> Response:
        keys = body.get("duplicate_check_fields")
        if keys is not None and not isinstance(keys, list):
            raise invalid_param("duplicate_check_fields", "jsonarray")
        names = [str(key) for key in keys] if keys else None
        done = self._each(rows, lambda index, row: self._writer.upsert(module, row, index, names, call))
        inserted = all(row.get("action") == "insert" for row in done)
        return results(done, 201 if inserted else 200)

    def delete(self, module: str, ids: str | None, call: WriteCall) -> Response:
        if not ids:
            raise missing_param("ids")
        wanted = [one.strip() for one in ids.split(",")]
        if len(wanted) > MAX_ROWS:
            raise invalid_param("ids")
        return results(self._each(wanted, lambda _, one: self._writer.delete(module, one, call)), 200)

    def _each(self, rows: list[Any], write: Callable[[int, Any], Doc]) -> list[Doc]:
        done: list[Doc] = []
        with self._store.batch():
            for index, row in enumerate(rows):
                try:
                    done.append(write(index, row))
                except RowProblem as error:
                    done.append(error.body)
        return done


def unmodified_since(req: Request) -> int | None:
    """If-Unmodified-Since as epoch seconds."""
    header = req.headers.get("if-unmodified-since")
    if header is None:
        return None
    try:
        return parse_header(header)
    except (ValueError, TypeError):
        raise invalid_param("If-Unmodified-Since", "datetime") from None


def trigger_of(body: dict[str, Any]) -> list[str] | None:
    """The automations to run: None means all of them."""
    trigger = body.get("trigger")
    return [str(one) for one in trigger] if isinstance(trigger, list) else None
