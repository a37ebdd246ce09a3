"""The drill: a copy is taken, work goes on, the copy is put back: the same end, and nothing reaches a remote twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text

from sync.restore import restore
from sync.service import Service, open_service
from tests.flow.books import BILL, Example, Synced, decision, document, examples, receive, rows, writes_since
from tests.flow.harness import SharedClock, open_installation, outbox_states, standing_decisions, transport
from tieout.cli.vendors import vendor_settings
from tieout.core.config import Config, load
from tieout.core.crypto import write_home_keys
from tieout.core.errors import ConfigError, StaleWrite, TieoutError
from tieout.sandbox.world import SandboxWorld
from tieout.store import audit, sealed
from tieout.store.session import reading
from tieout.store.tables import leases, memberships, tokens

DAY = 86_400


@pytest.fixture
def second_url(engine_url: str, tmp_path: Path) -> Iterator[str]:
    """Where a copy is put back: the same SQLite file, or an empty PostgreSQL database."""
    if engine_url.startswith("sqlite"):
        yield engine_url
        return
    url = make_url(engine_url)
    name = f"{url.database}_back"
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def _with(config: Config, **changes: str) -> Config:
    return config.model_copy(update=changes)


def _config(folder: Path, database_url: str) -> Config:
    return _with(load(folder / "tieout.toml", vendor_settings=vendor_settings), database_url=database_url)


def _go_on(world: SandboxWorld, service: Service, one: Example) -> None:
    """A customer pays, a bill falls due, a reminder is sent: all of it after the copy was taken."""
    receive(world, one.number, "1.00")
    assert service.sync().ok
    for _ in range(9):
        world.clock.advance(DAY)
        assert service.sync().ok


def test_a_restored_copy_ends_where_the_original_was_and_sends_nothing_again(
    synced: Synced, tmp_path: Path, engine_url: str, second_url: str
) -> None:
    world, service = synced
    copy = tmp_path / "copy.backup"
    with service:
        one = _calm(service)
        world.clock.advance(3600)
        bill = _bill(world, one)
        assert service.sync().ok
        made = service.backup(copy)
        assert made["ok"]
        assert copy.stat().st_mode & 0o077 == 0
        seq = world.store.effects.last_seq
        _go_on(world, service, one)
        sent = writes_since(world, seq)
        assert [one for one in sent if one.entity == "Tasks"], "no reminder was sent"
        assert [one for one in sent if one.operation == "update"]
        decided, open_minor = standing_decisions(service), document(service, bill)["open_minor"]
        with pytest.raises(TieoutError, match="there is no folder"):
            service.backup(tmp_path / "nowhere" / "copy.backup")
        with pytest.raises(TieoutError, match="exists already"):
            service.backup(copy)

    config = _config(tmp_path, second_url)
    clock = SharedClock(world.clock)
    if engine_url == second_url:
        with pytest.raises(TieoutError, match="--replace"):
            restore(config, clock, copy, actor="cli:test")
    found = restore(config, clock, copy, actor="cli:test", replace=True)
    assert found["pushing"] == "paused"
    assert (found["kept"] is not None) == (engine_url == second_url)

    after = world.store.effects.last_seq
    with open_installation(tmp_path, world, second_url) as back:
        back.prepare()
        with pytest.raises(StaleWrite, match="not been read since the restore"):
            back.push_resume("cli:test")
        assert all(pull.ok for pull in back.pull(full=True))
        back.apply()
        assert back.push()[0].refused.startswith("pushing is paused")
        assert world.store.effects.last_seq == after
        back.push_resume("cli:test")
        assert back.sync().ok
        world.clock.advance(3600)
        assert back.sync().ok
        assert writes_since(world, after) == []
        assert _settled(standing_decisions(back)) == _settled(decided)
        assert document(back, bill)["open_minor"] == open_minor
        assert set(outbox_states(back)) <= {"done", "superseded", "cancelled"}
        assert back.rebuild_check().ok
        assert list(back.verify()) == []
        # From here on it works as ever: a new payment is written, once.
        receive(world, bill, "2.00")
        assert back.sync().ok
        assert any(one.entity == "Invoices" or one.entity == "Accounts" for one in writes_since(world, after))
        fences = rows(back, select(leases.c.fence))
        assert all(row["fence"] > 1000 for row in fences)
        with reading(back.ctx.engine) as conn:
            assert audit.verify(conn) == []
            told = [row["action"] for row in reversed(audit.page(conn, 200, None).rows)]
        assert told[told.index("backup") :][:2] == ["backup", "restore"], "a copy holds its own line"


def _settled(standing: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """A reminder found at the remote was decided today, the original one on its day: both are out."""
    out = ("send", "cooldown")
    return {key: "already_sent" if value in out else value for key, value in standing.items()}


def _bill(world: SandboxWorld, one: Example) -> str:
    """A new bill that falls due today."""
    fields = {
        "FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("900.00"), "FCURRENCYID": "CNY",
        "FDATE": "2026-11-24T00:00:00", "FENDDATE_H": "2026-11-24T00:00:00",
    }  # fmt: skip
    return str(world.kingdee.user_change("create", BILL, "", fields)["FBillNo"])


def _calm(service: Service) -> Example:
    """An account without anything overdue: its first reminder is still to come."""
    m = memberships.c
    for one in examples(service):
        (row,) = rows(service, select(m.customer_id).where(m.member == one.account_id, m.to_seq.is_(None)))
        overdue = decision(service, "credit", f"{row['customer_id']}|cn")["body"]["overdue_by_currency"]
        if len(one.crm_accounts) == 1 and not any(overdue.values()):
            return one
    raise AssertionError("every linked customer of the seeded world is overdue")


def test_only_a_copy_of_the_same_kind_that_this_key_opens_is_put_back(
    synced: Synced, tmp_path: Path, engine_url: str, second_url: str
) -> None:
    world, service = synced
    copy = tmp_path / "copy.backup"
    with service:
        service.backup(copy)
        tokens_before = rows(service, select(tokens))
    assert tokens_before
    clock = SharedClock(world.clock)
    config = _config(tmp_path, second_url)

    foreign = tmp_path / "notes.txt"
    foreign.write_text("no database")
    with pytest.raises(TieoutError, match="not a backup"):
        restore(config, clock, foreign, actor="cli:test", replace=True)
    with pytest.raises(TieoutError, match="cannot be read"):
        restore(config, clock, tmp_path / "nowhere", actor="cli:test", replace=True)
    damaged = tmp_path / "damaged.backup"
    damaged.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(TieoutError):
        restore(config, clock, damaged, actor="cli:test", replace=True)

    other = _with(config, given_secret_key="another key")
    if engine_url == second_url:
        before = Path(str(make_url(engine_url).database)).read_bytes()
        with pytest.raises(ConfigError, match="cannot be opened with this key"):
            restore(other, clock, copy, actor="cli:test", replace=True)
        assert Path(str(make_url(engine_url).database)).read_bytes() == before, "a refused restore changed something"
    restore(other, clock, copy, actor="cli:test", replace=True, without_key=True)
    with open_installation(tmp_path, world, second_url) as back:
        assert [row["sealed"] for row in rows(back, select(tokens))] == [None] * len(tokens_before)


def test_changing_the_key_keeps_the_tokens_and_ends_with_the_new_key_alone(synced: Synced, tmp_path: Path) -> None:
    world, first = synced
    with first:
        assert first.sync().ok  # the sandbox was started anew: its sessions are new
        assert rows(first, select(tokens))
        with pytest.raises(ConfigError, match="one key"):
            first.rotate_secrets("cli:test")
    config = load(tmp_path / "tieout.toml", vendor_settings=vendor_settings)
    old, before = config.given_secret_key, world.store.requests.next_no()

    def opened(keys: str) -> Service:
        return open_service(
            _with(config, given_secret_key=keys), transport=transport(world), clock=SharedClock(world.clock)
        )

    with opened(f"the new key,{old}") as both:
        assert both.sync().ok, "before anything is sealed anew the old token serves"
        assert both.rotate_secrets("cli:test")["sealed"] >= 1
        assert both.rotate_secrets("cli:test")["ok"], "running it again is safe"
    with opened("the new key") as new:
        assert new.sync().ok
    asked = [one.path for one in world.store.requests.since(before)]
    assert [path for path in asked if "/oauth/" in path or "LoginBySign" in path] == [], "a token was minted anew"
    with opened(old) as lost:
        assert sealed.unopenable(lost.ctx.engine, lost.ctx.sealer), "the old key still opens what is stored"
        with pytest.raises(ConfigError, match="cannot be opened with this secret key") as refused:
            lost.check_key()
        assert "secrets forget" in refused.value.hint
        assert lost.forget_secrets("cli:test")["unopenable"] >= 1
        lost.check_key()
        assert lost.sync().ok, "tokens are minted anew"


def test_the_embedded_home_makes_its_own_new_key_and_a_crash_in_between_loses_nothing(
    synced: Synced, tmp_path: Path
) -> None:
    world, first = synced
    key = tmp_path / "secret.key"
    with first:
        config = first.ctx.config
    write_home_keys(key, [config.given_secret_key])
    own = _with(config, given_secret_key="")

    def opened() -> Service:
        return open_service(own, transport=transport(world), clock=SharedClock(world.clock))

    with opened() as service:
        service.rotate_secrets("cli:test")
    (made,) = own.secret_keys()
    assert made != config.given_secret_key
    assert key.stat().st_mode & 0o077 == 0
    write_home_keys(key, ["the next key", made])  # it had made the next key and was killed
    with opened() as service:
        service.rotate_secrets("cli:test")
    assert own.secret_keys() == ("the next key",)
    with opened() as service:
        assert service.sync().ok
