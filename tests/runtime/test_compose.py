"""The container files without a container engine: the compose schema, and what operators rely on.

`compose/compose_spec.json` is the Compose Specification's schema as docker-compose 1.29.2 (Apache-2.0, LICENSE beside
it) carries it. That the commands run, wait for each other and get over kills is proved by `make e2e`.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from typer.main import get_command

from tieout.cli import alive
from tieout.cli.app import app
from tieout.cli.init_answers import FOLDER

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((Path(__file__).parent / "compose" / "compose_spec.json").read_text(encoding="utf-8"))
DEBIAN_OF_POSTGRES = {"15": "bookworm", "17": "trixie"}  # the client that each release has
OURS = ("api", "worker-fast", "worker-bulk", "scheduler")


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def dockerfile() -> list[tuple[str, str]]:
    """Instructions and their arguments, lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines]


def complaints(content: dict[str, Any]) -> list[str]:
    found = jsonschema_rs.validator_for(SCHEMA).iter_errors(content)
    return [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in found]


def test_the_compose_file_fits_the_schema_which_sees_mistakes(compose: dict[str, Any]) -> None:
    assert complaints(compose) == []
    compose["services"]["api"]["depends_on"]["db"]["condition"] = "healthy"
    compose["services"]["queue"]["helthcheck"] = {}
    assert len(complaints(compose)) == 2


def test_the_processes_and_what_they_wait_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"db", "queue", *OURS}
    assert "--appendonly yes" in " ".join(services["queue"]["command"])
    assert "--maxmemory-policy noeviction" in " ".join(services["queue"]["command"])
    assert services["db"]["image"].startswith("postgres:")
    assert set(services["api"]["depends_on"]) == {"db", "queue"}
    for name in OURS[1:]:
        assert services[name]["depends_on"] == {"api": {"condition": "service_healthy"}}
    for name in services:
        assert services[name]["healthcheck"]["test"], f"nobody would see that {name} hangs"
    for name in OURS[1:]:
        kind, program, *module, who = services[name]["healthcheck"]["test"]
        assert (kind, program, module) == ("CMD", "python", ["-m", alive.__name__])
        assert who == name.removeprefix("worker-"), "it asks for another process"
        assert {"interval", "timeout", "start_period", "retries"} <= set(services[name]["healthcheck"])
    named = {volume.split(":")[0] for one in services.values() for volume in one["volumes"] if volume[0] not in "./"}
    assert named == set(compose["volumes"])


def test_our_containers_can_write_nothing_but_their_home_and_carry_no_secret(compose: dict[str, Any]) -> None:
    for name in OURS:
        one = compose["services"][name]
        assert one["read_only"] is True
        assert one["init"] is True
        assert "privileged" not in one
        assert [volume for volume in one["volumes"] if not volume.endswith(":ro")] == ["home:/var/lib/tieout"]
        for variable, value in one["environment"].items():
            if "KEY" in variable or "PASSWORD" in value:
                assert re.search(r"\$\{[A-Z_]+:\?", value), f"{variable} must come from .env"
    published = [port for one in compose["services"].values() for port in one.get("ports", ())]
    assert published == ["127.0.0.1:8000:8000"]


def test_every_command_exists(compose: dict[str, Any]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name in OURS:
        command = compose["services"][name]["command"]
        argv = shlex.split(command) if isinstance(command, str) else command
        assert argv[0] in commands, argv
        assert commands[argv[0]].make_context(argv[0], list(argv[1:]), resilient_parsing=False)


def test_the_image_is_slim_locked_and_not_root(compose: dict[str, Any]) -> None:
    steps = dockerfile()
    bases = [argument for step, argument in steps if step == "FROM"]
    slim = {base.split()[0] for base in bases}
    assert len(slim) == 1, "the environment is built for the Python that runs it"
    assert re.search(r"-slim-[a-z]+$", slim.pop()), "slim, and of one Debian: its release decides what it can install"
    last = len(steps) - 1 - [step for step, _ in reversed(steps)].index("FROM")
    final = steps[last:]
    users = [argument for step, argument in final if step == "USER"]
    assert users[-1] not in ("root", "0")
    home = next(argument for step, argument in final if step == "VOLUME")
    assert f"home:{home}" in compose["services"]["api"]["volumes"]
    assert any("--require-hashes -r requirements.lock" in argument for step, argument in steps if step == "RUN")
    assert ("ENTRYPOINT", '["tieout"]') in final
    for step, argument in steps:
        if step == "COPY" and "--from" not in argument:
            for source in argument.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_the_image_can_copy_and_put_back_its_own_database(compose: dict[str, Any]) -> None:
    """pg_dump refuses a server newer than itself, and Debian's release decides which client it has."""
    server = compose["services"]["db"]["image"].removeprefix("postgres:").split(".")[0].split("-")[0]
    steps = dockerfile()
    last = len(steps) - 1 - [step for step, _ in reversed(steps)].index("FROM")
    final = steps[last:]
    assert final[0][1].endswith(f"-slim-{DEBIAN_OF_POSTGRES[server]}")
    (install,) = [argument for step, argument in final if step == "RUN" and "apt-get install" in argument]
    assert {"postgresql-client-" + server} == {one for one in install.split() if one.startswith("postgresql")}
    assert "--no-install-recommends" in install
    assert "rm -rf /var/lib/apt/lists/*" in install
    order = [step for step, _ in final]
    assert final.index(("RUN", install)) < order.index("USER"), "installed as root, run as somebody else"


def test_secrets_that_init_wrote_are_there_and_cannot_be_changed(compose: dict[str, Any]) -> None:
    """`tieout init` names file:secrets/NAME, which is looked for beside the configuration."""
    where = dict(
        argument.split("=", 1) for step, argument in dockerfile() if step == "ENV" for argument in argument.split()
    )
    beside = Path(where["TIEOUT_CONFIG"]).parent
    for name in OURS:
        volumes = compose["services"][name]["volumes"]
        assert f"./tieout.toml:{where['TIEOUT_CONFIG']}:ro" in volumes
        assert f"./{FOLDER}:{beside / FOLDER}:ro" in volumes


def test_what_stays_out_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "var", "tests", "tieout.toml", ".env", FOLDER} <= set(ignored)
