"""The benchmark's static source: each dialect shows every record once, and the product reads it to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bench.config import write_config
from bench.measure import ROOT, Server, run, tree_cpu
from bench.server import Records, bills
from sync.service import open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import balances, decisions, documents

ROWS = 260


def test_bill_queries_page_by_key_and_lines_go_on_behind_a_line() -> None:
    records = Records(ROWS)
    head = {"FormId": "AR_receivable", "FieldKeys": "FID,FALLAMOUNTFOR", "Limit": 100}
    seen, last = [], 0
    while page := json.loads(bills(records, {**head, "FilterString": f"FID>{last}"})):
        seen += [row[0] for row in page]
        last = seen[-1]
    assert seen == list(range(1, ROWS + 1))
    keys = {"FormId": "AR_receivable", "FieldKeys": "FID,FEntityDetail_FEntryID,FNoTaxAmountFor_D", "Limit": 100}
    asked, lines = "FID>=1 and FID<=200", []
    where = asked
    while page := json.loads(bills(records, {**keys, "FilterString": where})):
        lines += [row[1] for row in page]
        doc, line = page[-1][0], page[-1][1]
        where = f"{asked} and (FID>{doc} or (FID={doc} and FEntityDetail_FEntryID>{line}))"
    assert lines == [number * 10 + line for number in range(1, 201) for line in range(3)]


def test_plain_pages_show_every_record_once_and_a_change_shows_one_in_a_hundred() -> None:
    with Server(ROWS) as server:
        seen: list[str] = []
        for page in (1, 2, 3):
            answer = httpx.get(f"{server.url}/rows", params={"size": "100", "page": str(page)}).json()
            seen += [row["id"] for row in answer["rows"]]
        assert len(set(seen)) == len(seen) == ROWS
        assert not answer["more"]
        newest = answer["rows"][-1]["Modified_Time"]
        httpx.post(f"{server.url}/_change")
        after = httpx.get(f"{server.url}/rows", params={"size": "100", "since": newest}).json()["rows"]
        assert len(after) == 1 + 3  # the newest itself, and 1, 101, 201


@pytest.mark.parametrize(("vendor", "page_rows"), [("zoho", 100), ("kingdee", 100)])
def test_the_product_reads_the_source_to_its_end(tmp_path: Path, vendor: str, page_rows: int) -> None:
    with Server(ROWS) as server:
        path = write_config(tmp_path, server.url, str(tmp_path / "t.db"), page_rows=page_rows, vendor=vendor)
        with open_service(load(path, vendor_settings=vendor_settings)) as service:
            (pull,) = service.pull(["source"])
            assert pull.ok
            assert {one.stream: one.counts.new for one in pull.streams}["invoices"] == ROWS
            if vendor == "zoho":
                return
            service.apply()
            with reading(service.ctx.engine) as conn:
                assert conn.scalar(select(func.count()).select_from(documents)) == ROWS
                assert conn.scalar(select(func.sum(balances.c.amount_minor))) == 0
                decided = select(func.count()).select_from(decisions).where(decisions.c.subject.like("inv_%"))
                assert conn.scalar(decided) == ROWS


def test_cpu_of_a_process_tree_counts_the_children() -> None:
    busy = "import subprocess, sys\nfor n in range(2_000_000): pass\nprint('RESULT {\"start_cpu\": 0.0}')"
    alone = run([sys.executable, "-c", busy])
    both = run(
        [sys.executable, "-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', '''{busy}'''])\n{busy}"]
    )
    assert both.cpu > alone.cpu
    assert both.memory_mb > 1
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"], cwd=ROOT)
    try:
        while tree_cpu(child.pid) < 0.05:
            pass
    finally:
        child.kill()
        child.wait()
