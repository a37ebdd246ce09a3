"""Independent witness: the vendor's own Python SDK reads the Kingdee sandbox over a real socket.

The SDK runs in a subprocess: it switches TLS verification and its warnings off for the whole process, and its
`Execute` hands errors back as values. Loopback is plain HTTP, so no certificate is skipped here.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tieout.core import exact_json
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company import build_company
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import AsgiApp
from tieout.sandbox.kingdee import KingdeeServer
from tieout.sandbox.ports import listen, url_of
from tieout.sandbox.state import SandboxStore

SCRIPT = """
import json, sys
from k3cloud_webapi_sdk.main import K3CloudApiSdk

wish = json.load(sys.stdin)
sdk = K3CloudApiSdk(wish["url"])
keys = ("acct_id", "user", "app_id", "app_secret")
sdk.InitConfig(*(wish[key] for key in keys), wish["url"], org_num=100)
answers = []
for method, arguments in wish["calls"]:
    answer = getattr(sdk, method)(*arguments)
    if isinstance(answer, Exception):  # un-initialised SDKs return their error
        raise SystemExit(f"{method}: {answer!r}")
    answers.append(answer)
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[KingdeeServer, str]]:
    server = KingdeeServer(SandboxStore(None), SandboxClock(datetime(2026, 11, 24, tzinfo=UTC)), FaultRegistry())
    for form, docs in build_company(9, 60, 200, today=date(2026, 11, 24)).kingdee.items():
        server.seed(form, docs)
    sock = listen(0)
    web = uvicorn.Server(uvicorn.Config(AsgiApp(server), log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(web._serve([sock])), daemon=True)
    thread.start()
    yield server, url_of(sock)
    web.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def _sdk(served: tuple[KingdeeServer, str], calls: list[Any], **other: str) -> list[Any]:
    server, url = served
    ours = server.settings
    wish = {
        "url": f"{url}/k3cloud/",
        "acct_id": ours.acct_id,
        "user": ours.user,
        "app_id": ours.app_id,
        "app_secret": ours.app_secret,
        "calls": calls,
        **other,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(sys.executable).parent,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [exact_json.loads(text) for text in json.loads(done.stdout)]


def test_the_sdk_lists_customers_and_bills(served: tuple[KingdeeServer, str]) -> None:
    server, _ = served
    customers = {"FormId": "BD_Customer", "FieldKeys": "FNumber,FName,FSOCIALCRECODE", "OrderString": "FNumber"}
    bills = {
        "FormId": "AR_receivable",
        "FieldKeys": "FBillNo,FCUSTOMERID.FNumber,FALLAMOUNTFOR,FEntityPlan_FEntryID",
        "FilterString": "FCURRENCYID.FCode='CNY' and FDOCUMENTSTATUS='C'",
        "OrderString": "FBillNo",
        "Limit": 10000,
    }
    listed, rows, objects, centres, bill = _sdk(
        served,
        [
            ["ExecuteBillQuery", [customers]],
            ["ExecuteBillQuery", [bills]],
            ["BillQuery", [customers]],
            ["GetDataCenters", []],
            ["View", ["AR_receivable", {"Number": "AR00000003"}]],
        ],
    )
    docs = server.library.store.collection("kingdee", "BD_Customer").values()
    assert len(docs) == 60
    assert listed == sorted([doc["FNumber"], doc["FName"], doc["FSOCIALCRECODE"]] for doc in docs)
    assert [[row["FNumber"], row["FName"], row["FSOCIALCRECODE"]] for row in objects] == listed
    expected = [
        [doc["FBillNo"], doc["FCUSTOMERID"]["FNumber"], doc["FALLAMOUNTFOR"], line["FEntityPlan_FEntryID"]]
        for doc in server.library.store.collection("kingdee", "AR_receivable").values()
        if doc["FCURRENCYID"]["FCode"] == "CNY" and doc["FDOCUMENTSTATUS"] == "C"
        for line in doc["FEntityPlan"]
    ]
    assert len(expected) > 100
    assert rows == sorted(expected)
    assert centres[0]["Id"] == server.settings.acct_id
    assert bill["Result"]["Result"]["EntityPlan"][0]["WRITTENOFFAMOUNTFOR"] == Decimal("20000.00")


def test_the_sdk_meets_the_errors_inside_the_array(served: tuple[KingdeeServer, str]) -> None:
    query = {"FormId": "BD_Customer", "FieldKeys": "FID"}
    (unknown,) = _sdk(served, [["ExecuteBillQuery", [query]]])
    assert unknown[0][0]["Result"]["ResponseStatus"]["Errors"][0]["Message"] == "元数据中标识为FID的字段不存在"
    (refused,) = _sdk(served, [["ExecuteBillQuery", [{**query, "FieldKeys": "FNumber"}]]], app_secret="wrong")
    assert refused[0][0]["Result"]["ResponseStatus"]["Errors"][0]["Message"] == "会话信息已丢失，请重新登录"
