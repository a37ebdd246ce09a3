"""Errors as RFC 9457 problem documents: a code, a hint and a correlation id, never a stack or SQL."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from tieout.core import exact_json
from tieout.core.dates import DateError
from tieout.core.errors import (
    BadPayload,
    ConfigError,
    Denied,
    Gone,
    HomeError,
    LedgerError,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    StaleWrite,
    TieoutError,
    VersionMoved,
)
from tieout.core.money import MoneyError

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not in this state",
    413: "Too large",
    415: "Unsupported content type",
    422: "Cannot be used",
    429: "Too many attempts",
    500: "Something went wrong here",
    502: "A remote system failed",
    503: "Not now",
}

# First match wins, so branches come before their parents.
_STATUS: tuple[tuple[type[TieoutError], int], ...] = (
    (Gone, 404),
    (Denied, 403),
    (StaleWrite, 409),
    (VersionMoved, 409),
    (BadPayload, 422),
    (Rejected, 422),
    (NotFound, 404),
    (RateLimited, 503),
    (SourceError, 502),
    (LedgerError, 500),
    (HomeError, 503),
    (ConfigError, 500),
    (DateError, 422),
    (MoneyError, 422),
)


class BadField(BaseModel):
    """One place of the request that cannot be used."""

    at: str = Field(description="Where: body, query or path, then the field.", examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(BaseModel):
    """What went wrong, for machines (`code`) and for people (`detail`, `hint`)."""

    type: str = Field(examples=["urn:tieout:problem:no_conflict"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stable: safe to branch on.", examples=["no_conflict"])
    detail: str = Field(examples=["there is no conflict cfl_x"])
    hint: str = Field(description="What to do; may be empty.", examples=[""])
    correlation_id: str = Field(description="Also in the log and in the X-Correlation-Id header.", examples=["req_1"])
    fields: list[BadField] = Field(default_factory=list)


class Refused(TieoutError):
    """A request is refused with an HTTP status of its own (login, limits, content type)."""

    def __init__(
        self, status: int, code: str, message: str, *, hint: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.headers = headers or {}


def status_of(error: TieoutError) -> int:
    """The HTTP status of an error, by what the caller can do next.

    422 is only for requests that do not fit their description; a rule that refuses a well-formed request is a 409.
    """
    if isinstance(error, Refused):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def correlation_of(request: Request) -> str:
    """The id that names this request in answers and in the log."""
    return str(request.scope.get("state", {}).get("correlation_id", ""))


def body(
    status: int, code: str, detail: str, *, hint: str = "", correlation_id: str = "", fields: list[Any] | None = None
) -> bytes:
    """A problem document in bytes."""
    problem = Problem(
        type=f"urn:tieout:problem:{code}",
        title=TITLES.get(status, "Error"),
        status=status,
        code=code,
        detail=detail,
        hint=hint,
        correlation_id=correlation_id,
        fields=fields or [],
    )
    return exact_json.dumps(problem.model_dump())


def answer(request: Request, status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem answer to this request (`hint`, `fields`, `headers` may be given); a page for a browser."""
    headers = more.pop("headers", None)
    page = getattr(request.app.state, "error_page", None)
    shown: Response | None = page(request, status, code, detail, more.get("hint", "")) if page else None
    if shown is not None:
        shown.headers.update(headers or {})
        return shown
    raw = body(status, code, detail, correlation_id=correlation_of(request), **more)
    return Response(raw, status_code=status, media_type=MEDIA_TYPE, headers=headers)


_HTTP_CODES = {404: "no_route", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_content_type"}


def _allowed(request: Request) -> str:
    """Every method of the address: the router itself names those of the first route that fits only."""
    described = request.app.openapi()["paths"]
    found: set[str] = set()
    for template, methods in described.items():
        if compile_path(template)[0].match(request.url.path):
            found |= {method.upper() for method in methods}
    return ", ".join(sorted(found))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "")
    code = _HTTP_CODES.get(error.status_code, "http_error")
    detail = TITLES.get(error.status_code, "Error") if error.status_code != 404 else "there is nothing here"
    return answer(request, error.status_code, code, detail, headers=headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        BadField(at=".".join(str(part) for part in item["loc"])[:200], message=str(item["msg"])[:300])
        for item in error.errors()[:20]
    ]
    clean = [field for field in fields if _printable(field.at + field.message)]
    return answer(request, 422, "invalid", "the request does not fit its description", fields=clean)


def _printable(text: str) -> bool:
    """False for lone surrogates, which no UTF-8 answer can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, TieoutError)
    status = status_of(error)
    headers = dict(error.headers) if isinstance(error, Refused) else {}
    if status >= 500 and not isinstance(error, Refused | SourceError | HomeError):
        raise error  # an invariant broke: the edge logs it and answers 500 without details
    return answer(request, status, error.code, error.message, hint=error.hint, headers=headers)


def install(app: FastAPI) -> None:
    """Register the handlers; what they do not know becomes a 500 at the edge."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(TieoutError, _ours)


def _declared(status: int) -> dict[str, Any]:
    return {
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI declarations of problem answers, for a router or a route."""
    return {status: _declared(status) for status in statuses}
