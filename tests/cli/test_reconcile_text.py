"""`tieout reconcile` for people: what stands below a difference adds up to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from typer.testing import Result

Run = Callable[..., Result]


def total(amount: int) -> dict[str, Any]:
    return {
        "currency": "CNY", "ledger_minor": amount, "counterpart_minor": 0, "difference_minor": amount,
        "breaks_minor": amount, "is_valid": True, "is_stated": True,
    }  # fmt: skip


def cause(code: str, count: int, amount: int) -> dict[str, Any]:
    return {"kind": "missing_in_right", "cause": code, "count": count, "by_currency": {"CNY": amount}}


def stream(name: str, *causes: dict[str, Any]) -> dict[str, Any]:
    amount = sum(one["by_currency"]["CNY"] for one in causes)
    return {
        "stream": name, "module": name, "records": 9, "equal": 1, "unmapped": 0, "is_valid": True, "not_stated": "",
        "break_count": sum(one["count"] for one in causes), "totals": [total(amount)], "causes": list(causes),
    }  # fmt: skip


def money(text: str) -> int:
    return int(text.replace(",", "").replace(".", ""))


def test_the_causes_of_a_stream_add_up_to_its_difference(run: Run, service: Any, view: Any) -> None:
    """Account, deal and invoice show one debt: their causes under one difference were three times as much."""
    streams = [
        stream("customers", cause("push_planned", 3, 440_167_800)),
        stream("invoices", cause("conflict_pending", 2, 12_232_829), cause("push_planned", 5, 427_934_971)),
    ]
    crm = {
        "counterpart": "zoho", "side": "crm", "is_valid": True, "invalid_reason": "", "break_count": 10, "pairs": 0,
        "totals": streams[1]["totals"], "not_stated": "", "streams": streams, "breaks": [],
        "causes": [cause("conflict_pending", 2, 12_232_829), cause("push_planned", 8, 868_102_771)],
    }  # fmt: skip
    body = {
        "id": "rec_1", "as_of": "2026-11-30", "known_seq": 7, "is_valid": True, "exit_code": 0, "sections": [crm],
        "not_compared": [], "gone": [],
    }  # fmt: skip
    service.answers["reconcile"] = view(body)
    said = run("reconcile").stdout
    assert "8,681,027.71" not in said, "causes of several streams in one sum"
    parts = re.split(r"^zoho · ", said, flags=re.M)[1:]
    assert [part.split()[0] for part in parts] == ["customers", "invoices"]
    for part in parts:
        lines = part.splitlines()
        (totals,) = [line.split() for line in lines if line.startswith("CNY")]
        below = [line for line in lines if "CNY" in line and line.startswith("only in the ledger")]
        assert sum(money(line.split()[-2]) for line in below) == money(totals[3])
    assert re.search(r"^together +7 +4,401,678\.00 CNY", said, re.M)
