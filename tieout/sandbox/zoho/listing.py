"""GET /{Module}: pages, page tokens, If-Modified-Since (Zoho docs v8 get-records)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import Doc
from tieout.sandbox.zoho import pagetoken
from tieout.sandbox.zoho.problems import ZohoProblem, invalid_param, missing_param
from tieout.sandbox.zoho.settings import ZohoSettings
from tieout.sandbox.zoho.stamps import parse_header, stamp
from tieout.sandbox.zoho.table import SORTS, Entry
from tieout.sandbox.zoho.tables import Tables

MAX_FIELDS = 50
MAX_PER_PAGE = 200


@dataclass(slots=True)
class _Ask:
    fields: list[str]
    per_page: int
    page: int
    token: str | None
    sort_by: str
    descending: bool
    ids: list[str] | None
    since: int | None
    binding: str


class Listing:
    """Answers list calls from the sorted indexes."""

    def __init__(self, tables: Tables, clock: SandboxClock, settings: ZohoSettings) -> None:
        self._tables = tables
        self._clock = clock
        self._settings = settings

    def get(self, module: str, req: Request, v2: bool, faults: frozenset[str]) -> Response:
        ask = self._ask(module, req, v2)
        table = self._tables[module]
        if ask.ids is not None:
            entries, low = table.entries_of(ask.ids, ask.sort_by), 0
            if ask.since is not None:
                entries = [entry for entry in entries if table.modified(str(entry[1])) > ask.since]
        else:
            entries, low = table.view(ask.sort_by, ask.since)
        position = self._position(ask) if ask.token is not None else None
        given = position.given if position is not None else (ask.page - 1) * ask.per_page
        page = position.page if position is not None else ask.page
        chosen, more = _slice(entries, low, ask, given, position)
        if ask.since is not None and len(entries) == low and given == 0:
            return Response(304)
        if not chosen or "empty_page" in faults:
            return Response(204)
        rows = []
        for _, number in chosen:
            record = table.get(str(number))
            if record is not None:
                rows.append(self._tables.row(module, record, ask.fields))
        if "bad_row" in faults:
            self._spoil(module, rows[0])
        if v2:
            info: dict[str, Any] = {
                "per_page": ask.per_page,
                "count": len(rows),
                "page": page,
                "more_records": more,
            }
        else:
            info = self._info(ask, chosen, given + len(rows), page, more)
        answer = json_response({"data": rows, "info": info})
        answer.rows = len(rows)
        return answer

    def _ask(self, module: str, req: Request, v2: bool) -> _Ask:
        fields = [name.strip() for name in (req.q("fields") or "").split(",") if name.strip()]
        if not fields and not v2:
            raise missing_param("fields")
        if len(fields) > MAX_FIELDS:
            raise ZohoProblem(400, "LIMIT_EXCEEDED", "the number of fields exceeds the limit", {"limit": MAX_FIELDS})
        if not fields:
            fields = [*self._tables.catalog.fields(module), "$currency_symbol", "$approved", "$editable"]
        token = req.q("page_token")
        if token is not None and req.q("page") is not None:
            raise ZohoProblem(
                400,
                "AMBIGUITY_DURING_PROCESSING",
                "ambiguity while processing the request",
                {"ambiguity_due_to": [{"param": "page"}, {"param": "page_token"}]},
            )
        if req.q("cvid") is not None and req.q("sort_by") is not None:
            raise ZohoProblem(400, "AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request")
        per_page = _number(req, "per_page", MAX_PER_PAGE)
        if per_page > MAX_PER_PAGE:
            raise invalid_param("per_page", "integer")
        page = _number(req, "page", 1)
        if not v2 and token is None and page * per_page > self._settings.page_cap:
            raise ZohoProblem(
                400,
                "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
                "the discrete pagination limit of 2000 records is exceeded; use page_token",
            )
        sort_by = req.q("sort_by") or "id"
        if sort_by not in SORTS:
            raise invalid_param("sort_by")
        order = req.q("sort_order") or "desc"
        if order not in ("asc", "desc"):
            raise invalid_param("sort_order")
        ids = req.q("ids")
        bound = sorted(f"{key}={value}" for key, value in req.query if key not in ("page", "page_token"))
        header = req.headers.get("if-modified-since")
        bound += [f"since={header}", module, self._settings.api_user.id]
        return _Ask(
            fields,
            per_page,
            page,
            token,
            sort_by,
            order == "desc",
            None if ids is None else [one.strip() for one in ids.split(",")],
            self._since(header),
            pagetoken.binding_of(bound),
        )

    def _since(self, header: str | None) -> int | None:
        if header is None:
            return None
        try:
            since = parse_header(header)
        except (ValueError, TypeError):
            raise invalid_param("If-Modified-Since", "datetime") from None
        return since - 1 if self._settings.modified_since_inclusive else since

    def _position(self, ask: _Ask) -> pagetoken.PagePosition:
        position = pagetoken.unseal(ask.token or "", self._settings.client_secret)
        if position is None:
            raise invalid_param("page_token")
        if position.binding != ask.binding:
            raise ZohoProblem(
                400, "TOKEN_BOUND_DATA_MISMATCH", "the parameters differ from those the page_token was made for"
            )
        if position.expires <= self._clock.now().timestamp():
            raise ZohoProblem(400, "EXPIRED_VALUE", "the page_token has expired", {"param_name": "page_token"})
        if position.given + ask.per_page > self._settings.token_cap:
            raise ZohoProblem(400, "PAGINATION_LIMIT_EXCEEDED", "the pagination limit of 100000 records is exceeded")
        return position

    def _info(self, ask: _Ask, chosen: list[Entry], given: int, page: int, more: bool) -> dict[str, Any]:
        until = self._clock.now() + timedelta(seconds=self._settings.page_token_ttl_seconds)
        token = None
        if more:
            key, number = chosen[-1]
            position = pagetoken.PagePosition(ask.binding, int(until.timestamp()), key, number, given, page + 1)
            token = pagetoken.seal(position, self._settings.client_secret)
        return {
            "call": False,
            "per_page": ask.per_page,
            "next_page_token": token,
            "count": len(chosen),
            "sort_by": ask.sort_by,
            "page": page,
            "previous_page_token": None,
            "page_token_expiry": stamp(until, self._settings.zone) if more else None,
            "sort_order": "desc" if ask.descending else "asc",
            "email": False,
            "more_records": more,
        }

    def _spoil(self, module: str, row: Doc) -> None:
        """Fault `bad_row`: an amount that is text, as a broken integration of somebody else leaves it."""
        fields = self._tables.catalog.fields(module)
        for name in row:
            if name in fields and fields[name].data_type in ("currency", "double"):
                row[name] = "壹万元整"
                return
        for name in row:
            if name != "id":
                row[name] = {"unexpected": [True]}
                return


def _number(req: Request, name: str, default: int) -> int:
    text = req.q(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise invalid_param(name, "integer")
    return int(text)


def _slice(
    entries: list[Entry], low: int, ask: _Ask, given: int, position: pagetoken.PagePosition | None
) -> tuple[list[Entry], bool]:
    """The page's entries in the asked order, and whether more follow; `low` is the first position in view."""
    high = len(entries)
    if ask.descending:
        if position is not None:
            high = bisect_left(entries, (position.key, position.number))
        else:
            high -= given
        start = max(low, high - ask.per_page)
        return entries[start : max(start, high)][::-1], start > low and high > low
    start = low + given if position is None else max(low, bisect_right(entries, (position.key, position.number)))
    return entries[start : start + ask.per_page], start + ask.per_page < high
