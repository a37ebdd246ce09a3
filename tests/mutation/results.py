"""What became of each mutant, read from mutmut's own records, and what it changed."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Literal

Fate = Literal["killed", "survived", "untested", "undecided"]

# mutmut: pytest failed, timed out, was stopped by its limit of processor time, or the type checker refused it.
_KILLED = {1, 3, 24, 36, 37, 152, 255, -24, -9, 137}
_UNTESTED = {5, 33}
_VARIANT = re.compile(r"__mutmut_(\d+|orig)$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed function: its file, `where` without mutmut's numbers, the lines before and after, and its fate."""

    name: str
    file: str
    where: str
    before: str
    after: str
    fate: Fate


def mutants(tree: Path) -> Iterator[Mutant]:
    """Every mutant that mutmut made of a tree, by file and name."""
    base = tree / "mutants"
    for record in sorted(base.rglob("*.py.meta")):
        codes = json.loads(record.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            yield from _of_file(base, record.with_suffix(""), codes)


def _of_file(base: Path, path: Path, codes: dict[str, int | None]) -> Iterator[Mutant]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    spans = {
        node.name: (node.lineno - 1, node.end_lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    module = ".".join(path.relative_to(base).with_suffix("").parts)
    for name, code in codes.items():
        variant = name.rsplit(".", 1)[-1]
        original = _VARIANT.sub("__mutmut_orig", variant)
        before, after = _difference(lines[slice(*spans[original])], lines[slice(*spans[variant])])
        yield Mutant(name, str(path.relative_to(base)), f"{module}.{_plain(variant)}", before, after, _fate(code))


def _difference(old: list[str], new: list[str]) -> tuple[str, str]:
    gone: list[str] = []
    come: list[str] = []
    for line in unified_diff(old, new, lineterm="", n=0):
        if line.startswith(("---", "+++", "@@")) or "__mutmut_" in line:
            continue
        (gone if line.startswith("-") else come).append(line[1:].strip())
    return " ".join(gone), " ".join(come)


def _plain(variant: str) -> str:
    """`x_name__mutmut_3` and `xǁClassǁname__mutmut_3` as they are written in the code."""
    return _VARIANT.sub("", variant).removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")


def _fate(code: int | None) -> Fate:
    if code is None or code == 2:
        return "undecided"
    if code in _UNTESTED:
        return "untested"
    return "killed" if code in _KILLED else "survived"
