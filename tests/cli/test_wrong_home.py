"""A home that cannot be used: every command says so in one line, and what to do."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.conftest import CONFIG
from tieout.cli.app import app

Run = Callable[..., Result]
COMMANDS = (
    ["sync"],
    ["apply"],
    ["plan"],
    ["push"],
    ["doctor"],
    ["conflicts", "list"],
    ["verify"],
    ["report", "aging"],
    ["users", "list"],
    ["backup", "copy.backup"],
    ["secrets", "rotate"],
    ["worker", "fast"],
    ["scheduler"],
    ["up", "--port", "0"],
)


@pytest.fixture
def tieout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The real command line on an embedded home that was used once."""
    (folder / "tieout.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("TIEOUT_REDIS_URL", "redis://127.0.0.1:1/0")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words), catch_exceptions=False)

    assert run("apply").exit_code == 0
    return run


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert len(result.output.splitlines()) == 1, result.output
    return result.output


def damage(database: Path, how: str) -> None:
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    size = database.stat().st_size
    with database.open("r+b") as file:
        if how == "head":
            file.write(os.urandom(4096))
        else:  # the first page stays, so that it still looks like a database
            file.seek(4096)
            file.write(os.urandom(size - 4096))


@pytest.mark.parametrize("how", ["head", "pages"])
def test_a_damaged_database_is_said_in_one_line(tieout: Run, folder: Path, how: str) -> None:
    damage(folder / "home" / "tieout.db", how)
    for words in COMMANDS[:-3]:
        said = one_line(tieout(*words))
        assert said.startswith("Error: the database file is damaged: "), words
        assert "`tieout restore FILE --replace`" in said, words


@pytest.mark.parametrize("how", ["head", "pages"])
def test_up_on_a_damaged_database_is_one_line_too(
    tieout: Run, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIEOUT_REDIS_URL")
    damage(folder / "home" / "tieout.db", how)
    assert "the database file is damaged" in one_line(tieout("up", "--port", "0"))


def test_a_damaged_database_is_said_in_chinese_and_to_machines(tieout: Run, folder: Path) -> None:
    damage(folder / "home" / "tieout.db", "head")
    assert json.loads(tieout("plan", "--json").stdout)["error"]["code"] == "database_damaged"
    (folder / "tieout.toml").write_text(CONFIG.replace('"en"', '"zh-CN"'), encoding="utf-8")
    assert one_line(tieout("plan")).startswith("错误: 数据库文件已损坏：file is not a database。")


def test_a_copy_is_put_in_the_place_of_a_damaged_database(tieout: Run, folder: Path) -> None:
    """What the line says to do works."""
    assert tieout("backup", "copy.backup").exit_code == 0
    database = folder / "home" / "tieout.db"
    damage(database, "head")
    broken = database.read_bytes()
    restored = tieout("restore", "copy.backup", "--replace")
    assert restored.exit_code == 0, restored.output
    assert tieout("verify").exit_code == 0
    kept = next((folder / "home").glob("tieout.db.before-restore-*"))
    assert kept.read_bytes() == broken


def test_a_home_of_another_version_is_refused(tieout: Run, folder: Path) -> None:
    (folder / "home" / "home.json").write_text('{"home_version": 2, "kind": "real"}')
    for words in (*COMMANDS, ["restore", "copy.backup", "--replace"]):
        said = one_line(tieout(*words))
        assert "has version 2; this Tieout" in said, words
        assert "Use the Tieout that made it" in said, words


def test_a_home_of_the_other_kind_is_refused(tieout: Run, folder: Path) -> None:
    (folder / "home" / "home.json").write_text('{"home_version": 1, "kind": "sandbox"}')
    for words in (*COMMANDS, ["restore", "copy.backup", "--replace"]):
        assert "holds sandbox data and cannot be used for real connections" in one_line(tieout(*words)), words


def test_vendor_servers_are_not_run_in_a_real_home(tieout: Run, folder: Path) -> None:
    assert json.loads((folder / "home" / "home.json").read_text())["kind"] == "real", "the first command marked it"
    said = one_line(tieout("sandbox", "--home", str(folder / "home")))
    assert "holds real data and cannot be used for sandbox connections" in said


def test_an_external_database_leaves_an_unmarked_folder_alone(
    tieout: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tieout.cli.options import load_config, visit_home

    shutil.rmtree(folder / "home")
    monkeypatch.setenv("TIEOUT_SECRET_KEY", "a long random text that is kept safe")
    text = CONFIG.replace("[tieout]", '[tieout]\ndatabase_url = "postgresql+psycopg://x@127.0.0.1:1/x"')
    (folder / "tieout.toml").write_text(text + "\n", encoding="utf-8")
    visit_home(load_config(None))
    assert not (folder / "home").exists()
