"""The K3Cloud WebAPI: `POST {base}/k3cloud/{Service}.{Method}.common.kdsvc`, HTTP 200 for every answer and error.

Behaviour follows the accounting reference, sections 1.1 to 1.3. Requests that are no kdsvc call get 404. When a request
limit is set, requests above it get 429 with Retry-After: the vendor documents none, a gateway would answer so.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tieout.core.clock import SystemClock
from tieout.core.dates import iso_utc
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import Request, Response, json_response, text_response
from tieout.sandbox.kingdee.bodies import arguments, read_body
from tieout.sandbox.kingdee.changes import Changes
from tieout.sandbox.kingdee.describe import business_info, view
from tieout.sandbox.kingdee.errors import KingdeeError, SessionLost
from tieout.sandbox.kingdee.forms import form_of
from tieout.sandbox.kingdee.library import VENDOR, Doc, Library
from tieout.sandbox.kingdee.query import Page, QueryEngine, query_data, query_form
from tieout.sandbox.kingdee.sessions import LOGIN_ARGUMENTS, Sessions
from tieout.sandbox.kingdee.settings import KingdeeSettings
from tieout.sandbox.state import LoggedRequest, SandboxStore

_CALL = re.compile(r"([A-Za-z0-9_.]+)\.common\.kdsvc$", re.IGNORECASE)
_AUTH = "kingdee.bos.webapi.servicesstub.authservice."
_FORM = "kingdee.bos.webapi.servicesstub.dynamicformservice."
_CENTRES = "kingdee.bos.servicefacade.servicesstub.account.accountservice.getdatacenterlist"


class KingdeeServer:
    """One account set. `handle` answers a request; `seed` and `user_change` are the back door of the sandbox."""

    def __init__(
        self,
        store: SandboxStore,
        clock: SandboxClock,
        faults: FaultRegistry,
        settings: KingdeeSettings | None = None,
    ) -> None:
        self.settings = settings or KingdeeSettings()
        self.library = Library(store)
        self.sessions = Sessions(clock, self.settings)
        self.changes = Changes(self.library, clock, self.settings)
        self._engine = QueryEngine(self.library, self.settings)
        self._store, self._clock, self._faults = store, clock, faults
        self._real = SystemClock()
        self._recent: deque[datetime] = deque()
        self._lock = threading.Lock()

    def seed(self, form_id: str, docs: Iterable[Doc]) -> None:
        """Put documents as they are, stamps included."""
        self.library.put_all(form_of(form_id), docs)

    def user_change(
        self,
        operation: str,
        form_id: str,
        record_id: str | None = None,
        fields: dict[str, Any] | None = None,
        modified_at: datetime | str | None = None,
    ) -> Doc:
        """Change a document as a user of the accounting system would; see `changes.Changes.apply`."""
        return self.changes.apply(operation, form_id, record_id or "", fields or {}, modified_at)

    def settle(self, source_bill_no: str, bill_no: str, amount: Decimal | int | str) -> int:
        """Allocate part of a receipt (or net a red bill) against a bill; gives the match id."""
        return self.changes.settle(source_bill_no, bill_no, amount)

    def handle(self, req: Request) -> Response:
        """Answer one request and log it."""
        no, began = self._store.requests.next_no(), self._real.monotonic()
        notes: dict[str, Any] = {"rows": 0, "note": ""}
        answer = self._faults.around(VENDOR, req, lambda request, own: self._answer(request, own, notes))
        self._store.requests.add(
            LoggedRequest(
                no=no,
                at=iso_utc(self._clock.now()),
                vendor=VENDOR,
                method=req.method,
                path=req.path,
                status=answer.status,
                credits=1,
                ms=(self._real.monotonic() - began) * 1000,
                rows=notes["rows"],
                note=notes["note"],
            )
        )
        return answer

    def _answer(self, req: Request, faults: frozenset[str], notes: dict[str, Any]) -> Response:
        call = _CALL.search(req.path)
        if call is None or req.method != "POST":
            return text_response("<html><body><h1>404 - File or directory not found.</h1></body></html>", 404)
        if "rate_limit" in faults or self._too_fast():
            return json_response(
                {"errcode": 429, "description": "request frequency limited"}, 429, {"retry-after": "1"}
            )
        if "lose_session" in faults or "expire_token" in faults:
            self.sessions.drop_all()
        name = call.group(1)
        method = name.rpartition(".")[2].lower()
        notes["note"] = name.rpartition(".")[2]
        try:
            body = read_body(req.body)
            if name.lower() == _CENTRES:
                return json_response(
                    [{"Id": self.settings.acct_id, "Number": "001", "Name": self.settings.acct_name}],
                )
            if name.lower() == _AUTH + method and method in LOGIN_ARGUMENTS:
                args = arguments(body, LOGIN_ARGUMENTS[method])
                return self.sessions.login(method, {key: str(value) for key, value in args.items()})
            if name.lower() != _FORM + method:
                raise KingdeeError(f"服务不存在: {name}")
            return self._service(method, body, req, faults, notes)
        except KingdeeError as error:
            notes["note"] += f" {error.message}"
            return json_response(_wrapped(method, error.result()))

    def _service(
        self, method: str, body: dict[str, Any], req: Request, faults: frozenset[str], notes: dict[str, Any]
    ) -> Response:
        if "lose_session" in faults or "expire_token" in faults or not self.sessions.known(req):
            if method == "view":
                return json_response({})  # without a session View answers an empty object and no error
            raise SessionLost
        if method in ("executebillquery", "billquery"):
            data = query_data(arguments(body, ("data",)).get("data"))
            notes["note"] += f" {next((v for k, v in data.items() if str(k).lower() == 'formid'), '')}"
            page = self._page(data, faults)
            notes["rows"] = len(page.rows)
            if method == "billquery":
                return json_response([dict(zip(page.keys, row, strict=True)) for row in page.rows])
            return json_response(page.rows)
        if method == "view":
            args = arguments(body, ("formid", "data"))
            return json_response(
                view(query_form(args.get("formid"), self.settings), self.library, query_data(args.get("data")))
            )
        if method == "querybusinessinfo":
            data = query_data(arguments(body, ("data",)).get("data"))
            form_id = next((value for key, value in data.items() if str(key).lower() == "formid"), None)
            return json_response(business_info(query_form(form_id, self.settings)))
        raise KingdeeError(f"服务方法不存在: {method}")

    def _page(self, data: dict[str, Any], faults: frozenset[str]) -> Page:
        page = self._engine.run(data)
        if "empty_page" in faults:
            return Page(page.keys, [])
        if "bad_row" in faults and page.rows:
            _spoil(page.rows[0])
        return page

    def _too_fast(self) -> bool:
        limit = self.settings.requests_per_second
        if limit is None:
            return False
        with self._lock:
            now = self._clock.now()
            while self._recent and (now - self._recent[0]).total_seconds() >= 1:
                self._recent.popleft()
            if len(self._recent) >= limit:
                return True
            self._recent.append(now)
            return False


def _wrapped(method: str, result: dict[str, Any]) -> Any:
    """Errors of queries sit inside the result array; those of the other services are the result itself."""
    if method == "executebillquery":
        return [[result]]
    return [result] if method == "billquery" else result


def _spoil(row: list[Any]) -> None:
    """Make one row unreadable: its first amount becomes text, or its last value an object."""
    for index, value in enumerate(row):
        if isinstance(value, Decimal):
            row[index] = "N/A"
            return
    row[-1] = {"unreadable": True}
