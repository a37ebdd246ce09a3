"""Which call goes where, what it costs, and which scope it needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tieout.core.errors import BadPayload
from tieout.sandbox.http import Request, Response
from tieout.sandbox.state import LoggedRequest
from tieout.sandbox.zoho.coql import Coql
from tieout.sandbox.zoho.fieldsapi import FieldsApi
from tieout.sandbox.zoho.listing import Listing
from tieout.sandbox.zoho.organisation import Organisation
from tieout.sandbox.zoho.problems import ZohoProblem, invalid_method, invalid_module, invalid_url
from tieout.sandbox.zoho.reads import Reads
from tieout.sandbox.zoho.tokens import scope_allows
from tieout.sandbox.zoho.writeapi import WriteApi, cost, trigger_of, unmodified_since, write_rows
from tieout.sandbox.zoho.writing import Change, WriteCall, Writer

if TYPE_CHECKING:
    from tieout.sandbox.zoho.server import ZohoServer

HEAVY_ROWS = 10
DELETED_CREDITS = 2
_OPERATIONS = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
_FIELD = re.compile(r"/settings/fields/(\d+)")
_NOTES_OF = re.compile(r"/(\w+)/(\d+)/Notes")
_RECORDS = re.compile(r"/(\w+)(?:/(upsert|deleted|search|actions/count|\d+))?")


class Router:
    """Routes the calls under /crm/v2 and /crm/v8."""

    def __init__(self, server: ZohoServer, writer: Writer) -> None:
        self._server = server
        self._fields = FieldsApi(server.catalog, server.settings)
        self._listing = Listing(server.tables, server.clock, server.settings)
        self._reads = Reads(server.tables, server.clock, server.settings)
        self._coql = Coql(server.tables)
        self._organisation = Organisation(server.settings)
        self._writes = WriteApi(server.store, writer)

    def route(
        self,
        path: str,
        req: Request,
        v2: bool,
        faults: frozenset[str],
        entry: LoggedRequest,
        changes: list[Change],
    ) -> Response:
        """Answer one authenticated call; raises ZohoProblem."""
        operation = _OPERATIONS.get(req.method)
        if operation is None:
            raise invalid_method()
        if path == "/coql":
            return self._query(req, entry)
        if path.startswith(("/settings/", "/org", "/users", "/actions/watch")):
            self._spend(entry, 1)
            with self._server.lock:
                return self._general(path, req, v2, operation)
        if (found := _NOTES_OF.fullmatch(path)) is not None:
            return self._notes_of(found[1], found[2], req, entry)
        match = _RECORDS.fullmatch(path)
        if match is None:
            raise invalid_url()
        module, rest = match[1], match[2] or ""
        if module not in self._server.catalog:
            raise invalid_module()
        self._scope("modules", module, operation)
        if req.method == "GET" and (module, rest) == ("Notes", ""):
            raise ZohoProblem(403, "NO_PERMISSION", "permission denied to read all notes")
        if req.method == "GET":
            return self._read(module, rest, req, v2, faults, entry)
        return self._write(module, rest, req, entry, changes)

    def _notes_of(self, module: str, record_id: str, req: Request, entry: LoggedRequest) -> Response:
        """The notes of a record; they are made by POST /Notes."""
        if req.method != "GET":
            raise invalid_method()
        if module not in self._server.catalog:
            raise invalid_module()
        self._scope("modules", module, "READ")
        self._scope("modules", "Notes", "READ")
        self._spend(entry, 1)
        self._server.wait_latency()
        with self._server.lock:
            answer = self._reads.notes(module, record_id, req)
        entry.rows = answer.rows
        return answer

    def _general(self, path: str, req: Request, v2: bool, operation: str) -> Response:
        if path == "/actions/watch":
            self._scope("notifications", "", operation)
            return self._server.channels.handle(req, self._server.base_url)
        if path == "/settings/fields" and req.method == "POST":
            self._scope("settings", "fields", "CREATE")
            with self._server.store.batch():
                return self._fields.create(req)
        if req.method != "GET":
            raise invalid_method()
        if path == "/settings/modules":
            self._scope("settings", "modules", "READ")
            return self._fields.modules()
        if path == "/settings/fields":
            self._scope("settings", "fields", "READ")
            return self._fields.fields(req, v2)
        if found := _FIELD.fullmatch(path):
            self._scope("settings", "fields", "READ")
            return self._fields.field(found[1], req, v2)
        if path == "/org/currencies":
            self._scope("settings", "currencies", "READ")
            return self._organisation.currencies()
        if path == "/org":
            self._scope("org", "", "READ")
            return self._organisation.org()
        if path == "/users":
            self._scope("users", "", "READ")
            return self._organisation.users(req)
        raise invalid_url()

    def _read(
        self, module: str, rest: str, req: Request, v2: bool, faults: frozenset[str], entry: LoggedRequest
    ) -> Response:
        self._spend(entry, DELETED_CREDITS if rest == "deleted" else 1)
        self._server.wait_latency()
        with self._server.lock:
            try:
                if rest == "":
                    answer = self._listing.get(module, req, v2, faults)
                elif rest == "deleted":
                    answer = self._reads.deleted(module, req)
                elif rest == "search":
                    answer = self._reads.search(module, req)
                elif rest == "actions/count":
                    answer = self._reads.count(module)
                elif rest.isdigit():
                    answer = self._reads.by_id(module, rest, req)
                else:
                    raise invalid_method()
            except (ValueError, TypeError):
                raise ZohoProblem(400, "INVALID_DATA", "invalid data", {"param_name": "If-Modified-Since"}) from None
        entry.rows = answer.rows
        return answer

    def _query(self, req: Request, entry: LoggedRequest) -> Response:
        if req.method != "POST":
            raise invalid_method()
        if not scope_allows(self._server.settings.scopes, "coql", "", "READ"):
            raise _scope_mismatch()
        try:
            body = req.json()
        except BadPayload:
            body = None
        text = body.get("select_query") if isinstance(body, dict) else None
        if not isinstance(text, str):
            details = {"api_name": "select_query", "json_path": "$.select_query"}
            raise ZohoProblem(400, "MANDATORY_NOT_FOUND", "required field not found", details)
        query, credits = self._coql.prepare(text)
        self._scope("modules", query.module, "READ")
        with self._server.limits.heavy(True):
            self._spend(entry, credits)
            self._server.wait_latency()
            with self._server.lock:
                answer = self._coql.run(query)
        entry.rows = answer.rows
        return answer

    def _write(self, module: str, rest: str, req: Request, entry: LoggedRequest, changes: list[Change]) -> Response:
        body: dict[str, Any] = {}
        rows: list[Any] = []
        if req.method != "DELETE":
            body, rows = write_rows(req)
        ids = rest if rest.isdigit() else req.q("ids")
        count = len(rows) or len((ids or "").split(","))
        server = self._server
        call = WriteCall(
            "api",
            server.settings.api_user,
            server.clock.now(),
            entry.no,
            trigger_of(body),
            unmodified_since(req),
            changes=changes,
        )
        with server.limits.heavy(count > HEAVY_ROWS):
            self._spend(entry, cost(count))
            server.wait_latency()
            with server.lock:
                call.now = server.clock.now()
                answer = self._apply(module, rest, req.method, ids, body, rows, call)
        entry.rows = count
        if call.ignored:
            entry.note = f"ignored fields: {', '.join(sorted(call.ignored))}"
        return answer

    def _apply(
        self,
        module: str,
        rest: str,
        method: str,
        ids: str | None,
        body: dict[str, Any],
        rows: list[Any],
        call: WriteCall,
    ) -> Response:
        if method == "POST" and rest == "":
            return self._writes.insert(module, rows, call)
        if method == "POST" and rest == "upsert":
            return self._writes.upsert(module, body, rows, call)
        if method == "PUT" and rest == "":
            return self._writes.update(module, rows, call)
        if method == "PUT" and rest.isdigit():
            return self._writes.update_one(module, rest, rows, call)
        if method == "DELETE" and (rest == "" or rest.isdigit()):
            return self._writes.delete(module, ids, call)
        raise invalid_method()

    def _scope(self, group: str, entity: str, operation: str) -> None:
        if not scope_allows(self._server.settings.scopes, group, entity, operation):
            raise _scope_mismatch()

    def _spend(self, entry: LoggedRequest, credits: int) -> None:
        self._server.limits.spend(credits)
        entry.credits = credits


def _scope_mismatch() -> ZohoProblem:
    return ZohoProblem(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
