"""`tieout cases`: instalments as arguments, and mistakes in arguments told in one line of the reader's language."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

import pytest

from tests.cli.conftest import Run
from tieout.cli.app import main
from tieout.core.errors import Gone


def test_instalments_are_read_as_days_and_amounts(run: Run, service: Any) -> None:
    desk = type(service)()
    desk.is_open = True
    service.dunning = desk
    rows = ["--row", "2026-12-31=5,000.00", "--row", "2027-01-31=2500.5"]
    assert run("cases", "plan", "cus_1", *rows, "--item", "inv_1", "--note", "agreed").exit_code == 0
    name, (customer, _), given = desk.last
    assert (name, customer) == ("open_plan", "cus_1")
    assert given == {
        "rows": [(date(2026, 12, 31), 500_000), (date(2027, 1, 31), 250_050)],
        "currency": "CNY", "items": ["inv_1"], "company": "", "note": "agreed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "chinese", "english"),
    [
        (("plan", "cus_1", "--row", "soon"), "'soon' 不是分期：请写 日期=金额。例如", "'soon' is no instalment"),
        (("plan", "cus_1", "--row", "2026-13-01=5"), "'2026-13-01' 不是日期", "'2026-13-01' is not a calendar date"),
        (
            ("dispute", "inv_1", "--reason", "x", "--amount", "5000,50"),
            "'5000,50' 不是 CNY 金额",
            "not an amount in CNY",
        ),
        (
            ("promise", "cus_1", "--on", "2026-12-05", "--amount", "1.234,50"),
            "不是 CNY 金额。请用小数点",
            "is not an amount in CNY",
        ),
        (("plan", "cus_1", "--row", "2026-12-31=1,50"), "'1,50' 不是 CNY 金额", "'1,50' is not an amount in CNY"),
    ],
)
def test_a_mistake_in_an_argument_is_one_line(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    chinese: str,
    english: str,
) -> None:
    for tag, wanted in (("zh_CN.UTF-8", chinese), ("en_GB.UTF-8", english)):
        monkeypatch.setenv("LC_ALL", tag)
        monkeypatch.setattr(sys, "argv", ["tieout", "cases", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert wanted in shown.err
        assert shown.err.count("\n") == 1
    monkeypatch.setattr(sys, "argv", ["tieout", "cases", *arguments, "--json"])
    with pytest.raises(SystemExit):
        main()
    assert english in json.loads(capsys.readouterr().out)["error"]["message"]


def test_what_the_service_refuses_is_told_in_the_language_of_the_configuration(run: Run, service: Any) -> None:
    service.answers["push_resume"] = Gone("there is no customer cus_1", hint="Known: a, b.")
    assert run("push", "resume").stderr == "Error: there is no customer cus_1. Known: a, b.\n"
    with open("tieout.toml", encoding="utf-8") as held:
        text = held.read()
    with open("tieout.toml", "w", encoding="utf-8") as held:
        held.write(text.replace('language = "en"', 'language = "zh-CN"'))
    assert run("push", "resume").stderr == "错误: 没有客户 cus_1。已知：a, b。\n"
    body = json.loads(run("push", "resume", "--json").stdout)
    assert body["error"]["message"] == "there is no customer cus_1"
