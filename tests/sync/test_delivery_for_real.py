"""The delivery side with the real Zoho connector against its sandbox: lost answers, killed tokens, a webhook."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from sync import jobs
from sync.apply import backlog
from sync.channels import ensure_channel
from sync.push import run_push
from tests.flow.harness import START, make_world, open_installation, outbox_states
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import claims, connections, inputs, source_records, tokens


def test_lost_answers_have_no_second_effect(tmp_path: Path, engine_url: str) -> None:
    world = make_world(12, 40)
    with open_installation(tmp_path, world, engine_url) as service:
        world.faults.add("zoho", r"PUT /crm/v8/(Invoices|Accounts|Deals)", "timeout_after", times=2)
        world.faults.add("zoho", r"POST /crm/v8/Tasks", "timeout_after", times=1)
        service.sync()
        assert outbox_states(service).get("uncertain", 0) > 0
        world.clock.advance(180)
        while run_push(service.ctx, "zoho", limit_seconds=None).read_back:
            world.clock.advance(180)
        states = outbox_states(service)
        assert set(states) <= {"done", "superseded"}
        ours = [effect for effect in world.store.effects.since(0) if effect.vendor == "zoho"]
        assert not [effect for effect in ours if effect.kind == "noop"]  # not even a harmless repetition was sent
        written = [(effect.entity, effect.record_id, name) for effect in ours for name in effect.changes]
        assert len(written) == len(set(written))  # no field of a record was set twice
        keys = [effect.key for effect in ours if effect.entity == "Tasks"]
        assert keys
        assert len(keys) == len(set(keys))
        with service.ctx.engine.connect() as conn:
            assert len(conn.execute(select(tokens.c.mints).where(tokens.c.connection == "zoho")).scalar_one()) == 1
            spent = conn.execute(select(connections.c.calls).where(connections.c.name == "zoho")).scalar_one()
        assert spent > 0


def test_a_webhook_reaches_the_ledger_through_jobs(tmp_path: Path, engine_url: str) -> None:
    calls: list[tuple[str, bytes, dict[str, str]]] = []
    world = SandboxWorld(None, 7, 12, 40, SandboxClock(START, running=False), deliver=lambda *call: _keep(calls, *call))
    with open_installation(tmp_path, world, engine_url) as service:
        service.sync()
        ctx = service.ctx
        ctx.config = ctx.config.model_copy(update={"public_url": "http://127.0.0.1:8000"})
        assert ensure_channel(ctx, "zoho").action == "created"
        jobs.drain(ctx, "channel:zoho")
        world.clock.advance(60)
        record = str(world.store.collection("zoho", "Invoices").values()[0]["id"])
        world.zoho.user_change("update", "Invoices", record, {"Subject": "changed by a user"})
        assert calls
        url, body, headers = calls[0]
        secret = urlsplit(url).path.rsplit("/", 1)[1]
        assert service.accept_webhook("zoho", secret, body, headers, {}) == "stored"
        assert service.accept_webhook("zoho", secret, body, headers, {}) == "duplicate"
        jobs.drain(ctx, "inbox:zoho")
        with ctx.engine.connect() as conn:
            last = conn.execute(select(inputs).where(inputs.c.kind == "landed").order_by(inputs.c.seq.desc())).first()
        assert last is not None
        assert (last.connection, last.stream, last.external_id) == ("zoho", "invoices", record)
        assert ctx.clock.now() - last.at < timedelta(seconds=5)
        assert backlog(ctx)["pending"] > 0
        jobs.drain(ctx, "apply")
        left = backlog(ctx)
        assert (left["pending"], left["dirty"]) == (0, 0)
        with ctx.engine.connect() as conn:
            mine = (claims.c.connection == "zoho", claims.c.stream == "invoices", claims.c.external_id == record)
            assert conn.execute(select(claims.c.label).where(*mine)).scalar_one() == "changed by a user"
            held = conn.execute(
                select(source_records.c.applied_seq).where(
                    source_records.c.stream == "invoices", source_records.c.external_id == record
                )
            ).scalar_one()
        assert held == last.seq


def _keep(calls: list[Any], url: str, body: bytes, headers: Any) -> None:
    calls.append((url, body, dict(headers)))
