"""A company that has worked with the product for a few days, served on a loopback port for a browser to look at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import func, select

from sync.service import Service
from tests.flow.books import receive, rows
from tests.flow.harness import make_world, open_installation
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import conflicts, decisions, documents, open_items, outbox, reconciliations
from tieout.web.app import build


@dataclass(frozen=True)
class House:
    """The address of the service, what stands behind it, and one thing of each kind to look at."""

    url: str
    world: SandboxWorld
    service: Service
    pages: dict[str, str]


LISTS = {
    "overview": "/",
    "conflicts": "/conflicts",
    "rules": "/conflicts/rules",
    "customers": "/customers",
    "invoices": "/invoices",
    "payments": "/payments",
    "credit": "/credit",
    "credit policy": "/credit/policy",
    "dunning": "/dunning",
    "dunning anew": "/dunning?anew=1",
    "dunning log": "/dunning/log?show=all",
    "texts": "/dunning/texts",
    "text": "/dunning/texts/write?company=cn&slot=step:L2&language=en&channel=email",
    "policies": "/dunning/policies",
    "policy": "/dunning/policies/write?company=cn&effect=1",
    "cases": "/cases",
    "plan": "/plan",
    "pushes": "/pushes",
    "reconciliations": "/reconciliations",
    "reports": "/reports",
    "charts": "/charts",
    "connections": "/connections",
    "runs": "/runs",
    "people": "/people",
    "account": "/account",
    "alerts": "/alerts",
    "audit": "/audit",
    "not found": "/nowhere",
}

SINGLE = (
    "conflict",
    "answered conflict",
    "customer",
    "invoice",
    "instalments",
    "push",
    "reconciliation",
    "why",
    "merge",
    "statement",
    "person",
)
PAGE_NAMES = (*LISTS, *SINGLE)


def lived_in(folder: Path) -> tuple[SandboxWorld, Service]:
    """A first sync, a payment the next day, one of everything that people enter; the last changes wait as a plan."""
    url = f"sqlite:///{folder / 'tieout.db'}"
    world = make_world(24, 80)
    with open_installation(folder, world, url) as service:
        assert service.sync().ok
    world.clock.advance(86_400)
    service = open_installation(folder, world, url, push_mode="plan")
    d, c = documents.c, conflicts.c
    owing = rows(
        service,
        select(d.id, d.number, decisions.c.value, d.currency)
        .join(decisions, (decisions.c.subject == d.id) & decisions.c.is_current.is_(True))
        .where(decisions.c.value.in_(("overdue", "open")), d.kind == "invoice", d.currency == "CNY")
        .order_by(d.id),
    )
    assert len(owing) > 5, "the seeded company owes nothing"
    receive(world, owing[0]["number"], "100.00")
    customer = rows(service, select(decisions.c.subject).where(decisions.c.kind == "credit"))[0]["subject"].split("|")[
        0
    ]
    today = service.ctx.clock.now().date()
    service.dunning.open_dispute(owing[1]["id"], "user:mei", reason="quality", amount_minor=100_00, note="两箱到货破损")
    service.dunning.open_promise(
        customer,
        "user:mei",
        promised_on=today + timedelta(days=5),
        amount_minor=5_000_00,
        currency="CNY",
        company="",
        by="王会计",
        note="",
    )
    service.credit.ask_limit(
        customer,
        {
            "amount_minor": 500_000_00,
            "currency": "CNY",
            "company": None,
            "valid_from": None,
            "valid_until": today + timedelta(days=90),
            "reason": "旺季备货",
        },
        "user:mei",
    )
    answerable = rows(service, select(c.id).where(c.state == "open").order_by(c.id))
    service.resolve(answerable[0]["id"], {"action": "leave", "target": "", "note": "已与销售确认"}, "user:mei")
    assert service.sync().ok
    service.reconcile(None, "user:mei")
    service.people.add("anna", None, "viewer", "user:mei")
    return world, service


def single_pages(service: Service) -> dict[str, str]:
    """One page of each kind that is about one thing."""

    def first(table: Any, *where: Any) -> str:
        return str(rows(service, select(table.c.id).where(*where).order_by(table.c.id).limit(1))[0]["id"])

    credit = select(decisions.c.subject).where(decisions.c.kind == "credit", decisions.c.is_current.is_(True))
    customer, other = dict.fromkeys(
        row["subject"].split("|")[0] for row in rows(service, credit.order_by(decisions.c.subject).limit(2))
    )
    o = open_items.c
    several = select(o.document_id).where(o.open_minor > 0).group_by(o.document_id).having(func.count() > 1)
    parted = rows(service, several.order_by(o.document_id))[0]
    with_choice = rows(service, select(conflicts).where(conflicts.c.state == "open"))
    asked = next(row for row in with_choice if row["kind"] == "identity" and row["suggestions"])
    return {
        "conflict": "/conflicts/" + next(str(row["id"]) for row in with_choice if row["suggestions"]),
        "answered conflict": "/conflicts/" + first(conflicts, conflicts.c.state == "resolved"),
        "customer": f"/customers/{customer}",
        "statement": f"/customers/{customer}/statement",
        "merge": f"/customers/{customer}/merge?other={other}",
        "invoice": "/invoices/" + first(documents, documents.c.kind == "invoice", documents.c.open_minor > 0),
        "person": "/people/" + next(str(one["id"]) for one in service.people.listed() if one["role"] == "viewer"),
        "instalments": "/invoices/" + str(parted["document_id"]),
        "push": "/pushes/" + first(outbox, outbox.c.state == "done"),
        "reconciliation": "/reconciliations/" + first(reconciliations),
        "why": f"/why?left={asked['cause']}&right={asked['suggestions'][0]['target']}",
    }


@contextmanager
def served(folder: Path) -> Iterator[House]:
    """The lived-in company behind a real HTTP server."""
    world, service = lived_in(folder)
    config = uvicorn.Config(build(service.config, service=service), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it began"
            thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield House(f"http://127.0.0.1:{port}", world, service, {**LISTS, **single_pages(service)})
    finally:
        server.should_exit = True
        thread.join(10)
        service.__exit__(None, None, None)
        world.close()


def at(house: House, name: str, language: str) -> str:
    """The address of a page in a language."""
    path = house.pages[name]
    return f"{house.url}{path}{'&' if '?' in path else '?'}lang={language}"
