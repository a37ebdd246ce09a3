"""The wire between the product and the vendors of a world: every request passes here, and the seed's faults with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import httpx

from tests.sim import bodies
from tieout.sandbox.http import Request, Response, json_response, text_response

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.world import World

ZOHO, KINGDEE = "127.0.0.1:7001", "127.0.0.1:7002"
_RAISED: dict[str, Callable[..., Exception]] = {
    "connect_error": httpx.ConnectError,
    "connect_timeout": httpx.ConnectTimeout,
    "pool_timeout": httpx.PoolTimeout,
    "write_timeout": httpx.WriteTimeout,
    "timeout_before": httpx.ReadTimeout,
    "reset_before": httpx.ReadError,
}
_RAISED_AFTER: dict[str, Callable[..., Exception]] = {
    "timeout_after": httpx.ReadTimeout,
    "timeout_after_write": httpx.ReadTimeout,
    "reset_after": httpx.ReadError,
    "reset_after_write": httpx.ReadError,
    "cut_body": httpx.RemoteProtocolError,
}
_WAITED = {"connect_timeout": 10.0, "pool_timeout": 10.0, "write_timeout": 60.0}
_READ_TIMEOUT = 60.0


@dataclass(slots=True)
class Late:
    """A write that the vendor will carry out after its caller has given up."""

    at: float
    vendor: str
    request: Request


@dataclass(frozen=True, slots=True)
class Outage:
    """Until an instant every request at a place fails; of a list only pages as deep as the first that failed."""

    until: float
    place: str
    listing: str = ""
    depth: int = 0

    def holds(self, places: tuple[str, ...], req: Request) -> bool:
        return self.place in places and (
            not self.listing or (self.listing == _listing(req) and _depth(req) >= self.depth)
        )


class Network:
    """Both vendors' addresses, as one world's processes reach them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.late: list[Late] = []
        self.outages: list[Outage] = []
        self._shortened: set[str] = set()  # lists of ids that once ended too early
        self._pages: dict[str, Response] = {}

    def line(self, process: Process) -> httpx.BaseTransport:
        """The transport of one process."""
        return _Line(self, process)

    def carry_out_late(self) -> None:
        """Writes whose time has come reach the vendor."""
        due = [one for one in self.late if one.at <= self._world.time.seconds]
        self.late = [one for one in self.late if one.at > self._world.time.seconds]
        for one in due:
            self._world.note(f"late {one.request.line} reaches {one.vendor}")
            self._world.vendors.handle(one.vendor, one.request)

    def exchange(self, process: Process, request: httpx.Request) -> httpx.Response:
        process.check()
        world = self._world
        self.carry_out_late()
        vendor = "zoho" if request.url.netloc.decode("ascii") == ZOHO else "kingdee"
        req = Request(
            request.method,
            unquote(request.url.path),
            parse_qsl(request.url.query.decode("latin-1"), keep_blank_values=True),
            {key.lower(): value for key, value in request.headers.items()},
            request.read(),
        )
        places = _places(vendor, req)
        if self._came_back(req):
            places = (*places, "came_back")
        world.interrupt("interleave", *places, "request")
        world.interrupt("rush", *places, "request")
        for place in dict.fromkeys(places):
            if world.strikes("crash_request", f"before {place}"):
                process.die()
        answer = self._answer(process, vendor, req, request, places)
        for place in places:
            if world.strikes("crash_request", f"after {place}"):
                process.die()
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            content=b"" if answer.status in (204, 304) else answer.body,
            request=request,
        )

    def _answer(
        self, process: Process, vendor: str, req: Request, request: httpx.Request, places: tuple[str, ...]
    ) -> Response:
        world = self._world
        fault = world.net_fault(places)
        kind, amount = (fault.kind, fault.amount) if fault is not None else ("", 0.0)
        if kind in _RAISED:
            world.time.advance(_WAITED.get(kind, _READ_TIMEOUT if "timeout" in kind else 0.0))
            raise _RAISED[kind](kind.replace("_", " "), request=request)
        if kind in ("late_write", "late_crash"):
            # The line broke (or the process died) at once, the vendor is done within the call's timeout all the same.
            self.late.append(Late(world.time.seconds + amount, vendor, req))
            world.wire.seen(vendor, req, None)
            if kind == "late_crash":
                process.die()
            raise httpx.ReadError("connection reset by peer", request=request)
        if kind in ("outage", "deep_outage"):
            assert fault is not None
            deep = (_listing(req), _depth(req)) if kind == "deep_outage" else ("", 0)
            self.outages.append(Outage(world.time.seconds + amount, fault.place, *deep))
        self.outages = [one for one in self.outages if one.until > world.time.seconds]
        if any(one.holds(places, req) for one in self.outages):
            return text_response("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)
        refused = self._refusal(kind, amount, vendor, places)
        if refused is not None:
            return refused
        if kind == "expire_tokens":
            world.vendors.expire_tokens()
        if kind == "slow":
            world.time.advance(amount)
        if kind == "partial":
            return self._partly(vendor, req)
        answer = world.vendors.handle(vendor, req)
        # A refusal says by its status alone that nothing was done, however spoilt its words are.
        lost = kind in _RAISED_AFTER or (kind in bodies.DAMAGE and answer.status < 400) or answer.status >= 500
        world.wire.seen(vendor, req, None if lost else answer)
        if kind == "slow" and amount >= _READ_TIMEOUT:
            raise httpx.ReadTimeout("read timeout", request=request)
        if kind == "stale_deletes" and answer.status in (200, 204, 304):
            return bodies.with_lines(answer, self._came_back(req))
        if kind in _RAISED_AFTER:
            world.time.advance(_READ_TIMEOUT if "timeout" in kind else 0.0)
            raise _RAISED_AFTER[kind](kind.replace("_", " "), request=request)
        return self._damaged(kind, vendor, req, answer)

    def _came_back(self, req: Request) -> list[dict[str, object]]:
        """What a delete feed would still tell if it came from a copy that has not heard yet what was restored since."""
        if not req.path.endswith("/deleted") or dict(req.query).get("page", "1") != "1":
            return []
        module = req.path.split("/")[-2]
        return self._world.vendors.came_back(module, req.headers.get("if-modified-since"))

    def _damaged(self, kind: str, vendor: str, req: Request, answer: Response) -> Response:
        if kind in bodies.DAMAGE:
            return bodies.DAMAGE[kind](answer)
        if kind == "error_in_200":
            return bodies.error_in_200(answer, vendor)
        if kind in ("empty_page", "short_page") and _is_id_list(vendor, req):
            if _listing(req) in self._shortened:
                return answer  # a list that lies again and again cannot be told from one that is true
            self._shortened.add(_listing(req))
        if kind in ("empty_page", "short_page"):
            return bodies.empty_page(answer, vendor) if kind == "empty_page" else bodies.short_page(answer, vendor)
        if req.method == "GET" or vendor == "kingdee":
            query = _listing(req)
            before = self._pages.get(query) if _depth(req) else None  # the first page has none before it
            self._pages[query] = answer
            if kind == "duplicate_page" and before is not None:
                return before
        return answer

    def _refusal(self, kind: str, amount: float, vendor: str, places: tuple[str, ...]) -> Response | None:
        """The answer of a vendor or a gateway that did nothing at all."""
        if not kind.startswith("http_") and kind not in ("token_refused", "daily_quota"):
            return None
        if kind == "token_refused":
            return json_response({"error": "invalid_code"})
        status = 429 if kind == "daily_quota" else int(kind[5:8])
        if kind == "http_502_html":
            return text_response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        headers: dict[str, str] = {}
        now = self._world.vendors.now(vendor)
        if kind in ("http_429_seconds", "http_503", "daily_quota") and amount:
            headers["retry-after"] = str(int(amount))
        if kind == "http_429_date":
            headers["retry-after"] = format_datetime(now + timedelta(seconds=amount), usegmt=True)
            headers["date"] = format_datetime(now, usegmt=True)
        code = {401: "INVALID_TOKEN", 403: "NO_PERMISSION", 404: "INVALID_URL_PATTERN", 412: "PRECONDITION_FAILED"}
        words = {"code": code.get(status, "INTERNAL_ERROR"), "details": {}, "message": "no", "status": "error"}
        return json_response(words, status, headers)

    def _partly(self, vendor: str, req: Request) -> Response:
        """Only the first half of the rows of a write is carried out; the others are refused row by row."""
        doc = json.loads(req.body) if req.body else {}
        rows = doc.get("data") if isinstance(doc, dict) else None
        if vendor != "zoho" or not isinstance(rows, list) or len(rows) < 2:
            return self._world.vendors.handle(vendor, req)
        half = len(rows) // 2
        fewer = replace(req, body=json.dumps({**doc, "data": rows[:half]}, ensure_ascii=False).encode())
        answer = self._world.vendors.handle(vendor, fewer)
        shown = json.loads(answer.body)
        error = {"code": "INTERNAL_ERROR", "details": {}, "message": "row not written", "status": "error"}
        shown["data"] = [*shown.get("data", []), *([error] * (len(rows) - half))]
        return json_response(shown, 207)


class _Line(httpx.BaseTransport):
    def __init__(self, network: Network, process: Process) -> None:
        self._network, self._process = network, process

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._network.exchange(self._process, request)


def _listing(req: Request) -> str:
    """What a page is a page of: the same question wherever in the list it stands."""
    asked = [f"{key}={value}" for key, value in req.query if key not in ("page", "page_token")]
    asked.append(req.headers.get("if-modified-since", ""))  # of another read it would be another question
    return re.sub(r"F[A-Z]*ID>\d+|\"StartRow\":\d+", "", f"{req.path} {asked} {req.body.decode('utf-8', 'replace')}")


_BEHIND = re.compile(r"F[A-Z]*ID>(\d+)")


def _depth(req: Request) -> int:
    """How deep in its list a page stands; 0 = the first one."""
    asked = dict(req.query)
    if asked.get("page_token"):
        return 1
    if asked.get("page", "1") != "1":
        return int(asked["page"]) - 1
    found = _BEHIND.findall(req.body.decode("utf-8", "replace"))
    return int(found[-1]) if found else 0  # the last condition pages; one before it may ask for rows above a log id


def _is_id_list(vendor: str, req: Request) -> bool:
    """A list of all ids, as sweeps ask for it."""
    if vendor == "zoho":
        return dict(req.query).get("fields") == "id"
    body = req.body.decode("utf-8", "replace")
    return "ExecuteBillQuery" in req.path and ">" in body and "FModifyDate" not in body and " in (" not in body


def _places(vendor: str, req: Request) -> tuple[str, ...]:
    """What a request is, for faults that strike only there."""
    if "/oauth/" in req.path or "AuthService" in req.path:
        return ("any", "token", vendor)
    if vendor == "zoho" and req.method in ("POST", "PUT", "PATCH") and not req.path.endswith("/coql"):
        if "/settings/" not in req.path:
            creates = req.method == "POST" and req.path.endswith(("/Tasks", "/Notes"))
            return ("any", "write", "create", vendor) if creates else ("any", "write", vendor)
    elif _is_id_list(vendor, req):
        return ("any", "read", "ids", "later_ids", vendor) if _depth(req) else ("any", "read", "ids", vendor)
    return ("any", "read", vendor)
