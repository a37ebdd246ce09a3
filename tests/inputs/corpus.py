"""Kept inputs: what once broke a reader is read again by every run.

`kept/NAME.jsonl` has one JSON text a line. `guarded` runs a reader and, where fresh examples are drawn
(`make properties`), writes what broke it into its file, so that the input stays when the search is over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tieout.core.errors import TieoutError

FOLDER = Path(__file__).with_name("kept")


def kept(name: str) -> list[Any]:
    """The kept inputs of a reader, oldest first; at least one."""
    found = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="ascii").splitlines()]
    assert found, f"nothing is kept for {name}"
    return found


def guarded(name: str, given: Any, read: Callable[[], Any]) -> Any:
    """What the reader makes of an input, or its refusal; any other failure is kept and raised.

    `given` is the input in a form JSON can hold.
    """
    try:
        made = read()
    except TieoutError as refusal:
        made = refusal
    except Exception:
        if os.environ.get("TIEOUT_EXAMPLES") == "fresh":
            _keep(name, given)
        raise
    if isinstance(made, TieoutError):
        assert made.message, "a refusal says what is wrong"
        assert "\n" not in str(made)
    return made


def _keep(name: str, given: Any) -> None:
    line = json.dumps(given)
    path = FOLDER / f"{name}.jsonl"
    if line not in path.read_text(encoding="ascii").splitlines():
        with path.open("a", encoding="ascii") as file:
            file.write(line + "\n")
