"""The support bundle says how a house is, and holds no secret, no token and nobody's contact or name."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.support import Cleaner
from tests.flow.books import Synced, rows
from tieout.core.errors import ConfigError
from tieout.store.tables import customers, tokens

CONTACT, MOBILE = "li.lei@customer.example.com", "13812345678"


def test_a_bundle_tells_everything_but_secrets_contacts_and_names(synced: Synced, tmp_path: Path) -> None:
    _, service = synced
    config = service.config
    names = [row["name"] for row in rows(service, select(customers.c.name))]
    key = rows(service, select(customers.c.id))[0]["id"]
    service.dunning.set_contact(key, "user:mei", emails=[CONTACT])
    secrets = {
        str(value)
        for one in config.connections.values()
        for name, value in one.settings.items()
        if any(word in name for word in ("secret", "token", "password", "client_id", "app_id", "acct"))
        and isinstance(value, str)
        and value
    } | set(config.secret_keys())
    assert len(secrets) > 4
    sealed = [str(value) for row in rows(service, select(tokens)) for value in row.values() if len(str(value)) > 30]
    link = service.login_link()
    logs = config.home / "logs"
    logs.mkdir()
    told = [*secrets, CONTACT, MOBILE, names[0], f"login?token={link}", "postgresql://tieout:hunter22@db/x"]
    (logs / "api.log").write_text("".join(f"an ordinary line about {one}\n" for one in told), encoding="utf-8")
    made = service.support(tmp_path / "support.zip")
    with zipfile.ZipFile(tmp_path / "support.zip") as bundle:
        parts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert sorted(parts) == made["parts"] == ["about.json", "config.json", "health.json", "logs/api.log", "work.json"]
    whole = "\n".join(parts.values())
    hidden = [*secrets, *sealed, *names, CONTACT, MOBILE, link, "hunter22"]
    assert [one for one in hidden if one in whole] == []
    about, work, shown = (json.loads(parts[name]) for name in ("about.json", "work.json", "config.json"))
    assert about["schema"]["has"] == about["schema"]["needs"]
    assert about["packages"]["sqlalchemy"]
    assert work["rows"]["customers"] == len(names)
    assert {run["kind"] for run in work["runs"]} >= {"pull", "push"}
    assert sum(row["rows"] for row in work["outbox"]) > 0
    assert shown["connections"]["zoho"]["vendor"] == "zoho_crm"
    assert shown["connections"]["zoho"]["settings"]["refresh_token"] == "[set]"
    assert "an ordinary line about" in parts["logs/api.log"]
    assert json.loads(parts["health.json"])["doctor"]["findings"]
    with pytest.raises(ConfigError, match="exists already"):
        service.support(tmp_path / "support.zip")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key s3cr3t!", "key [secret]"),
        ("to a.b@c.example", "to [redacted]"),
        ("call +86 138-1234-5678 now", "call [phone] now"),
        ("call 010-12345678", "call [phone]"),
        ("at 2026-11-30 12:16:56 run_01m886ws805913bgfrv3t7", "at 2026-11-30 12:16:56 run_01m886ws805913bgfrv3t7"),
        ("redis://:pw@host:6379/0", "redis://[secret]@host:6379/0"),
        ("远航贸易 owes 12.00", "[customer] owes 12.00"),
    ],
)
def test_what_is_taken_out_of_a_line(text: str, clean: str) -> None:
    assert Cleaner(["s3cr3t!"], ["远航贸易"]).clean(text) == clean
