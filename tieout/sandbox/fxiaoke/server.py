"""The Fxiaoke open platform: every call is a POST, every answer HTTP 200, the errorCode in the body decides."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tieout.core.clock import SystemClock
from tieout.core.dates import iso_utc
from tieout.core.errors import BadPayload
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.fxiaoke import query
from tieout.sandbox.fxiaoke.callbacks import CallbackSender, Deliver
from tieout.sandbox.fxiaoke.derived import Derived
from tieout.sandbox.fxiaoke.limits import Limits
from tieout.sandbox.fxiaoke.objects import ObjectType
from tieout.sandbox.fxiaoke.problems import (
    FxiaokeProblem,
    day_is_used,
    not_there,
    parameter,
    service_timeout,
    too_fast,
    unknown_path,
)
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings
from tieout.sandbox.fxiaoke.tenant import Tenant
from tieout.sandbox.fxiaoke.tokens import BODY_PATH, HEADER_PATH, Caller, Tokens
from tieout.sandbox.fxiaoke.users import people
from tieout.sandbox.fxiaoke.writing import Call, Writer
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import Doc, LoggedRequest, SandboxStore

_DATA = re.compile(
    r"/cgi/crm/(v2|custom/v2)/data/(query|findSimple|findOne|get|create|update|invalid|delete|recover|changeOwner)"
)
_WRITES = frozenset({"create", "update", "invalid", "delete", "recover", "changeOwner"})
_OTHERS = frozenset(
    (
        "/cgi/crm/v2/object/list", "/cgi/crm/v2/object/describe", "/cgi/crm/v2/object/lock",
        "/cgi/crm/v2/object/unlock", "/cgi/message/send",
    )
)  # fmt: skip
OPERATIONS = (
    "create", "update", "delete", "invalid", "recover", "purge", "lock", "unlock", "create_field", "set_callback",
    "activate", "deactivate", "life_status",
)  # fmt: skip


class FxiaokeServer:
    """One enterprise. `handle` answers a request; `seed` and `user_change` are the back door of the sandbox."""

    def __init__(
        self,
        store: SandboxStore,
        clock: SandboxClock,
        faults: FaultRegistry,
        settings: FxiaokeSettings | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        self.settings = settings or FxiaokeSettings()
        self.store, self.clock, self.faults = store, clock, faults
        self.tenant = Tenant(store, self.settings)
        self.tokens = Tokens(store, clock, self.settings)
        self.limits = Limits(clock, self.settings)
        self.callbacks = CallbackSender(store, clock, faults, self.settings, deliver)
        self._writer = Writer(self.tenant)
        self._lock = threading.RLock()
        self._timer = SystemClock()

    # ------------------------------------------------------------- HTTP
    def handle(self, req: Request) -> Response:
        began = self._timer.monotonic()
        entry = LoggedRequest(
            self.store.requests.next_no(), iso_utc(self.clock.now()), "fxiaoke", req.method, req.path, 0, 0, 0.0, 0
        )
        events: list[tuple[str, str, str]] = []
        answer = self.faults.around("fxiaoke", req, lambda one, own: self._answer(one, own, entry, events))
        entry.status = answer.status
        entry.ms = (self._timer.monotonic() - began) * 1000
        self.store.requests.add(entry)
        self.callbacks.send(events)  # outside every lock: in process a subscriber may call back at once
        return answer

    def _answer(
        self, req: Request, faults: frozenset[str], entry: LoggedRequest, events: list[tuple[str, str, str]]
    ) -> Response:
        trace = f"E-O.{self.settings.ea}.{self.settings.api_user.id}-{entry.no:012x}"
        try:
            if req.path in (HEADER_PATH, BODY_PATH):
                with self.tokens.one_at_a_time(), self.store.batch():
                    return self.tokens.give(req)
            entry.credits = 1
            return self._business(req, faults, entry, events, trace)
        except FxiaokeProblem as error:
            entry.note = f"{entry.note} errorCode {error.code}".strip()
            return error.response(trace)

    def _business(
        self,
        req: Request,
        faults: frozenset[str],
        entry: LoggedRequest,
        events: list[tuple[str, str, str]],
        trace: str,
    ) -> Response:
        if req.method != "POST" or not _is_known(req.path):
            raise unknown_path(req.path)
        try:
            body = req.json() if req.body else None
        except BadPayload:
            raise FxiaokeProblem(-2, "system error", "系统异常") from None
        if not isinstance(body, dict):
            raise FxiaokeProblem(12004, "the post body is empty")
        if "expire_token" in faults:
            with self._lock, self.store.batch():
                self.tokens.expire_all()
        if "rate_limit" in faults:
            raise too_fast()
        if "daily_limit" in faults:
            raise day_is_used()
        if "busy" in faults:
            raise FxiaokeProblem(-1, "system busy", "系统繁忙")
        if "service_timeout" in faults:  # not carried out
            raise service_timeout()
        caller = self.tokens.check(req, body)
        self.limits.spend(req.path)
        if self.settings.latency_seconds > 0:
            self.faults.sleep(self.settings.latency_seconds)
        with self._lock:
            result = self._route(req.path, body, caller, faults, entry, events)
        if "service_timeout_after" in faults:  # carried out, and nobody knows
            raise service_timeout()
        return json_response(
            {"traceId": trace, "errorCode": 0, "errorMessage": "OK", "errorDescription": "success", **result}
        )

    def _route(
        self,
        path: str,
        body: dict[str, Any],
        caller: Caller,
        faults: frozenset[str],
        entry: LoggedRequest,
        events: list[tuple[str, str, str]],
    ) -> dict[str, Any]:
        match = _DATA.fullmatch(path)
        if match is not None:
            data = body.get("data")
            if not isinstance(data, dict):
                raise parameter("data为必填项，不能为空")
            if match[2] in _WRITES:
                with self.store.batch():
                    return self._write(match[1], match[2], body, data, caller, entry, events)
            return self._read(match[1], match[2], body, data, caller, faults, entry)
        if path == "/cgi/crm/v2/object/list":
            return {"data": {"objects": self._objects()}}
        if path == "/cgi/crm/v2/object/describe":
            inner: dict[str, Any] = body["data"] if isinstance(body.get("data"), dict) else {}
            kind = self.tenant.object(inner.get("apiName") or body.get("apiName"))
            fields = {name: one.describe() for name, one in kind.fields.items()}
            return {"data": {"describe": {"api_name": kind.api_name, "display_name": kind.label, "fields": fields}}}
        if path in ("/cgi/crm/v2/object/lock", "/cgi/crm/v2/object/unlock"):
            data = body["data"] if isinstance(body.get("data"), dict) else body
            call = self._call(body, caller, entry, events)
            kind = self.tenant.object(data.get("dataObjectApiName"))
            with self.store.batch():
                self._writer.lock(kind, list(data.get("dataIds") or ()), "0" if path.endswith("unlock") else "1", call)
            return {}
        if path == "/cgi/message/send":
            return self._message(body, entry)
        found = people(self.settings, path, body)
        if found is None:
            raise unknown_path(path)
        return found

    def _objects(self) -> list[Doc]:
        return [
            {
                "describeApiName": one.api_name,
                "describeDisplayName": one.label,
                "defineType": "custom" if one.custom else "package",
                "isActive": self.tenant.is_active(one.api_name),
            }
            for one in self.tenant.objects.values()
        ]

    def _kind(self, place: str, data: dict[str, Any], inner: dict[str, Any] | None = None) -> ObjectType:
        kind = self.tenant.object((inner or {}).get("dataObjectApiName") or data.get("dataObjectApiName"))
        if self.settings.strict_paths and kind.custom != (place == "custom/v2"):
            raise parameter(f"[{kind.api_name}]不支持此接口")
        return kind

    def _read(
        self,
        place: str,
        verb: str,
        body: dict[str, Any],
        data: dict[str, Any],
        caller: Caller,
        faults: frozenset[str],
        entry: LoggedRequest,
    ) -> dict[str, Any]:
        kind = self._kind(place if verb != "findSimple" else ("custom/v2" if self._is_custom(data) else "v2"), data)
        entry.note = f"{verb} {kind.api_name}"
        if verb == "get":
            row = self.tenant.table(kind.api_name).get(str(data.get("objectDataId") or ""))
            if row is None:
                raise not_there(str(data.get("objectDataId")))
            entry.rows = 1
            return {"data": {**self._shown(kind, row, caller), **self._details(kind, row, caller)}}
        found = query.run(self.tenant, kind, data)
        rows = [] if "empty_page" in faults else [self._shown(kind, row, caller, found.names) for row in found.rows]
        if "bad_row" in faults and rows:
            rows[0] = {**rows[0], "last_modified_time": "not a time"}
        entry.rows = len(rows)
        if verb == "findOne":
            return {"data": rows[0] if rows else {}}
        return {"data": {"total": found.total, "offset": found.offset, "limit": found.limit, "dataList": rows}}

    def _is_custom(self, data: dict[str, Any]) -> bool:
        return self.tenant.object(data.get("dataObjectApiName")).custom

    def _shown(self, kind: ObjectType, row: Doc, caller: Caller, names: Iterable[str] = ()) -> Doc:
        if kind.api_name == "PaymentPlanObj":
            row = Derived.shown(row, int(self.clock.now().timestamp() * 1000))
        return self.tenant.record(kind, row, by_header=caller.by_header, names=names)

    def _details(self, kind: ObjectType, row: Doc, caller: Caller) -> Doc:
        out: Doc = {}
        for detail in self.tenant.objects.values():
            if detail.master == kind.api_name:
                link = next(name for name, one in detail.fields.items() if one.type == "master_detail")
                lines = self.tenant.table(detail.api_name).find(link, str(row["_id"]))
                out[detail.api_name] = [
                    {**(shown := self._shown(detail, line, caller)), "containerDocument": dict(shown)} for line in lines
                ]
        return {"details": out} if out else {}

    # ------------------------------------------------------------- writes
    def _call(
        self, body: dict[str, Any], caller: Caller, entry: LoggedRequest, events: list[tuple[str, str, str]]
    ) -> Call:
        wanted = [name for name in ("triggerApprovalFlow", "triggerWorkFlow") if body.get(name, True) is not False]
        return Call("api", caller.user, self.clock.now(), entry.no, wanted, events)

    def _write(
        self,
        place: str,
        verb: str,
        body: dict[str, Any],
        data: dict[str, Any],
        caller: Caller,
        entry: LoggedRequest,
        events: list[tuple[str, str, str]],
    ) -> dict[str, Any]:
        call = self._call(body, caller, entry, events)
        inner = data.get("object_data") if verb in ("create", "update") else None
        if verb in ("create", "update") and not isinstance(inner, dict):
            raise parameter("object_data为必填项，不能为空")
        kind = self._kind(place, data, inner)
        entry.note, entry.rows = f"{verb} {kind.api_name}", 1
        out: dict[str, Any] = {}
        if verb == "create":
            out = {"dataId": self._writer.create(kind, inner or {}, data.get("details") or {}, call)}
            if "triggerApprovalFlow" in call.triggers and kind.api_name in ("PaymentObj", "SalesOrderObj"):
                self._set(kind, out["dataId"], {"life_status": "under_review", "lock_status": "1"})
        elif verb == "update":
            self._writer.update(kind, inner or {}, call)
        elif verb == "invalid":
            self._writer.invalid(kind, str(data.get("object_data_id") or ""), call)
        elif verb == "changeOwner":
            self._writer.change_owner(kind, data.get("Data"), call)
        else:
            ids = [str(one) for one in data.get("idList") or ()]
            (self._writer.delete if verb == "delete" else self._writer.recover)(kind, ids, call)
        if call.ignored:
            entry.note += f" ignored: {', '.join(sorted(set(call.ignored)))}"
        return out

    def _set(self, kind: ObjectType, record_id: str, values: Doc) -> None:
        table = self.tenant.table(kind.api_name)
        row = table.get(record_id)
        if row is None:
            raise KeyError(f"no {kind.api_name} {record_id}")
        table.put({**row, **values})

    def _message(self, body: dict[str, Any], entry: LoggedRequest) -> dict[str, Any]:
        people_ids = body.get("toUser")
        if not isinstance(people_ids, list) or not people_ids:
            raise FxiaokeProblem(10015, "the parameter toUser is missing or illegal")
        if body.get("msgType") not in ("text", "composite", "articles"):
            raise FxiaokeProblem(11016, "the parameter msgType is illegal")
        with self.store.batch():
            self.store.collection("fxiaoke", "_messages").put(str(entry.no), {"at": entry.at, "body": body})
        return {}

    # ------------------------------------------------------------- back door
    def seed(self, api_name: str, records: Iterable[Doc]) -> int:
        """Put records as they are (given `_id` and stamps are kept); no oracle entry, no event."""
        count = 0
        with self._lock, self.store.batch():
            self.tenant.object(api_name)
            for record in records:
                self._writer.seed(api_name, record, self.clock.now())
                count += 1
        return count

    def user_change(
        self,
        operation: str,
        module: str,
        record_id: str | None = None,
        fields: Doc | None = None,
        modified_at: datetime | str | None = None,
    ) -> Doc:
        """Change what a person could change in the client or the administration; sends events.

        `operation`: create, update, invalid (also `delete`), recover, purge (invalid rows leave no trace), lock,
        unlock, life_status; create_field, activate, deactivate (objects); set_callback ({url, key}). `modified_at`
        gives the stamp instead of now. Raises KeyError and ValueError.
        """
        if operation not in OPERATIONS:
            raise ValueError(f"unknown operation {operation!r}; one of {', '.join(OPERATIONS)}")
        given = fields or {}
        if operation == "set_callback":
            self.callbacks.subscribe(str(given.get("url") or ""), str(given.get("key") or self.settings.callback_key))
            return {"url": self.callbacks.target()[0]}
        if module not in self.tenant.objects:
            raise KeyError(f"no object {module!r}")
        events: list[tuple[str, str, str]] = []
        with self._lock, self.store.batch():
            kind = self.tenant.objects[module]
            if operation == "create_field":
                return self.tenant.create_field(module, given).describe()
            if operation in ("activate", "deactivate"):
                self.tenant.switch(module, active=operation == "activate")
                return {"object": module, "active": operation == "activate"}
            call = Call("user", self.settings.ui_user.id, _instant(modified_at, self.clock.now()), changes=events)
            try:
                record = self._by_hand(kind, operation, record_id, given, call)
            except FxiaokeProblem as error:
                raise ValueError(error.message) from None
        self.callbacks.send(events)
        return record

    def _by_hand(self, kind: ObjectType, operation: str, record_id: str | None, given: Doc, call: Call) -> Doc:
        table = self.tenant.table(kind.api_name)
        if operation == "create":
            made = self._writer.create(kind, given, {}, call)
            return table.get(made) or {}
        if not record_id or table.get(record_id) is None:
            raise KeyError(f"no {kind.api_name} {record_id}")
        if operation == "update":
            self._writer.update(kind, {**given, "_id": record_id}, call)
        elif operation in ("delete", "invalid"):
            self._writer.invalid(kind, record_id, call)
        elif operation == "recover":
            self._writer.recover(kind, [record_id], call)
        elif operation == "purge":
            if (table.get(record_id) or {}).get("life_status") != "invalid":
                self._writer.invalid(kind, record_id, call)
            self._writer.delete(kind, [record_id], call)
            return {"_id": record_id}
        elif operation == "life_status":
            self._set(kind, record_id, {"life_status": str(given.get("life_status"))})
        else:
            self._writer.lock(kind, [record_id], "1" if operation == "lock" else "0", call)
        return table.get(record_id) or {}

    def start_callbacks(self) -> None:
        """Start the thread that POSTs events."""
        self.callbacks.start()

    def close(self) -> None:
        self.faults.release()
        self.callbacks.stop()


def _is_known(path: str) -> bool:
    """Whether an interface lives there; an unknown one is refused before any credential is looked at."""
    return _DATA.fullmatch(path) is not None or path in _OTHERS or path.startswith(("/cgi/user/", "/cgi/department/"))


def _instant(value: datetime | str | None, now: datetime) -> datetime:
    if value is None:
        return now
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        raise ValueError("modified_at needs an offset")
    return instant.astimezone(UTC)
