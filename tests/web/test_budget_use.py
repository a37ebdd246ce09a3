"""The page of connections: how much of each limit a connection has used."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import connectors
from sync.connecting import vendor_settings
from sync.service import Service
from tests.web.conftest import Site
from tests.web.factory import NOW
from tieout.reports import health
from tieout.store.session import reading, unit
from tieout.store.tables import budgets


def _use(site: Site, connection: str, window: str, used: int, hours: float) -> None:
    with unit(site.engine, "admin.commit") as conn:
        until = NOW + timedelta(hours=hours)
        conn.execute(budgets.insert().values(connection=connection, window=window, used=used, until_at=until))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_budget_shows_what_is_used_of_its_limit(site: Site, language: str) -> None:
    for window, used, hours in (
        ("use:2026-11-24T01:00:00", 1_200, 24),
        ("use:2026-11-24T00:00:00", 34, 23),
        ("use:2026-11-22T00:00:00", 900, -1),  # over: counts no longer
        ("day:2026-11-24", 18, 8),
        ("slot:light:a", 1, 1),
    ):
        _use(site, "zoho", window, used, hours)
    _use(site, "kingdee", "use:2026-11-24T01:59:00", 7, 0.02)
    site.service.ctx.limits["zoho"] = {"use": 50_000, "day": 0, "window_seconds": 86_400}
    page = site.browser("viewer").get("/connections", params={"lang": language}).text
    title = {"zh-CN": "额度", "en": "Budget"}[language]
    shown = [
        " ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(rf"<dt>{title}</dt><dd>(.*?)</dd>", page)
    ]
    wanted = {
        "zh-CN": ["已用 1,234 / 上限 50,000 滚动窗口", "已用 18，未设上限 当日", "已用 7，未设上限 滚动窗口"],
        "en": [
            "1,234 of 50,000 used rolling window",
            "18 used, no limit set today",
            "7 used, no limit set rolling window",
        ],
    }[language]
    assert [one.startswith(want) for one, want in zip(shown, wanted, strict=True)] == [True] * 3, shown


def test_a_limit_nothing_was_used_of_stands_with_nought(site: Site) -> None:
    site.service.ctx.limits["kingdee"] = {"use": 90, "day": 4_000, "window_seconds": 60}
    page = site.browser("viewer").get("/connections", params={"lang": "en"}).text
    assert "0 of 90 used" in page
    assert "0 of 4,000 used" in page
    with reading(site.engine) as conn:
        lines = health.connection_lines(conn, site.service.ctx.config, NOW)
    assert health.budget_use(lines[0], {"use": 0, "day": 0, "window_seconds": 0}) == []


def test_the_limits_are_those_the_budget_is_held_to(service: Service) -> None:
    conf = service.config.connections["zoho"]
    limits = connectors.limits("zoho_crm", vendor_settings(conf))
    assert limits.window_cost > 0
    assert service.ctx.budget_limits("zoho") == {
        "use": limits.window_cost,
        "day": limits.day_cost,
        "window_seconds": limits.window_seconds,
    }
