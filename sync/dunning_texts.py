"""Message texts of users: checked when handed in, shown with a real customer's figures, versioned, restorable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from mapping.message_words import LANGUAGES, NAMES, TEXT_LIMIT, message_words, source_of
from mapping.reminder_text import ReminderLine, ReminderView
from mapping.template_check import FIELDS, VARIABLES, check_template
from sync.case_checks import CaseError
from sync.context import Context
from sync.dunning import as_decided
from sync.fold.texts import DROP, USE
from sync.settle.policies import active_policy
from sync.settle.reminders import Judged
from sync.settle.reminding import ACT_WITHIN, Message, occasion_of, view_of
from tieout.core.errors import ConfigError, Gone
from tieout.core.exact_json import digest
from tieout.core.money import format_minor
from tieout.receivables.dunning.decide import DunningDecision
from tieout.receivables.dunning.policy import CHANNELS
from tieout.store import audit
from tieout.store.inputs import append_input
from tieout.store.session import reading, unit
from tieout.store.tables import customers, dunning_texts

ORIGIN = "text"
TASK_LIMIT = 30_000  # characters: Zoho takes 32,000 in a text area
_SLOT = re.compile(r"(step):([A-Za-z][A-Za-z0-9_-]{0,15})|(level):([0-9])|(text):([a-z]+)")


class TextDesk:
    """Looks at, tries, puts in force and takes back the words that messages are made of."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    def listed(self) -> dict[str, Any]:
        """Every text that is or was in force, newest first, and what one can be written for and with."""
        with reading(self._ctx.engine) as conn:
            rows = conn.execute(select(dunning_texts).order_by(dunning_texts.c.seq.desc())).mappings().all()
            slots = {name: _slots(conn, name) for name in sorted(self._ctx.config.companies)}
        return {
            "texts": [_shown(row) for row in rows],
            "slots": slots,
            "languages": list(LANGUAGES),
            "channels": list(CHANNELS),
            "variables": list(VARIABLES),
            "fields": list(FIELDS),
        }

    def start(self, company: str, slot: str, language: str, channel: str) -> str:
        """The text to start from: the one in force for this place, else the shipped one nearest to it."""
        self._place(company, slot, language, channel)
        t = dunning_texts.c
        with reading(self._ctx.engine) as conn:
            held = conn.execute(
                select(t.text).where(
                    t.is_active, t.company_id == company, t.slot == slot, t.language == language, t.channel == channel
                )
            ).scalar()
        if held is not None:
            return str(held)
        kind, _, name = slot.partition(":")
        return source_of("task" if channel != "email" else name if kind == "text" else "claim", language)

    def text(self, seq: int) -> dict[str, Any]:
        """One text that is or was in force."""
        with reading(self._ctx.engine) as conn:
            return _shown(_row(conn, seq))

    def preview(
        self, text: str, *, company: str, slot: str, language: str, channel: str, customer: str, currency: str = ""
    ) -> dict[str, Any]:
        """Check a text and make the message of a customer from it, with what that customer owes now."""
        self._place(company, slot, language, channel)
        _check(text, channel)
        with reading(self._ctx.engine) as conn:
            name = conn.execute(select(customers.c.name).where(customers.c.id == customer)).scalar()
            if name is None:
                raise Gone(f"there is no customer {customer!r}", code="no_customer")
            view, decision, pay_by = _figures(self._ctx, conn, company, customer, str(name), currency, slot)
        words = message_words(view, language, tone="", pay_by=pay_by, source=text)
        return {
            "customer": customer,
            "name": name,
            "subject": words.subject,
            "text": words.text,
            "version": words.version,
            "amount": format_minor(view.amount_minor, view.currency),
            "items": len(view.lines),
            "sends": decision.send,
            "why_not": decision.why_not,
        }

    def use(
        self,
        text: str,
        *,
        slot: str,
        language: str,
        channel: str,
        actor: str,
        companies: Sequence[str] = (),
        note: str = "",
    ) -> dict[str, Any]:
        """Put a text in force for these companies (all if none is named); messages made from now on get its words."""
        ctx = self._ctx
        names = list(companies) or sorted(ctx.config.companies)
        for name in names:
            self._place(name, slot, language, channel)
        version = _check(text, channel)
        place = {"slot": slot, "language": language, "channel": channel}
        done = []
        with unit(ctx.engine, "answer.commit") as conn:
            for name in names:
                if _version(conn, name, **place) == version:
                    continue
                body = {"do": USE, "company": name, **place, "version": version, "text": text, "note": note}
                append_input(conn, "text", ctx.clock.now(), body, actor=actor)
                kept = {key: value for key, value in body.items() if key != "text"}
                audit.append(conn, ctx.clock.now(), actor, "dunning.text", name, kept)
                done.append(name)
        self._after()
        return {**place, "version": version, "activated": done}

    def restore(self, seq: int, actor: str) -> dict[str, Any]:
        """Put an earlier text in force again; it is checked as if it were new."""
        with reading(self._ctx.engine) as conn:
            row = _row(conn, seq)
        place = {name: str(row[name]) for name in ("slot", "language", "channel")}
        return self.use(row["text"], **place, actor=actor, companies=[row["company_id"]], note=f"again: {seq}")

    def drop(self, seq: int, actor: str) -> dict[str, Any]:
        """Take a text that is in force out: the shipped words, or a less particular text, are used again."""
        ctx = self._ctx
        with unit(ctx.engine, "answer.commit") as conn:
            row = _row(conn, seq)
            if not row["is_active"]:
                raise CaseError(f"text {seq} is not in force", code="text_not_in_force")
            place = {name: row[name] for name in ("slot", "language", "channel")}
            body = {"do": DROP, "company": row["company_id"], **place}
            append_input(conn, "text", ctx.clock.now(), body, actor=actor)
            audit.append(conn, ctx.clock.now(), actor, "dunning.text_drop", row["company_id"], body)
        self._after()
        return {**place, "version": row["version"], "dropped": row["company_id"]}

    def _place(self, company: str, slot: str, language: str, channel: str) -> None:
        """Refuses a place no message could ever look for a text in."""
        for name, value, known in (
            ("company", company, sorted(self._ctx.config.companies)),
            ("language", language, LANGUAGES),
            ("channel", channel, CHANNELS),
        ):
            if value not in known:
                raise CaseError(f"there is no {name} {value!r}", hint="Known: " + ", ".join(known) + ".", code="text")
        with reading(self._ctx.engine) as conn:
            known = _slots(conn, company)
        if not _SLOT.fullmatch(slot) or slot not in known:
            raise CaseError(
                f"no message of {company} is {slot!r}", hint="Known: " + ", ".join(known) + ".", code="text"
            )


def _slots(conn: Connection, company: str) -> list[str]:
    """What a text can be for: the steps and levels of the policy in force, and the shipped texts by name."""
    policy = active_policy(conn, company)
    levels = sorted({step.level for step in policy.steps})
    return [
        *(f"step:{step.id}" for step in policy.steps),
        *(f"level:{level}" for level in levels),
        *(f"text:{name}" for name in NAMES),
    ]


def _check(text: str, channel: str) -> str:
    """The version of a text that every message can be made from; CaseError names the line otherwise."""
    try:
        check_template(text, ORIGIN, limit=TASK_LIMIT if channel in ("crm_task", "crm_note") else TEXT_LIMIT)
    except ConfigError as error:
        raise CaseError(error.message, hint=error.hint, code="text") from None
    return digest(text)[:12]


def _figures(
    ctx: Context, conn: Connection, company: str, customer: str, name: str, currency: str, slot: str
) -> tuple[ReminderView, DunningDecision, str]:
    """What the message of a customer is made from today; where none is sent, what it would be about."""
    batch, found = as_decided(ctx, conn, company, customer)
    wanted: list[tuple[Judged, DunningDecision]] = [
        (one, decision)
        for one in found
        for code, decision in sorted(one.decisions.items())
        if currency in ("", code) and any(item.claim_minor > 0 for item in one.items if item.currency == code)
    ]
    if not wanted:
        raise CaseError(
            f"{name} owes {company} nothing that could be asked for" + (f" in {currency}" if currency else ""),
            hint="Choose a customer with an open invoice.",
            code="text",
        )
    judged, decision = max(wanted, key=lambda pair: (pair[1].send, pair[1].amount_minor))
    message = Message(decision, judged.position, judged.items, judged.reach, judged.rules)
    if decision.send:
        return view_of(batch, message, name), decision, occasion_of(message).pay_by
    on = batch.on[company]
    items = [item for item in judged.items if item.currency == decision.currency and item.claim_minor > 0]
    free = [item for item in items if item.block(on) is None] or items  # what is disputed or paused is not asked for
    late = [item for item in free if item.due_on < on] or free
    lines = [ReminderLine(item.number, item.due_on, item.claim_minor) for item in late]
    step = slot.removeprefix("step:") if slot.startswith("step:") else decision.step
    total = sum(line.amount_minor for line in lines)
    home = ctx.config.companies[company].name
    view = ReminderView("", name, home, decision.currency, total, step, lines, on, on + ACT_WITHIN, "", "")
    return view, decision, ""


def _row(conn: Connection, seq: int) -> Mapping[Any, Any]:
    row = conn.execute(select(dunning_texts).where(dunning_texts.c.seq == seq)).mappings().first()
    if row is None:
        raise Gone(f"there is no text {seq}", hint="`tieout dunning text list` shows them.", code="no_text")
    return row


def _version(conn: Connection, company: str, slot: str, language: str, channel: str) -> str:
    t = dunning_texts.c
    found = conn.execute(
        select(t.version).where(
            t.is_active, t.company_id == company, t.slot == slot, t.language == language, t.channel == channel
        )
    ).scalar()
    return str(found or "")


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("seq", "slot", "language", "channel", "version", "text", "note", "ended_by")
    return {
        **{name: row[name] for name in names},
        "company": row["company_id"],
        "by": row["actor"],
        "at": row["at"].isoformat(),
        "active": row["is_active"],
        "ended_at": row["ended_at"].isoformat() if row["ended_at"] else None,
    }
