"""`tieout init`: every answer is an option, a person at a terminal is asked, Ctrl-C writes nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tieout.cli.vendors import vendor_settings
from tieout.core.config import Config, parse

ENV = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8", "TERM": "dumb", "PYTHONPATH": os.pathsep.join(sys.path)}
VARIABLES = (
    "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "KINGDEE_ACCT_ID", "KINGDEE_USER", "KINGDEE_APP_ID",
    "KINGDEE_APP_SECRET", "FXIAOKE_APP_ID", "FXIAOKE_APP_SECRET", "FXIAOKE_PERMANENT_CODE", "MINE",
)  # fmt: skip
REFERENCES = dict.fromkeys(VARIABLES, "x")
ZOHO = ["", "", "1000.id", "typed-secret", ""]  # auth_url, base_url, client_id, client_secret, refresh_token
KINGDEE = ["", "", "", "", ""]


def _own_terminal() -> None:
    """Standard input is the terminal of this session: Ctrl-C typed there reaches the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests themselves run in the background
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A person at `tieout init` on a pseudo terminal."""

    def __init__(self, folder: Path, *args: str) -> None:
        self._screen, other = pty.openpty()
        command = [sys.executable, "-m", "tieout.cli", "init", *args]
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, cwd=folder, env=ENV,
            start_new_session=True, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(other)
        self.seen = ""
        self._answered = 0  # where the screen stood when something was last typed

    def until(self, words: str, seconds: float = 60) -> None:
        """Read until these words were written since something was last typed."""
        end = time.monotonic() + seconds
        while words not in self.seen[self._answered :]:
            assert time.monotonic() < end, f"waited for {words!r}, saw:\n{self.seen}"
            if select.select([self._screen], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self._screen, 4096).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"it ended before {words!r}:\n{self.seen}") from None
        time.sleep(0.05)  # the prompt is written before a hidden answer is waited for

    def type(self, text: str) -> None:
        self._answered = len(self.seen)
        os.write(self._screen, text.encode())

    def answer(self, *pairs: tuple[str, str]) -> None:
        for words, text in pairs:
            self.until(words)
            self.type(text + "\n")

    def ends(self) -> int:
        try:
            while select.select([self._screen], [], [], 60)[0]:
                some = os.read(self._screen, 4096)
                if not some:
                    break
                self.seen += some.decode("utf-8", "replace")
        except OSError:  # the other end is closed: the process has ended
            pass
        try:
            code = self._process.wait(timeout=30)
        finally:
            self._process.kill()
        os.close(self._screen)
        return code


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tieout.cli", "init", *args]
    return subprocess.run(
        command, cwd=folder, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def _read(folder: Path) -> Config:
    path = folder / "tieout.toml"
    return parse(path.read_text(encoding="utf-8"), path, environ=REFERENCES, vendor_settings=vendor_settings)


def _files(folder: Path) -> Sequence[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_person_is_asked_and_asked_again_and_secrets_get_files_of_their_own(tmp_path: Path) -> None:
    person = Terminal(tmp_path, "--timezone", "Europe/Berlin")
    person.answer(
        ("Language", "english"), ("Language", "en"), ("Legal name", "Example Trading Ltd"), ("short name", "Main X"),
        ("short name", "main"), ("functional currency", "RMB"), ("functional currency", "EUR"), ("The CRM", ""),
        ("accounting system", ""), ("book of record", "zoho"), ("book of record", ""), ("books begin", "2026-02-30"),
        ("books begin", "2026-04-01"),
    )  # fmt: skip
    person.answer(*zip(("auth_url", "base_url", "client_id", "client_secret", "refresh_token"), ZOHO, strict=True))
    person.answer(("base_url", "http://erp.example.com"), ("base_url", "https://erp.example.com/k3cloud"))
    person.answer(*zip(("acct_id", "user", "app_id", "app_secret"), KINGDEE[1:], strict=True))
    person.answer(("Write tieout.toml and 2 secret files", "y"))
    assert person.ends() == 0, person.seen
    for problem in ("zh-CN or en", "small letters", "'RMB' is no currency", "choose one of: kingdee", "yyyy-mm-dd"):
        assert problem in person.seen
    assert "typed-secret" not in person.seen, "a secret is never shown"
    assert "time zone" not in person.seen, "what an option says is not asked"
    config = _read(tmp_path)
    company = config.companies["main"]
    assert (company.name, company.functional_currency, company.timezone) == (
        "Example Trading Ltd",
        "EUR",
        "Europe/Berlin",
    )
    assert company.book_of_record == "kingdee"
    assert str(config.connections["kingdee"].start_on) == "2026-04-01"
    zoho = config.connections["zoho"].settings
    assert (zoho["client_id"], zoho["client_secret"], zoho["refresh_token"]) == ("1000.id", "typed-secret", "x")
    assert "typed-secret" not in (tmp_path / "tieout.toml").read_text()
    secret = tmp_path / "secrets" / "zoho_client_secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert "Set these variables first: KINGDEE_ACCT_ID" in person.seen
    assert "init_check" not in person.seen
    for step in ("check", "setup zoho --dry-run", "sync", "plan", "up"):
        assert f" {step}" in person.seen.split("Next:")[1]


@pytest.mark.parametrize("key", ["\x03", "\x04"])
@pytest.mark.parametrize("late", [False, True])
def test_who_stops_in_the_middle_leaves_nothing(tmp_path: Path, key: str, late: bool) -> None:
    person = Terminal(tmp_path, "--language", "en", "--start-on", "2026-01-01")
    if late:
        for words in ("Legal name", "short name", "currency", "time zone", "The CRM", "accounting system", "book of"):
            person.answer((words, ""))
        person.answer(*zip(("auth_url", "base_url", "client_id", "client_secret", "refresh_token"), ZOHO, strict=True))
        person.answer(*zip(("base_url", "acct_id", "user", "app_id", "app_secret"), KINGDEE, strict=True))
        person.until("Write tieout.toml")
    else:
        person.until("Legal name")
    person.type(key)
    assert person.ends() == 130, person.seen
    assert "Nothing was written." in person.seen
    assert _files(tmp_path) == []


def test_an_existing_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "tieout.toml").write_text("mine", encoding="utf-8")
    person = Terminal(tmp_path)
    assert person.ends() == 1
    assert "exists already" in person.seen
    assert "?" not in person.seen.replace("--force", "")
    assert (tmp_path / "tieout.toml").read_text() == "mine"


def test_every_answer_is_an_option_and_yes_asks_nothing(tmp_path: Path) -> None:
    said = _run(
        tmp_path, "--yes", "--language", "zh-CN", "--name", "示例科技有限公司", "--company", "cn", "--currency", "CNY",
        "--timezone", "Asia/Shanghai", "--crm", "fxiaoke", "--accounting", "kingdee", "--book-of-record", "kingdee",
        "--start-on", "2026-01-01",
        "--set", "fxiaoke.app_id=env:MINE", "--set", "kingdee.base_url=https://erp.example.cn/k3cloud",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    config = _read(tmp_path)
    assert set(config.connections) == {"fxiaoke", "kingdee"}
    assert config.connections["fxiaoke"].settings["app_id"] == "x"
    assert config.connections["kingdee"].settings["base_url"] == "https://erp.example.cn/k3cloud"
    assert "接下来" in said.stdout
    assert "MINE" in said.stdout


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--set", "zoho.client_secret=1000.plain"], "others can read the command line"),
        (["--set", "zoho.nothing=x"], "names no key"),
        (["--set", "elsewhere.client_id=x"], "names no key"),
        (["--book-of-record", "zoho"], "choose one of: kingdee"),
        (["--crm", "kingdee"], "choose one of: zoho_crm, fxiaoke"),
        (["--timezone", "Mars/Base"], "no time zone"),
        (["--start-on", "soon"], "yyyy-mm-dd"),
        (["--set", "kingdee.base_url=http://erp.example.com"], "https"),
    ],
)
def test_an_option_that_cannot_be_used_writes_nothing(tmp_path: Path, args: list[str], why: str) -> None:
    said = _run(tmp_path, "--yes", "--language", "en", *args)
    assert said.returncode == 1, said.stdout
    assert why in said.stderr.replace("\n", " ")
    assert _files(tmp_path) == []
