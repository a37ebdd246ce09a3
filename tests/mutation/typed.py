"""What the type checker refuses is noticed: one run of it over all variants at once, written into mutmut's records.

mutmut can ask a type checker itself, but takes minutes to find the places of what is said; here they are line numbers.
"""

from __future__ import annotations

import ast
import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

REFUSED = 37  # mutmut's own code for it
# What the copies themselves bring about: each suppression stands in every variant of its function.
_NOISE = ("unused-ignore", "no-redef")


def mark(python: str, base: Path, packages: Sequence[str]) -> int:
    """Give every variant with a type error its fate; the number of them."""
    names = [word for name in packages for word in ("-p", name)]
    quiet = [word for code in _NOISE for word in ("--disable-error-code", code)]
    said = subprocess.run(
        [python, "-m", "mypy", *names, *quiet, "-O", "json"], cwd=base, capture_output=True, text=True, check=False
    )
    if said.returncode not in (0, 1):
        raise RuntimeError(f"mypy could not run:\n{said.stdout[-2000:]}{said.stderr[-2000:]}")
    wrong: defaultdict[str, set[int]] = defaultdict(set)
    for line in filter(str.strip, said.stdout.splitlines()):
        error = json.loads(line)
        if error["severity"] == "error":
            wrong[error["file"]].add(error["line"])
    return sum(_mark(base / name, lines) for name, lines in wrong.items())


def refused(text: str, lines: set[int]) -> set[str]:
    """The variants that hold one of these lines; an error in an original is the code's own and says nothing."""
    spans = {
        node.name: (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "__mutmut_" in node.name
    }
    return {
        name
        for name, (first, last) in spans.items()
        if not name.endswith("__mutmut_orig") and any(first <= line <= last for line in lines)
    }


def _mark(path: Path, lines: set[int]) -> int:
    record = path.with_suffix(".py.meta")
    if not record.exists():
        return 0
    held: dict[str, Mapping[str, object]] = json.loads(record.read_text(encoding="utf-8"))
    variants = refused(path.read_text(encoding="utf-8"), lines)
    found = [name for name in held["exit_code_by_key"] if name.rsplit(".", 1)[-1] in variants]
    held["exit_code_by_key"] = {**held["exit_code_by_key"], **dict.fromkeys(found, REFUSED)}
    record.write_text(json.dumps(held), encoding="utf-8")
    return len(found)
