"""Before there are figures: every page says what to do next, and stops saying it once everything was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from sync.service import Service, open_service
from tests.browser.house import LISTS
from tests.web.conftest import Site
from tests.web.factory import NOW
from tieout.core.config import parse
from tieout.store.session import unit
from tieout.store.tables import connections, watermarks
from tieout.web.app import build

PAGES = [path for name, path in LISTS.items() if name not in ("not found", "text", "policy")]


@pytest.fixture
def bare(blank_url: str, tmp_path: Path) -> Iterator[Service]:
    """An installation whose configuration names no system."""
    text = f'[tieout]\nhome = "{tmp_path / "home"}"\nsecret_key = "k"\n'
    config = parse(text, tmp_path / "tieout.toml", environ={}).model_copy(update={"database_url": blank_url})
    config.home.mkdir()
    with open_service(config) as opened:
        opened.migrate()
        yield opened


def _signed_in(service: Service) -> TestClient:
    client = TestClient(build(service.config, service=service), follow_redirects=False)
    client.headers["Accept"] = "text/html"
    assert client.post("/login/link", data={"token": service.login_link()}).status_code == 303
    return client


def test_without_connections_every_page_opens_and_says_how_to_begin(bare: Service) -> None:
    browser = _signed_in(bare)
    for path in PAGES:
        answer = browser.get(path, params={"lang": "en"})
        assert answer.status_code == 200, path
        assert "no systems are connected yet" in answer.text, path
        assert "tieout init" in answer.text, path
    (found,) = [row for row in bare.doctor()["findings"] if row["code"] == "no_connections"]
    assert "tieout init" in found["hint"]
    assert "tieout up --sandbox" in found["hint"]


def _read(site: Site, name: str, stream: str, **values: Any) -> None:
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(insert(watermarks).values(connection=name, stream=stream, **values))


def test_the_pages_follow_the_first_read_to_its_end(site: Site) -> None:
    with unit(site.engine, "admin.commit") as conn:
        for name in ("zoho", "kingdee"):
            conn.execute(insert(connections).values(name=name, vendor=name, auth_state="ok"))
    browser = site.browser("operator")

    def says() -> str:
        page = browser.get("/customers?lang=en").text
        return page.split('<aside class="notice begin', 1)[1].split("</aside>", 1)[0] if "notice begin" in page else ""

    assert "not read yet: kingdee, zoho." in says()
    assert "tieout check" in says()
    for stream in ("customers", "deals", "invoices"):
        _read(site, "zoho", stream, first_completed_at=NOW, completed_at=NOW)
    _read(site, "kingdee", "customers", first_completed_at=NOW, completed_at=NOW)
    assert "the first read is on its way (kingdee)" in says()
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(connections).where(connections.c.name == "zoho").values(auth_state="dead"))
    assert "zoho refuses the credentials" in says()
    assert "tieout check zoho" in says()
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(connections).where(connections.c.name == "zoho").values(auth_state="ok"))
    for stream in ("receivables", "receipts"):
        _read(site, "kingdee", stream, first_completed_at=NOW, completed_at=NOW)
    assert says() == ""
