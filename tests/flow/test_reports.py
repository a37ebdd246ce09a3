"""Reports from a whole installation: they tie to the ledger, and stay the same at their point of knowledge."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from sync import schedules
from sync.notices import deliver_due
from sync.reporting import ReportWish, build_report, file_of, report_file
from sync.service import Service
from tests.flow.books import BILL, Synced, pick, receive, rows
from tieout.core import exact_json
from tieout.core.config import Schedule
from tieout.core.errors import Gone, TieoutError
from tieout.store.tables import accounts, balances, customers, memberships
from tieout.web.app import build


def made(service: Any, name: str, **wish: Any) -> Any:
    return build_report(service.ctx, ReportWish(name, **wish))


def ledger(service: Any) -> dict[str, int]:
    b = balances.c
    found = rows(
        service,
        select(b.currency, func.sum(b.amount_minor).label("minor"))
        .where(b.code.in_(("ar", "unapplied_cash")))
        .group_by(b.currency),
    )
    return {row["currency"]: int(row["minor"]) for row in found}


def customer_of(service: Any, account_id: str) -> str:
    m = memberships.c
    (found,) = rows(service, select(m.customer_id).where(m.member == account_id, m.to_seq.is_(None)))
    return str(found["customer_id"])


def test_aging_statement_and_cash_tie_to_the_ledger(synced: Synced) -> None:
    _, service = synced
    aging = made(service, "aging")
    totals = {row["currency"]: row["balance"] for row in aging.table("customers").total_rows}
    assert {code: amount for code, amount in totals.items() if amount} == {
        k: v for k, v in ledger(service).items() if v
    }
    opened: dict[str, int] = {}
    for row in aging.table("items").rows:
        opened[row["currency"]] = opened.get(row["currency"], 0) + row["open"]
    assert opened == totals

    one = pick(service)
    customer = customer_of(service, one.account_id)
    mine = {r["currency"]: r["balance"] for r in aging.table("customers").rows if r["customer_id"] == customer}
    account = made(service, "statement", customer=customer, since=service.ctx.clock.now().date() - timedelta(days=60))
    assert {row["currency"]: row["balance"] for row in account.table("movements").total_rows if row["balance"]} == {
        code: amount for code, amount in mine.items() if amount
    }
    for currency in mine:
        lines = [row for row in account.table("movements").rows if row["currency"] == currency]
        moved = sum(row.get("debit", 0) - row.get("credit", 0) for row in lines)
        assert lines[0]["balance"] + moved == lines[-1]["balance"]

    expected = made(service, "cash").table("expected").total_rows
    assert all(row["by_due"] == row["by_habit"] for row in expected)
    owed = {r["currency"]: r["balance"] - r["credits"] - r["unapplied"] for r in aging.table("customers").total_rows}
    assert {row["currency"]: row["by_due"] for row in expected} == {code: owed[code] for code in owed if owed[code]}


def test_a_report_at_its_point_of_knowledge_never_changes(synced: Synced) -> None:
    world, service = synced
    one = pick(service, lambda found: found.open_minor > 10000)
    customer = customer_of(service, one.account_id)
    day = world.clock.now().date()
    wishes = [("aging", ""), ("statement", customer), ("cash", ""), ("credit", ""), ("dunning", "")]
    before = {name: service.report(name, customer=who, form="json") for name, who in wishes}

    world.clock.advance(2 * 86400)
    receive(world, one.number, Decimal("50.00"))
    world.kingdee.user_change("update", BILL, one.number, {"FENDDATE_H": "2026-12-31"})
    assert service.sync().ok
    for name, who in wishes:
        asked: dict[str, Any] = {"customer": who, "form": "json", "as_of": day}
        again = service.report(name, known_at=before[name].known, **asked)
        assert again.body == before[name].body, name
    later = exact_json.loads(service.report("aging", form="json").body)
    first = exact_json.loads(before["aging"].body)
    assert later["known"] != first["known"]
    assert later["tables"] != first["tables"]


def test_the_reconciliation_report_shows_every_break_with_its_cause(synced: Synced) -> None:
    _, service = synced
    with pytest.raises(Gone, match="no reconciliation of"):
        made(service, "reconcile")
    report = build_report(service.ctx, ReportWish("reconcile", language="en"), fresh=True)
    assert report.is_valid
    causes = {row["cause"] for row in report.table("breaks").rows}
    assert causes <= {"no record names this document", "an open conflict"}
    sums: dict[str, int] = {}
    for row in report.table("breaks").rows:
        sums[row["currency"]] = sums.get(row["currency"], 0) + row["difference"]
    shown = [r for r in report.table("totals").rows if (r["counterpart"], r["stream"]) == ("zoho", "invoices")]
    assert sums == {row["currency"]: row["difference"] for row in shown if row["difference"]}
    chinese = build_report(service.ctx, ReportWish("reconcile", language="zh-CN"))
    assert {row["kind"] for row in chinese.table("breaks").rows} == {"仅总账有"}


def test_wrong_arguments_say_what_to_do(synced: Synced) -> None:
    _, service = synced
    for wish, words in (
        ({"name": "horoscope"}, "There is: aging"),
        ({"name": "statement"}, "--customer"),
        ({"name": "aging", "company": "hk"}, "There is: cn"),
        ({"name": "aging", "known_at": "999999"}, "the newest is"),
        ({"name": "aging", "known_at": "x"}, "Write 12 or 12.345"),
    ):
        with pytest.raises(TieoutError) as refused:
            build_report(service.ctx, ReportWish(**wish))
        assert words in str(refused.value)
    with pytest.raises(Gone):
        made(service, "statement", customer="cus_none")


@pytest.mark.parametrize(
    ("report", "customer"),
    [("reconcile", ""), ("aging", ""), ("dunning", ""), ("statement", "all"), ("statement", "one")],
)
def test_a_schedule_of_each_report_writes_its_files_once_a_slot(synced: Synced, report: str, customer: str) -> None:
    world, service = synced
    who = customer_of(service, pick(service).account_id)
    of = who if customer == "one" else customer
    wish = Schedule(name="s", report=report, cron="0 7 * * *", format=("csv", "xlsx"), company="cn", customer=of)
    service.ctx.config = service.ctx.config.model_copy(update={"schedules": {"s": wish}})
    assert not schedules.run_schedule(service.ctx, "s")  # seen for the first time
    world.clock.advance(86_400)
    assert schedules.run_schedule(service.ctx, "s")
    assert not schedules.run_schedule(service.ctx, "s")
    sent = deliver_due(service.ctx)
    assert deliver_due(service.ctx) == {}

    folder = service.ctx.config.home / "reports" / "s"
    written = {path.name: path for path in folder.iterdir()}
    day = service.ctx.clock.now().date()
    b, a, m = balances.c, accounts.c, memberships.c
    owing = {
        str(row["customer_id"])
        for row in rows(
            service,
            select(m.customer_id)
            .join(accounts, a.id == m.member)
            .join(balances, b.account_id == a.id)
            .where(m.to_seq.is_(None), b.code.in_(("ar", "unapplied_cash")), b.amount_minor != 0),
        )
    }
    whom = owing if customer == "all" else {who} if of else {""}
    assert sent == {"sent": len(whom)}
    assert len(written) == 2 * len(whom)
    assert len(owing) > 5
    for one in whom:
        stem = f"{report}-{day}" + (_whose(service, one) if one else "")
        (table,) = [path for name, path in written.items() if name.startswith(stem) and name.endswith(".csv")]
        assert "cus_" not in table.name
        wished = made(service, report, company="cn", customer=one) if report != "reconcile" else None
        if wished is not None:
            assert table.read_bytes() == file_of(wished, "csv", service.ctx.config.language).body


def _whose(service: Service, customer: str) -> str:
    """How a file name says whose it is: the customer's code in the books, of each account, and its name."""
    c, a, m = customers.c, accounts.c, memberships.c
    query = select(a.company_id, a.party_ref).join(memberships, m.member == a.id)
    found = rows(
        service, query.where(m.customer_id == customer, m.to_seq.is_(None)).order_by(a.company_id, a.party_ref)
    )
    several = len(service.ctx.config.companies) > 1
    codes = [f"{row['company_id']}.{row['party_ref']}" if several else row["party_ref"] for row in found[:2]]
    (named,) = rows(service, select(c.name).where(c.id == customer))
    assert codes
    return "-" + "-".join((*codes, re.split(r"[^\w.]", named["name"])[0][:40]))


@pytest.mark.parametrize(("language", "closing"), [("zh-CN", "期末余额"), ("en", "Closing balance")])
def test_the_page_of_a_statement_shows_what_the_file_says(synced: Synced, language: str, closing: str) -> None:
    _, service = synced
    example = pick(service)
    customer = customer_of(service, example.account_id)
    with service, TestClient(build(service.config, service=service)) as client:
        client.post("/login/link", data={"token": service.login_link()})
        page = client.get(f"/customers/{customer}/statement", params={"lang": "zh-CN", "language": language}).text
        wish = ReportWish("statement", customer=customer, language=language)
        told = report_file(service.ctx, wish, "html").body.decode()
    cells = [cell for cell in re.findall(r"<td[^>]*>([^<]+)</td>", told) if cell not in service.config.companies]
    assert len(cells) > 10
    assert [cell for cell in cells if cell not in page] == []
    assert closing in page
    assert f'href="/invoices/{example.document_id}">{example.number}</a>' in page


@pytest.mark.parametrize(
    ("report", "customer"),
    [("reconcile", ""), ("aging", ""), ("dunning", ""), ("cash", ""), ("credit", ""), ("statement", "one")],
)
def test_missed_days_of_each_report_are_made_as_of_their_day(synced: Synced, report: str, customer: str) -> None:
    """Three mornings passed while nothing ran: three reports, each of its day, all with what is known now."""
    world, service = synced
    of = customer_of(service, pick(service).account_id) if customer else ""
    wish = Schedule(name="s", report=report, cron="0 7 * * *", format=("csv",), company="cn", customer=of)
    service.ctx.config = service.ctx.config.model_copy(update={"schedules": {"s": wish}})
    assert not schedules.run_schedule(service.ctx, "s")
    world.clock.advance(3 * 86_400)
    for _ in range(3):
        assert schedules.run_schedule(service.ctx, "s")
    assert not schedules.run_schedule(service.ctx, "s")
    assert deliver_due(service.ctx) == {"sent": 3}
    today = service.ctx.clock.now().date()
    names = sorted(path.name for path in (service.ctx.config.home / "reports" / "s").iterdir())
    assert [name.removeprefix(f"{report}-")[:10] for name in names] == [
        (today - timedelta(days=days)).isoformat() for days in (2, 1, 0)
    ]
