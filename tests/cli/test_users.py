"""People on the command line of the machine: the way in for whoever lost the administrator's password."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tests.cli.conftest import CONFIG
from tieout.cli.app import app
from tieout.store import audit, users
from tieout.store.session import make_engine, reading

OLD, NEW = "correct horse battery", "another long password"


def test_people_are_changed_from_the_machine(folder: Path) -> None:
    place = f"sqlite:///{folder / 'own.db'}"
    own = f'[tieout]\nsecret_key = "a key of the test"\ndatabase_url = "{place}"\npublic_url = "https://ar.example/"\n'
    (folder / "tieout.toml").write_text(CONFIG.replace("[tieout]\n", own, 1), encoding="utf-8")

    def run(*words: str, code: int = 0, **more: Any) -> str:
        said = CliRunner().invoke(app, ["users", *words], catch_exceptions=False, **more)
        assert said.exit_code == code, said.output
        return said.output

    def person(name: str) -> Any:
        engine = make_engine(place)
        with reading(engine) as conn:
            found = users.by_name(conn, name)
        engine.dispose()
        assert found is not None
        return found

    made = json.loads(run("link", "--json"))
    assert made["link"].startswith("https://ar.example/login?token="), "an empty house gets its first administrator"
    run("password", "admin", "--password-stdin", input=f"{OLD}\n")
    assert users.password_fits(person("admin"), OLD)
    assert "shorter than 12" in run("password", "admin", "--password-stdin", input="short\n", code=1)
    assert "last administrator" in run("role", "admin", "viewer", code=1)
    assert "last administrator" in run("deactivate", "admin", code=1)
    run("add", "mei", "--role", "viewer", "--password-stdin", input=f"{NEW}\n")
    run("role", "mei", "admin")
    run("deactivate", "admin")
    assert not person("admin")["is_active"]
    assert "shut out" in run("link", "admin", code=1)
    run("activate", "admin")
    assert users.password_fits(person("admin"), OLD), "with the password they had"
    run("link", "admin", "--forget-password")
    assert person("admin")["password_hash"] is None
    assert "nobody called" in run("activate", "nobody", code=1)
    engine = make_engine(place)
    with reading(engine) as conn:
        assert audit.verify(conn) == []
        lines = [row for row in audit.page(conn, 50, None).rows if row["action"] != "user.create"]
    engine.dispose()
    assert {row["actor"][:4] for row in lines} == {"cli:"}
    assert [row["action"] for row in reversed(lines)] == [
        "login.link", "user.password", "user.role", "user.deactivate", "user.activate", "user.password", "login.link",
    ]  # fmt: skip
    assert OLD not in str([dict(row) for row in lines])
