"""An application around a fake service, on both engines, with keys for every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from sync.service import Service, open_service
from tests.web.factory import NOW, Books
from tests.web.fake import FakeContext, FakeService
from tieout.core.clock import ManualClock
from tieout.core.config import Config, parse
from tieout.core.ids import SeededIds
from tieout.store import apikeys, sessions, users
from tieout.store.session import make_engine, unit
from tieout.web.app import build

CONFIG = """
[tieout]
language = "zh-CN"
[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"
[connections.zoho]
vendor = "zoho_crm"
client_id = "1000.T"
client_secret = "a secret of nobody"
refresh_token = "1000.a.token.of.nobody"
streams = ["customers", "deals", "invoices"]
sandbox = true
[connections.kingdee]
vendor = "kingdee"
streams = ["customers", "receivables", "receipts"]
sandbox = true
"""


@dataclass
class Site:
    """The application and what stands around it."""

    app: FastAPI
    service: FakeService
    engine: Engine
    clock: ManualClock
    books: Books

    def key(self, role: str = "admin") -> str:
        with unit(self.engine, "admin.commit") as conn:
            made = apikeys.create(conn, self.service.ctx.ids, NOW, name=f"{role} key", role=role, actor="cli:test")
        return made.token

    def client(self, role: str | None = "admin") -> TestClient:
        client = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        if role is not None:
            client.headers["Authorization"] = f"Bearer {self.key(role)}"
        return client

    def user(self, role: str = "operator", name: str = "mei", password: str | None = None) -> str:
        with unit(self.engine, "admin.commit") as conn:
            return users.create(
                conn, self.service.ctx.ids, NOW, name=name, role=role, actor="cli:test", password=password
            )

    def link(self, user_id: str) -> str:
        with unit(self.engine, "admin.commit") as conn:
            return sessions.make_link(conn, self.service.ctx.ids, self.clock.now(), user_id, actor="cli:test")

    def browser(self, role: str = "operator", name: str = "mei") -> TestClient:
        """A signed-in browser that asks for pages."""
        client = self.client(None)
        client.headers["Accept"] = "text/html"
        answer = client.post("/login/link", data={"token": self.link(self.user(role, name))})
        assert answer.status_code == 303, answer.text
        return client


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse(CONFIG, tmp_path / "tieout.toml", environ={})


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    made = make_engine(engine_url)
    yield made
    made.dispose()


@pytest.fixture
def site(config: Config, engine: Engine) -> Site:
    clock = ManualClock(NOW)
    service = FakeService(FakeContext(config, engine, clock, SeededIds(3)))
    return Site(build(config, service=service), service, engine, clock, Books(engine))


@pytest.fixture
def api(site: Site) -> TestClient:
    return site.client()


Csrf = Callable[[str], str]


@pytest.fixture
def csrf_of() -> Csrf:
    """The CSRF token of a page."""

    def find(html: str) -> str:
        return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]

    return find


@pytest.fixture
def service(config: Config, blank_url: str) -> Iterator[Service]:
    """The real service on a database of its own."""
    config.home.mkdir()
    with open_service(config.model_copy(update={"database_url": blank_url})) as opened:
        opened.migrate()
        yield opened
