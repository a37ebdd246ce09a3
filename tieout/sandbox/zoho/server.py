"""The Zoho sandbox: one handler for the accounts server and the CRM API, and changes as a user makes them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tieout.core.clock import SystemClock
from tieout.core.dates import iso_utc
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import Request, Response
from tieout.sandbox.state import Doc, LoggedRequest, SandboxStore
from tieout.sandbox.zoho.catalog import FieldCatalog
from tieout.sandbox.zoho.channels import Channels
from tieout.sandbox.zoho.fieldtable import COMPANY_FIELDS
from tieout.sandbox.zoho.limits import Limits
from tieout.sandbox.zoho.problems import ZohoProblem, invalid_url, too_many_requests
from tieout.sandbox.zoho.router import Router
from tieout.sandbox.zoho.sender import CallbackSender, Deliver
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.tables import Tables
from tieout.sandbox.zoho.tokens import Accounts
from tieout.sandbox.zoho.useract import UserActions
from tieout.sandbox.zoho.writing import Change, Writer

FIRST_ID = 4150868000010000001
_API = re.compile(r"/crm/(v2|v8)(/.*)")


class ZohoServer:
    """A local Zoho CRM. `deliver(url, body, headers)` takes callbacks in process; else call `start_callbacks()`.

    `handle` may be called from many threads: work is done one at a time, waiting (latency, slow faults) is not.
    """

    def __init__(
        self,
        store: SandboxStore,
        clock: SandboxClock,
        faults: FaultRegistry,
        settings: ZohoSettings | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.faults = faults
        self.settings = settings if settings is not None else ZohoSettings()
        self.catalog = FieldCatalog(store)
        self.tables = Tables(store, self.catalog)
        self.accounts = Accounts(store, clock, self.settings)
        self.limits = Limits(clock, self.settings)
        self.callbacks = CallbackSender(faults, deliver)
        self.channels = Channels(store, self.tables, clock, self.settings)
        writer = Writer(store, self.tables, self.settings, self._new_id)
        self._users = UserActions(self.tables, writer, self.settings, self._new_id)
        self._router = Router(self, writer)
        self._lock = threading.RLock()
        self._timer = SystemClock()
        self._base_url = self.settings.api_domain or "http://zoho.sandbox"
        custom = self.settings.extra_fields if self.settings.extra_fields is not None else COMPANY_FIELDS
        with store.batch():
            for module, fields in custom.items():
                self.seed_fields(module, fields)

    # --- HTTP -----------------------------------------------------------------------------------------------------

    def handle(self, req: Request) -> Response:
        started = self._timer.monotonic()
        is_api = _API.fullmatch(req.path) is not None
        entry = LoggedRequest(
            self.store.requests.next_no(), iso_utc(self.clock.now()), "zoho", req.method, req.path, 0, 0, 0.0, 0
        )
        if is_api:  # the accounts server's queries hold secrets
            entry.query = "&".join(f"{key}={value}" for key, value in req.query)
        if not self.settings.api_domain and req.headers.get("host"):
            self._base_url = f"http://{req.headers['host']}"
        changes: list[Change] = []
        try:
            if is_api:
                with self.limits.call():
                    answer = self._under_faults(req, entry, changes)
            else:
                answer = self._under_faults(req, entry, changes)
        except ZohoProblem as error:  # over the concurrency limit
            answer = error.response(None)
        if is_api and answer.status < 500:
            answer.headers |= self.limits.headers()
        entry.status = answer.status
        entry.ms = round((self._timer.monotonic() - started) * 1000, 3)
        if answer.effect:
            entry.note = f"{entry.note} {answer.effect}".strip()
        self.store.requests.add(entry)
        self._notify(changes)
        return answer

    def _under_faults(self, req: Request, entry: LoggedRequest, changes: list[Change]) -> Response:
        return self.faults.around("zoho", req, lambda request, faults: self._answer(request, faults, entry, changes))

    def _answer(self, req: Request, faults: frozenset[str], entry: LoggedRequest, changes: list[Change]) -> Response:
        if req.path.startswith("/oauth/v2/token"):
            with self._lock, self.store.batch():
                try:
                    return self.accounts.handle(req, self._base_url)
                except ZohoProblem as error:
                    return error.response(None)
        match = _API.fullmatch(req.path)
        if match is None:
            return invalid_url().response(None)
        v2 = match[1] == "v2"
        path = match[2]
        wrap = None if v2 else "fields" if path.startswith("/settings/") else "data"
        wrap = "watch" if path == "/actions/watch" else wrap
        try:
            if "rate_limit" in faults:
                raise too_many_requests()
            if "expire_token" in faults:
                self.accounts.expire_all()
            with self._lock:
                self.accounts.check(req.headers.get("authorization"))
            return self._router.route(path, req, v2, faults, entry, changes)
        except ZohoProblem as error:
            return error.response(wrap)

    def wait_latency(self) -> None:
        """Wait the set latency inside the concurrency slots."""
        if self.settings.latency_seconds > 0:
            self.faults.sleep(self.settings.latency_seconds)

    @property
    def lock(self) -> threading.RLock:
        """Held while the server's records are read or written."""
        return self._lock

    @property
    def base_url(self) -> str:
        """The server's own address: the setting, else the last Host it was called by."""
        return self._base_url

    # --- what the company builder and the control plane call --------------------------------------------------------

    def seed(self, module: str, records: Iterable[Doc]) -> int:
        """Put records as they are (given id, Created_Time and Modified_Time are kept); no oracle entry, no callback."""
        count = 0
        with self._lock, self.store.batch():
            for record in records:
                self._users.seed(module, record, self.clock.now())
                count += 1
        return count

    def seed_fields(self, module: str, fields: list[dict[str, Any]]) -> None:
        """Add custom fields (api_name, field_label, data_type, length, unique, picks …); known ones are kept."""
        for field in fields:
            self.catalog.add(module, field)

    def user_change(
        self,
        operation: str,
        module: str,
        record_id: str | None = None,
        fields: Doc | None = None,
        modified_at: datetime | str | None = None,
    ) -> Doc:
        """Change a record as a person would in the UI; moves Modified_Time and fires notifications.

        `operation`: create, update, delete, undelete, purge (empty the recycle bin), lock, unlock. `modified_at` gives
        the stamp instead of now: a row that arrives late with an old stamp. Raises KeyError and ValueError.
        """
        with self._lock, self.store.batch():
            at = self.clock.now()
            record, changes = self._users.change(operation, module, record_id, fields or {}, at, modified_at)
        self._notify(changes)
        return record

    def start_callbacks(self) -> None:
        """Start the thread that POSTs callbacks."""
        self.callbacks.start()

    def close(self) -> None:
        """Stop the callback thread and let nobody wait any longer."""
        self.faults.release()
        self.callbacks.stop()

    def _notify(self, changes: list[Change]) -> None:
        """Outside every lock: in process a subscriber may call back into this server at once."""
        if changes:
            self.callbacks.send(self.channels.callbacks(changes, self._base_url))

    def _new_id(self) -> str:
        return str(self.store.next_number("zoho", "record", FIRST_ID))
