"""A configuration is read strictly: what is wrong is named, with its place and a way out; secrets never show."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tieout.core.config import Config, find, load, parse
from tieout.core.config_text import line_of, nearest
from tieout.core.errors import ConfigError

COMPANY = """
[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "erp"
"""
ERP = """
[connections.erp]
vendor = "kingdee"
base_url = "https://erp.example.com/k3cloud"
"""
CRM = """
[connections.crm]
vendor = "zoho_crm"
client_secret = "env:CRM_SECRET"
start_on = 2026-01-01
interval = "30s"
push = ["credit"]
"""


def read(text: str, folder: Path = Path("/etc/tieout"), **environ: str) -> Config:
    return parse(text, folder / "tieout.toml", environ={"CRM_SECRET": "canary-secret", **environ})


def wrong(text: str, folder: Path = Path("/etc/tieout"), **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text, folder, **environ)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_small_configuration_with_its_defaults() -> None:
    config = read(COMPANY + ERP + CRM)
    crm = config.connections["crm"]
    assert (crm.company, crm.start_on, crm.interval) == ("cn", date(2026, 1, 1), timedelta(seconds=30))
    assert (crm.push, crm.push_mode, crm.sandbox) == (("credit",), "plan", False)
    assert crm.settings == {"client_secret": "canary-secret"}
    assert config.home == Path("/etc/tieout/var")
    assert config.database_url == "sqlite:////etc/tieout/var/tieout.db"
    assert config.redis_url == "unix:///etc/tieout/var/valkey/valkey.sock"
    assert config.embedded_database
    assert config.embedded_redis
    assert config.company_of("crm") == "cn"


def test_secrets_are_in_no_repr() -> None:
    config = read(
        COMPANY + ERP + CRM,
        TIEOUT_SECRET_KEY="canary-key",
        TIEOUT_DATABASE_URL="postgresql+psycopg://u:canary-db@h/d",
        TIEOUT_REDIS_URL="redis://:canary-redis@h/0",
    )
    assert config.secret_keys() == ("canary-key",)
    for shown in (repr(config), str(config), repr(config.connections["crm"]), str(config.connections["crm"])):
        assert "canary" not in shown


def test_everything_is_frozen() -> None:
    config = read(COMPANY + ERP)
    with pytest.raises(ValueError, match="frozen"):
        config.language = "en"
    with pytest.raises(TypeError):
        config.connections["x"] = config.connections["erp"]  # type: ignore[index]
    with pytest.raises(TypeError):
        config.connections["erp"].settings["base_url"] = "http://elsewhere"  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[tieout]\nlangauge = "en"', 'unknown key "langauge" in [tieout] (line 2)', 'Did you mean "language"?'),
        ("[alert]\nto = []", 'unknown key "alert" in the top level (line 1)', 'Did you mean "alerts"?'),
        ("[zzz]", 'unknown key "zzz"', "Known keys: alerts, companies"),
        (
            COMPANY.replace("timezone", "timezon") + ERP,
            'unknown key "timezon" in [companies.cn] (line 5)',
            'Did you mean "timezone"?',
        ),
        (COMPANY + ERP + "[schedules.daily]\nreport='reconcile'\ncrn='* * * * *'", 'unknown key "crn"', '"cron"'),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_the_nearest(text: str, message: str, hint: str) -> None:
    error = wrong(text)
    assert error.message.startswith(message)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tieout", "is not valid TOML"),
        ('[tieout]\nlanguage = "de"', "tieout.language (line 2): input should be 'zh-CN' or 'en'"),
        ("[tieout]\nlanding_keep = 30", "tieout.landing_keep (line 2): nothing is pruned yet"),
        (
            COMPANY + 'cash_application = "ours"' + ERP,
            'companies.cn.cash_application (line 7): "ours" is not possible yet',
        ),
        ("tieout = 1", "[tieout] must be a table"),
        ("companies = 1", "[companies] must hold tables"),
        ("[companies]\ncn = 1", "companies.cn must be a table"),
        ("[companies.CN]\nname='x'", "[companies.CN]: a name is made of small letters"),
        ('[companies.cn]\nname = "x"', "companies.cn.functional_currency is missing"),
        (COMPANY.replace("CNY", "RMB") + ERP, "companies.cn.functional_currency (line 4): 'RMB' is not a currency"),
        (COMPANY.replace("Shanghai", "Shang") + ERP, "companies.cn.timezone (line 5): unknown time zone"),
        (COMPANY, "companies.cn.book_of_record: there is no connection 'erp'"),
        (COMPANY.replace('book_of_record = "erp"', "") + ERP, "companies.cn.book_of_record is missing"),
        (COMPANY + ERP + 'interval = "5 minutes"', "connections.erp.interval (line 11): write a duration"),
        (COMPANY + ERP + 'interval = "0m"', "connections.erp.interval (line 11): write a duration"),
        (COMPANY + ERP + 'start_on = "2026-13-01"', "connections.erp.start_on (line 11)"),
        (COMPANY + ERP + "start_on = 2026-01-01T00:00:00Z", "connections.erp.start_on (line 11)"),
        (COMPANY + ERP + 'push_mode = "automatic"', "connections.erp.push_mode (line 11)"),
        (COMPANY + ERP + 'push = "credit"', "connections.erp.push (line 11)"),
        (COMPANY + ERP + 'sandbox = "yes"', "connections.erp.sandbox (line 11)"),
        (COMPANY + ERP + 'company = "hk"', "connections.erp: there is no company 'hk'"),
        (COMPANY + ERP + 'organizations = { "100" = "hk" }', "connections.erp: there is no company 'hk'"),
        (COMPANY + ERP + 'name = "x"', 'the key "name" is not needed'),
        (COMPANY + ERP + "max_changes_per_run = { rows = -1 }", "connections.erp.max_changes_per_run"),
        (COMPANY + ERP + "[schedules.d]\nreport='aging'\ncron='61 * * * *'", "schedules.d.cron (line 13): cron"),
        (COMPANY + ERP + "[schedules.d]\nreport='aging'\ncron='@daily'\ncompany='x'", "schedules.d.company"),
        (COMPANY + ERP + "[schedules.d]\nreport='agging'\ncron='@daily'", "schedules.d.report (line 12)"),
        (COMPANY + ERP + "[schedules.d]\nreport='aging'\ncron='@daily'\nformat=['docx']", "schedules.d.format"),
        (COMPANY + ERP + "[schedules.d]\nreport='aging'\ncron='@daily'\nformat=[]", "schedules.d.format names no"),
        (COMPANY + ERP + "[schedules.d]\nreport='statement'\ncron='@daily'", "schedules.d.customer is missing"),
        (COMPANY + ERP + "[schedules.d]\nreport='aging'\ncron='@daily'\ncustomer='all'", "schedules.d.customer: only"),
        (COMPANY + ERP + "[alerts]\nto=['ops at example']", "alerts.to (line 12): 'ops at example' is no target"),
        (COMPANY + ERP + CRM + "sandbox = true", "sandbox and real connections are mixed: erp is not marked sandbox"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_place(text: str, message: str) -> None:
    assert wrong(text).message.removeprefix("/etc/tieout/tieout.toml ").startswith(message)


@pytest.mark.parametrize("key", ["base_url", "auth_url"])
def test_addresses_of_real_systems_need_tls_and_sandboxes_stay_here(key: str) -> None:
    real = ERP.replace("base_url", key)
    assert "over https" in wrong(COMPANY + real.replace("https", "http")).message
    assert "only speak to this machine" in wrong(COMPANY + real + "sandbox = true").message
    assert "is not an http address" in wrong(COMPANY + real.replace("https://", "ftp://")).message
    local = real.replace("https://erp.example.com", "http://127.0.0.1:9000")
    assert read(COMPANY + local + "sandbox = true").sandbox
    assert not read(COMPANY + local).sandbox


def test_the_sandbox_pushes_by_itself_and_real_systems_wait_for_a_plan() -> None:
    local = ERP.replace("https://erp.example.com", "http://localhost:9000") + "sandbox = true\n"
    assert read(COMPANY + local).connections["erp"].push_mode == "auto"
    assert read(COMPANY + local + 'push_mode = "off"').connections["erp"].push_mode == "off"
    assert read(COMPANY + ERP).connections["erp"].push_mode == "plan"


def test_values_from_the_environment_and_from_files_have_the_type_of_their_key(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-from-file\n")
    text = (
        COMPANY
        + ERP
        + 'secret = "file:secret"\nstart_on = "env:START"\nsandbox = "env:SANDBOX"\n'
        + 'push = "env:PUSH"\ninterval = "env:EVERY"\nnested = { key = ["env:CRM_SECRET"] }\n'
        + 'profile = "env:PROFILE"\n'
    )
    environ = {"START": "2026-02-03", "SANDBOX": "false", "PUSH": '["credit"]', "EVERY": "2h", "PROFILE": "2026"}
    erp = read(text, tmp_path, **environ).connections["erp"]
    assert (erp.start_on, erp.sandbox, erp.push) == (date(2026, 2, 3), False, ("credit",))
    assert (erp.interval, erp.profile) == (timedelta(hours=2), "2026")
    assert erp.settings["secret"] == "canary-from-file"
    assert erp.settings["nested"] == {"key": ["canary-secret"]}
    assert all(type(value) is not str or value.__class__ is str for value in erp.settings.values())


def test_a_missing_variable_or_file_names_the_key(tmp_path: Path) -> None:
    error = wrong(COMPANY + ERP + 'app_secret = "env:NOT_SET"')
    assert error.message == "connections.erp.app_secret: the environment variable NOT_SET is not set."
    assert "connections.erp.key: cannot read" in wrong(COMPANY + ERP + 'key = "file:none"', tmp_path).message
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in wrong(COMPANY + ERP + 'key = "file:binary"', tmp_path).message


def test_the_environment_overrides_the_file() -> None:
    text = '[tieout]\nhome = "elsewhere"\ndatabase_url = "postgresql+psycopg://file/d"\nsecret_key = "s"'
    config = read(text, TIEOUT_HOME="/srv/home", TIEOUT_REDIS_URL="redis://r:6379/0")
    assert config.home == Path("/srv/home")
    assert config.database_url == "postgresql+psycopg://file/d"
    assert config.redis_url == "redis://r:6379/0"
    assert not config.embedded_redis
    other = read(text, TIEOUT_DATABASE_URL="postgresql+psycopg://env/d")
    assert other.database_url == "postgresql+psycopg://env/d"
    assert other.home == Path("/etc/tieout/elsewhere")


def test_an_external_database_needs_a_key() -> None:
    error = wrong("", TIEOUT_DATABASE_URL="postgresql+psycopg://h/d")
    assert "needs a secret key" in error.message
    assert "TIEOUT_SECRET_KEY" in error.hint
    keyed = read("", TIEOUT_DATABASE_URL="postgresql+psycopg://h/d", TIEOUT_SECRET_KEY="new, old")
    assert keyed.secret_keys() == ("new", "old")


def test_an_embedded_home_makes_its_own_key_once(tmp_path: Path) -> None:
    config = read('[tieout]\nhome = "."', tmp_path)
    assert config.secret_keys() == config.secret_keys()
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_several_companies_must_be_said(tmp_path: Path) -> None:
    two = COMPANY + COMPANY.replace("companies.cn", "companies.hk")
    assert wrong(two + ERP).message == "connections.erp.company is missing."
    config = read(two + ERP + 'organizations = { "100" = "cn", "200" = "hk" }')
    assert config.company_of("erp", "200") == "hk"
    with pytest.raises(ConfigError, match="knows no company for the organization '300'"):
        config.company_of("erp", "300")


def test_a_vendor_checks_its_own_keys() -> None:
    def check(vendor: str, settings: dict[str, Any]) -> dict[str, Any]:
        if "app_id" not in settings:
            raise ConfigError("app_id is missing.", hint="See the connector's page.")
        return {**settings, "vendor_was": vendor}

    def parse_with(text: str) -> Config:
        return parse(text, Path("/x/tieout.toml"), environ={}, vendor_settings=check)

    with pytest.raises(ConfigError, match=r"\[connections.erp\]: app_id is missing"):
        parse_with(COMPANY + ERP)
    settings = parse_with(COMPANY + ERP + 'app_id = "1"').connections["erp"].settings
    assert (settings["vendor_was"], settings["app_id"]) == ("kingdee", "1")


def test_limits_are_rows_or_a_table() -> None:
    assert read(COMPANY + ERP + "max_changes_per_run = 5").connections["erp"].max_changes_per_run.rows == 5
    both = read(COMPANY + ERP + "max_changes_per_run = { rows = 5, share_percent = 20 }").connections["erp"]
    assert both.max_changes_per_run.share_percent == 20


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no configuration") as caught:
        find(None, {})
    assert "tieout init" in caught.value.hint
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "tieout.toml").write_text("")
    assert find(None, {}) == Path("var/tieout.toml")
    (tmp_path / "tieout.toml").write_text("")
    assert find(None, {}) == Path("tieout.toml")
    (tmp_path / "other.toml").write_text("")
    assert find(None, {"TIEOUT_CONFIG": "other.toml"}) == Path("other.toml")
    with pytest.raises(ConfigError, match=r"there is no configuration file none\.toml"):
        find("none.toml", {"TIEOUT_CONFIG": "other.toml"})
    (tmp_path / "other.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load("other.toml", environ={})


def test_the_example_file_is_a_valid_configuration() -> None:
    names = (
        "ZOHO_CLIENT_ID ZOHO_CLIENT_SECRET ZOHO_REFRESH_TOKEN "
        "KINGDEE_ACCT_ID KINGDEE_USER KINGDEE_APP_ID KINGDEE_APP_SECRET"
    )
    example = Path(__file__).parents[2] / "tieout.example.toml"
    config = load(example, environ=dict.fromkeys(names.split(), "x"))
    assert set(config.connections) == {"zoho", "kingdee"}
    assert config.schedules["daily_reconciliation"].cron == "0 7 * * *"


def test_small_helpers() -> None:
    assert nearest("intervall", ["interval", "push"]) == "interval"
    assert nearest("zzzz", ["interval", "push"]) == ""
    text = '[a]\nx = 1\n\n[a.b]\nx = 2\n["c"]\n"y" = 3\n'
    assert [line_of(text, *place) for place in (("a", "x"), ("a.b", "x"), ("c", "y"), ("a", "none"))] == [2, 5, 7, 0]
