"""Rigs: a connector against its sandbox in process, with one frozen clock, no sockets and no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import connectors
from tieout.core.errors import RateLimited
from tieout.core.ids import SeededIds
from tieout.core.ports import Connector, Cursor, Env, Mint, Page, SourceRow, Token
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company.builder import build_company
from tieout.sandbox.company.model import Company
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.fxiaoke.server import FxiaokeServer
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.kingdee.server import KingdeeServer
from tieout.sandbox.kingdee.settings import KingdeeSettings
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho.server import ZohoServer
from tieout.sandbox.zoho.settings import ZohoSettings

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
OWN = {"Accounts": ["AR_Credit_Status"], "Invoices": ["AR_Payment_Status", "AR_Open_Amount"]}
FX_OWN = {
    "AccountObj": ["ar_credit_status__c"],
    "InvoiceApplicationObj": ["ar_payment_status__c", "ar_open_amount__c"],
}
_NAMES = {"zoho_crm": "zoho", "fxiaoke": "fxiaoke", "kingdee": "kingdee"}
_OWN: dict[str, dict[str, list[str]]] = {"zoho_crm": OWN, "fxiaoke": FX_OWN, "kingdee": {}}


class WorldClock:
    """The sandbox's clock as the connector's: sleeping moves both."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.now().timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(seconds)


class Tokens:
    """The shared token row."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.minted = 0

    def current(self) -> Token | None:
        return self.token

    def refresh(self, stale: Token | None, mint: Mint) -> Token:
        if self.token is not None and stale is not None and self.token.generation > stale.generation:
            return self.token
        fresh = mint()
        self.minted += 1
        self.token = replace(fresh, generation=(self.token.generation if self.token else 0) + 1)
        return self.token


class Budget:
    """Counts calls; `limit` refuses above so many."""

    def __init__(self) -> None:
        self.spent = 0
        self.calls = 0
        self.cost = 0
        self.inside = 0
        self.backoffs: list[datetime | None] = []
        self.lanes: set[str] = set()
        self.limit: int | None = None

    def spend(self, cost: int, *, lane: str, heavy: bool = False) -> None:
        if self.limit is not None and self.spent + cost > self.limit:
            raise RateLimited("our own budget is used up", retry_at=NOW + timedelta(hours=5))
        self.spent += cost
        self.lanes.add(lane)

    @contextmanager
    def call(self, *, lane: str, heavy: bool = False) -> Iterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def refused(self, retry_at: datetime | None) -> None:
        self.backoffs.append(retry_at)

    def record(self, calls: int, cost: int) -> None:
        self.calls += calls
        self.cost += cost


@dataclass
class Rig:
    """One vendor's sandbox and what a connector is given to reach it."""

    vendor: str
    server: Any
    store: SandboxStore
    sandbox_clock: SandboxClock
    faults: FaultRegistry
    settings: dict[str, Any]
    secrets: list[str]
    read_line: str  # matches the request line of a list call
    login_line: str
    company: Company
    tokens: Tokens = field(default_factory=Tokens)
    budget: Budget = field(default_factory=Budget)
    source_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = WorldClock(self.sandbox_clock)
        self.transport: Any = InProcessTransport({f"{self.store_name}.sandbox": self.server})

    @property
    def store_name(self) -> str:
        return _NAMES[self.vendor]

    def env(self, **changed: Any) -> Env:
        return Env(
            connection="test",
            settings={**self.settings, **changed},
            clock=self.clock,
            ids=SeededIds(1),
            tokens=self.tokens,
            budget=self.budget,
            transport=self.transport,
            own_fields=_OWN[self.vendor],
            source_fields=self.source_fields,
        )

    def connector(self, **changed: Any) -> Connector:
        return connectors.build(self.vendor, self.env(**changed))

    def requests(self) -> list[Any]:
        """The sandbox's own log of calls, logins left out."""
        return [entry for entry in self.store.requests.since(0) if not self._login(entry)]

    def _login(self, entry: Any) -> bool:
        return "oauth" in entry.path or "LoginBySign" in entry.path or "corpAccessToken" in entry.path

    def fault(self, action: str, match: str = "", **more: Any) -> None:
        self.faults.add(self.store_name, match or self.read_line, action, **more)


def _zoho() -> Rig:
    store, clock, faults = SandboxStore(None), SandboxClock(NOW, running=False), FaultRegistry()
    given = ZohoSettings()
    server = ZohoServer(store, clock, faults, given)
    company = build_company(7, 30, 60, today=date(2026, 11, 20))
    for module, records in company.zoho.items():
        server.seed(module, records)
    settings = {
        "sandbox": True,
        "auth_url": "http://zoho.sandbox",
        "client_id": given.client_id,
        "client_secret": given.client_secret,
        "refresh_token": given.refresh_token,
    }
    secrets = [given.client_secret, given.refresh_token]
    return Rig(
        "zoho_crm", server, store, clock, faults, settings, secrets, r"GET /crm/v8/Accounts$", "POST /oauth", company
    )


def _kingdee() -> Rig:
    store, clock, faults = SandboxStore(None), SandboxClock(NOW, running=False), FaultRegistry()
    given = KingdeeSettings()
    server = KingdeeServer(store, clock, faults, given)
    company = build_company(7, 30, 60, today=date(2026, 11, 20))
    for form, docs in company.kingdee.items():
        server.seed(form, docs)
    settings = {
        "sandbox": True,
        "base_url": "http://kingdee.sandbox",
        "acct_id": given.acct_id,
        "user": given.user,
        "app_id": given.app_id,
        "app_secret": given.app_secret,
    }
    query, login = r"ExecuteBillQuery", "LoginBySign"
    return Rig("kingdee", server, store, clock, faults, settings, [given.app_secret], query, login, company)


def _fxiaoke(**changed: Any) -> Rig:
    store, clock, faults = SandboxStore(None), SandboxClock(NOW, running=False), FaultRegistry()
    given = FxiaokeSettings(**changed)
    server = FxiaokeServer(store, clock, faults, given)
    company = build_company(7, 150, 300, today=date(2026, 11, 20))
    for name, records in company.fxiaoke.items():
        server.seed(name, records)
    settings = {
        "sandbox": True,
        "base_url": "http://fxiaoke.sandbox",
        "app_id": given.app_id,
        "app_secret": given.app_secret,
        "permanent_code": given.permanent_code,
    }
    query, login = r"POST /cgi/crm/v2/data/query$", "POST /oauth2.0"
    secrets = [given.app_secret, given.permanent_code]
    return Rig("fxiaoke", server, store, clock, faults, settings, secrets, query, login, company)


_BUILD: dict[str, Callable[[], Rig]] = {"zoho_crm": _zoho, "fxiaoke": _fxiaoke, "kingdee": _kingdee}


@pytest.fixture
def zoho() -> Rig:
    return _zoho()


@pytest.fixture
def kingdee() -> Rig:
    return _kingdee()


@pytest.fixture
def fxiaoke() -> Rig:
    return _fxiaoke()


@pytest.fixture(params=["zoho_crm", "fxiaoke", "kingdee"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return _BUILD[request.param]()


def rows_of(pages: Sequence[Page]) -> dict[str, SourceRow]:
    return {row.external_id: row for page in pages for row in page.rows}


@pytest.fixture
def pull() -> Callable[..., tuple[dict[str, SourceRow], Cursor]]:
    """Read one stream to its end as the pull does: rows by id and the next cursor."""

    def run(connector: Connector, stream: str, cursor: Cursor | None = None) -> tuple[dict[str, SourceRow], Cursor]:
        begin = cursor or Cursor()
        started = connector._env.clock.now()  # type: ignore[attr-defined]
        pages = list(connector.read(stream, begin))
        return rows_of(pages), connector.next_cursor(stream, begin, started, {})

    return run
