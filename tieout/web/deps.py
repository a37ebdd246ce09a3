"""What routes are handed: a reading connection that ends before the answer leaves, and exact answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from tieout.core import exact_json
from tieout.reports.values import today_by_company
from tieout.store.once import Once
from tieout.store.queries.paging import Slice
from tieout.store.queries.worth import PLAIN, Worth, worth
from tieout.store.session import reading
from tieout.web import problems
from tieout.web.auth import Principal, principal_of, service_of
from tieout.web.ports import Service, ServiceContext
from tieout.web.schemas.base import NoQuery


def _reads(request: Request) -> Iterator[Connection]:
    with reading(service_of(request).ctx.engine) as conn:
        yield conn


def context_of(request: Request) -> ServiceContext:
    """Configuration, engine, clock and ids of this process."""
    return service_of(request).ctx


# scope="function": the unit ends (and can fail) before the client sees the answer.
Reads = Annotated[Connection, Depends(_reads, scope="function")]
Ctx = Annotated[ServiceContext, Depends(context_of)]
Uses = Annotated[Service, Depends(service_of)]


def no_query(_: Annotated[NoQuery, Query()]) -> None:
    """Refuses query parameters on routes that take none."""


async def once_of(
    request: Request,
    caller: Annotated[Principal, Depends(principal_of)],
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[!-~]{1,128}$",
            description="Made once: the same key with the same body again is answered as the first time and makes "
            "nothing, for 7 days; with another body it is refused (409 `key_used`).",
            examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Once | None:
    """The key under which a request makes a thing once, or None."""
    if key is None:
        return None
    sent = exact_json.loads(await request.body())
    if isinstance(sent, dict):
        sent.pop("password", None)  # no digest of it is kept
    return Once.of(caller.actor, request.url.path, key, exact_json.canonical(sent))


Keyed = Annotated[Once | None, Depends(once_of)]
NO_QUERY = [Depends(no_query)]

READ_ERRORS = problems.responses(401, 403, 404, 405, 413, 415, 422, 429, 500, 503)
WRITE_ERRORS = READ_ERRORS | problems.responses(409, 502)


def reply(model: type[BaseModel], content: Mapping[str, Any], status: int = 200) -> Response:
    """The content as exact JSON, checked against its model first: a wrong shape is our 500, never a silent drift."""
    made = model.model_validate(dict(content))
    return Response(exact_json.dumps(made.model_dump()), status_code=status, media_type="application/json")


def reply_page(model: type[BaseModel], found: Slice[Any], show: Callable[[Any], dict[str, Any]]) -> Response:
    """One page of a list."""
    return reply(model, {"items": [show(row) for row in found.rows], "next": found.next})


def plain(value: Any) -> Any:
    """Values of other rooms (dates, decimals, bytes) as JSON values; Decimals become exact text."""
    return exact_json.loads(exact_json.dumps(value))


def today(ctx: Ctx) -> Mapping[str, Any]:
    """Business date per company."""
    return today_by_company(ctx.config, ctx.clock)


Today = Annotated[Mapping[str, Any], Depends(today)]


def worth_of(conn: Connection, ctx: Any, today: Mapping[str, Any], currencies: Sequence[str] = ()) -> Worth:
    """What amounts are sorted by: the stored rates of today into the first company's currency."""
    quote = next((one.functional_currency for one in ctx.config.companies.values()), "")
    return worth(conn, quote, max(today.values()), currencies) if quote and today else PLAIN
