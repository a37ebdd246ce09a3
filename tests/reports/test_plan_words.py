"""Why a planned change is made, as sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tieout.reports.plan_words import _REASONS, sentence

ROOT = Path(__file__).parents[2]


def status(code: str, **params: Any) -> dict[str, Any]:
    return {"kind": "payment_status", "value": "paid", "reasons": [{"code": code, "params": params}]}


def test_every_reason_that_the_rules_give_has_words() -> None:
    given: set[str] = set()
    for name in ("status", "combine"):
        text = (ROOT / "tieout" / "receivables" / f"{name}.py").read_text(encoding="utf-8")
        for words in re.findall(r"Reason\(([^,)]*)", text):
            given |= set(re.findall(r'"(\w+)"', re.sub(r'== "\w+"', "", words)))
        if plain := re.search(r"_PLAIN_REASON[^{]*\{(.*?)\}", text, re.S):
            given |= set(re.findall(r':\s*"(\w+)"', plain.group(1)))
    assert {"past_due", "nothing_open", "net_credit", "voided"} <= given
    assert given - set(_REASONS) == set()


@pytest.mark.parametrize(
    ("why", "english", "chinese"),
    [
        (
            status("past_due", overdue_minor=11_300_000, overdue_since="2026-11-01"),
            "Payment status paid: 113,000.00 CNY is overdue, since 2026-11-01.",
            "付款状态 paid：逾期 113,000.00 CNY，自 2026-11-01 起。",
        ),
        (status("nothing_open"), "Payment status paid: nothing is open any more.", "付款状态 paid：已无未结金额。"),
        (
            {"kind": "credit", "value": "ok", "reasons": []},
            "Credit status ok: within the limit, nothing overdue.",
            "信用状态 ok：额度之内，无逾期。",
        ),
        (
            {"kind": "credit", "value": "hold", "reasons": [{"code": "no_limit_known", "params": {"grade": "D"}}]},
            "Credit status hold: no credit limit known (grade D).",
            "信用状态 hold：尚无信用额度（等级 D）。",
        ),
        (
            {"kind": "unbound"},
            "No document of the books is bound to it: what was shown there is cleared.",
            "未绑定单据：清除此前显示的内容。",
        ),
        ({"why": "paid"}, "paid", "paid"),
        (status("a_new_code"), "Payment status paid: a new code.", "付款状态 paid：a new code。"),
        (status("past_due"), "Payment status paid: past due.", "付款状态 paid：past due。"),
    ],
)
def test_sentences(why: dict[str, Any], english: str, chinese: str) -> None:
    assert sentence(why, "CNY", 0, "en") == english
    assert sentence(why, "CNY", 0, "zh-CN") == chinese
