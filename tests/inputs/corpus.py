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
    except Exception as failure:
        if os.environ.get("TIEOUT_EXAMPLES") == "fresh":
            _keep(name, type(failure), json.dumps(given))
        raise
    if isinstance(made, TieoutError):
        assert made.message, "a refusal says what is wrong"
        assert "\n" not in str(made)
    return made


_shortest: dict[tuple[str, type[Exception]], str] = {}


def _keep(name: str, kind: type[Exception], line: str) -> None:
    """Add an input to its file; while it is made smaller, the smaller one takes the place of the one before."""
    before = _shortest.get((name, kind))
    if before is not None and len(before) <= len(line):
        return
    path = FOLDER / f"{name}.jsonl"
    lines = [one for one in path.read_text(encoding="ascii").splitlines() if one != before]
    if line not in lines:
        _shortest[name, kind] = line
        path.write_text("".join(f"{one}\n" for one in (*lines, line)), encoding="ascii")
