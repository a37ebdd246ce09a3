"""The command line with a stand-in for the service, in a folder of its own."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tieout.cli.app import app

_spec = importlib.util.spec_from_file_location("tieout_test_fake", Path(__file__).with_name("fake.py"))
assert _spec is not None
assert _spec.loader is not None
fake_module = sys.modules.setdefault("tieout_test_fake", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(fake_module)

CONFIG = """
[tieout]
home = "home"
language = "en"
[companies.cn]
name = "示例科技有限公司"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"
[connections.zoho]
vendor = "zoho_crm"
client_id = "id"
client_secret = "env:CANARY"
refresh_token = "refresh"
[connections.kingdee]
vendor = "kingdee"
base_url = "https://erp.example.com/k3cloud"
acct_id = "a"
user = "u"
app_id = "i"
app_secret = "s"
"""

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def keep_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that stay set up logging for their process; here it would write to a stream that is closed later."""
    monkeypatch.setattr("tieout.core.logging.configure", lambda **_: None)


@pytest.fixture
def service() -> Any:
    return fake_module.FakeService()


@pytest.fixture
def view() -> Any:
    return fake_module.View


@pytest.fixture
def finding() -> Any:
    return fake_module.Finding


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own working folder, clear of the caller's TIEOUT_* variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "HOME", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL"):
        monkeypatch.delenv(f"TIEOUT_{name}", raising=False)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CANARY", "canary-secret")
    return tmp_path


@pytest.fixture
def run(service: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `tieout ARGS…` with a configuration of two connections."""
    module = types.ModuleType("sync.service")
    module.open_service = lambda config, **_: service  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sync.service", module)
    (folder / "tieout.toml").write_text(CONFIG, encoding="utf-8")
    return lambda *args, **kwargs: CliRunner().invoke(app, list(args), catch_exceptions=False, **kwargs)
