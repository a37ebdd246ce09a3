"""`tieout plan` for people: which record, from what to what, why, how much money, and what to type next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import Result

from tieout.cli.output import Out
from tieout.cli.plan_text import show_plan

Run = Callable[..., Result]


def row(number: int) -> dict[str, Any]:
    """One update of an invoice in Zoho."""
    return {
        "id": f"psh_{number}", "version": 1, "connection": "zoho", "module": "Invoices", "operation": "update",
        "remote_id": f"57257670002{number:05}", "label": f"示例机械（上海）有限公司 2026年{number}月货款",
        "subject": f"inv_{number}", "state": "planned", "number": f"AR{number:08}",
        "customer": "示例机械（上海）有限公司",
        "decided_in": "CNY", "currency": "CNY", "money_minor": number * 100_000, "seen_at": None,
        "changes": [
            {"field": "AR_Payment_Status", "before": "open", "after": "overdue", "currency": ""},
            {"field": "AR_Open_Amount", "before": Decimal("2260000"), "after": Decimal("1130000.5"), "currency": "CNY"},
            {"field": "AR_Overdue_Since", "before": None, "after": "2026-11-11", "currency": ""},
            {"field": "AR_Next_Due_Date", "before": "2026-11-10", "after": None, "currency": ""},
        ],
        "why": {
            "kind": "payment_status", "value": "overdue", "decision": "dec_1", "rule_version": "payment-status-1",
            "reasons": [{"code": "past_due", "params": {"overdue_minor": 11_300_050, "oldest_due_on": "2026-11-10"}}],
        },
    }  # fmt: skip


def task() -> dict[str, Any]:
    why = {"kind": "reminder", "step": "L1", "currency": "JPY", "items": [["inv_1:1", 4], ["inv_2:1", 5]]}
    text = {"field": "active_record_content", "before": None, "after": "Payment reminder\nPlease act", "currency": ""}
    made = {
        "connection": "fxiaoke", "module": "ActiveRecordObj", "operation": "create", "state": "parked", "number": "",
        "label": "Example Trading (Hong Kong) Limited", "customer": "示例贸易（香港）有限公司", "currency": "JPY",
        "money_minor": 9, "changes": [text], "why": {**why, "needs_approval": True},
    }  # fmt: skip
    return {**row(7), **made}


@pytest.fixture
def planned(service: Any, view: Any) -> Any:
    rows = [row(number) for number in range(1, 31)] + [task()]
    service.answers["plan"] = view(
        {
            "digest": "76db37d54eb286cd", "made_at": "2026-11-30T12:13:20Z", "fresh": False, "records": 31,
            "fields": 121,
            "totals": [{"currency": "CNY", "money_minor": 123_456_700}, {"currency": "JPY", "money_minor": 9}],
            "modules": [
                {"connection": "fxiaoke", "module": "ActiveRecordObj", "records": 1, "created": 1, "fields": 1,
                 "totals": [{"currency": "JPY", "money_minor": 9}]},
                {"connection": "zoho", "module": "Invoices", "records": 30, "created": 0, "fields": 120,
                 "totals": [{"currency": "CNY", "money_minor": 123_456_700}]},
            ],
            "rows": rows,
        }
    )  # fmt: skip
    return rows


def block(said: str, label: str) -> list[str]:
    """The lines of one record, without indents."""
    lines = said.splitlines()
    start = next(number for number, line in enumerate(lines) if label in line)
    end = next(number for number in range(start, len(lines)) if not lines[number].strip())
    return [line.strip() for line in lines[start:end]]


def test_a_record_says_which_from_what_to_what_and_why(run: Run, planned: Any) -> None:
    said = run("plan", "--limit", "0").stdout
    assert block(said, "AR00000003") == [
        "Invoices  示例机械（上海）有限公司 2026年3月货款 · AR00000003 · id 5725767000200003",
        "customer           示例机械（上海）有限公司",
        "at stake           3,000.00 CNY",
        "AR_Payment_Status  open → overdue",
        "AR_Open_Amount     2,260,000.00 CNY → 1,130,000.50 CNY",
        "AR_Overdue_Since   (empty) → 2026-11-11",
        "AR_Next_Due_Date   2026-11-10 → (empty)",
        "why                Payment status overdue: 113,000.50 CNY is overdue, the oldest was due",
        "2026-11-10.",
    ]
    new = block(said, "Example Trading")
    assert new[0].startswith("ActiveRecordObj  Example Trading (Hong Kong) Limited · new, at 57257")
    assert "waits for an approver" in " ".join(new)
    assert "active_record_content  Payment reminder" in new
    assert "why                    Reminder step L1: 2 overdue, 9 JPY in all; a person must approve it." in new
    assert {one["label"] for one in planned} == {one["label"] for one in planned if one["label"] in said}


def test_the_largest_come_first_and_the_rest_is_counted(run: Run, planned: Any) -> None:
    said = run("plan").stdout
    numbers = [int(found) for found in re.findall(r"AR(\d{8})", said)]
    assert numbers == list(range(30, 10, -1))
    assert "20 of 31 records are shown" in said
    assert "plan --limit 0 (or --json)" in " ".join(said.split())
    assert [int(found) for found in re.findall(r"AR(\d{8})", run("plan", "--limit", "2").stdout)] == [30, 29]
    assert "records are shown" not in run("plan", "--limit", "0").stdout


def test_it_ends_in_totals_per_currency_and_module_and_what_to_type(run: Run, planned: Any) -> None:
    said = run("plan").stdout
    assert said.startswith("Plan 76db37d54eb286cd, made at 2026-11-30T12:13:20Z: 31 records, 121 fields. Nothing has")
    totals = said[said.index("At stake, each debt counted once") :].splitlines()
    assert [line.split() for line in totals[1:3]] == [["1,234,567.00", "CNY"], ["9", "JPY"]]
    assert "zoho Invoices 30 0 120 1,234,567.00 CNY".split() in [line.split() for line in totals]
    assert "fxiaoke ActiveRecordObj 1 1 1 9 JPY".split() in [line.split() for line in totals]
    assert said.splitlines()[-1].endswith("push --plan 76db37d54eb286cd")


def test_it_can_be_read_where_a_file_or_pipe_has_no_width(run: Run, planned: Any) -> None:
    said = run("plan", "--limit", "0").stdout
    assert max(cell_len(line) for line in said.splitlines()[:-1]) <= 100


def test_it_speaks_chinese(run: Run, planned: Any, folder: Path) -> None:
    config = folder / "tieout.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"en"', '"zh-CN"'), encoding="utf-8")
    said = run("plan", "--limit", "0").stdout
    record = block(said, "AR00000003")
    assert "AR_Overdue_Since   （空） → 2026-11-11" in record
    assert "原因               付款状态 overdue：逾期 113,000.50 CNY，最早到期日 2026-11-10。" in record
    assert "催款步骤 L1：逾期 2 笔，共 9 JPY；需要审批。" in said
    assert "涉及金额，每笔欠款只计一次" in said
    assert "push --plan 76db37d54eb286cd" in said.splitlines()[-1]


def test_machines_get_every_row_as_before(run: Run, planned: Any) -> None:
    told = json.loads(run("plan", "--limit", "1", "--json").stdout)
    assert len(told["rows"]) == 31
    assert told["rows"][0]["changes"][0] == planned[0]["changes"][0]


def test_nothing_to_write_is_said(run: Run, service: Any, view: Any) -> None:
    service.answers["plan"] = view(
        {"digest": "x", "made_at": "", "fresh": False, "rows": [], "totals": [], "modules": []}
    )
    assert run("plan").stdout == "Nothing to write: every remote record shows what it should show.\n"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Nothing is decided yet: books, crm must be read to the end first. Next: tieout sync\n"),
        ("zh-CN", "尚未作出任何决定：须先完整读取 books, crm。下一步：tieout sync\n"),
    ],
)
def test_before_the_first_reading_nothing_is_called_right(
    language: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tieout.cli.plan_text.command_name", lambda: "tieout")
    out = Out(as_json=False)
    out.language = language
    assert show_plan(out, {"digest": "x", "rows": [], "unread": ["books", "crm"]})
    assert capsys.readouterr().out == said
