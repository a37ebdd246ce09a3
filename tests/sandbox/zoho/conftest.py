"""A Zoho sandbox in process, a client that holds a token, and a few records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tieout.core import exact_json
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho import ZohoServer, ZohoSettings

NOW = datetime(2026, 3, 2, 1, 0, 0, tzinfo=UTC)  # 09:00 in Shanghai
BASE = "http://zoho.sandbox"


class Crm:
    """A sandbox with an authenticated client; `get`, `post` … take paths under /crm/v8."""

    def __init__(self, settings: ZohoSettings | None = None, path: str | None = None) -> None:
        self.clock = SandboxClock(NOW, running=False)
        self.store = SandboxStore(path)
        self.waited: list[float] = []
        self.faults = FaultRegistry(sleep=self.waited.append)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.settings = settings or ZohoSettings()
        self.server = ZohoServer(self.store, self.clock, self.faults, self.settings, deliver=self._told)
        self.client = httpx.Client(transport=InProcessTransport({"zoho.sandbox": self.server}), base_url=BASE)
        self.login()

    def _told(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.told.append((url, exact_json.loads(body)))
        return 200

    def token(self, **more: str) -> dict[str, Any]:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "refresh_token": self.settings.refresh_token,
        }
        answer = self.client.post("/oauth/v2/token", data={**form, **more})
        assert answer.status_code == 200
        return dict(answer.json())

    def login(self) -> None:
        self.client.headers["Authorization"] = f"Zoho-oauthtoken {self.token()['access_token']}"

    def get(self, path: str, params: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/crm/v8{path}", params=params, headers=named)

    def send(self, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = exact_json.dumps(body)
        named["Content-Type"] = "application/json"
        return self.client.request(method, f"/crm/v8{path}", content=content, headers=named)

    def rows(self, answer: httpx.Response) -> list[dict[str, Any]]:
        assert answer.status_code == 200, answer.text
        return list(exact_json.loads(answer.content)["data"])


def account(number: int, **fields: Any) -> dict[str, Any]:
    """An account whose stamps are one minute apart."""
    at = f"2026-02-01T{8 + number // 60:02d}:{number % 60:02d}:00+08:00"
    made = {"id": str(4150868000002000000 + number), "Account_Name": f"Company {number}", "Currency": "CNY"}
    return {**made, "Created_Time": at, "Modified_Time": at, **fields}


def invoice(number: int, account_id: str, total: Decimal, **fields: Any) -> dict[str, Any]:
    at = f"2026-02-02T{8 + number // 60:02d}:{number % 60:02d}:00+08:00"
    return {
        "id": str(4150868000003000000 + number),
        "Subject": f"Invoice {number}",
        "Invoice_Number": f"ZINV-{number:06d}",
        "Invoice_Date": "2026-02-01",
        "Due_Date": "2026-03-01",
        "Status": "Created",
        "Account_Name": {"id": account_id},
        "Grand_Total": total,
        "Currency": "CNY",
        "Invoiced_Items": [{"id": "1", "Product_Name": {"name": "Disk", "id": "9"}, "Quantity": 1, "Total": total}],
        "Created_Time": at,
        "Modified_Time": at,
        **fields,
    }


@pytest.fixture
def make_crm() -> Callable[..., Crm]:
    return Crm


@pytest.fixture
def crm() -> Crm:
    """Ten accounts and three invoices, one amount beyond what a float holds."""
    made = Crm()
    made.server.seed("Accounts", [account(number) for number in range(10)])
    first = str(4150868000002000000)
    totals = (Decimal("113.00"), Decimal("1234567890123456.78"), Decimal("-20.50"))
    made.server.seed("Invoices", [invoice(number, first, total) for number, total in enumerate(totals)])
    return made
