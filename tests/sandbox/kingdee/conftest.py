"""A Kingdee account set with a small seeded company, called in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from tieout.core import exact_json
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company import Company, build_company
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.kingdee import KingdeeServer, KingdeeSettings
from tieout.sandbox.kingdee.signing import login_sign
from tieout.sandbox.state import SandboxStore

BASE = "http://kingdee.sandbox/k3cloud/"
FORM_SERVICE = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService"
AUTH_SERVICE = "Kingdee.BOS.WebApi.ServicesStub.AuthService"


class Books:
    """A client that is logged in, and the server behind it."""

    def __init__(self, server: KingdeeServer, clock: SandboxClock, faults: FaultRegistry, company: Company) -> None:
        self.server, self.clock, self.faults, self.company = server, clock, faults, company
        self.http = httpx.Client(transport=InProcessTransport({"kingdee.sandbox": server}))

    def call(self, service: str, method: str, body: Any) -> Any:
        answer = self.http.post(f"{BASE}{service}.{method}.common.kdsvc", json=body)
        assert answer.status_code == 200
        return exact_json.loads(answer.content)

    def login(self) -> Any:
        ours = self.server.settings
        stamp = str(int(self.clock.now().timestamp()))
        sign = login_sign(ours.acct_id, ours.user, ours.app_id, ours.app_secret, stamp)
        args = [ours.acct_id, ours.user, ours.app_id, stamp, sign, 2052]
        return self.call(AUTH_SERVICE, "LoginBySign", {"parameters": args})

    def query(self, form: str, fields: str, where: Any = "", **more: Any) -> list[list[Any]]:
        data = {"FormId": form, "FieldKeys": fields, "FilterString": where, **more}
        return self.call(FORM_SERVICE, "ExecuteBillQuery", {"data": data})

    def message(self, form: str, fields: str, where: Any = "", **more: Any) -> str:
        """The error message of a query; fails when the query answers rows."""
        ((first,),) = self.query(form, fields, where, **more)
        status = first["Result"]["ResponseStatus"]
        assert status["IsSuccess"] is False
        return status["Errors"][0]["Message"]


@pytest.fixture(scope="session")
def small_company() -> Company:
    return build_company(5, 40, 300, today=date(2026, 11, 24))


MakeBooks = Callable[..., Books]


@pytest.fixture
def make_books(small_company: Company) -> MakeBooks:
    def make(path: str | None = None, **settings: Any) -> Books:
        clock = SandboxClock(datetime(2026, 11, 24, 2, 0, tzinfo=UTC), running=False)
        faults, store = FaultRegistry(), SandboxStore(path)
        server = KingdeeServer(store, clock, faults, KingdeeSettings(**settings))
        if store.is_empty():
            for form, docs in small_company.kingdee.items():
                server.seed(form, docs)
        return Books(server, clock, faults, small_company)

    return make


@pytest.fixture
def books(make_books: MakeBooks) -> Books:
    made = make_books()
    made.login()
    return made


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
