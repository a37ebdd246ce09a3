"""Every fault that production has seen can be drawn by a seed: what it is -> where it is drawn; none is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim import desk, users
from tests.sim.actors import ACTORS
from tests.sim.faultkinds import KINDS
from tests.sim.plan import ACTORS as DRAWN
from tests.sim.plan import ACTS, draw
from tests.sim.run import corpus
from tests.sim.variant import VARIANTS
from tests.sim.world import LOCKSTEP

ROOT = Path(__file__).parents[2]

# `kind` of a fault; `books:`, `crm:` and `desk:` what people do; `actor:` who acts; `start:` what a world begins with;
# `test:` where a machine is needed that a simulator does not have.
FAULTS: dict[str, str] = {
    "killed at a write boundary, worker and horse": "crash, crash_request, test:tests/crash/test_kill_matrix.py",
    "the work horse alone is killed": "horse_crash",
    "a kill whose write the vendor carries out later": "late_crash, late_write",
    "the queue server restarts and forgets, or is down": (
        "redis_emptied, redis_down, test:tests/crash/test_fleet_outages.py"
    ),
    "a reply of the queue server is lost": "redis_reply_lost",
    "the database restarts": "database_down, test:tests/crash/test_fleet_outages.py",
    "the connection drops at a commit": "commit_lost, commit_unknown",
    "two workers on one connection or record": "interleave, rush",
    "serialization failure, deadlock, busy": "busy",
    "the disk is full": "disk_full, test:tests/crash/test_disk_full.py",
    "clocks that are wrong or jump back": "skew",
    "zone changes, leap day, end of the year": "start:2026-10-24, start:2028-02-28, start:2026-12-31, start:2027-03-27",
    "401 once; tokens that end, a refusal to mint one": "http_401, expire_tokens, token_refused",
    "403": "http_403",
    "404 and records that are gone when they are written": "http_404, crm:delete claim, crm:delete deal",
    "412 and records that moved": "http_412, crm:edit claim, crm:edit account, crm:hand edit",
    "413 and batch limits": "http_413",
    "429 in seconds, as a date, without either; the daily quota": (
        "http_429_seconds, http_429_date, http_429_bare, daily_quota"
    ),
    "500 to 504": "http_500, http_502_html, http_503, http_504",
    "a vendor that is out for a while, or only for deep pages": "outage, deep_outage",
    "connect, pool, write and read time-outs, resets": (
        "connect_error, connect_timeout, pool_timeout, write_timeout, timeout_before, timeout_after, reset_before, "
        "reset_after, slow"
    ),
    "accepted, and the answer is lost": "timeout_after_write, reset_after_write",
    "200 with an error inside": "error_in_200",
    "part of a batch refused": "partial",
    "bodies that are cut, no JSON, HTML, empty, another charset, a byte order mark, no numbers": (
        "cut_body, truncated, invalid_json, html_200, empty_200, wrong_charset, bom, nan"
    ),
    "bodies too deep, and too large once unpacked": "deep_json, zip_bomb",
    "the page before, an endless token, an empty page, a list that ends too early": (
        "duplicate_page, endless_token, empty_page, short_page"
    ),
    "rows that come and go while pages are read": "interleave, books:new bill, books:delete bill",
    "rows that show late with an old stamp": "books:new bill, books:new receipt, books:edit due date",
    "more rows with one stamp than a page holds": "books:import bills",
    "deletes, what comes back, merges": (
        "books:delete receipt, books:undelete, crm:merge accounts, crm:crm undelete, actor:merge, actor:undo"
    ),
    "an old deletion that arrives late": "stale_deletes, crm:slip",
    "back-dated, corrected, voided, settled and taken back": (
        "books:edit amount, books:bill life, books:receipt life, books:settle, books:unsettle, "
        "books:unsettle many, books:pay overdue"
    ),
    "notifications lost, doubled, old, forged, of another channel, in any order": (
        "hint_lost, hint_twice, hint_stale, hint_forged, hint_other, actor:deliver"
    ),
    "a notification whose commit fails": "hint_unstored",
    "dead letters sent again by an operator": "actor:revive",
    "huge notifications": "test:tests/web/test_edge.py",
    "poison records, and states that no map knows": "crm:odd total, crm:odd state, crm:lock",
    "amounts and dates at their edges": "books:new bill, crm:odd total, test:tests/core/test_money.py",
    "text at its edges: NUL, right to left, look-alikes, two forms, very long": (
        "books:new customer, books:rename customer, crm:new account"
    ),
    "policies, texts and rates edited while jobs run": "desk:dunning policy, desk:message text, desk:rates",
    "orders about credit, approved by another person or never": "desk:credit order, desk:withdraw order",
    "disputes, also of a part; promises, plans, pauses; settled and taken back": (
        "desk:dispute, desk:promise, desk:payment plan, desk:pause, desk:contact, desk:close, desk:take back"
    ),
    "answers once for every conflict of a shape, and their end": "desk:answer rule, actor:answer",
    "changes parked for an approver; plans sent late": "actor:plan, start:max_rows",
    "a backup put back while the world goes on": (
        "actor:backup, actor:restore, actor:go on, test:tests/flow/test_restore.py"
    ),
}


def _where() -> list[tuple[str, str]]:
    return [(fault, one.strip()) for fault, places in FAULTS.items() for one in places.split(",")]


@pytest.mark.parametrize(("fault", "where"), _where())
def test_a_fault_is_drawn_where_the_table_says(fault: str, where: str) -> None:
    kind, _, name = where.partition(":")
    if kind == "test":
        assert "def test_" in (ROOT / name).read_text(encoding="utf-8")
    elif kind == "start":
        starts = {str(one.start.date()) for one in VARIANTS}
        assert name in starts or any(getattr(one, name, 0) for one in VARIANTS)
    elif kind == "actor":
        assert DRAWN[name] > 0
        assert name in ACTORS or name in LOCKSTEP
    elif kind in ("books", "crm"):
        assert (users.BOOKS if kind == "books" else users.CRM)[name][0] > 0
    elif kind == "desk":
        assert desk.ACTS[name][0] > 0
        assert DRAWN["desk"] > 0
    else:
        assert KINDS[kind].weight > 0


def test_no_fault_is_drawn_that_the_table_does_not_know() -> None:
    named = {where for _, where in _where()}
    assert set(KINDS) <= named
    assert {f"desk:{name}" for name in desk.ACTS} <= named


def test_seeds_draw_every_kind_at_every_place() -> None:
    """By 3,000 seeds: what no seed draws protects nothing."""
    drawn = {(fault.kind, fault.place) for seed in range(3000) for fault in draw(seed, steps=2).faults}
    assert {(kind, place) for kind, shape in KINDS.items() for place in shape.places} == drawn


def test_a_kept_plan_draws_among_the_acts_of_its_time() -> None:
    """Else each new act would make another world of it, and it would guard nothing."""
    assert max(users.LATER.values()) == ACTS == draw(1).acts
    assert set(users.known(users.CRM, draw(1))) == set(users.CRM)
    old = [plan for _, plan in corpus() if plan.acts == 0]
    assert old
    assert all(users.known(users.CRM, plan).keys() == users.CRM.keys() - {"slip"} for plan in old)
