"""How fast the API's most used endpoints and every page of the console answer, over a database that is there.

`python -m bench.tools.pages CONFIG`
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.measure import report
from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import conflicts, decisions, documents, outbox

REQUESTS = 40
SECONDS = 20.0  # a page is asked no longer than so, but ten times at least
PAGES = (
    "/", "/charts", "/conflicts", "/conflicts/rules", "/customers", "/invoices", "/payments", "/credit", "/dunning",
    "/dunning/log", "/dunning/texts", "/cases", "/plan", "/pushes", "/reconciliations", "/reports", "/connections",
    "/runs", "/people", "/audit",
)  # fmt: skip
ONE = ("/invoices/{invoice}", "/customers/{customer}", "/conflicts/{conflict}", "/pushes/{push}")


def measure(config: Any, service: Service) -> list[dict[str, Any]]:
    """Wall milliseconds (p50, p95) and processor milliseconds (p50) of each, asked over the application itself.

    The slowest comes first. Processor time is that of the whole process: no network, and no other program in it.
    """
    from starlette.testclient import TestClient

    from tieout.web.app import build

    key = service.create_api_key("bench", "viewer", "bench")
    shown = _examples(service)
    link = service.login_link()
    auth = {"Authorization": f"Bearer {key}"}
    asked = [
        ("/v1/invoices", auth), ("/v1/invoices/{invoice}/explain", auth), ("/v1/customers", auth),
        ("/v1/customers/{customer}/account", auth), ("/v1/conflicts", auth), ("/v1/pushes", auth),
        *((page, {}) for page in PAGES),
        *((page, {}) for page in ONE),
    ]  # fmt: skip
    table = []
    with TestClient(build(config, service=service), base_url="http://127.0.0.1:8000") as client:
        signed_in = client.post("/login/link", data={"token": link})
        assert signed_in.status_code == 200, signed_in.text[:200]
        for name, headers in asked:
            word = name.partition("{")[2].partition("}")[0]
            if word and word not in shown:
                continue  # there is none in these books
            path = name.replace(f"{{{word}}}", shown.get(word, ""))
            found, worked = _times(client, path, headers)
            cut = statistics.quantiles(found, n=20, method="inclusive")
            table.append(
                {
                    "path": name,
                    "p50_ms": round(statistics.median(found), 1),
                    "p95_ms": round(cut[-1], 1),
                    "cpu_ms": round(statistics.median(worked), 1),
                }
            )
    return sorted(table, key=lambda row: -row["p95_ms"])


def _times(client: Any, path: str, headers: dict[str, str]) -> tuple[list[float], list[float]]:
    found: list[float] = []
    worked: list[float] = []
    give_up = time.perf_counter() + SECONDS
    while len(found) <= REQUESTS and (len(found) < 11 or time.perf_counter() < give_up):
        began, used = time.perf_counter(), time.process_time()
        answer = client.get(path, headers=headers)
        found.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - used) * 1000)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:200])
        assert not answer.history, (path, "led elsewhere")
    return found[1:], worked[1:]  # the first fills caches


def _examples(service: Service) -> dict[str, str]:
    """One invoice, customer, conflict and push of these books, where there are any."""
    credit = select(decisions.c.subject).where(decisions.c.kind == "credit").order_by(decisions.c.subject).limit(1)
    wanted = {
        "invoice": select(documents.c.id).order_by(documents.c.id).limit(1),
        "customer": credit,
        "conflict": select(conflicts.c.id).order_by(conflicts.c.id).limit(1),
        "push": select(outbox.c.id).order_by(outbox.c.id).limit(1),
    }
    with reading(service.ctx.engine) as conn:
        found = {word: conn.execute(query).scalar() for word, query in wanted.items()}
    return {word: str(value).split("|")[0] for word, value in found.items() if value is not None}


def main(config_path: str) -> None:
    config = load(Path(config_path), vendor_settings=vendor_settings)
    with open_service(config) as service:
        report(api=measure(config, service))


if __name__ == "__main__":
    main(sys.argv[1])
