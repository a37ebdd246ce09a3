"""Plan: writes nothing, shows from and to, and is pushed exactly as it was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from sync.plan import approve_parked, plan, push_plan, save_plan
from sync.plan_runs import run_plan_push, start_plan_push
from sync.push import run_push
from tests.sync.fakes import NOW, FakeContext, Remote, make_context
from tieout.core import faults
from tieout.core.config import ChangeLimits
from tieout.core.errors import Gone
from tieout.store import audit
from tieout.store.outbox import Intent, intend, judge_run
from tieout.store.session import unit
from tieout.store.tables import audit as audit_table
from tieout.store.tables import metadata, outbox, remote_seen, watermarks


@pytest.fixture
def ctx(engine: Engine, engine_url: str, tmp_path: Path) -> FakeContext:
    made = make_context(engine, engine_url, tmp_path, remote=Remote())
    with unit(engine, "landing.commit") as conn:
        conn.execute(
            insert(remote_seen).values(
                connection="zoho", module="Invoices", remote_id="1", fields={"A": 1}, seen_at=NOW
            )
        )
    return made


def want(ctx: FakeContext, key: str, value: Any, *, rows: int = 0, mode: Any = "plan") -> None:
    with unit(ctx.engine, "settle.commit") as conn:
        intend(
            conn,
            [
                Intent(
                    "zoho",
                    "Invoices",
                    key,
                    {"A": value},
                    {"A": 0},
                    {"label": f"INV-{key}", "why": "paid"},
                    key,
                    "CNY",
                    100 * int(key),
                )
            ],
            modes={"zoho": mode},
            limits={"zoho": ChangeLimits(rows=rows)},
            now=ctx.clock.now(),
            ids=ctx.ids,
        )


def dump(ctx: FakeContext) -> dict[str, list[Any]]:
    with ctx.engine.connect() as conn:
        return {table.name: sorted(map(str, conn.execute(select(table)))) for table in metadata.sorted_tables}


def test_an_empty_plan_names_what_was_never_read(ctx: FakeContext) -> None:
    assert plan(ctx).as_dict()["unread"] == ["zoho"]
    with unit(ctx.engine, "run.commit") as conn:
        for stream in ctx.streams("zoho"):
            conn.execute(watermarks.insert().values(connection="zoho", stream=stream, first_completed_at=NOW))
    assert plan(ctx).as_dict()["unread"] == []


def test_a_plan_shows_from_to_why_and_money_and_writes_nothing(ctx: FakeContext) -> None:
    want(ctx, "1", Decimal("2.50"))
    want(ctx, "2", 5)
    before = dump(ctx)
    view = plan(ctx)
    assert plan(ctx).digest == view.digest
    assert dump(ctx) == before
    first, second = view.rows[1], view.rows[0]
    assert [(c.field, c.before, c.after) for c in first.changes] == [("A", 1, Decimal("2.5"))]
    assert [(c.field, c.before, c.after) for c in second.changes] == [("A", 0, 5)]
    assert (first.label, first.why["why"], first.seen_at, second.seen_at) == ("INV-1", "paid", NOW, None)
    assert view.as_dict()["totals"] == [{"currency": "CNY", "money_minor": 300}]
    assert ctx.remote.writes == []


def test_fresh_reads_the_remote_again(ctx: FakeContext) -> None:
    want(ctx, "1", 2)
    ctx.remote.records["Invoices", "1"] = {"A": 9}
    view = plan(ctx, fresh=True)
    assert [(c.before, c.after) for c in view.rows[0].changes] == [(9, 2)]
    assert ctx.remote.effects == []


def test_nothing_is_sent_without_a_plan_and_a_plan_is_sent_as_it_was(ctx: FakeContext) -> None:
    want(ctx, "1", 2)
    want(ctx, "2", 5)
    assert run_push(ctx, "zoho").done == 0
    view = plan(ctx)
    result = push_plan(ctx, view.digest, "user:ann")
    assert (result.sent, result.moved_on, result.exit_code) == (2, [], 0)
    planned = {(row.remote_id, c.field, c.after) for row in view.rows for c in row.changes}
    assert {(key, name, value) for _, key, fields in ctx.remote.effects for name, value in fields.items()} == planned
    with ctx.engine.connect() as conn:
        assert set(conn.execute(select(outbox.c.approved_by)).scalars()) == {"user:ann"}
    again = push_plan(ctx, view.digest, "user:ann")
    assert (again.sent, again.already_sent, again.moved_on, again.exit_code) == (0, 2, [], 0)
    assert again.as_dict()["already_sent"] == 2
    assert len(ctx.remote.effects) == 2


def test_what_moved_on_is_reported_and_not_sent(ctx: FakeContext) -> None:
    for key in ("1", "2", "3"):
        want(ctx, key, 2)
    digest = save_plan(ctx, plan(ctx))
    want(ctx, "2", 7)  # changed since
    want(ctx, "4", 1)  # new since
    result = push_plan(ctx, digest, "user:ann")
    assert (result.sent, len(result.moved_on), result.exit_code) == (2, 1, 3)
    assert result.moved_on[0]["version"] == 2
    assert sorted(key for _, key, _ in ctx.remote.effects) == ["1", "3"]
    assert [row.remote_id for row in plan(ctx).rows] == ["4", "2"]


def test_a_digest_nobody_stored_and_nothing_has_is_gone(ctx: FakeContext) -> None:
    want(ctx, "1", 2)
    digest = plan(ctx).digest
    want(ctx, "1", 3)
    with pytest.raises(Gone):
        push_plan(ctx, digest, "user:ann")
    assert ctx.remote.writes == []


def test_what_stood_but_could_not_be_sent_is_told_apart(ctx: FakeContext) -> None:
    want(ctx, "1", 2)
    ctx.remote.answers = {"1": ("rejected", "INVALID_DATA")}
    result = push_plan(ctx, plan(ctx).digest, "user:ann")
    assert (result.sent, result.moved_on, result.exit_code) == (0, [], 1)
    assert result.unsent[0]["state"] == "dead"


def test_a_parked_batch_waits_for_its_approver(ctx: FakeContext) -> None:
    with unit(ctx.engine, "settle.commit") as conn:
        intend(
            conn,
            [Intent("zoho", "Invoices", str(n), {"A": n}, {}, {}, str(n)) for n in range(5, 9)],
            modes={"zoho": "auto"},
            limits={"zoho": ChangeLimits(rows=3)},
            now=NOW,
            ids=ctx.ids,
        )
        assert judge_run(conn, {"zoho": ChangeLimits(rows=3)}, NOW) == {"zoho": 4}
    assert run_push(ctx, "zoho").done == 0
    assert approve_parked(ctx, "zoho", "user:bob") == 4
    assert run_push(ctx, "zoho").done == 4


def test_who_let_which_plan_go_is_in_the_audit_once(ctx: FakeContext) -> None:
    """Digest, records and money at stake, in the unit that lets it go; after a kill it is not said again."""
    want(ctx, "1", 2)
    want(ctx, "2", 5)
    digest = save_plan(ctx, plan(ctx))
    want(ctx, "2", 7)  # moved on since
    run_id = start_plan_push(ctx, digest, "user:ann")
    assert start_plan_push(ctx, digest, "user:bob") == run_id

    def said() -> list[tuple[str, str, str, dict[str, Any]]]:
        with ctx.engine.connect() as conn:
            assert audit.verify(conn) == []
            rows = conn.execute(select(audit_table).order_by(audit_table.c.seq)).mappings()
            return [(row["action"], row["actor"], row["subject"], dict(row["body"])) for row in rows]

    asked = ("plan.approve", "user:ann", digest, {"records": 2, "totals": {"CNY": 100}, "run": run_id})
    assert said() == [asked]
    faults.set_hook(_fail_at("after:plan.commit"))
    with pytest.raises(OSError):
        run_plan_push(ctx, run_id)
    faults.set_hook(None)
    run_plan_push(ctx, run_id)
    let_go = ("plan.push", "user:ann", digest, {"records": 2, "standing": 1, "totals": {"CNY": 100}})
    assert said() == [asked, let_go]
    assert [key for _, key, _ in ctx.remote.effects] == ["1"]


def test_nothing_goes_out_where_its_line_of_audit_cannot_be_written(ctx: FakeContext) -> None:
    want(ctx, "1", 2)
    faults.set_hook(_fail_at("before:plan.commit"))
    with pytest.raises(OSError):
        push_plan(ctx, plan(ctx).digest, "user:ann")
    faults.set_hook(None)
    with ctx.engine.connect() as conn:
        assert conn.execute(select(audit_table)).all() == []
        assert set(conn.execute(select(outbox.c.state)).scalars()) == {"planned"}
    assert ctx.remote.writes == []


def _fail_at(point: str) -> Callable[[str], None]:
    def hook(name: str) -> None:
        if name == point:
            raise OSError("the disk is gone")

    return hook


@pytest.fixture(autouse=True)
def _without_faults() -> Iterator[None]:
    yield
    faults.set_hook(None)
