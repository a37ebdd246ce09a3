"""Builds the FastAPI application: routes, error handlers, limits. No rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.staticfiles import StaticFiles

from sync.service import open_service
from tieout.core.config import Config
from tieout.web import console, problems
from tieout.web.console import pages
from tieout.web.edge import Edge
from tieout.web.i18n import Catalogue
from tieout.web.limits import Attempts, Listing
from tieout.web.ports import Service
from tieout.web.routes import (
    answers,
    conflicts,
    credit,
    customers,
    dunning,
    health,
    invoices,
    operations,
    people,
    pushes,
    reports,
    rules,
    texts,
    webhooks,
)

VERSION = "0.1.0"


def build(config: Config, *, service: Service | None = None) -> FastAPI:
    """The application; without a service one is made from the configuration."""
    with ExitStack() as stack:
        if service is None:
            service = stack.enter_context(open_service(config))
        held = stack.pop_all()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with held:
            yield

    app = FastAPI(
        title="Tieout",
        version=VERSION,
        summary="Keeps CRMs and accounting systems in agreement about money owed.",
        docs_url=None,  # the stock pages load scripts from elsewhere; the description is at /openapi.json
        redoc_url=None,
        separate_input_output_schemas=False,
        lifespan=lifespan,
    )
    clock = service.ctx.clock
    app.state.service = service
    app.state.key_attempts = Attempts(clock, most=20, seconds=60)
    app.state.login_attempts = Attempts(clock, most=20, seconds=300)
    app.state.password_attempts = Attempts(clock, most=5, seconds=300)
    app.state.failed_logins = Listing(clock, each=5, most=100, seconds=3600)
    app.state.catalogue = Catalogue(config.language)
    problems.install(app)
    pages.install(app)
    for part in (
        operations,
        conflicts,
        rules,
        customers,
        answers,
        credit,
        dunning,
        texts,
        invoices,
        pushes,
        people,
        reports,
        webhooks,
        health,
    ):
        app.include_router(part.router)
    app.include_router(console.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(Edge, ids=service.ctx.ids)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description with the problem document that every error answer refers to."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes, description=_WORDS
        )
        schemas = made["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        app.openapi_schema = made
    return app.openapi_schema


_WORDS = """
Money is `{"minor": 123450, "currency": "CNY", "text": "1,234.50"}`: the integer is the value. `*_on` is a calendar date
in the company's time zone, `*_at` a UTC instant. Lists are pages: `next` is the cursor of the next one. Errors are
problem documents (RFC 9457) with a stable `code`. Keys are sent as `Authorization: Bearer tok_…` or `X-API-Key`.
What makes a thing takes an `Idempotency-Key`: a request that is sent again with it makes nothing a second time.
Roles: viewer < operator < approver < admin; an auditor reads everything and writes nothing.
"""
