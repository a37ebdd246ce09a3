"""The edges of what a configuration may say, and where its parts are found."""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.core.test_config import COMPANY, CRM, ERP, read, wrong
from tieout.core.config import Config, find, load, parse
from tieout.core.errors import ConfigError
from tieout.core.mail_settings import Mail

ROBOT = '[connections.{0}]\nvendor = "{0}"\n'
MAIL = '[mail]\nhost = "smtp.example.com"\nsender = "Tieout <ar@example.com>"\n'


def test_everything_of_the_top_table_is_taken_from_the_file_and_the_environment_before_it(tmp_path: Path) -> None:
    text = (
        '[tieout]\nhome = "data"\ndatabase_url = "postgresql+psycopg://file/d"\nredis_url = "redis://file/0"\n'
        'secret_key = "from file"\nlanguage = "en"\npublic_url = "https://file.example.com"\n'
    )
    held = read(text, tmp_path)
    assert (held.path, held.home) == (tmp_path / "tieout.toml", tmp_path / "data")
    assert (held.database_url, held.redis_url) == ("postgresql+psycopg://file/d", "redis://file/0")
    assert (held.embedded_database, held.embedded_redis) == (False, False)
    assert (held.language, held.public_url, held.secret_keys()) == ("en", "https://file.example.com", ("from file",))
    names = ("TIEOUT_DATABASE_URL", "TIEOUT_REDIS_URL", "TIEOUT_SECRET_KEY", "TIEOUT_PUBLIC_URL")
    over = read(text, tmp_path, **{name: f"env:{name}" for name in names})
    assert [over.database_url, over.redis_url, over.given_secret_key, over.public_url] == [
        f"env:{one}" for one in names
    ]
    assert read(text, tmp_path, **dict.fromkeys(names, "")) == held, "a variable without text says nothing"


def test_without_any_word_there_is_one_home_beside_the_file_and_chinese() -> None:
    held = read("")
    assert (held.home, held.language, held.public_url) == (Path("/etc/tieout/var"), "zh-CN", "")
    assert (held.companies, held.connections, held.schedules, held.alerts.to) == ({}, {}, {}, ())
    assert (held.mail, held.sandbox, held.embedded_database, held.embedded_redis) == (Mail(), False, True, True)


def test_a_home_may_start_at_the_persons_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read('[tieout]\nhome = "~/books"').home == tmp_path / "books"
    assert read("", TIEOUT_HOME="~/elsewhere").home == tmp_path / "elsewhere"
    (tmp_path / "mine.toml").write_text("", encoding="utf-8")
    assert find("~/mine.toml", {}) == tmp_path / "mine.toml"


def test_the_file_is_looked_for_here_and_then_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "tieout.toml").write_text("", encoding="utf-8")
    assert find(None, {"TIEOUT_HOME": "away"}) == Path("away/tieout.toml")
    monkeypatch.setenv("TIEOUT_HOME", "away")
    assert find() == Path("away/tieout.toml")
    assert load().path == tmp_path / "away" / "tieout.toml"
    assert load(environ={"TIEOUT_HOME": "away"}).home == tmp_path / "away"


def test_a_socket_path_too_long_for_the_system_moves_to_a_short_one_of_that_home_alone() -> None:
    def socket(length: int) -> str:
        home = "/" + "h" * (length - len("/valkey/valkey.sock") - 1)
        return read("", TIEOUT_HOME=home).redis_url.removeprefix("unix://")

    assert len(socket(100)) == 100
    short, other = socket(101), socket(102)
    assert short.startswith(f"{tempfile.gettempdir()}/tieout-{os.getuid()}-")
    assert short.endswith("/valkey.sock")
    assert len(short) < 100
    assert short != other
    assert socket(101) == short
    assert read("", TIEOUT_HOME="/h/a b").redis_url == "unix:///h/a%20b/valkey/valkey.sock"


def test_bytes_are_what_counts_in_a_socket_path() -> None:
    assert not read("", TIEOUT_HOME="/" + "账" * 40).redis_url.startswith("unix:///%E8")


def test_names_have_at_most_forty_letters_digits_dashes_and_underscores() -> None:
    for name in ("a" * 40, "7", "a-b_c"):
        assert set(read(COMPANY.replace("companies.cn", f"companies.{name}") + ERP).companies) == {name}
    for name in ('"a b"', '"账"', '"a\\n"', '"_a"', '""'):
        assert "a name is made of small letters" in wrong(f"[companies.{name}]").message


def test_limits_of_a_push_run_reach_from_none_to_all() -> None:
    def limits(text: str) -> tuple[int, int]:
        found = read(COMPANY + ERP + text).connections["erp"].max_changes_per_run
        return found.rows, found.share_percent

    assert limits("") == limits("max_changes_per_run = 0") == (0, 0)
    assert limits("max_changes_per_run = 7") == (7, 0)
    assert limits("max_changes_per_run = { share_percent = 100 }") == (0, 100)
    assert "max_changes_per_run" in wrong(COMPANY + ERP + "max_changes_per_run = true").message


def test_a_connection_says_all_of_its_own_and_keeps_the_rest_for_its_vendor() -> None:
    text = (
        'company = "cn"\nstart_on = "2026-01-31"\ninterval = "1d"\nstreams = ["a", "b"]\nprofile = "p"\n'
        'push = ["credit"]\npush_mode = "off"\n'
        'fields = { a = "b" }\nshop = { deep = [ "env:CRM_SECRET", 1 ] }\ncurl = ""\nhome_url = 7\n'
    )
    held = read(COMPANY + ERP + text).connections["erp"]
    assert (held.name, held.vendor, held.company, held.profile) == ("erp", "kingdee", "cn", "p")
    assert (held.start_on, held.interval, held.streams) == (date(2026, 1, 31), timedelta(days=1), ("a", "b"))
    assert (held.push, held.push_mode, dict(held.fields)) == (("credit",), "off", {"a": "b"})
    assert held.settings == {
        "base_url": "https://erp.example.com/k3cloud",
        "shop": {"deep": ["canary-secret", 1]},
        "curl": "",
        "home_url": 7,
    }
    with pytest.raises(TypeError):
        held.fields["a"] = "c"  # type: ignore[index]  # it must refuse


def test_a_connection_without_words_reads_every_five_minutes_and_pushes_nothing() -> None:
    held = read(COMPANY + ERP).connections["erp"]
    assert (held.company, held.interval, held.start_on) == ("cn", timedelta(minutes=5), None)
    assert (held.streams, held.profile, held.push, held.push_mode) == ((), "", (), "plan")
    assert (dict(held.organizations), dict(held.fields)) == ({}, {})


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), (" 90 s ", 90), ("2m", 120), ("3h", 10800), ("1d", 86400)])
def test_a_duration_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert read(COMPANY + ERP + f'interval = "{text}"').connections["erp"].interval == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ['"5"', '"m"', '"-5m"', '"5w"', '"1.5h"', '"0s"', "5"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "write a duration" in wrong(COMPANY + ERP + f"interval = {text}").message


def test_organizations_stand_in_for_a_company_and_are_read_only() -> None:
    held = read(COMPANY + ERP + 'organizations = { "100" = "cn" }')
    assert held.connections["erp"].company == ""
    assert held.company_of("erp", "100") == "cn"
    with pytest.raises(TypeError):
        held.connections["erp"].organizations["200"] = "cn"  # type: ignore[index]  # it must refuse


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_spoken_to_without_tls_by_all_its_names(host: str) -> None:
    text = ERP.replace("https://erp.example.com", f"http://{host}:9000")
    assert read(COMPANY + text).connections["erp"].settings["base_url"] == f"http://{host}:9000/k3cloud"
    assert read(COMPANY + text + "sandbox = true").sandbox


def test_one_address_without_tls_after_others_is_found() -> None:
    assert "auth_url" in wrong(COMPANY + ERP + 'note = "x"\nnext_url = ""\nauth_url = "http://a.example.com"').message


def test_a_schedule_says_all_of_its_own_and_has_html_in_a_file_by_default() -> None:
    books = COMPANY + ERP + ROBOT.format("wecom") + MAIL
    least = read(books + "[schedules.d]\nreport = 'aging'\ncron = '0 7 * * *'\n").schedules["d"]
    assert (least.name, least.report, least.cron, least.format, least.to) == (
        "d", "aging", "0 7 * * *", ("html",), ("file",)
    )  # fmt: skip
    assert (least.company, least.customer, least.timezone) == ("", "", "")
    most = read(
        books + "[schedules.e]\nreport = 'statement'\ncron = '@daily'\nformat = ['pdf', 'xlsx']\ncompany = 'cn'\n"
        "to = ['file', 'chat:wecom', 'mail:a@example.com']\ncustomer = 'all'\ntimezone = 'Asia/Tokyo'\n"
    ).schedules["e"]
    assert (most.format, most.to) == (("pdf", "xlsx"), ("file", "chat:wecom", "mail:a@example.com"))
    assert (most.company, most.customer, most.timezone) == ("cn", "all", "Asia/Tokyo")


@pytest.mark.parametrize("vendor", ["wecom", "dingtalk", "feishu"])
def test_alerts_go_into_the_groups_of_every_chat_vendor(vendor: str) -> None:
    text = COMPANY + ERP + ROBOT.format(vendor) + f"[alerts]\nto = ['chat:{vendor}']\n"
    assert read(text).alerts.to == (f"chat:{vendor}",)


@pytest.mark.parametrize(
    "target",
    [
        "mail:a@example.com\\nBcc: b@c",
        "mail:a@example.com\\n",
        "mail:a b@example.com",
        "mail:@example.com",
        "mail:a@",
        "chat:",
        "FILE",
        "file ",
    ],
)
def test_what_is_no_target_is_refused(target: str) -> None:
    assert "is no target" in wrong(COMPANY + ERP + f'[alerts]\nto = ["{target}"]').message


def test_mail_has_the_usual_port_of_its_kind_of_connection_or_the_one_said() -> None:
    def port(text: str) -> int:
        return read(MAIL + text).mail.server_port

    assert [port(""), port("security = 'tls'"), port("security = 'starttls'")] == [587, 465, 587]
    assert [port("port = 1"), port("port = 65535"), port("port = 0")] == [1, 65535, 587]
    assert read(MAIL.replace("smtp.example.com", "localhost") + "security = 'none'").mail.server_port == 25


def test_mail_waits_thirty_seconds_and_at_most_ten_minutes() -> None:
    for text, seconds in (("", 30), ("timeout_seconds = 1", 1), ("timeout_seconds = 600", 600)):
        assert read(MAIL + text).mail.timeout_seconds == seconds
    for seconds in (0, 601):
        assert "mail.timeout_seconds (line 4)" in wrong(MAIL + f"timeout_seconds = {seconds}").message
    held = read(MAIL + "username = 'ar'\npassword = 'canary'").mail
    assert (held.username, held.password) == ("ar", "canary")
    assert "canary" not in repr(held)


def test_the_vendor_is_told_its_name_and_its_own_keys_in_plain_types() -> None:
    seen: list[tuple[str, dict[str, object]]] = []

    def check(vendor: str, settings: dict[str, object]) -> dict[str, object]:
        seen.append((vendor, settings))
        if vendor == "zoho_crm":
            raise ConfigError("a scope is missing.", hint="See the connector's page.")
        return settings

    with pytest.raises(ConfigError) as refused:
        parse(COMPANY + ERP + CRM, Path("/x/t.toml"), environ={"CRM_SECRET": "s"}, vendor_settings=check)
    assert (refused.value.message, refused.value.hint) == (
        "[connections.crm]: a scope is missing.", "See the connector's page."
    )  # fmt: skip
    assert seen == [
        ("kingdee", {"base_url": "https://erp.example.com/k3cloud"}),
        ("zoho_crm", {"client_secret": "s"}),
    ]
    assert all(type(value) is str for _, settings in seen for value in settings.values())


def test_a_real_installation_without_sandbox_is_no_mixture() -> None:
    held: Config = read(COMPANY + ERP + CRM)
    assert not held.sandbox
    local = COMPANY + ERP.replace("https://erp.example.com", "http://localhost:1") + "sandbox = true\n"
    assert read(local).sandbox
