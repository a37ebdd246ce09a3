"""Rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("tieout", "connectors", "mapping", "sync")
MONEY_ROOMS = (
    "tieout/ledger",
    "tieout/receivables",
    "tieout/canonical",
    "mapping",
    "tieout/store",
    "tieout/core/money.py",
)
LONGEST = 450
TIME_AND_CHANCE = {"tieout/core/clock.py", "tieout/core/ids.py", "tieout/sandbox/clock.py"}
SEEDED = "tieout/sandbox/company/"  # invents a company from `random.Random(seed)` alone
FORBIDDEN_CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "monotonic"), ("time", "sleep"), ("time", "time_ns"), ("time", "perf_counter"),
    ("uuid", "uuid1"), ("uuid", "uuid4"), ("os", "urandom"),
}  # fmt: skip
FORBIDDEN_IMPORTS = {"random", "secrets"}


def sources(*places: str) -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every Python file below the places."""
    for place in places or (*ROOMS, "api.py", "worker.py"):
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """Every file of the project that is under version control (or about to be)."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    return [ROOT / line for line in said.stdout.splitlines() if (ROOT / line).is_file()]


def calls_of(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """(left name, attribute, line) of every `name.attribute` that is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr, node.lineno


def imports_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def breaks_time_and_chance(path: str, text: str) -> list[str]:
    """Where a file reads the machine's clock or draws chance by itself."""
    if path in TIME_AND_CHANCE:
        return []
    tree = ast.parse(text)
    found = [f"{path}:{line} {left}.{name}" for left, name, line in calls_of(tree) if (left, name) in FORBIDDEN_CALLS]
    for name, line in imports_of(tree):
        if name in FORBIDDEN_IMPORTS and not path.startswith(SEEDED):
            found.append(f"{path}:{line} import {name}")
    if path.startswith(SEEDED):
        found += [
            f"{path}:{line} random.{name}"
            for left, name, line in calls_of(tree)
            if left == "random" and name != "Random"
        ]
    return found


def breaks_commit(path: str, text: str) -> list[str]:
    """Where a file commits by itself."""
    if path == "tieout/store/session.py":
        return []
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]


def breaks_money(path: str, text: str) -> list[str]:
    """Where a file on the money path makes or converts a float (durations in seconds may be floats)."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            found.append(f"{path}:{node.lineno} float()")
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "json"
            and (node.attr in ("load", "loads"))
        ):
            found.append(f"{path}:{node.lineno} json.{node.attr}")
        if isinstance(node, ast.AnnAssign | ast.arg):
            name = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
            if re.search(r"amount|minor|balance|total|price|rate$", name) and (
                node.annotation is not None and re.search(r"\bfloat\b", ast.unparse(node.annotation))
            ):
                found.append(f"{path}:{node.lineno} {name}: float")
        if (isinstance(node, ast.Name) and node.id in ("Float", "REAL", "Numeric")) or (
            isinstance(node, ast.Attribute) and node.attr in ("Float", "REAL", "Numeric")
        ):
            found.append(f"{path}:{node.lineno} a column that rounds")
    return found


def test_time_and_chance_come_from_the_core_alone() -> None:
    assert [found for path, text in sources() for found in breaks_time_and_chance(path, text)] == []


def test_one_place_commits() -> None:
    assert [found for path, text in sources() for found in breaks_commit(path, text)] == []


def test_no_float_on_the_money_path() -> None:
    places = [place for place in MONEY_ROOMS if (ROOT / place).exists()]
    assert [found for path, text in sources(*places) for found in breaks_money(path, text)] == []


@pytest.mark.parametrize(
    ("check", "path", "text"),
    [
        (breaks_time_and_chance, "sync/x.py", "from datetime import datetime\ndatetime.now()"),
        (breaks_time_and_chance, "sync/x.py", "import time\ntime.sleep(1)"),
        (breaks_time_and_chance, "sync/x.py", "import uuid\nuuid.uuid4()"),
        (breaks_time_and_chance, "sync/x.py", "from random import random"),
        (breaks_time_and_chance, "tieout/sandbox/company/x.py", "import random\nrandom.random()"),
        (breaks_commit, "sync/x.py", "def f(conn):\n    conn.commit()"),
        (breaks_money, "mapping/x.py", "def f(amount: float) -> None: ..."),
        (breaks_money, "mapping/x.py", "total_minor: float = 0.0"),
        (breaks_money, "mapping/x.py", "value = float(text)"),
        (breaks_money, "mapping/x.py", "import json\njson.loads(text)"),
        (breaks_money, "tieout/store/x.py", "Column('amount', Numeric(18, 2))"),
    ],
)
def test_the_checks_see_what_they_look_for(check: object, path: str, text: str) -> None:
    assert check(path, text)  # type: ignore[operator]


def test_files_stay_small() -> None:
    """Migrations apart: a revision lists every table it makes and is never edited again."""
    long = {
        path: len(text.splitlines())
        for path, text in sources()
        if len(text.splitlines()) > LONGEST and "/migrations/versions/" not in f"/{path}"
    }
    assert long == {}


@pytest.mark.parametrize("name", ["api.py", "worker.py"])
def test_root_modules_are_thin(name: str) -> None:
    """They parse, call and render: no classes, no loops, no SQL, few lines, nothing heavy at import."""
    text = (ROOT / name).read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 80
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.For | ast.While)]
    assert not re.search(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", text)
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {name for node in top for name, _ in imports_of(node)} <= {"__future__", "typing", "importlib"}


MACHINE = re.compile(r"(?:/root/|/home/[a-z]+/|/Users/|C:\\\\Users|" + re.escape(str(ROOT)) + "/)")


def test_no_path_of_a_machine_is_in_the_project() -> None:
    own = Path(__file__)
    found = []
    for file in tracked():
        if file == own or file.suffix in (".png", ".ico", ".woff2", ".gz"):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}")
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(--index|--extra|--find|-e\b|#)", text, re.M)
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==\S+", text, re.M)
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text) if entry.strip()]
    assert len(pins) == len(entries) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "setuptools" in pins


def test_the_two_locks_agree() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.M))

    runtime, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: version for name, version in runtime.items() if dev.get(name) != version} == {}


def test_the_locks_cover_what_the_project_asks_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": project["dependency-groups"]["dev"],
    }
    for name, asked in wanted.items():
        pins = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / name).read_text(encoding="utf-8"), re.M))
        missing = {
            plain
            for plain in (re.sub(r"[._-]+", "-", re.split(r"[\[<>=;! ]", one)[0]).lower() for one in asked)
            if plain not in pins
        }
        assert missing == set(), name
