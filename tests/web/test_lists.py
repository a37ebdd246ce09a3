"""Lists and single records: filters, pages that stay stable, money as integers, conflicts by money at stake."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Site


def _walk(api: TestClient, path: str, limit: int) -> list[Any]:
    """Every item of a list, page by page."""
    found: list[Any] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        answer = api.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def test_customers_show_what_they_owe_per_company_and_currency(site: Site, api: TestClient) -> None:
    a = site.books.customer("北京远航贸易有限公司", credit="hold")
    site.books.customer("Nordic Tools AB")
    account = site.books.named["北京远航贸易有限公司"]
    site.books.document("invoice", account, "AR1", 100_00, due=-10)
    site.books.document("invoice", account, "AR2", 250_50, opened=50_50, due=5)
    site.books.document("credit_note", account, "RED1", -20_00)
    site.books.document("payment", account, "RC1", -300_00, opened=-35_00)
    site.books.document("invoice", account, "AR3", 7_00, currency="USD", due=-1)
    site.books.document("invoice", account, "AR4", 9_999_00, opened=0, state="void", due=-90)

    both = api.get("/v1/customers").json()["items"]
    assert [row["name"] for row in both] == ["北京远航贸易有限公司", "Nordic Tools AB"]
    assert both[0]["credit_status"] == "hold"
    assert both[1] == {**both[1], "credit_status": None, "balances": []}
    cny, usd = both[0]["balances"]
    assert cny == {
        "company_id": "cn",
        "currency": "CNY",
        "owed": {"minor": 15_050, "currency": "CNY", "text": "150.50"},
        "overdue": {"minor": 10_000, "currency": "CNY", "text": "100.00"},
        "credits": {"minor": 2_000, "currency": "CNY", "text": "20.00"},
        "unapplied": {"minor": 3_500, "currency": "CNY", "text": "35.00"},
        "balance": {"minor": 9_550, "currency": "CNY", "text": "95.50"},
    }
    assert (usd["currency"], usd["overdue"]["minor"], usd["balance"]["minor"]) == ("USD", 700, 700)
    assert [row["id"] for row in api.get("/v1/customers?overdue=true").json()["items"]] == [a]
    assert [row["id"] for row in api.get("/v1/customers?credit=hold").json()["items"]] == [a]
    assert [row["name"] for row in api.get("/v1/customers?q=TOOLS").json()["items"]] == ["Nordic Tools AB"]
    assert api.get("/v1/customers?q=100%25").json()["items"] == []

    account_page = api.get(f"/v1/customers/{a}/account").json()
    assert account_page["as_of"] == {"cn": "2026-11-24"}
    assert account_page["balances"] == both[0]["balances"]
    assert [(row["number"], row["bucket"], row["days_overdue"]) for row in account_page["items"]] == [
        ("AR1", "1-30", 10),
        ("AR3", "1-30", 1),
        ("RED1", None, 0),
        ("AR2", "current", 0),
    ]
    assert [row["number"] for row in account_page["payments"]] == ["RC1"]
    assert account_page["credit"][0]["reasons"][0]["code"] == "overdue_beyond_hold_days"
    detail = api.get(f"/v1/customers/{a}").json()
    assert {(row["kind"], row["rule"]) for row in detail["members"]} == {
        ("account", "book_of_record"),
        ("crm_record", "tax_id"),
    }


def test_a_customer_without_members_is_no_longer_listed(site: Site, api: TestClient) -> None:
    from sqlalchemy import update

    from tieout.store.session import unit
    from tieout.store.tables import memberships

    merged = site.books.customer("A 公司")
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(update(memberships).where(memberships.c.customer_id == merged).values(to_seq=99))
    assert api.get("/v1/customers").json()["items"] == []
    assert api.get(f"/v1/customers/{merged}").json()["members"] == []


def test_invoices_are_filtered_and_paged_without_gaps(site: Site, api: TestClient) -> None:
    customer = site.books.customer("A 公司")
    account = site.books.named["A 公司"]
    for n in range(7):
        status = "overdue" if n % 2 else "open"
        site.books.document("invoice", account, f"AR{n}", 100 + n, due=-n, status=status)
    site.books.document("credit_note", account, "RED1", -20)
    site.books.document("payment", account, "RC1", -50)

    def numbers(query: str) -> list[str]:
        return [row["number"] for row in _walk(api, f"/v1/invoices{query}", 3)]

    assert numbers("") == ["RED1", *(f"AR{n}" for n in range(7))]
    assert numbers("?kind=credit_note") == ["RED1"]
    assert numbers("?status=overdue") == ["AR1", "AR3", "AR5"]
    assert numbers("?overdue=true") == [f"AR{n}" for n in range(1, 7)]
    assert numbers("?due_from=2026-11-20&due_until=2026-11-22") == ["AR2", "AR3", "AR4"]
    assert numbers("?q=ar6") == ["AR6"]
    assert numbers(f"?customer={customer}&currency=CNY&company=cn&state=posted&open=true") == numbers("")
    assert numbers("?open=false") == numbers("?currency=USD") == numbers("?customer=cus_other") == []
    first = api.get("/v1/invoices?limit=1&kind=invoice").json()["items"][0]
    assert first["customer"] == {"id": customer, "name": "A 公司"}
    assert first["total"] == {"minor": 100, "currency": "CNY", "text": "1.00"}


def test_pages_stay_stable_while_rows_arrive(site: Site, api: TestClient) -> None:
    made = [site.books.push("done") for _ in range(4)]
    page = api.get("/v1/pushes?limit=2").json()
    site.books.push("done")
    rest = api.get(f"/v1/pushes?limit=2&cursor={page['next']}").json()
    assert [row["id"] for row in page["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None


def test_payments_and_their_allocations(site: Site, api: TestClient) -> None:
    site.books.customer("A 公司")
    account = site.books.named["A 公司"]
    invoice = site.books.document("invoice", account, "AR1", 100_00, opened=60_00)
    payment = site.books.document("payment", account, "RC1", -40_00, opened=0)
    site.books.allocation(payment, invoice, 40_00)
    assert [row["number"] for row in _walk(api, "/v1/payments", 10)] == ["RC1"]
    assert _walk(api, "/v1/payments?open=true", 10) == []
    (line,) = api.get(f"/v1/payments/{payment}/allocations").json()["items"]
    assert (line["from_number"], line["to_number"], line["amount"]["text"]) == ("RC1", "AR1", "40.00")
    assert api.get(f"/v1/payments/{invoice}/allocations").status_code == 404
    detail = api.get(f"/v1/invoices/{invoice}").json()
    assert detail["allocations"] == [line]
    assert detail["items"][0]["open"]["minor"] == 60_00


def test_conflicts_come_by_money_at_stake_whatever_the_currency_exponent(site: Site, api: TestClient) -> None:
    small = site.books.conflict("small", 5_000_00)
    yen = site.books.conflict("yen", 90_000, currency="JPY")  # 90,000 yen, exponent 0
    dinar = site.books.conflict("dinar", 7_000_000, currency="KWD")  # 7,000 dinar, exponent 3
    none = site.books.conflict("none", 0, currency=None, kind="invalid_record")
    closed = site.books.conflict("closed", 9_999_999_00, state="resolved", blocks=True)
    assert [row["id"] for row in _walk(api, "/v1/conflicts", 2)] == [yen, dinar, small, none]
    assert [row["id"] for row in _walk(api, "/v1/conflicts?state=any", 1)] == [closed, yen, dinar, small, none]
    assert [row["id"] for row in _walk(api, "/v1/conflicts?kind=invalid_record", 9)] == [none]
    assert _walk(api, "/v1/conflicts?blocks_balance=true", 9) == []
    assert _walk(api, "/v1/conflicts?connection=kingdee", 9) == []
    shown = api.get(f"/v1/conflicts/{yen}").json()
    assert shown["at_stake"] == {"minor": 90_000, "currency": "JPY", "text": "90,000"}
    assert shown["evidence"]["record"]["names"] == ["yen"]


def test_answers_reach_the_service_with_the_person_behind_the_key(site: Site, api: TestClient) -> None:
    made = site.books.conflict("A", 100)
    answer = api.post(f"/v1/conflicts/{made}/resolution", json={"action": "link", "target": "acc_1", "note": "同一家"})
    assert answer.status_code == 200
    assert answer.json()["state"] == "resolved"
    name, conflict, body, actor = site.service.asked[-1]
    assert (name, conflict) == ("resolve", made)
    assert body == {"action": "link", "target": "acc_1", "note": "同一家"}
    assert actor.startswith("key:tok_")
    refused = api.post(f"/v1/conflicts/{made}/resolution", json={"action": "link"})
    assert (refused.status_code, refused.json()["code"]) == (409, "answer")
    assert api.delete(f"/v1/conflicts/{made}/resolution").status_code == 409  # it is still open in the tables
    closed = site.books.conflict("B", 1, state="resolved")
    assert api.delete(f"/v1/conflicts/{closed}/resolution").json() == {"id": closed, "state": "open"}


@pytest.mark.parametrize("body", [{}, {"action": "guess"}, {"action": "link", "target": 7}, {"action": "link", "x": 1}])
def test_answers_are_read_strictly(site: Site, body: dict[str, Any]) -> None:
    made = site.books.conflict("A", 100)
    answer = site.client().post(f"/v1/conflicts/{made}/resolution", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert site.service.asked == []


def test_an_invoice_explains_itself_back_to_exact_raw_numbers(site: Site, api: TestClient) -> None:
    site.books.customer("A 公司")
    account = site.books.named["A 公司"]
    run = site.books.run()
    payload = {"FBillNo": "AR1", "FALLAMOUNTFOR": Decimal("12345678901234567.89")}
    invoice = site.books.document("invoice", account, "AR1", 100_00, status="overdue", payload=payload)
    site.books.binding(invoice, "48000001")
    site.books.push("done", subject=invoice)
    raw = api.get(f"/v1/invoices/{invoice}/explain")
    assert b"12345678901234567.89" in raw.content
    why = json.loads(raw.content, parse_float=Decimal)
    assert why["source"]["payload"]["FALLAMOUNTFOR"] == Decimal("12345678901234567.89")
    assert (why["source"]["profile_version"], why["source"]["run_id"]) == ("kingdee-1", "run_first")
    assert why["customer"]["name"] == "A 公司"
    (entry,) = why["entries"]
    assert sum(line["amount_minor"] for line in entry["postings"]) == 0
    assert entry["input_kind"] == "landed"
    assert why["claims"][0]["external_id"] == "48000001"
    assert why["decisions"][0]["rule_version"] == "status-1"
    assert why["pushes"][0]["state"] == "done"
    assert run
    assert api.get("/v1/invoices/inv_none/explain").json()["code"] == "no_invoice"


def test_connections_show_freshness_even_before_the_first_sync(site: Site, api: TestClient) -> None:
    before = api.get("/v1/connections").json()["items"]
    assert [row["name"] for row in before] == ["zoho", "kingdee"]
    assert {stream["state"] for row in before for stream in row["streams"]} == {"never"}
    site.books.health(late="deals", failed="receipts")
    zoho, kingdee = api.get("/v1/connections").json()["items"]
    assert {stream["stream"]: stream["state"] for stream in zoho["streams"]} == {
        "customers": "fresh",
        "deals": "late",
        "invoices": "fresh",
    }
    assert kingdee["streams"][2]["state"] == "failed"
    assert kingdee["is_book_of_record"]
    assert zoho["budgets"] == [{"window": "day:2026-11-24", "used": 214, "until_at": "2026-11-24T10:00:00.000000Z"}]
    assert api.get("/v1/connections/kingdee").json() == kingdee
    first = api.get("/v1/connections?limit=1").json()
    assert first["items"] == [zoho]
    rest = api.get("/v1/connections", params={"limit": 1, "cursor": first["next"]}).json()
    assert rest == {"items": [kingdee], "next": None}
    assert api.get("/v1/connections?limit=0").status_code == 422
    assert api.get("/v1/connections?cursor=abc").status_code == 404
    assert api.get("/v1/connections/xero").status_code == 404


def test_a_sync_is_started_once_per_request(site: Site, api: TestClient) -> None:
    answer = api.post("/v1/connections/zoho/sync")
    assert (answer.status_code, answer.json()) == (202, {"run": "run_01jd5m9p2k7x8n4q3r6s1t"})
    assert site.service.asked[-1][:2] == ("start_sync", "zoho")
    assert api.post("/v1/connections/xero/sync").status_code == 404
    assert len(site.service.asked) == 1


def test_runs_pushes_and_reconciliations(site: Site, api: TestClient) -> None:
    run = site.books.run("sync", "failed")
    site.books.run("pull", "done", "kingdee")
    assert [row["id"] for row in api.get("/v1/runs?kind=sync&state=failed&connection=zoho").json()["items"]] == [run]
    assert api.get(f"/v1/runs/{run}").json()["counts"] == {"rows": 12}
    dead, done = site.books.push("dead", subject="inv_7"), site.books.push("done")
    assert [row["id"] for row in api.get("/v1/pushes?state=dead&subject=inv_7").json()["items"]] == [dead]
    assert api.get(f"/v1/pushes/{dead}").json()["before"] == {"AR_Payment_Status": "open"}
    assert api.post(f"/v1/pushes/{dead}/retry").json()["state"] == "ready"
    assert api.post(f"/v1/pushes/{done}/retry").status_code == 409
    assert api.post("/v1/pushes/psh_none/retry").status_code == 404
    made = site.books.reconciliation(breaks=2)
    assert api.post("/v1/reconciliations", json={}).json()["id"] == made
    assert api.post("/v1/reconciliations", json={"as_of": "2026-11-24"}).status_code == 201
    assert api.post("/v1/reconciliations", json={"as_of": "2020-01-01"}).status_code == 409
    assert [row["id"] for row in api.get("/v1/reconciliations?valid=true").json()["items"]] == [made]
    assert api.get("/v1/reconciliations?valid=false").json()["items"] == []
    assert api.get(f"/v1/reconciliations/{made}").json()["body"]["sections"][0]["counterpart"] == "kingdee"


def test_the_plan_is_shown_and_pushed_by_its_digest(site: Site, api: TestClient) -> None:
    site.books.push("planned", minor=100)
    plan = api.get("/v1/plan").json()
    assert plan["rows"][0]["changes"] == [{"field": "AR_Payment_Status", "before": "open", "after": "overdue"}]
    assert plan["totals"] == [{"minor": 100, "currency": "CNY", "text": "1.00"}]
    answer = api.post(f"/v1/plan/{plan['digest']}/push")
    assert (answer.status_code, answer.json()) == (202, {"run": "run_01jd5m9p2k7x8n4q3r6s1t"})
    assert api.post("/v1/plan/ffff0000ffff0000/push").status_code == 404
    assert site.client("viewer").get("/v1/plan?fresh=true").status_code == 403
    assert site.client("operator").get("/v1/plan?fresh=true").status_code == 200
    assert site.service.asked[-1] == ("plan", True)


def test_merge_and_unmerge_name_customers_and_members(site: Site, api: TestClient) -> None:
    a, b = site.books.customer("A"), site.books.customer("B")
    assert api.post(f"/v1/customers/{a}/merge", json={"other": b}).json() == {"customer": a, "merged": b}
    assert api.post(f"/v1/customers/{a}/merge", json={"other": "cus_none"}).status_code == 404
    body = {"members": ["zoho/customers/900001"]}
    assert api.post(f"/v1/customers/{a}/unmerge", json=body).json()["members"] == body["members"]
    assert api.post(f"/v1/customers/{a}/unmerge", json={"members": []}).status_code == 422
    assert api.post(f"/v1/customers/{a}/relink", json=body).json() == {"customer": a, **body}
    assert api.post("/v1/customers/cus_none/relink", json=body).status_code == 404


def test_metrics_count_runs_pushes_conflicts_and_lag(site: Site, api: TestClient) -> None:
    site.books.health(late="deals")
    site.books.run("pull", "failed")
    site.books.push("dead")
    site.books.customer("A")
    for n in range(2):
        site.books.conflict(f"c{n}", blocks=bool(n))
    site.books.document("invoice", site.books.named["A"], "AR1", 1)
    text = api.get("/metrics").text
    for line in (
        'tieout_runs{connection="zoho",kind="pull",state="failed"} 1.0',
        'tieout_outbox_rows{connection="zoho",state="dead"} 1.0',
        'tieout_conflicts_open{kind="identity"} 2.0',
        'tieout_conflicts_blocking{kind="identity"} 1.0',
        "tieout_conflicts_per_thousand_records 2000.0",
        'tieout_stream_lag_seconds{connection="zoho",stream="deals"} 10800.0',
        'tieout_stream_failed{connection="zoho",stream="deals"} 0.0',
        'tieout_calls_used{connection="zoho"} 214.0',
        'tieout_budget_used{connection="zoho",window="day"} 214.0',
    ):
        assert line in text, line
