"""A reminder as a task in a CRM: its words in Chinese and English, its key, its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mapping.outbound_fields import KEY_LENGTH, NOTE_MODULES, REMINDER_MODULES, FieldNames, names_of
from tieout.core.dates import days_overdue
from tieout.core.errors import ConfigError, MappingError
from tieout.core.money import format_minor
from tieout.core.ports import JsonValue, RemoteChange

SUBJECT_LENGTH = 255
NOTE_TITLE_LENGTH = 120  # what Zoho's own form takes
MAX_LINES = 40  # of a task's description; the rest is counted, the amount is that of all

_WORDS = {
    "en": {
        "subject": "Payment reminder {step}: {customer}, {amount} overdue",
        "head": "{customer} owes {company} {amount} that is past due ({count} items).",
        "line": "{number}: due {due}, {days} days overdue, open {amount}",
        "more": "… and {count} more.",
        "act": "Please act by {day}.",
        "foot": "Please remind the customer and note the answer here. If it was paid or is disputed, close this task.",
    },
    "zh-CN": {
        "subject": "催款提醒 {step}：{customer}，逾期 {amount}",
        "head": "{customer} 欠 {company} 逾期款项 {amount}（共 {count} 笔）。",
        "line": "{number}：到期日 {due}，逾期 {days} 天，未收 {amount}",
        "more": "……另有 {count} 笔。",
        "act": "请于 {day} 前跟进。",
        "foot": "请联系客户催收，并在此记录答复；若已付款或有争议，请关闭此任务。",
    },
}


@dataclass(frozen=True, slots=True)
class ReminderLine:
    """One open item in a reminder; `amount_minor` is what is claimed of it."""

    number: str
    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ReminderView:
    """One reminder: to one customer of one company in one currency.

    `key` is unique for ever; `task_due_on` is the day by which sales should act; `parent_module` and `parent_id` name
    the CRM record that it hangs on.
    """

    key: str
    customer_name: str
    company_name: str
    currency: str
    amount_minor: int
    step: str
    lines: Sequence[ReminderLine]
    as_of: date
    task_due_on: date
    parent_module: str
    parent_id: str


def reminder_task(vendor: str, view: ReminderView, language: str = "zh-CN") -> dict[str, JsonValue]:
    """The fields of the task; key and parent are added by the transport from the RemoteChange.

    Zoho docs v8 insert-records: `Subject` is mandatory; `Status` and `Priority` are Zoho's default picklist values.
    The lines must sum to the amount, else MappingError.
    """
    if vendor not in REMINDER_MODULES:
        raise ConfigError(f"vendor {vendor!r} takes no reminders as tasks")
    if language not in _WORDS:
        raise ConfigError(f"no reminder text in language {language!r}", hint=f"Known: {', '.join(_WORDS)}.")
    if sum(line.amount_minor for line in view.lines) != view.amount_minor:
        raise MappingError("the lines of the reminder do not sum to its amount", path="lines", code="sum_mismatch")
    words = _WORDS[language]
    subject = words["subject"].format(
        step=view.step, customer=view.customer_name[:120], amount=format_minor(view.amount_minor, view.currency)
    )
    if (
        REMINDER_MODULES[vendor] == "ActiveRecordObj"
    ):  # a sales activity has no subject and no due date: all is its text
        act = words["act"].format(day=view.task_due_on.isoformat())
        return {"active_record_content": "\n".join([subject, act, *_description(view, words)])}
    return {
        "Subject": subject[:SUBJECT_LENGTH],
        "Due_Date": view.task_due_on.isoformat(),
        "Status": "Not Started",
        "Priority": "High",
        "Description": "\n".join(_description(view, words)),
    }


def task_in_words(vendor: str, view: ReminderView, subject: str, text: str) -> dict[str, JsonValue]:
    """The fields of the task in words of one's own."""
    if REMINDER_MODULES[vendor] == "ActiveRecordObj":
        return {"active_record_content": f"{subject}\n{text}".rstrip()}
    return {
        "Subject": subject[:SUBJECT_LENGTH],
        "Due_Date": view.task_due_on.isoformat(),
        "Status": "Not Started",
        "Priority": "High",
        "Description": text.rstrip(),
    }


def reminder_note(vendor: str, view: ReminderView, language: str = "zh-CN") -> dict[str, JsonValue]:
    """The fields of a note on the account; the transport adds the key as its last line, and the parent."""
    task = reminder_task("zoho_crm", view, language)
    return note_in_words(vendor, str(task["Subject"]), str(task["Description"]))


def note_in_words(vendor: str, subject: str, text: str) -> dict[str, JsonValue]:
    """The fields of a note in words of one's own."""
    if vendor not in NOTE_MODULES:
        raise ConfigError(f"vendor {vendor!r} takes no reminders as notes")
    return {"Note_Title": subject[:NOTE_TITLE_LENGTH], "Note_Content": text.rstrip()}


def reminder_change(
    vendor: str,
    view: ReminderView,
    *,
    change_id: str,
    version: int = 0,
    names: FieldNames | Mapping[str, str] | None = None,
    language: str = "zh-CN",
) -> RemoteChange:
    """The task as a RemoteChange that is created at most once: found again by its key."""
    if not view.key or len(view.key) > KEY_LENGTH:
        raise MappingError(f"the key of a reminder has 1 to {KEY_LENGTH} characters", path="key", code="bad_key")
    return RemoteChange(
        change_id=change_id,
        module=REMINDER_MODULES[vendor],
        operation="create",
        remote_id="",
        fields=reminder_task(vendor, view, language),
        key=view.key,
        key_field=names_of(names, vendor).key,
        parent_module=view.parent_module,
        parent_id=view.parent_id,
        version=version,
    )


def _description(view: ReminderView, words: Mapping[str, str]) -> list[str]:
    lines = sorted(view.lines, key=lambda line: (line.due_on, line.number))
    head = words["head"].format(
        customer=view.customer_name,
        company=view.company_name,
        amount=format_minor(view.amount_minor, view.currency),
        count=len(lines),
    )
    out = [head]
    for line in lines[:MAX_LINES]:
        amount = format_minor(line.amount_minor, view.currency)
        days = days_overdue(line.due_on, view.as_of)
        out.append(words["line"].format(number=line.number, due=line.due_on.isoformat(), days=days, amount=amount))
    if len(lines) > MAX_LINES:
        out.append(words["more"].format(count=len(lines) - MAX_LINES))
    return [*out, words["foot"]]
