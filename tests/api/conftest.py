"""The description of the API over a lived-in company, with a key that may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

from tests.browser.house import lived_in
from tieout.web.app import build
from tieout.web.limits import Attempts


@pytest.fixture(scope="session")
def api_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world, service = lived_in(tmp_path_factory.mktemp("api"))
    key = service.create_api_key("schemathesis", "admin", "cli:test")
    app = build(service.config, service=service)
    app.state.key_attempts = Attempts(service.ctx.clock, most=10**9, seconds=60)  # wrong keys are tried on purpose
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)

    @schema.auth()
    class Key:
        def get(self, case: Any, context: Any) -> str:
            return key

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers["X-API-Key"] = data

    yield schema
    service.__exit__(None, None, None)
    world.close()
