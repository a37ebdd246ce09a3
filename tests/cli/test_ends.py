"""Processes end soon after they are asked to: they pay for no long last collection, and none starts up first."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tieout.cli import serving

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def own_handlers() -> Iterator[dict[signal.Signals, Any]]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_scheduler_that_is_still_starting_ends_at_once(
    run: Callable[..., Result], own_handlers: dict[signal.Signals, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that was only noted while the modules are loaded came seconds late, and the process was killed."""
    seen: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name != "sync.scheduler":
            return importlib.import_module(name)
        seen["loading"] = {number: signal.getsignal(number) for number in SIGNALS}
        return types.SimpleNamespace(run=work)

    def work(config: Any, stop: threading.Event) -> None:
        signal.raise_signal(signal.SIGTERM)
        seen["stopped"] = stop.is_set()

    monkeypatch.setattr(serving, "importlib", types.SimpleNamespace(import_module=load))
    assert run("scheduler").exit_code == 0
    assert seen == {"loading": own_handlers, "stopped": True}


def test_the_last_collections_skip_what_was_loaded() -> None:
    code = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0))\n"
        "sys.argv = ['tieout', '--version']\n"
        "from tieout.cli.app import main\nmain()"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == "frozen True", said
