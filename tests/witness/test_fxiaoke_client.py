"""Independent witness: a public client of Fxiaoke, written by others, works against the local enterprise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from tests.witness.serving import HERE, listening
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company import build_company
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.fxiaoke import FxiaokeServer
from tieout.sandbox.state import SandboxStore


def test_a_public_client_pages_describes_reads_and_creates(tmp_path: Path) -> None:
    server = FxiaokeServer(SandboxStore(None), SandboxClock(), FaultRegistry())
    company = build_company(7, 150, 300, today=date(2026, 11, 20))
    for name, records in company.fxiaoke.items():
        server.seed(name, records)
    settings = server.settings
    with listening(server) as base_url:
        done = subprocess.run(
            [
                sys.executable, str(HERE / "fxiaoke_client.py"), base_url, settings.app_id, settings.app_secret,
                settings.permanent_code, settings.api_user.open_id,
            ],
            cwd=tmp_path, env={**os.environ, "NO_PROXY": "*"}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    saw = json.loads(done.stdout)
    for name, ids in saw["listed"].items():
        assert ids == sorted(row["_id"] for row in company.fxiaoke[name])
    assert saw["account"]["owner"][0].startswith("FSUID_")  # the old convention shows people by their open id
    assert saw["labels"]["field_A9b3X__c"] == "ERP单据编号"
    assert saw["payment"]["payment_amount"] == "12.34"
    assert [line["payment_amount"] for line in saw["payment"]["details"]["OrderPaymentObj"]] == ["12.34"]
    assert "reponse error" in saw["refused"]  # their spelling; the sandbox answered 200 with an errorCode
    tokens = [entry for entry in server.store.requests.since(0) if "corpAccessToken" in entry.path]
    assert len(tokens) == 1
