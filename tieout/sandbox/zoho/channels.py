"""Notification channels, `/actions/watch` (Zoho docs v8 notifications, Kaizen 170)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import Request, Response, encode, json_response
from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.problems import RowProblem, missing_param
from tieout.sandbox.zoho.sender import Callback
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.stamps import epoch, is_datetime, stamp
from tieout.sandbox.zoho.tables import Tables
from tieout.sandbox.zoho.writeapi import read_body
from tieout.sandbox.zoho.writing import Change

EVENT_OF = {"insert": "create", "update": "edit", "delete": "delete"}
MAX_TOKEN = 50
MAX_CONDITION_FIELDS = 10
_KEPT = ("token", "notify_url", "return_affected_field_values", "notify_on_related_action", "notification_condition")


class Channels:
    """Subscriptions by channel id, and the callbacks that changes call for."""

    def __init__(self, store: SandboxStore, tables: Tables, clock: SandboxClock, settings: ZohoSettings) -> None:
        self._rows = store.collection("zoho", "_channels")
        self._tables = tables
        self._clock = clock
        self._settings = settings

    def handle(self, req: Request, base_url: str) -> Response:
        """All five verbs; POST creates, PUT replaces, PATCH renews, DELETE unsubscribes."""
        if req.method == "GET":
            return self._list(req, base_url)
        if req.method == "DELETE":
            return self._delete(req, base_url)
        results: list[Doc] = []
        for index, row in enumerate(read_body(req, "watch")["watch"]):
            try:
                results.append(self._subscribe(row, index, req.method, base_url))
            except RowProblem as error:
                results.append(error.body)
        bad = sum(1 for row in results if row["status"] == "error")
        good = 201 if req.method == "POST" else 200
        return json_response({"watch": results}, good if not bad else 400 if bad == len(results) else 207)

    def live(self) -> list[Doc]:
        """Channels that have not lapsed."""
        now = self._clock.now().timestamp()
        return [row for row in self._rows.values() if row["expires"] > now]

    def _live_one(self, channel_id: str) -> Doc | None:
        return next((row for row in self.live() if row["channel_id"] == channel_id), None)

    def callbacks(self, changes: Iterable[Change], base_url: str) -> list[Callback]:
        """One callback per channel, module and operation; several ids of one call share it."""
        changes = list(changes)
        found = []
        for channel in self.live():
            watched = {str(event).lower() for event in channel["events"]}
            seen = [*changes, *self._related(changes)] if channel.get("notify_on_related_action", True) else changes
            groups: dict[tuple[str, str], list[Change]] = {}
            for change in seen:
                events = {f"{change.module}.{EVENT_OF[change.operation]}".lower(), f"{change.module}.all".lower()}
                if events & watched and _wanted(channel, change):
                    groups.setdefault((change.module, change.operation), []).append(change)
            for (module, operation), members in groups.items():
                found.append(self._callback(channel, module, operation, members, base_url))
        return found

    def _related(self, changes: list[Change]) -> list[Change]:
        """An edited contact is told as an edit of its account too (Kaizen 170), unless the channel says no."""
        found = []
        for change in changes:
            if change.module == "Contacts" and change.operation == "update":
                parent = (self._tables["Contacts"].get(change.record_id) or {}).get("Account_Name")
                if isinstance(parent, dict):
                    found.append(Change("update", "Accounts", str(parent["id"]), {}))
        return found

    def _callback(self, channel: Doc, module: str, operation: str, members: list[Change], base_url: str) -> Callback:
        pairs = dict(parse_qsl(urlsplit(str(channel["notify_url"])).query, keep_blank_values=True))
        body: Doc = {
            "server_time": int(self._clock.now().timestamp() * 1000),
            "query_params": pairs,
            "module": module,
            "resource_uri": f"{base_url}/crm/v2/{module}",
            "ids": list(dict.fromkeys(change.record_id for change in members)),
            "affected_fields": [],
            "operation": operation,
            "channel_id": channel["channel_id"],
            "token": channel.get("token"),
        }
        if channel.get("return_affected_field_values") and operation == "update":
            body["affected_values"] = [
                {"record_id": change.record_id, "values": change.values} for change in members if change.values
            ]
        headers = {"content-type": "application/json", "user-agent": "ZohoCRM"}
        return Callback(module, str(channel["notify_url"]), encode(body), headers)

    def _subscribe(self, row: Any, index: int, method: str, base_url: str) -> Doc:
        path = f"$.watch[{index}]"
        if not isinstance(row, dict):
            raise RowProblem("INVALID_DATA", "invalid data", {"expected_data_type": "jsonobject", "json_path": path})
        channel_id = str(row.get("channel_id") or "")
        if not channel_id:
            raise _missing("channel_id", path)
        if not channel_id.isdigit():
            raise _invalid("channel_id", path, expected_data_type="bigint")
        old = self._live_one(channel_id)
        if method in ("PUT", "PATCH") and old is None:
            details = {"api_name": "channel_id", "json_path": f"{path}.channel_id"}
            raise RowProblem("NOT_SUBSCRIBED", "the channel is not subscribed", details)
        merged: Doc = {**(old or {}), **row} if method == "PATCH" else dict(row)
        for name in ("events", "notify_url"):
            if not merged.get(name):
                raise _missing(name, path)
        self._check_events(merged["events"], path)
        if not str(merged["notify_url"]).startswith(("http://", "https://")):
            raise _invalid("notify_url", path)
        if len(str(merged.get("token") or "")) > MAX_TOKEN:
            raise _invalid("token", path, maximum_length=MAX_TOKEN)
        self._check_condition(merged.get("notification_condition"), path)
        kept = {name: merged[name] for name in _KEPT if name in merged}
        doc = {**kept, "channel_id": channel_id, "events": list(merged["events"])}
        doc["expires"] = self._expiry(row, path)
        self._rows.put(channel_id, doc)
        return {
            "code": "SUCCESS",
            "status": "success",
            "message": "Successfully subscribed for actions-watch of the given module",
            "details": {"events": self._events(doc, base_url)},
        }

    def _check_events(self, events: Any, path: str) -> None:
        if not isinstance(events, list):
            raise _invalid("events", path, expected_data_type="jsonarray")
        for event in events:
            module, _, verb = str(event).partition(".")
            if module not in self._tables.catalog or verb not in ("create", "edit", "delete", "all"):
                raise _invalid("events", path)

    def _check_condition(self, conditions: Any, path: str) -> None:
        """notification_condition: field selections of at most ten fields in all."""
        if conditions is None:
            return
        if not isinstance(conditions, list) or not all(isinstance(one, dict) for one in conditions):
            raise _invalid("notification_condition", path, expected_data_type="jsonarray")
        if any(one.get("type") != "field_selection" for one in conditions):
            raise _invalid("type", f"{path}.notification_condition[0]", supported_values=["field_selection"])
        if sum(len(_selected(one)) for one in conditions) > MAX_CONDITION_FIELDS:
            raise _invalid("notification_condition", path, maximum_length=MAX_CONDITION_FIELDS)

    def _expiry(self, row: Doc, path: str) -> int:
        """Default one hour, also when more than a week ahead is asked; milliseconds are refused."""
        now = self._clock.now()
        asked = row.get("channel_expiry")
        default = int((now + timedelta(seconds=self._settings.watch_default_seconds)).timestamp())
        if asked is None:
            return default
        if not isinstance(asked, str) or not is_datetime(asked):
            raise _invalid("channel_expiry", path, expected_data_type="datetime")
        at = epoch(asked)
        if at <= now.timestamp():
            raise _invalid("channel_expiry", path)
        return default if at > now.timestamp() + self._settings.watch_max_seconds else at

    def _events(self, doc: Doc, base_url: str) -> list[Doc]:
        until = datetime.fromtimestamp(doc["expires"], UTC)
        names = sorted({str(event).partition(".")[0] for event in doc["events"]})
        return [
            {
                "channel_expiry": stamp(until, self._settings.zone),
                "resource_uri": f"{base_url}/crm/v2/{name}",
                "resource_id": f"4150868000000{sum(map(ord, name)):05d}",
                "resource_name": name,
                "channel_id": doc["channel_id"],
            }
            for name in names
        ]

    def _list(self, req: Request, base_url: str) -> Response:
        wanted, module = req.q("channel_id"), req.q("module")
        rows = []
        for doc in self.live():
            if wanted is not None and doc["channel_id"] != wanted:
                continue
            for row in self._events(doc, base_url):
                if module is None or row["resource_name"] == module:
                    own = [one for one in doc["events"] if one.startswith(f"{row['resource_name']}.")]
                    rows.append({**row, "events": own, "notify_url": doc["notify_url"], "token": doc.get("token")})
        if not rows:
            return Response(204)
        info = {"per_page": 200, "count": len(rows), "page": 1, "more_records": False}
        return json_response({"watch": rows, "info": info})

    def _delete(self, req: Request, base_url: str) -> Response:
        ids = req.q("channel_ids")
        if not ids:
            raise missing_param("channel_ids")
        results: list[Doc] = []
        for channel_id in (one.strip() for one in ids.split(",")):
            if self._live_one(channel_id) is None or not self._rows.delete(channel_id):
                details = {"channel_id": channel_id}
                results.append(RowProblem("NOT_SUBSCRIBED", "the channel is not subscribed", details).body)
                continue
            gone = {"events": [{"resource_uri": f"{base_url}/crm/v2", "channel_id": channel_id}]}
            message = "Successfully unsubscribed from actions-watch"
            results.append({"code": "SUCCESS", "status": "success", "message": message, "details": gone})
        bad = sum(1 for row in results if row["status"] == "error")
        return json_response({"watch": results}, 200 if not bad else 400 if bad == len(results) else 207)


def _selected(condition: Doc) -> list[str]:
    """Field names of a field selection: a group, or one field alone."""
    selection = condition.get("field_selection") or {}
    group = selection.get("group") or [selection]
    return [str(one["field"]["api_name"]) for one in group if isinstance(one.get("field"), dict)]


def _wanted(channel: Doc, change: Change) -> bool:
    """Whether the channel's condition on the module lets an update through; inserts and deletes always pass."""
    if change.operation != "update":
        return True
    for condition in channel.get("notification_condition") or []:
        if (condition.get("module") or {}).get("api_name") != change.module:
            continue
        hits = [name in change.values for name in _selected(condition)]
        operator = str((condition.get("field_selection") or {}).get("group_operator", "or")).lower()
        if not (all(hits) if operator == "and" else any(hits)):
            return False
    return True


def _missing(name: str, path: str) -> RowProblem:
    details = {"api_name": name, "json_path": f"{path}.{name}"}
    return RowProblem("MANDATORY_NOT_FOUND", "required field not found", details)


def _invalid(name: str, path: str, **details: Any) -> RowProblem:
    return RowProblem("INVALID_DATA", "invalid data", {**details, "api_name": name, "json_path": f"{path}.{name}"})
