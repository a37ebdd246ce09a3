"""Sending what is queued: files into the home, mail over SMTP; each notice at most once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sync.context import Context
from sync.mailer import Attachment, Sent, SentOutcome, compose, send
from sync.reporting import ReportFile, ReportWish, build_report, file_of
from tieout.core import logging
from tieout.core.config import LOOPBACK
from tieout.core.dates import iso_utc
from tieout.core.errors import ConfigError, TieoutError
from tieout.core.ports import RemoteChange
from tieout.reports.table import about, title
from tieout.store import notices
from tieout.store.notices import Notice
from tieout.store.queries.parties import customer_name
from tieout.store.session import reading
from tieout.store.tables import accounts, memberships

log = logging.get("notices")
MOST_AT_ONCE = 20


def deliver_due(ctx: Context, *, most: int = MOST_AT_ONCE) -> dict[str, int]:
    """Send what is due, one after the other; answers how many ended in which state."""
    out: dict[str, int] = {}
    for _ in range(most):
        notice = notices.claim(ctx.engine, ctx.clock.now())
        if notice is None:
            break
        try:
            sent = _deliver(ctx, notice)
        except TieoutError as error:
            sent = Sent("failed", str(error))
        state = notices.finish(ctx.engine, notice, sent.outcome, sent.error, ctx.clock.now())
        out[state] = out.get(state, 0) + 1
        if state != "sent":
            log.warning("a notice did not go out", occasion=notice.occasion, state=state, why=sent.error)
    return out


def send_test(ctx: Context, target: str) -> dict[str, Any]:
    """A test message to one target, now and outside the queue; `ok` says whether it was taken."""
    if target != "file" and not target.startswith(("mail:", "chat:")):
        raise ConfigError(
            f"{target!r} is no target.", hint="Write file, mail:name@example.com or chat:CONNECTION.", code="usage"
        )
    problem = ctx.config.mail.problem(LOOPBACK) if target.startswith("mail:") else ""
    if problem:
        raise ConfigError(problem, hint="Say [mail] host and sender.")
    now = ctx.clock.now()
    zh = ctx.config.language == "zh-CN"
    subject = ("Tieout: a test", "Tieout：测试")[zh]
    text = ("If you read this, reports and alerts can reach you here.", "收到此信，说明报表与告警可以送达。")[zh]
    body = {"subject": subject, "text": text, "at": now.isoformat(), "schedule": "test"}
    sent = _deliver(ctx, Notice(ctx.ids.new("ntc"), f"test:{iso_utc(now)}", "alert", target, body, 1))
    return {"ok": sent.outcome == "sent", "target": target, "outcome": sent.outcome, "error": sent.error}


def _deliver(ctx: Context, notice: Notice) -> Sent:
    if notice.target == "file":
        return _write(ctx, notice)
    if notice.target.startswith("mail:"):
        return _mail(ctx, notice)
    if notice.target.startswith("chat:"):
        return _post(ctx, notice)
    kind = notice.target.partition(":")[0]
    return Sent("dead", f"nothing here delivers to {kind!r}: write file, mail:name@example.com or chat:CONNECTION")


def _files(ctx: Context, body: Mapping[str, Any]) -> list[ReportFile]:
    """The files of a report notice: made at the point of knowledge that was noted, so that a retry is the same."""
    wish = ReportWish(
        name=body["report"],
        as_of=date.fromisoformat(body["as_of"]),
        known_at=body["known"],
        company=body["company"],
        customer=body["customer"],
        language=body["language"],
    )
    report = build_report(ctx, wish)
    whose = _whose(ctx, str(body["customer"] or ""))
    made = [file_of(report, form, body["language"]) for form in body["formats"]]
    if not whose:
        return made
    return [replace(one, file_name=f"{whose}.".join(one.file_name.rsplit(".", 1))) for one in made]


def _whose(ctx: Context, customer: str) -> str:
    """The customer's codes in the books and its name, as a part of a file name; "" for a report of everybody.

    With several companies each code names its own: two of them may call different customers alike.
    """
    if not customer:
        return ""
    m, a = memberships.c, accounts.c
    query = select(a.company_id, a.party_ref).join(memberships, m.member == a.id)
    with reading(ctx.engine) as conn:
        rows = conn.execute(
            query.where(m.customer_id == customer, m.to_seq.is_(None)).order_by(a.company_id, a.party_ref)
        ).all()
        name = customer_name(conn, customer)
    several = len(ctx.config.companies) > 1
    codes = [f"{row.company_id}.{row.party_ref}" if several else row.party_ref for row in rows[:2]]
    return "".join(f"-{_readable(part)}" for part in (*(codes or [customer]), name) if part)


def _readable(text: str) -> str:
    """A part of a file name in any script: letters, digits, point and hyphen, at most 40 characters."""
    return re.sub(r"[^\w.-]+", "-", text)[:40].strip("-._")


def _write(ctx: Context, notice: Notice) -> Sent:
    folder = ctx.config.home / "reports" / _plain(str(notice.body.get("schedule") or notice.kind))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if notice.kind == "alert":
            name = f"{_plain(notice.occasion)}.txt"
            _write_whole(folder / name, f"{notice.body['subject']}\n\n{notice.body['text']}\n".encode())
            return Sent("sent")
        slot = _plain(notice.body["slot"])
        for made in _files(ctx, notice.body):
            stem, _, ending = made.file_name.rpartition(".")
            _write_whole(folder / f"{stem}-{slot}.{ending}", made.body)
    except OSError as error:
        return Sent("failed", f"{folder}: {error.strerror or error}")
    return Sent("sent")


def _write_whole(path: Path, body: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    os.replace(part, path)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "notice"


def _mail(ctx: Context, notice: Notice) -> Sent:
    body, attachments = notice.body, []
    subject, text = str(body.get("subject", "")), str(body.get("text", ""))
    if notice.kind == "report":
        made = _files(ctx, body)
        attachments = [Attachment(one.file_name, one.media_type, one.body) for one in made]
    mark = blake2b(f"{notice.occasion}|{notice.target}".encode(), digest_size=16).hexdigest()
    at = datetime.fromisoformat(body["at"])
    mail = compose(
        ctx.config.mail,
        to=notice.target.removeprefix("mail:"),
        subject=subject,
        text=text,
        at=at,
        message_id=mark,
        attachments=attachments,
    )
    return send(ctx.config.mail, mail)


_OUTCOMES: Mapping[str, SentOutcome] = {"done": "sent", "retry": "failed", "rejected": "dead"}


def _post(ctx: Context, notice: Notice) -> Sent:
    """The words of a notice into a group; of a report only the words, its files go to mail and folders."""
    text = f"{notice.body.get('subject', '')}\n{notice.body.get('text', '')}".strip()
    connector = ctx.connector(notice.target.removeprefix("chat:"), "fast")
    try:
        (receipt,) = connector.write(
            [
                RemoteChange(
                    notice.id, "messages", "create", "", {"text": text}, key=f"{notice.occasion}|{notice.target}"
                )
            ]
        )
    finally:
        connector.close()
    return Sent(_OUTCOMES.get(receipt.outcome, "uncertain"), f"{receipt.code} {receipt.message}".strip())


def report_words(report: Any, language: str) -> tuple[str, str]:
    """Subject and text of a mail that brings a report."""
    subject = f"{title(report, language)} {report.as_of.isoformat()}"
    lines = [f"{name}: {value}" for name, value in about(report, language)]
    return subject, "\n".join(lines)
