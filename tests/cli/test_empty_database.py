"""A database of one's own that is still empty: the first command makes its tables; one of others is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, make_url
from typer.testing import CliRunner, Result

from tests.cli.conftest import CONFIG
from tieout.cli.app import app
from tieout.store.session import make_engine


def run(folder: Path, url: str, *words: str) -> Result:
    text = CONFIG.replace("[tieout]\n", f'[tieout]\nsecret_key = "a key of the test"\ndatabase_url = "{url}"\n', 1)
    assert "database_url" in text
    (folder / "tieout.toml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.mark.parametrize("words", [("conflicts", "list"), ("doctor",), ("users", "list"), ("verify",)])
def test_any_command_may_be_the_first(folder: Path, blank_url: str, words: tuple[str, ...]) -> None:
    result = run(folder, blank_url, *words)
    assert "no such table" not in result.output
    assert "does not exist" not in result.output
    assert result.exit_code in ((0, 1) if words == ("doctor",) else (0,)), result.output
    assert "connections" in inspect(make_engine(blank_url)).get_table_names()


def test_a_database_of_others_is_left_alone(folder: Path) -> None:
    place = folder / "theirs.db"
    with sqlite3.connect(place) as conn:
        conn.execute("CREATE TABLE theirs (a)")
    result = run(folder, f"sqlite:///{place}", "conflicts", "list")
    assert result.exit_code == 1
    assert "not Tieout's" in result.output
    assert inspect(make_engine(str(make_url(f"sqlite:///{place}")))).get_table_names() == ["theirs"]
