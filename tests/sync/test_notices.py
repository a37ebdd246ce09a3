"""Scheduled reports and alerts reach their targets once: files in the home, mail through a real SMTP server."""

from __future__ import annotations

import io
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, insert, select, update

from sync import alerts, jobs, mailer, schedules, sweep
from sync.notices import deliver_due
from tests.connectors.test_chat import Receiver, _robot
from tests.postbox import Postbox
from tests.sync.fakes import NOW, FakeContext, make_context
from tieout.core.clock import ManualClock
from tieout.core.config import parse
from tieout.core.dates import iso_utc
from tieout.core.errors import ConfigError
from tieout.core.mail_settings import Mail
from tieout.store import notices, restored
from tieout.store.notices import MOST_ATTEMPTS, claim
from tieout.store.session import reading, unit
from tieout.store.tables import connections, customers, decisions, runs, watermarks
from tieout.store.tables import notices as notices_table


def config_of(port: int, more: str = "") -> str:
    return f"""
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "Tieout <ar@example.com>"
timeout_seconds = 5
[schedules.morning]
report = "aging"
cron = "0 7 * * *"
format = ["xlsx", "csv"]
to = ["file", "mail:finance@example.com"]
[alerts]
to = ["mail:ops@example.com"]
{more}"""


def made(engine: Engine, url: str, home: Path, port: int) -> FakeContext:
    ctx = make_context(engine, url, home, more=config_of(port))
    schedules.due(ctx)  # seen for the first time: slots count from here
    assert isinstance(ctx.clock, ManualClock)
    return ctx


def clock(ctx: FakeContext) -> ManualClock:
    assert isinstance(ctx.clock, ManualClock)
    return ctx.clock


def states(ctx: FakeContext) -> dict[str, str]:
    with reading(ctx.engine) as conn:
        return {row.target: row.state for row in conn.execute(select(notices_table.c.target, notices_table.c.state))}


def test_each_missed_slot_is_delivered_once_to_file_and_mail_as_of_its_day(
    engine: Engine, engine_url: str, tmp_path: Path, postbox: tuple[Postbox, int]
) -> None:
    box, port = postbox
    ctx = made(engine, engine_url, tmp_path, port)
    clock(ctx).advance(4 * 86400)  # nobody ran for four days
    assert "report:morning" in sweep.due(ctx)
    for _ in range(5):  # a slot a slice, and one slice too many
        jobs.drain(ctx, "report:morning")
    assert "deliver" in sweep.due(ctx)
    assert deliver_due(ctx) == {"sent": 8}
    assert deliver_due(ctx) == {}
    assert not {"report:morning", "deliver"} & set(sweep.due(ctx))

    days = ["2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"]
    assert sorted(mail["Subject"] for mail in box.mails) == [f"应收账款账龄 {day}" for day in days]
    mail = next(one for one in box.mails if one["Subject"].endswith(days[3]))
    assert (mail["To"], mail["From"]) == ("finance@example.com", "Tieout <ar@example.com>")
    assert mail["Auto-Submitted"] == "auto-generated"
    files = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert set(files) == {"aging-2026-11-28.xlsx", "aging-2026-11-28.csv"}
    assert openpyxl.load_workbook(io.BytesIO(files["aging-2026-11-28.xlsx"])).sheetnames[0] == "客户"
    written = sorted(path.name for path in (tmp_path / "reports" / "morning").iterdir())
    slots = ["20261124T2300Z", "20261125T2300Z", "20261126T2300Z", "20261127T2300Z"]
    assert written == [
        f"aging-{day}-{slot}.{form}" for day, slot in zip(days, slots, strict=True) for form in ("csv", "xlsx")
    ]
    assert (tmp_path / "reports" / "morning" / written[7]).read_bytes() == files["aging-2026-11-28.xlsx"]
    with reading(ctx.engine) as conn:
        found = conn.execute(
            select(runs.c.stream, runs.c.state, runs.c.counts).where(runs.c.kind == "report").order_by(runs.c.id)
        ).all()
    assert [(run.stream, run.state) for run in found] == [("morning", "done")] * 4


def test_of_many_missed_slots_the_last_of_each_day_and_at_most_a_month_are_made(
    engine: Engine, engine_url: str, tmp_path: Path
) -> None:
    ctx = made(engine, engine_url, tmp_path, 1)
    hourly = ctx.config.schedules["morning"].model_copy(update={"cron": "0 * * * *"})
    ctx.config = ctx.config.model_copy(update={"schedules": {"morning": hourly}})
    clock(ctx).advance(2 * 86400)  # from 16:00 on the 24th to 16:00 on the 26th in Shanghai
    found = [iso_utc(slot)[:13] for slot in schedules.due_slots(ctx, "morning")]
    assert found == ["2026-11-24T15", "2026-11-25T15", "2026-11-26T08"]
    clock(ctx).advance(98 * 86400)
    found = [iso_utc(slot)[:13] for slot in schedules.due_slots(ctx, "morning")]
    assert (len(found), found[0], found[-1]) == (schedules.MADE_UP, "2027-02-02T15", "2027-03-04T08")


def test_a_server_that_is_away_is_tried_again_later_and_given_up_in_the_end(
    engine: Engine, engine_url: str, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        ctx = made(engine, engine_url, tmp_path, nobody.getsockname()[1])
    clock(ctx).advance(86400)
    schedules.run_schedule(ctx, "morning")
    assert deliver_due(ctx) == {"sent": 1, "failed": 1}
    assert deliver_due(ctx) == {}  # not at once
    for _ in range(MOST_ATTEMPTS - 1):
        clock(ctx).advance(3 * 3600)
        deliver_due(ctx)
    assert states(ctx) == {"file": "sent", "mail:finance@example.com": "dead"}
    with reading(ctx.engine) as conn:
        kinds = {one.kind for one in alerts.conditions(conn, ctx, ctx.clock.now())}
    assert "notice" in kinds


def test_refusals_are_told_from_failures_and_a_lost_answer_is_never_sent_again(
    engine: Engine, engine_url: str, tmp_path: Path, postbox: tuple[Postbox, int]
) -> None:
    box, port = postbox
    ctx = made(engine, engine_url, tmp_path, port)
    mail = "mail:finance@example.com"

    def slot() -> dict[str, str]:
        with unit(ctx.engine, "admin.commit") as conn:
            conn.execute(notices_table.delete())
        clock(ctx).advance(86400)
        assert schedules.run_schedule(ctx, "morning")
        deliver_due(ctx)
        return states(ctx)

    box.rcpt_answers = ["550 no such user"]
    assert slot()[mail] == "dead"
    box.data_answers = ["451 try later"]
    assert slot()[mail] == "failed"
    clock(ctx).advance(600)
    assert deliver_due(ctx) == {"sent": 1}
    assert len(box.mails) == 1
    box.drop = True
    assert slot()[mail] == "uncertain"
    clock(ctx).advance(86400 - 1000)
    assert deliver_due(ctx) == {}
    assert len(box.mails) == 2  # it had gone out: a retry would have been a second copy


def test_a_sender_that_died_leaves_a_mail_uncertain_and_a_file_is_written_again(
    engine: Engine, engine_url: str, tmp_path: Path, postbox: tuple[Postbox, int]
) -> None:
    box, port = postbox
    ctx = made(engine, engine_url, tmp_path, port)
    clock(ctx).advance(86400)
    schedules.run_schedule(ctx, "morning")
    taken = [claim(ctx.engine, ctx.clock.now()), claim(ctx.engine, ctx.clock.now())]  # and the process is gone
    assert {one.target for one in taken if one is not None} == {"file", "mail:finance@example.com"}
    assert deliver_due(ctx) == {}
    clock(ctx).advance(16 * 60)
    deliver_due(ctx)
    assert states(ctx) == {"file": "sent", "mail:finance@example.com": "uncertain"}
    assert box.mails == []


def test_a_restore_sends_nothing_again(
    engine: Engine, engine_url: str, tmp_path: Path, postbox: tuple[Postbox, int]
) -> None:
    box, port = postbox
    ctx = made(engine, engine_url, tmp_path, port)
    clock(ctx).advance(86400)
    schedules.run_schedule(ctx, "morning")  # queued in the copy, and sent after it was taken
    clock(ctx).advance(3 * 86400)
    with unit(ctx.engine, "admin.commit") as conn:
        restored.mark(conn, ctx.clock.now())
    assert schedules.due(ctx) == []
    deliver_due(ctx)
    assert states(ctx) == {"file": "sent", "mail:finance@example.com": "uncertain"}
    assert box.mails == []
    clock(ctx).advance(86400)
    assert schedules.due(ctx) == ["morning"]  # a slot after the restore is made as ever
    schedules.run_schedule(ctx, "morning")
    deliver_due(ctx)
    assert len(box.mails) == 1


def test_an_alert_is_told_once_and_its_end_too(
    engine: Engine, engine_url: str, tmp_path: Path, postbox: tuple[Postbox, int]
) -> None:
    box, port = postbox
    ctx = made(engine, engine_url, tmp_path, port)
    now = ctx.clock.now()
    assert set(alerts.due(ctx)) == {"verify", "alerts"}
    assert alerts.note_verify(ctx) == 0
    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(update(connections).values(auth_state="dead", error="invalid_grant"))
        conn.execute(
            insert(watermarks).values(
                connection="zoho", stream="deals", completed_at=now - timedelta(hours=2), is_reading=False, rows_read=1
            )
        )
    for _ in range(3):
        alerts.run_alerts(ctx)
        clock(ctx).advance(60)
    deliver_due(ctx)
    (mail,) = box.mails
    words = mail.get_content()
    assert mail["Subject"] == "Tieout：2 条新告警"
    assert "zoho：凭证被拒绝" in words
    assert "invalid_grant" in words
    assert "zoho/deals" in words
    assert alerts.due(ctx) == ["alerts"]

    # It comes and goes for a moment: still the same alert, nothing is sent.
    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(update(connections).values(auth_state="ok", error=None))
    alerts.run_alerts(ctx)
    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(update(connections).values(auth_state="dead"))
    alerts.run_alerts(ctx)
    assert deliver_due(ctx) == {}

    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(update(connections).values(auth_state="ok"))
    for _ in range(7):
        clock(ctx).advance(60)
        alerts.run_alerts(ctx)
    deliver_due(ctx)
    assert box.mails[-1]["Subject"] == "Tieout：1 条已恢复"
    assert "已恢复：zoho（凭证）" in box.mails[-1].get_content()
    assert len(box.mails) == 2


def test_books_that_do_not_hold_raise_an_alert(
    engine: Engine, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync.verify import Breach

    ctx = made(engine, engine_url, tmp_path, 1)
    monkeypatch.setattr(alerts, "run_verify", lambda _: [Breach("audit chain", "7", "unbroken", "broken")])
    jobs.drain(ctx, "verify")
    jobs.drain(ctx, "alerts")
    with reading(ctx.engine) as conn:
        queued = [row.body for row in conn.execute(select(notices_table.c.body))]
    assert len(queued) == 1
    assert "audit chain 7" in queued[0]["text"]


def test_a_report_that_fails_is_in_the_history_and_raises_an_alert(
    engine: Engine, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = made(engine, engine_url, tmp_path, 1)
    clock(ctx).advance(86400)

    def broken(*_: Any, **__: Any) -> None:
        raise ConfigError("the disk is full")

    monkeypatch.setattr(schedules, "build_report", broken)
    with pytest.raises(ConfigError):
        schedules.run_schedule(ctx, "morning")
    with reading(ctx.engine) as conn:
        found = alerts.conditions(conn, ctx, ctx.clock.now())
        assert notices.counts(conn, "report") == {}
    assert [(one.kind, one.subject, one.detail) for one in found if one.kind == "report"] == [
        ("report", "morning", "the disk is full")
    ]


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        ("", "sends mail, and mail.host is missing"),
        ('[mail]\nhost = "smtp.example.com"', "mail.sender is missing"),
        ('[mail]\nhost = "smtp.example.com"\nsender = "nobody"', "is no sender"),
        ('[mail]\nhost = "smtp.example.com"\nsender = "a@example.com"\nsecurity = "none"', "starttls or tls"),
        ('[mail]\nhost = "smtp.example.com"\nsender = "a@example.com"\nusername = "u"', "belong together"),
        ('[mail]\nhsot = "smtp.example.com"', 'unknown key "hsot"'),
    ],
)
def test_a_target_needs_a_mail_server_that_can_be_used(tmp_path: Path, mail: str, words: str) -> None:
    text = (
        '[companies.cn]\nname = "x"\nfunctional_currency = "CNY"\ntimezone = "Asia/Shanghai"\n'
        f'[alerts]\nto = ["mail:ops@example.com"]\n{mail}\n'
    )
    with pytest.raises(ConfigError) as refused:
        parse(text, tmp_path / "tieout.toml", environ={})
    assert words in str(refused.value)


def test_a_mail_is_a_copy_of_itself(postbox: tuple[Postbox, int]) -> None:
    box, port = postbox
    settings = Mail(host="127.0.0.1", port=port, security="none", sender="a@example.com")
    words = {"to": "b@example.com", "subject": "one\r\nBcc: c@example.com", "text": ".\n..dots\n"}
    kept: dict[str, Any] = {**words, "at": NOW, "message_id": "x"}
    first, second = mailer.compose(settings, **kept), mailer.compose(settings, **kept)
    assert (first["Message-ID"], first["Bcc"]) == ("<x@example.com>", None)
    assert str(first) == str(second)
    assert mailer.send(settings, first).outcome == "sent"
    assert box.mails[0].get_content().splitlines() == [".", "..dots"]


def test_a_breached_limit_is_told_into_a_group_once_and_its_end_too(
    engine: Engine, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    more = """
[connections.ops]
vendor = "wecom"
key = "abc"
[alerts]
to = ["chat:ops"]
"""
    clock = ManualClock(NOW)
    ctx = make_context(engine, engine_url, tmp_path, clock=clock, more=more)
    monkeypatch.setattr(type(ctx), "connector", lambda self, name, lane="bulk": _robot("wecom", receiver.url))

    def decide(value: str, current: str) -> None:
        with unit(ctx.engine, "admin.commit") as conn:
            conn.execute(update(decisions).where(decisions.c.id == current).values(is_current=False))
            conn.execute(
                insert(decisions).values(
                    id=ctx.ids.new("dec"), kind="credit_alert", subject="cus_1|cn", company_id="cn", value=value,
                    body={"key": "2026-11-24", "currency": "CNY"}, reasons=[], inputs={}, rule_version="credit-alert-1",
                    effective_on=NOW.date(), recorded_at=NOW, seq=1, is_current=True,
                )
            )  # fmt: skip

    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(
            insert(customers).values(id="cus_1", name="北京远航贸易有限公司", created_at=NOW, created_by="system")
        )
    decide("breach", "")
    for _ in range(3):
        alerts.run_alerts(ctx)
        deliver_due(ctx)
        clock.advance(60)
    assert len(receiver.taken) == 1
    path, body = receiver.taken[0]
    assert path.startswith("/cgi-bin/webhook/send?key=K%2F1")
    assert "北京远航贸易有限公司 (cn, 2026-11-24)" in body["text"]["content"]
    assert "cus_1|cn" not in body["text"]["content"]
    with reading(ctx.engine) as conn:
        standing = conn.execute(select(decisions.c.id)).scalar_one()
    decide("over", standing)
    for _ in range(8):
        clock.advance(60)
        alerts.run_alerts(ctx)
        deliver_due(ctx)
    assert len(receiver.taken) == 2
    assert "北京远航贸易有限公司" in receiver.taken[1][1]["text"]["content"]
    receiver.server.shutdown()
    receiver.server.server_close()


def test_a_chat_target_names_a_group_connection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chat:nowhere"):
        parse('[alerts]\nto = ["chat:nowhere"]\n', tmp_path / "tieout.toml", environ={})
