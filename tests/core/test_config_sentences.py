"""What a wrong configuration is told: the whole sentence, and the way out, as an operator reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.test_config import COMPANY, CRM, ERP, read, wrong
from tieout.core.config import find, load
from tieout.core.errors import ConfigError

SCHEDULE = "[schedules.d]\nreport='aging'\ncron='@daily'\n"
MAIL = '[mail]\nhost = "smtp.example.com"\nsender = "Tieout <ar@example.com>"\n'
MAIL_HINT = 'Say [mail] host = "smtp.example.com" and sender = "Tieout <ar@example.com>".'
LOCAL = ERP.replace("https://erp.example.com", "http://localhost:9000") + "sandbox = true\n"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("tieout = 1", "[tieout] must be a table of keys.", ""),
        ("alerts = 1", "[alerts] must be a table of keys.", ""),
        ("mail = 1", "[mail] must be a table of keys.", ""),
        ("companies = 1", "[companies] must hold tables such as [companies.name].", ""),
        ("connections = []", "[connections] must hold tables such as [connections.name].", ""),
        ("[schedules]\nd = 1", "schedules.d must be a table: write [schedules.d].", ""),
        (
            f"[companies.{'a' * 41}]",
            f"[companies.{'a' * 41}]: a name is made of small letters, digits, - and _ (at most 40).",
            "",
        ),
        ("[companies.-a]", "[companies.-a]: a name is made of small letters, digits, - and _ (at most 40).", ""),
        (COMPANY + ERP + 'name = "x"', 'the key "name" is not needed: the name stands in the table header.', ""),
        (SCHEDULE + 'name = "x"', 'the key "name" is not needed: the name stands in the table header.', ""),
        ('[companies.cn]\nname = "x"', "companies.cn.functional_currency is missing.", "Add it to the configuration."),
        ("[mail]\nhots = 'x'", 'unknown key "hots" in [mail] (line 2).', 'Did you mean "host"?'),
        ("[alerts]\ntoo = []", 'unknown key "too" in [alerts] (line 2).', 'Did you mean "to"?'),
        (
            "[alerts]\nzzzz = []",
            'unknown key "zzzz" in [alerts] (line 2).',
            "Known keys: to.",
        ),
        ("[tieout]\n\npublic_url = 7", "tieout.public_url (line 3): input should be a valid string.", ""),
        (
            "[alerts]\n\nto = ['ops']",
            'alerts.to (line 3): \'ops\' is no target: write "file", "mail:name@example.com" or "chat:CONNECTION".',
            "",
        ),
        ("[mail]\n\nport = 65536", "mail.port (line 3): input should be less than or equal to 65535.", ""),
        (
            COMPANY + ERP + "max_changes_per_run = { rows = 1, share_percent = 101 }",
            "connections.erp.max_changes_per_run.share_percent (line 11): input should be less than or equal to 100.",
            "",
        ),
        (
            COMPANY + ERP + 'company = "hk"',
            "connections.erp: there is no company 'hk'.",
            "Add [companies.hk].",
        ),
        (
            COMPANY + COMPANY.replace(".cn]", ".hk]") + ERP,
            "connections.erp.company is missing.",
            "Name the company, or map organizations to them.",
        ),
        (
            COMPANY,
            "companies.cn.book_of_record: there is no connection 'erp'.",
            "Add [connections.erp].",
        ),
        (
            COMPANY.replace('book_of_record = "erp"', "") + ERP,
            "companies.cn.book_of_record is missing.",
            "Name the connection whose documents post to the ledger.",
        ),
        (COMPANY + ERP + SCHEDULE + "company='x'", "schedules.d.company: there is no company 'x'.", ""),
        (
            COMPANY + ERP + SCHEDULE.replace("aging", "statement"),
            "schedules.d.customer is missing: a statement is of one customer.",
            'Say customer = "cus_…", or customer = "all" for one of each that has a balance.',
        ),
        (
            COMPANY + ERP + SCHEDULE + 'customer = "all"',
            "schedules.d.customer: only statements are made of every customer.",
            "Leave it out.",
        ),
        (COMPANY + ERP + SCHEDULE + "format = []", "schedules.d.format names no format.", 'Write format = ["html"].'),
        (
            COMPANY + ERP + '[alerts]\nto = ["file", "chat:ops"]',
            "alerts.to: 'chat:ops' names no connection to a group.",
            "Add [connections.ops] with vendor wecom, dingtalk, feishu.",
        ),
        (
            COMPANY + ERP + SCHEDULE + 'to = ["chat:erp"]',
            "schedules.d.to: 'chat:erp' names no connection to a group.",
            "Add [connections.erp] with vendor wecom, dingtalk, feishu.",
        ),
        (
            COMPANY + ERP + '[alerts]\nto = ["file", "mail:ops@example.com"]',
            "alerts.to sends mail, and mail.host is missing.",
            MAIL_HINT,
        ),
        (
            COMPANY + ERP + SCHEDULE + 'to = ["mail:ops@example.com"]',
            "schedules.d.to sends mail, and mail.host is missing.",
            MAIL_HINT,
        ),
        ('[mail]\nhost = "smtp.example.com"', "mail.sender is missing.", MAIL_HINT),
        (
            MAIL + 'security = "none"',
            "mail.security: smtp.example.com must be spoken to over starttls or tls.",
            MAIL_HINT,
        ),
        (MAIL + 'username = "ar"', "mail.username and mail.password belong together.", MAIL_HINT),
        (MAIL + 'password = "canary"', "mail.username and mail.password belong together.", MAIL_HINT),
        (
            COMPANY + LOCAL + CRM + ERP.replace(".erp]", ".books]"),
            "sandbox and real connections are mixed: books, crm is not marked sandbox.",
            "Use one home and one configuration for the sandbox, another for real systems.",
        ),
        (
            '[tieout]\ndatabase_url = "postgresql+psycopg://h/d"',
            "an external database needs a secret key, and none is given.",
            "Set TIEOUT_SECRET_KEY to a long random text and keep it safe.",
        ),
        (
            COMPANY + ERP + 'app_secret = "env:NOT_SET"',
            "connections.erp.app_secret: the environment variable NOT_SET is not set.",
            "Set NOT_SET and try again.",
        ),
        (
            '[tieout]\nhome = "env:NOT_SET"',
            "tieout.home: the environment variable NOT_SET is not set.",
            "Set NOT_SET and try again.",
        ),
        (
            COMPANY + ERP + "key = 'file:none'",
            "connections.erp.key: cannot read /etc/tieout/none: No such file or directory.",
            "",
        ),
        (
            COMPANY + ERP.replace("https://erp.example.com/k3cloud", "erp.example.com"),
            "connections.erp.base_url: 'erp.example.com' is not an http address.",
            "",
        ),
        (
            COMPANY + ERP.replace("https://erp.example.com/k3cloud", "https://"),
            "connections.erp.base_url: 'https://' is not an http address.",
            "",
        ),
        (
            COMPANY + ERP.replace("https", "http"),
            "connections.erp.base_url: erp.example.com must be spoken to over https.",
            "",
        ),
        (
            COMPANY + ERP + "sandbox = true",
            "connections.erp.base_url: a sandbox connection may only speak to this machine, not erp.example.com.",
            "",
        ),
        (
            "[mail]\nsender = 'Tieout'",
            "mail.sender (line 2): 'Tieout' is no sender: write \"Tieout <ar@example.com>\".",
            "",
        ),
        (
            SCHEDULE.replace("@daily", "* *"),
            "schedules.d.cron (line 3): cron '* *' has 2 fields instead of 5. "
            'Write "minute hour day month weekday", for example "0 7 * * *".',
            "",
        ),
        (
            COMPANY.replace("Shanghai", "Shang") + ERP,
            "companies.cn.timezone (line 5): unknown time zone 'Asia/Shang'. Use an IANA name such as Asia/Shanghai.",
            "",
        ),
        (
            COMPANY.replace("CNY", "RMB") + ERP,
            "companies.cn.functional_currency (line 4): 'RMB' is not a currency code of ISO 4217.",
            "",
        ),
        (
            COMPANY + ERP + 'interval = "5 minutes"',
            'connections.erp.interval (line 11): write a duration such as "30s", "5m", "2h" or "1d".',
            "",
        ),
        (
            COMPANY + ERP + 'start_on = "2026-02-30"',
            "connections.erp.start_on (line 11): '2026-02-30' is not a calendar date.",
            "",
        ),
    ],
)
def test_what_is_wrong_is_told_whole_with_its_way_out(text: str, message: str, hint: str) -> None:
    error = wrong(text)
    assert (error.message, error.hint) == (message, hint)
    assert "canary" not in str(error)


def test_text_that_is_no_toml_is_told_with_its_place_and_what_to_do() -> None:
    error = wrong("[tieout]\nhome = ")
    assert error.message == "/etc/tieout/tieout.toml is not valid TOML: Invalid value (at end of document)."
    assert error.hint == "Correct that line and start again."
    assert wrong("a = " + "[" * 5000).message == "/etc/tieout/tieout.toml is not valid TOML: it is nested too deeply."


def test_an_organization_without_a_company_is_told_where_to_add_it() -> None:
    config = read(COMPANY + ERP + 'organizations = { "100" = "cn" }')
    assert config.company_of("erp", "100") == "cn"
    for organization in ("300", ""):
        with pytest.raises(ConfigError) as refused:
            config.company_of("erp", organization)
        assert refused.value.message == (f"connection 'erp' knows no company for the organization '{organization}'.")
        assert refused.value.hint == "Add it to organizations in [connections.erp]."


def test_a_file_that_is_not_there_or_cannot_be_read_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        find(tmp_path / "none.toml", {})
    assert refused.value.message == f"there is no configuration file {tmp_path}/none.toml."
    assert refused.value.hint == "Check --config or TIEOUT_CONFIG."
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "odd.toml", environ={})
    assert refused.value.message == f"cannot read {tmp_path}/odd.toml: it is not UTF-8 text."


def test_without_any_file_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        find(None, {})
    assert refused.value.message == "there is no configuration: ./tieout.toml does not exist."
    assert refused.value.hint == (
        "Run `tieout init` to write one, or `tieout up --sandbox` to try it with local vendor servers."
    )
