"""Every subcommand: what it asks, what it prints, and the exit code that says how it went."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tieout.cli.app import app
from tieout.cli.options import actor
from tieout.core.errors import Gone

Run = Callable[..., Result]
BY = actor()  # what people order names them in the audit trail


def every_command() -> list[list[str]]:
    """The words of every subcommand that does something, read from the command tree itself; groups only hold others."""
    import typer.main

    out: list[list[str]] = []

    def walk(command: Any, words: list[str]) -> None:
        for name, child in getattr(command, "commands", {}).items():
            if not getattr(child, "commands", {}) or child.invoke_without_command:
                out.append([*words, name])
            walk(child, [*words, name])

    walk(typer.main.get_command(app), [])
    return out


def test_all_commands_of_the_contract_are_there() -> None:
    words = {" ".join(command) for command in every_command()}
    assert words >= {
        "up", "serve", "worker", "scheduler", "sandbox", "init", "check", "setup", "doctor", "sync", "pull", "apply",
        "plan", "push", "push resume", "conflicts list", "conflicts show", "conflicts resolve", "conflicts undo",
        "mapping check", "mapping suggest", "reconcile", "verify", "rebuild", "report", "apikeys create",
        "apikeys revoke", "apikeys list", "users add", "users list", "users password", "users role", "users activate",
        "users deactivate", "users link", "support", "backup", "restore", "secrets rotate",
    }  # fmt: skip


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_help_with_examples_and_json(words: list[str]) -> None:
    said = CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0
    assert "Examples:" in said.output
    assert f"tieout {' '.join(words)}" in said.output
    assert "--json" in said.output


@pytest.mark.parametrize(
    ("args", "name", "positional", "named"),
    [
        (["sync"], "sync", (), {"connections": None, "full": False, "since": None, "actor": BY}),
        (["sync", "zoho", "--full"], "sync", (), {"connections": ["zoho"], "full": True, "since": None, "actor": BY}),
        (
            ["pull", "--since", "2026-11-01"],
            "pull",
            (),
            {
                "connections": None,
                "full": False,
                "since": datetime(2026, 10, 31, 16, tzinfo=UTC),
                "accept_deletes": False,
                "actor": BY,
            },
        ),
        (
            ["pull", "--since", "2026-11-01T00:00:00Z"],
            "pull",
            (),
            {
                "connections": None,
                "full": False,
                "since": datetime(2026, 11, 1, tzinfo=UTC),
                "accept_deletes": False,
                "actor": BY,
            },
        ),
        (["apply"], "apply", (), {}),
        (["plan", "--fresh"], "plan", (), {"fresh": True}),
        (["push"], "push", (), {"plan_digest": None, "actor": BY}),
        (["push", "--plan", "4f1d"], "push", (), {"plan_digest": "4f1d", "actor": BY}),
        (["check"], "check", (None,), {}),
        (["check", "zoho"], "check", ("zoho",), {}),
        (["setup", "zoho", "--dry-run"], "setup", ("zoho",), {"dry_run": True}),
        (["doctor"], "doctor", (), {}),
        (["conflicts", "list"], "conflicts", (), {"state": "open", "limit": 50, "cursor": None}),
        (["conflicts", "show", "cfl_1"], "conflict", ("cfl_1",), {}),
        (["mapping", "check", "zoho", "--stream", "deals"], "mapping_check", ("zoho", "deals"), {}),
        (["mapping", "suggest", "zoho"], "mapping_suggest", ("zoho", None), {}),
        (["reconcile", "--as-of", "2026-11-30"], "reconcile", (), {"as_of": date(2026, 11, 30)}),
        (["rebuild", "--check"], "rebuild_check", (), {}),
    ],
)
def test_what_the_service_is_asked(
    run: Run, service: Any, args: list[str], name: str, positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    said = run(*args)
    assert said.exit_code == 0, said.output
    assert service.last == (name, positional, named)
    assert service.calls[0][0] == "migrate"
    assert not service.is_open


@pytest.mark.parametrize(
    ("args", "name", "positional"),
    [
        (["list", "--ended"], "rules", ("ended", 50, None)),
        (
            ["preview", "cfl_1", "--means", "paid"],
            "preview",
            ({"conflict": "cfl_1", "action": "map", "target": "paid"},),
        ),
        (["preview", "cfl_1"], "preview", ({"conflict": "cfl_1", "action": "leave", "target": ""},)),
    ],
)
def test_what_the_desk_of_rules_is_asked(
    run: Run, service: Any, args: list[str], name: str, positional: tuple[Any, ...]
) -> None:
    service.rules = type(service)()
    service.rules.is_open = True
    said = run("conflicts", "rules", *args)
    assert said.exit_code == 0, said.output
    assert service.rules.last == (name, positional, {})


def test_a_text_is_handed_on_with_its_place(run: Run, service: Any, folder: Path) -> None:
    desk = type(service)()
    desk.is_open = True
    service.dunning = SimpleNamespace(texts=desk)
    (folder / "mine.txt").write_text("Pay {{ amount }}\nplease\n", encoding="utf-8")
    place = {"slot": "step:L2", "language": "en", "channel": "email"}
    more = ["--for", "step:L2", "--language", "en"]
    assert run("dunning", "text", "activate", "mine.txt", *more, "--company", "cn").exit_code == 0
    name, (text,), given = desk.last
    assert (name, text, given["companies"]) == ("use", "Pay {{ amount }}\nplease\n", ["cn"])
    assert {key: given[key] for key in place} == place
    assert run("dunning", "text", "preview", "mine.txt", *more, "--customer", "cus_1").exit_code == 0
    assert desk.last == (
        "preview",
        ("Pay {{ amount }}\nplease\n",),
        {"company": "cn", **place, "customer": "cus_1", "currency": ""},
    )
    desk.answers["start"] = "Shipped\nwords\n"
    assert run("dunning", "text", "show", "--for", "step:L2").stdout == "Shipped\nwords\n"
    assert desk.last[1] == ("cn", "step:L2", "zh-CN", "email")
    assert run("dunning", "text", "restore", "7").exit_code == 0
    assert desk.last[:2] == ("restore", (7, desk.last[1][1]))
    assert run("dunning", "text", "activate", "nowhere.txt", *more).exit_code == 1


def test_a_rule_is_made_and_ended_in_the_name_of_who_sits_there(run: Run, service: Any) -> None:
    service.rules = type(service)()
    service.rules.is_open = True
    assert run("conflicts", "rules", "make", "cfl_1", "--digest", "7ebb", "--note", "old").exit_code == 0
    name, (wish, digest, note, actor), _ = service.rules.last
    assert (name, wish["action"], digest, note) == ("make", "leave", "7ebb", "old")
    assert actor.startswith("cli")
    assert run("conflicts", "rules", "end", "rul_1").exit_code == 0
    assert service.rules.last[1][:2] == ("rul_1", "")
    assert run("conflicts", "rules", "make", "cfl_1").exit_code == 2, "a rule is made from its preview"


@pytest.mark.parametrize(
    ("args", "answer", "code"),
    [
        (["sync"], {"ok": True}, 0),
        (["sync"], {"ok": False}, 1),
        (["sync"], {"ok": True, "connections": [{"name": "zoho", "ok": False}]}, 1),
        (["push", "--plan", "x"], {"ok": True, "moved_on": [{"id": "out_1"}]}, 3),
        (["push", "--plan", "x"], {"ok": True, "moved_on": []}, 0),
        (["push", "--plan", "x"], {"ok": False, "moved_on": [{"id": "out_1"}]}, 1),
        (["push", "--plan", "x"], {"exit_code": 3}, 3),
        (["reconcile"], {"is_valid": False, "breaks": []}, 1),
        (["reconcile"], {"is_valid": True, "breaks": [{"class": "timing"}]}, 0),
        (["rebuild", "--check"], {"differences": [{"table": "accounts"}]}, 1),
        (["rebuild", "--check"], {"differences": []}, 0),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_exit_codes(
    run: Run, service: Any, view: Any, args: list[str], answer: dict[str, Any], code: int, as_json: bool
) -> None:
    service.answers = dict.fromkeys(("sync", "push", "reconcile", "rebuild_check"), view(answer))
    said = run(*args, *(["--json"] if as_json else []))
    assert said.exit_code == code
    if as_json:
        assert json.loads(said.stdout) == answer


def test_findings_of_level_error_fail(run: Run, service: Any, finding: Any) -> None:
    service.answers["check"] = {"zoho": [finding("ok", "auth", "token works")]}
    assert run("check").exit_code == 0
    service.answers["check"] = {"zoho": [finding("error", "auth", "the token is dead", "Make a new one.")]}
    said = run("check")
    assert said.exit_code == 1
    assert "the token is dead" in said.stdout
    assert "Make a new one." in said.stdout
    service.answers["doctor"] = [finding("warning", "disk", "nearly full")]
    assert run("doctor").exit_code == 0


def test_a_breach_fails(run: Run, service: Any) -> None:
    service.answers["verify"] = []
    assert run("verify").exit_code == 0
    service.answers["verify"] = [{"invariant": "entries sum to zero", "found": "1"}]
    assert run("verify").exit_code == 1
    assert json.loads(run("verify", "--json").stdout)["breaches"][0]["found"] == "1"


def test_expected_failures_are_one_line_without_a_traceback(run: Run, service: Any) -> None:
    service.answers["conflict"] = Gone("there is no conflict cfl_x.", hint="See `tieout conflicts list`.")
    said = run("conflicts", "show", "cfl_x")
    assert said.exit_code == 1
    assert said.stdout == ""
    assert said.stderr == "Error: there is no conflict cfl_x. See `tieout conflicts list`.\n"
    machine = run("conflicts", "show", "cfl_x", "--json")
    assert machine.exit_code == 1
    assert json.loads(machine.stdout)["error"] == {
        "code": "gone",
        "message": "there is no conflict cfl_x.",
        "hint": "See `tieout conflicts list`.",
    }


def test_a_database_or_queue_that_does_not_answer_is_one_line(run: Run, service: Any) -> None:
    import redis
    from sqlalchemy.exc import OperationalError

    service.answers["doctor"] = OperationalError("SELECT 1", {}, Exception("connection refused\nIs it running?"))
    said = run("doctor")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: the database cannot be used: connection refused. Check TIEOUT_DATABASE_URL")
    assert len(said.stderr.splitlines()) == 1
    service.answers["doctor"] = redis.ConnectionError("Error 111 connecting")
    assert "the queue server does not answer: Error 111 connecting" in run("doctor").stderr


def test_inner_rows_have_tables_of_their_own(run: Run, service: Any, view: Any) -> None:
    streams = [{"stream": "deals", "rows": 473}, {"stream": "invoices", "rows": 1911}]
    service.answers["sync"] = view(
        {"connections": [{"connection": "zoho", "ok": True, "streams": streams}], "applied": {"n": 1, "by": {"a": 2}}}
    )
    shown = [line.split() for line in run("sync").stdout.splitlines()]
    assert ["zoho", "invoices", "1911"] in shown
    assert ["n", "1"] in shown
    assert not [line for line in shown if any("stream=" in word for word in line)]


def test_defects_are_not_hidden(run: Run, service: Any) -> None:
    service.answers["doctor"] = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        run("doctor")


def test_errors_speak_the_configured_language(run: Run, service: Any, folder: Path) -> None:
    path = folder / "tieout.toml"
    path.write_text(path.read_text().replace('language = "en"', 'language = "zh-CN"'))
    service.answers["doctor"] = Gone("x")
    assert run("doctor").stderr == "错误: x\n"


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"], ["sync", "--nonsense"], ["worker", "slow"], ["conflicts", "list", "--limit", "0"], ["rebuild"],
        ["report"], ["up", "--port", "70000"], ["users", "add", "mei", "--role", "king"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(run: Run, service: Any, args: list[str]) -> None:
    assert run(*args).exit_code == 2
    assert service.calls == []


def test_an_unknown_connection_is_told_the_nearest(run: Run, service: Any) -> None:
    said = run("sync", "zohoo")
    assert said.exit_code == 1
    assert "there is no connection 'zohoo'. Did you mean \"zoho\"?" in said.stderr
    assert [call[0] for call in service.calls] in ([], ["migrate", "check_key"])


def test_a_wrong_vendor_key_is_named_with_its_place(run: Run, folder: Path) -> None:
    path = folder / "tieout.toml"
    good = path.read_text()
    path.write_text(good.replace('client_id = "id"', 'client_di = "id"'))
    said = run("doctor")
    assert said.exit_code == 1
    assert '[connections.zoho]: unknown key "client_di"' in said.stderr
    assert 'Did you mean "client_id"?' in said.stderr
    path.write_text(good.replace('vendor = "zoho_crm"', 'vendor = "zoho_crm"\nintervall = "5m"'))
    assert 'Did you mean "interval"?' in run("doctor").stderr
    path.write_text(good.replace('client_id = "id"\n', ""))
    assert "client_id" in run("doctor").stderr
    path.write_text(good.replace('"zoho_crm"', '"zoho"'))
    assert "unknown vendor 'zoho'" in run("doctor").stderr


def test_no_configuration_says_what_to_do(run: Run, folder: Path) -> None:
    (folder / "tieout.toml").unlink()
    said = run("sync")
    assert said.exit_code == 1
    assert "tieout init" in said.stderr
    assert "tieout up --sandbox" in said.stderr


def test_answers_to_conflicts(run: Run, service: Any) -> None:
    run("conflicts", "resolve", "cfl_1", "action=link", "target=cus_1=x")
    name, args, _ = service.last
    assert (name, args[:2]) == ("resolve", ("cfl_1", {"action": "link", "target": "cus_1=x"}))
    assert args[2].startswith("cli:")
    run("conflicts", "resolve", "cfl_1", "--answer", '{"action": "separate", "weight": 1.10}')
    assert str(service.last[1][1]["weight"]) == "1.10"
    run("conflicts", "undo", "cfl_1")
    assert service.last[0] == "undo"
    before = [call for call in service.calls if call[0] == "resolve"]
    for bad in (["x"], [], ["--answer", "[1]"], ["--answer", "{"], ["a=b", "--answer", "{}"], ["=b"]):
        assert run("conflicts", "resolve", "cfl_1", *bad).exit_code == 1
    assert [call for call in service.calls if call[0] == "resolve"] == before


def test_push_resume_does_not_push(run: Run, service: Any) -> None:
    assert run("push", "resume").exit_code == 0
    assert [call[0] for call in service.calls] == ["migrate", "check_key", "push_resume"]


def test_a_key_is_shown_once_and_a_password_never(run: Run, service: Any) -> None:
    service.answers["create_api_key"] = "tok_secret"
    said = json.loads(run("apikeys", "create", "bi", "--role", "viewer", "--json").stdout)
    assert said == {"name": "bi", "role": "viewer", "key": "tok_secret"}
    service.answers["revoke_api_key"] = None
    assert json.loads(run("apikeys", "revoke", "key_1", "--json").stdout) == {"id": "key_1", "revoked": True}
    added = run("users", "add", "mei", "--password-stdin", input="correct horse battery\n")
    assert added.exit_code == 0
    assert service.last[1][:3] == ("mei", "correct horse battery", "viewer")
    assert service.last[1][3].startswith("cli:")
    assert "correct horse" not in added.output
    assert run("users", "add", "mei", "--password-stdin", input="short\n").exit_code == 1


def test_a_report_is_written_whole(run: Run, service: Any, folder: Path) -> None:
    made = SimpleNamespace(body=b"{}\n", as_of=date(2026, 11, 30), known="12.345", is_valid=True)
    service.answers["report"] = made
    said = run(
        "report", "aging", "--as-of", "2026-11-30", "--known-at", "12.345", "--out", "r.xlsx", "--language", "en"
    )
    assert said.exit_code == 0, said.output
    assert (folder / "r.xlsx").read_bytes() == made.body
    name, positional, wish = service.last
    assert (name, positional, wish["form"]) == ("report", ("aging",), "xlsx")
    assert (wish["as_of"], wish["known_at"], wish["language"]) == (date(2026, 11, 30), "12.345", "en")
    assert run("report", "reconcile").stdout == "{}\n"
    assert [path.name for path in folder.glob("*.part")] == []
    service.answers["report"] = SimpleNamespace(**{**vars(made), "is_valid": False})
    assert run("report", "reconcile").exit_code == 1
    for wrong in (["horoscope"], ["aging", "--format", "doc"], ["aging", "--language", "fr"]):
        unknown = run("report", *wrong)
        assert unknown.exit_code == 1
        assert "There is: " in unknown.stderr


def test_progress_goes_to_standard_error_only(run: Run, service: Any) -> None:
    service.events = [
        {"step": "pull", "connection": "zoho", "stream": "deals", "rows": 200, "new": 3},
        {"step": "pull", "connection": "zoho", "stream": "deals", "state": "done", "done": 400, "total": 400},
    ]
    said = run("sync", "--json")
    assert json.loads(said.stdout) == {"ok": True}
    assert "zoho deals pull" in said.stderr
    assert "400 of 400 done" in said.stderr


def test_init_writes_a_configuration_that_reads(run: Run, folder: Path) -> None:
    (folder / "tieout.toml").unlink()
    assert run("init", "--name", 'A "quoted" 公司', "--currency", "USD", "--timezone", "UTC").exit_code == 0
    text = (folder / "tieout.toml").read_text()
    assert "env:ZOHO_CLIENT_SECRET" in text
    assert stat.S_IMODE((folder / "tieout.toml").stat().st_mode) & 0o077 == 0o044
    again = run("init")
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert run("init", "--force", "--currency", "RMB").exit_code == 1
    assert (folder / "tieout.toml").read_text() == text
    missing = run("sync")
    assert "the environment variable ZOHO_CLIENT_ID is not set" in missing.stderr


def test_money_is_shown_as_amounts_and_json_keeps_the_units(run: Run, service: Any, view: Any) -> None:
    body = {
        "totals": [{"currency": "CNY", "open_minor": 1234567}, {"currency": "JPY", "open_minor": -50}],
        "by_currency": {"USD": 100},
    }
    service.answers["reconcile"] = view(body)
    shown = run("reconcile").stdout
    assert "12,345.67 CNY" in shown
    assert "-50 JPY" in shown
    assert "1.00 USD" in shown
    assert json.loads(run("reconcile", "--json").stdout) == body


def test_secrets_are_in_no_output(run: Run, service: Any) -> None:
    service.answers["doctor"] = Gone("x")
    for args in (["doctor"], ["sync"], ["sync", "nobody"], ["check", "--json"]):
        said = run(*args)
        assert "canary-secret" not in said.output


def test_why_says_its_verdict_in_a_sentence_and_shows_the_sum(run: Run, service: Any, folder: Path) -> None:
    side = {"member": "acc_1", "name": "澄砚"}
    service.answers["why"] = {
        "left": side, "right": {"member": "zoho/customers/7", "name": "澄砚智能"},
        "outcome": "separate", "is_current": True,
        "because": [{"code": "tax_id_conflict", "mine": "1", "theirs": "2", "ref": ""}], "prior": 81, "score": -338,
        "reasons": [{"code": "tax_id_conflict", "mine": "1", "theirs": "2", "ref": "", "weight": -419}],
        "vetoes": ["tax_id_conflict"], "thresholds": {"auto": 250, "review": -70, "margin": 200},
        "answers": [], "events": [],
        "relations": [{"member": "zoho/customers/7", "kind": "branch_of", "target": "acc_1"}],
    }  # fmt: skip
    said = run("why", "acc_1", "zoho/customers/7")
    assert service.last == ("why", ("acc_1", "zoho/customers/7"), {})
    assert said.exit_code == 0, said.output
    first, *rest = said.output.splitlines()
    assert first == "Not linked, because: different tax ids."
    assert any("-4.19" in line and "[veto]" in line and "1 | 2" in line for line in rest)
    assert any("-3.38" in line and "+2.50" in line for line in rest)
    assert "澄砚智能 branch of 澄砚" in rest
    assert '"outcome":"separate"' in run("why", "acc_1", "zoho/customers/7", "--json").output.replace(" ", "")
