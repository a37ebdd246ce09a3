"""The other reads: a record by id, deleted records, the count, and the lagging search."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import Doc
from tieout.sandbox.zoho.problems import ZohoProblem, invalid_param, missing_param
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.stamps import epoch, parse_header
from tieout.sandbox.zoho.tables import Tables

RECYCLE_DAYS = 60  # visible in the recycle bin
PERMANENT_DAYS = 120  # visible once permanently deleted
SEARCH_CAP = 2_000
_CONDITION = re.compile(r"\((?P<field>[\w$]+):(?P<op>[a-z_]+):(?P<value>(?:\\.|[^()\\])*)\)")


class Reads:
    """Answers everything about records that is not a list page."""

    def __init__(self, tables: Tables, clock: SandboxClock, settings: ZohoSettings) -> None:
        self._tables = tables
        self._clock = clock
        self._settings = settings

    def by_id(self, module: str, record_id: str, req: Request) -> Response:
        record = self._tables[module].get(record_id)
        if record is None:
            return Response(204)
        since = req.headers.get("if-modified-since")
        if since is not None and self._tables[module].modified(record_id) <= parse_header(since):
            return Response(304)
        names = [name.strip() for name in (req.q("fields") or "").split(",") if name.strip()]
        row = self._tables.row(module, record, names) if names else self._tables.full(module, record)
        return json_response({"data": [row]})

    def count(self, module: str) -> Response:
        return json_response({"count": len(self._tables[module])})

    def notes(self, module: str, record_id: str, req: Request) -> Response:
        """GET /{Module}/{id}/Notes: the related list of a record, newest first."""
        names = [name.strip() for name in (req.q("fields") or "").split(",") if name.strip()]
        if not names:
            raise missing_param("fields")
        if self._tables[module].get(record_id) is None:
            raise ZohoProblem(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 1})
        page, per_page = _positive(req, "page", 1), _positive(req, "per_page", 200)
        if per_page > 200:
            raise invalid_param("per_page", "integer")
        table = self._tables["Notes"]
        mine = [
            one
            for one in table.rows.values()
            if one.get("$se_module") == module and (one.get("Parent_Id") or {}).get("id") == record_id
        ]
        mine.sort(key=lambda one: int(one["id"]), reverse=True)
        chosen = mine[(page - 1) * per_page : page * per_page]
        if not chosen:
            return Response(204)
        info = {"per_page": per_page, "count": len(chosen), "page": page, "more_records": len(mine) > page * per_page}
        answer = json_response({"data": [self._tables.row("Notes", one, names) for one in chosen], "info": info})
        answer.rows = len(chosen)
        return answer

    def deleted(self, module: str, req: Request) -> Response:
        """GET /{Module}/deleted (Zoho docs v8 get-deleted-records): newest first."""
        kind = req.q("type") or "all"
        if kind not in ("all", "recycle", "permanent"):
            raise ZohoProblem(400, "PATTERN_NOT_MATCHED", "the given type is not valid", {"param_name": "type"})
        page, per_page = _positive(req, "page", 1), _positive(req, "per_page", 200)
        if per_page > 200:
            raise invalid_param("per_page", "integer")
        since = req.headers.get("if-modified-since")
        bound = None if since is None else parse_header(since)
        now = self._clock.now()
        rows = []
        for grave in self._tables[module].graves.values():
            days = RECYCLE_DAYS if grave["type"] == "recycle" else PERMANENT_DAYS
            at = epoch(grave["deleted_time"])
            if at < (now - timedelta(days=days)).timestamp() or (bound is not None and at <= bound):
                continue
            if kind in ("all", grave["type"]):
                rows.append(grave)
        if bound is not None and not rows:
            return Response(304)
        rows.sort(key=lambda grave: (epoch(grave["deleted_time"]), int(grave["id"])), reverse=True)
        chosen = rows[(page - 1) * per_page : page * per_page]
        if not chosen:
            return Response(204)
        info = {"per_page": per_page, "count": len(chosen), "page": page, "more_records": len(rows) > page * per_page}
        return json_response({"data": [_grave_row(grave) for grave in chosen], "info": info})

    def search(self, module: str, req: Request) -> Response:
        """GET /{Module}/search by `criteria`; text `equals` behaves like contains and fresh writes are not seen yet."""
        criteria = req.q("criteria")
        if criteria is None:
            raise missing_param("criteria")
        conditions = [match.groupdict() for match in _CONDITION.finditer(criteria)]
        if not conditions or len(conditions) > 10:
            raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"param_name": "criteria"})
        fields = self._tables.catalog.fields(module)
        for one in conditions:
            if one["field"] not in fields and one["field"] != "id":
                raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"reason": "unknown field"})
        either = ")or(" in criteria
        visible_until = self._clock.now().timestamp() - self._settings.search_lag_seconds
        table = self._tables[module]
        found = []
        for record in table.rows.values():
            if table.written.get(record["id"], 0.0) > visible_until:
                continue
            hits = [_matches(record, one) for one in conditions]
            if any(hits) if either else all(hits):
                found.append(record)
        page, per_page = _positive(req, "page", 1), _positive(req, "per_page", 200)
        if page * per_page > SEARCH_CAP:
            raise ZohoProblem(400, "LIMIT_REACHED", "the search limit of 2000 records is reached")
        chosen = found[(page - 1) * per_page : page * per_page]
        if not chosen:
            return Response(204)
        names = [name.strip() for name in (req.q("fields") or "").split(",") if name.strip()] or list(fields)
        info = {"per_page": per_page, "count": len(chosen), "page": page, "more_records": len(found) > page * per_page}
        return json_response({"data": [self._tables.row(module, one, names) for one in chosen], "info": info})


def _matches(record: Doc, condition: dict[str, Any]) -> bool:
    value = record.get(condition["field"])
    if isinstance(value, dict):
        value = value.get("id")
    have = "" if value is None else str(value).casefold()
    want = re.sub(r"\\(.)", r"\1", condition["value"]).casefold()
    operator = condition["op"]
    if operator == "equals":
        return bool(have) and want in have  # the trap: equals on text is contains
    if operator == "not_equal":
        return want not in have
    if operator == "starts_with":
        return have.startswith(want)
    if operator == "in":
        return have in want.split(",")
    raise ZohoProblem(400, "INVALID_QUERY", "invalid query formed", {"operator": operator})


def _grave_row(grave: Doc) -> Doc:
    gone = grave["type"] == "permanent"
    row = {name: grave[name] for name in ("id", "display_name", "type", "deleted_time", "deleted_by", "created_by")}
    return row | {"display_name": None, "deleted_by": None, "created_by": None} if gone else row


def _positive(req: Request, name: str, default: int) -> int:
    text = req.q(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise invalid_param(name, "integer")
    return int(text)
