"""`tieout customers`: each command asks the service for just what was typed, under the name of who typed it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.fake import FakeService

RECORD = "zoho/customers/7"


class Desk(dict[str, Any]):
    """The desk of answers, which notes what it is asked; what the service answers by name stays with it."""

    def __init__(self, service: FakeService) -> None:
        super().__init__(service.answers)
        self._calls = service.calls

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> dict[str, Any]:
            self._calls.append((name, tuple(args), kwargs))
            return {"items": []}

        return call


@pytest.mark.parametrize(
    ("words", "name", "asked", "more"),
    [
        (["merge", "cus_1", "cus_2", "--reason", "one firm"], "merge", ("cus_1", "cus_2", "one firm", False), {}),
        (["merge", "cus_1", "cus_2", "--overrule"], "merge", ("cus_1", "cus_2", "", True), {}),
        (["unmerge", "cus_1"], "unmerge", ("cus_1", [], ""), {}),
        (["unmerge", "cus_1", "acc_1", RECORD], "unmerge", ("cus_1", ["acc_1", RECORD], ""), {}),
        (["relink", "cus_1", RECORD], "relink", ("cus_1", [RECORD], "", False), {}),
        (["separate", "cus_1", RECORD, "--reason", "another"], "separate", ("cus_1", [RECORD], "another"), {}),
        (["undo", "4711"], "undo", (4711, ""), {}),
        (["answers", "--about", "cus_1"], "listed", (), {"about": "cus_1", "limit": 50, "cursor": None}),
    ],
)
def test_a_command_asks_for_what_was_typed(
    run: Run, service: FakeService, words: list[str], name: str, asked: tuple[Any, ...], more: dict[str, Any]
) -> None:
    service.answers = Desk(service)
    said = run("customers", *words)
    assert said.exit_code == 0, said.output
    called, given, kwargs = service.calls[-1]
    without_actor = tuple(one for one in given if not str(one).startswith("cli:"))
    assert (called, without_actor, kwargs) == (name, asked, more)
    assert (len(given) > len(without_actor)) == (name != "listed")
