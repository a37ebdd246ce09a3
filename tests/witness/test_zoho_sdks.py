"""Independent witnesses: Zoho's own SDKs work against the sandbox as they do against Zoho."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tieout.sandbox.zoho import ZohoServer

from .serving import listening, new_server, run_witness

FIRST = 4150868000002000000


def seed(server: ZohoServer) -> None:
    """Five accounts (two pages and a half at two a page), the last with a parent; two invoices."""
    accounts = [
        {
            "id": str(FIRST + n),
            "Account_Name": f"Company {n}",
            "Annual_Revenue": Decimal("1000.50") + n,
            "Created_Time": f"2026-02-01T08:0{n}:00+08:00",
        }
        for n in range(5)
    ]
    accounts[4]["Parent_Account"] = {"id": str(FIRST)}
    server.seed("Accounts", accounts)
    invoices = [
        {
            "id": str(FIRST + 100 + n),
            "Subject": f"发票 {n}",
            "Grand_Total": Decimal("113.25") * (n + 1),
            "Account_Name": {"id": str(FIRST + n)},
            "Status": "Created",
            "Created_Time": "2026-02-02T08:00:00+08:00",
        }
        for n in range(2)
    ]
    server.seed("Invoices", invoices)


def test_sdk_for_v8_lists_and_upserts(tmp_path: Path) -> None:
    server = new_server()
    seed(server)
    with listening(server) as base_url:
        seen = run_witness("zoho_sdk8.py", base_url, server, tmp_path)
        assert server.base_url == base_url
    assert [row["Account_Name"] for row in seen["accounts"]] == [f"Company {n}" for n in (4, 3, 2, 1, 0)]
    invoices = {row["Subject"]: (row["Grand_Total"], row["Account_Name"]) for row in seen["invoices"]}
    assert invoices == {"发票 0": ("113.25", str(FIRST)), "发票 1": ("226.5", str(FIRST + 1))}
    updated, inserted, refused = seen["upsert"]
    assert (updated["action"], updated["id"]) == ("update", str(FIRST + 1))
    assert inserted["action"] == "insert"
    assert refused == {"error": "INVALID_DATA"}
    table = server.tables["Accounts"]
    assert (table.get(str(FIRST + 1)) or {})["Phone"] == "+86 21 5555"
    assert (table.get(inserted["id"]) or {})["Account_Name"] == "Born from the SDK"
    effects = server.store.effects.since(0)
    assert [(one.operation, one.trigger) for one in effects] == [("update", []), ("insert", [])]
    upsert = server.store.requests.since(0)[-1]
    assert (upsert.path, upsert.status, upsert.rows) == ("/crm/v8/Accounts/upsert", 207, 3)


def test_sdk_for_v2_lists_accounts(tmp_path: Path) -> None:
    server = new_server()
    seed(server)
    with listening(server) as base_url:
        seen = run_witness("zoho_sdk3.py", base_url, server, tmp_path)
    rows = seen["accounts"]
    assert [row["id"] for row in rows] == [str(FIRST + n) for n in (4, 3, 2, 1, 0)]
    assert [row["annual_revenue"] for row in rows] == ["1004.5", "1003.5", "1002.5", "1001.5", "1000.5"]
    assert [row["parent"] for row in rows] == [str(FIRST), None, None, None, None]
    assert all(row["keys"] > 20 for row in rows), "v2 gives all fields when none are asked"
    paths = [entry.path for entry in server.store.requests.since(0)]
    assert paths.count("/crm/v2/Accounts") == 3
    assert "/crm/v2/settings/fields" in paths
