"""mutmut in an environment of its own, over a copy of the committed and changed files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.mutation import typed
from tests.mutation.rooms import NOT_MUTATED, READ_THE_CODE, TESTS

PIN = "mutmut==3.8.1"

_CONFIG = """

[tool.mutmut]
source_paths = ["tieout", "mapping"]
only_mutate = {only}
do_not_mutate = {never}
also_copy = {beside}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = {args}
track_dependencies = false
use_git_change_detection = false
"""
# mutmut makes the mutants and runs tests in one go; the type checker has to come between.
_MAKE = """
import sys, mutmut.__main__ as made
made.set_mutant_under_test("mutant_generation")
made.makedirs("mutants", exist_ok=True)
made.copy_src_dir(), made.copy_also_copy_files(), made.setup_source_paths()
made.create_mutants(int(sys.argv[1]))
"""


def python_of(folder: Path) -> str:
    """The interpreter of an environment with mutmut that also sees what is installed here."""
    home = folder / "env"
    stamp = home / "pin"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != PIN:
        print(f"Installing {PIN} into {home} (once) …", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        python = str(home / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", PIN], check=True)
        there = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        (Path(there) / "tieout_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        stamp.write_text(PIN, encoding="utf-8")
    return str(home / "bin" / "python")


def copy_tree(root: Path, target: Path) -> None:
    """Every file git knows or would take, so that a run sees what is about to be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


def prepare(root: Path, folder: Path, only: Sequence[str]) -> Path:
    """The tree to mutate, anew, with mutmut's settings for these files or patterns of files."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    copy_tree(root, tree)
    beside = sorted({path.name for path in tree.iterdir()} - {"mapping", "tests", "tieout"})
    args = ["-p", "no:cacheprovider", *(word for name in READ_THE_CODE for word in ("--deselect", name))]
    text = _CONFIG.format(
        only=_toml(only), beside=_toml(beside), never=_toml(NOT_MUTATED), tests=_toml(TESTS), args=_toml(args)
    )
    with (tree / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(text)
    return tree


def make(python: str, tree: Path, workers: int, patterns: Sequence[str]) -> None:
    """Make every mutant of the tree, and give those of `patterns` their fate that the type checker refuses."""
    print("Making the mutants …", file=sys.stderr, flush=True)
    subprocess.run([python, "-c", _MAKE, str(workers)], cwd=tree, env=_environment(python), check=True)
    packages = sorted({pattern.removesuffix("/*").replace("/", ".") for pattern in patterns})
    print("Asking the type checker …", file=sys.stderr, flush=True)
    count = typed.mark(python, tree / "mutants", packages)
    print(f"{count} are refused by it.", file=sys.stderr, flush=True)


def renew(root: Path, tree: Path) -> None:
    """The tests as they are now in a tree that was mutated; which test reaches which function is found out again."""
    for folder in (tree, tree / "mutants"):
        shutil.rmtree(folder / "tests", ignore_errors=True)
    copy_tree(root / "tests", tree / "tests")
    (tree / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)


def run(python: str, tree: Path, workers: int, names: Sequence[str]) -> None:
    """Let mutmut do its work; these mutants only where names are given. Its own progress goes to standard error."""
    subprocess.run(
        [python, "-m", "mutmut", "run", "--max-children", str(workers), *names],
        cwd=tree,
        env=_environment(python),
        check=True,
        stdout=sys.stderr,
    )


def _environment(python: str) -> dict[str, str]:
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": ""}


def _toml(words: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
