"""A disk that takes no more, and a damaged key: one line that says what to do, at whatever command it shows."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from tests.cli.conftest import CONFIG
from tieout.cli.app import app
from tieout.cli.running import outside
from tieout.core.crypto import home_key
from tieout.core.errors import ConfigError
from tieout.store.session import make_engine


@pytest.fixture(autouse=True)
def _configured(folder: Path) -> None:
    (folder / "tieout.toml").write_text(CONFIG, encoding="utf-8")


LARGEST_FILE = 300_000  # bytes: less than the tables of an empty database take


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


@pytest.mark.parametrize(
    "words", [("apply",), ("sync",), ("conflicts", "list"), ("apikeys", "create", "a", "--role", "viewer")]
)
def test_a_database_that_cannot_grow_is_one_line(folder: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tieout.cli", *words],
        cwd=folder, capture_output=True, text=True, preexec_fn=_limited, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CANARY": "x"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "disk" in said
    assert "df -h" in said or "Free some space" in said
    assert "TIEOUT_DATABASE_URL" not in said


@pytest.mark.parametrize(("language", "wanted"), [("en", "the disk is full"), ("zh-CN", "磁盘已满")])
def test_a_full_disk_is_told_from_a_wrong_address(tmp_path: Path, language: str, wanted: str) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'small.db'}")
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 3")
        conn.exec_driver_sql("CREATE TABLE t (a)")
        with pytest.raises(OperationalError) as raised:
            conn.execute(sql("INSERT INTO t VALUES (zeroblob(100000))"))
    for error in (raised.value, OSError(28, "No space left on device")):
        known = outside(error, language)
        assert known is not None
        assert wanted in str(known)
        assert "df -h" in known.hint
    assert outside(OSError(2, "No such file or directory"), language) is None


@pytest.mark.parametrize("content", [b"", b"\n", b" , \n", b"\xff\xfe\x00key"])
def test_a_damaged_key_says_to_put_it_back(folder: Path, content: bytes) -> None:
    assert CliRunner().invoke(app, ["conflicts", "list"]).exit_code == 0
    (key,) = folder.rglob("secret.key")
    key.write_bytes(content)
    result = CliRunner().invoke(app, ["conflicts", "list"])
    assert result.exit_code == 1
    assert "secret.key" in result.output.replace("\n", "")
    assert "from your copy" in " ".join(result.output.split())


def test_a_key_is_made_once_and_whole(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "secret.key"
    made = home_key(path)
    assert home_key(path) == made
    assert (path.stat().st_mode & 0o777, os.listdir(path.parent)) == (0o600, ["secret.key"])
    path.write_text("")
    with pytest.raises(ConfigError):
        home_key(path)
