"""Console pages people work on: retry, sync now, people and keys, reconcile, credit orders, disputes and promises."""

from __future__ import annotations

import re
from datetime import date

from tests.web.conftest import NOW, Csrf, Site
from tieout.store import users
from tieout.store.session import reading, unit
from tieout.store.tables import opening_items, openings
from tieout.web import evidence


def test_a_dead_push_is_tried_again_by_an_operator(site: Site, csrf_of: Csrf) -> None:
    dead = site.books.push("dead", subject="inv_x")
    client = site.browser("operator")
    page = client.get(f"/pushes/{dead}?lang=en").text
    assert "Try again" in page
    answer = client.post(f"/pushes/{dead}/retry", data={"csrf": csrf_of(page)})
    assert answer.headers["Location"] == f"/pushes/{dead}?done=retried"
    assert site.service.asked[-1] == ("retry_push", dead, "user:mei")
    assert client.post(f"/pushes/{dead}/retry", data={"csrf": "x"}).status_code == 403
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/pushes/{dead}?lang=en").text
    assert "Try again" not in page
    assert viewer.post(f"/pushes/{dead}/retry", data={"csrf": csrf_of(page)}).status_code == 403


def test_a_sync_is_started_from_the_connections_page(site: Site, csrf_of: Csrf) -> None:
    client = site.browser("operator")
    data = {"csrf": csrf_of(client.get("/connections").text)}
    assert client.post("/connections/zoho/sync", data=data).headers["Location"] == "/connections?rung=zoho"
    assert site.service.asked[-1] == ("start_sync", "zoho", "user:mei")
    assert client.post("/connections/nowhere/sync", data=data).status_code == 404
    viewer = site.browser("viewer", "lee")
    page = viewer.get("/connections").text
    assert "/connections/zoho/sync" not in page
    assert viewer.post("/connections/zoho/sync", data={"csrf": csrf_of(page)}).status_code == 403


def test_an_administrator_manages_people_and_keys_and_others_do_not(site: Site, csrf_of: Csrf) -> None:
    client = site.browser("admin", "root")
    csrf = csrf_of(client.get("/people").text)
    lee = {"csrf": csrf, "name": " lee  li ", "role": "operator", "password": "correct horse battery"}
    assert client.post("/people", data={**lee, "password": "short"}).status_code == 422
    assert client.post("/people", data={**lee, "role": "king"}).status_code == 403
    assert client.post("/people", data={**lee, "name": "a\x00"}).status_code == 422
    assert client.post("/people", data=lee).status_code == 303
    assert client.post("/people", data=lee).status_code == 403  # the name is taken
    signed_in = site.client(None)
    assert signed_in.post("/login", data={"name": "lee li", "password": lee["password"]}).status_code == 303

    made = client.post("/keys", data={"csrf": csrf, "name": "dashboard", "role": "viewer"})
    token = re.search(r"tok_[A-Za-z0-9_-]+", made.text.split('class="secret"', 1)[1])
    assert token is not None
    by_key = site.client(None)
    by_key.headers["Authorization"] = f"Bearer {token.group()}"
    assert by_key.get("/v1/runs").status_code == 200
    page = client.get("/people").text
    assert token.group() not in page
    assert "dashboard" in page
    key_id = re.search(r"/keys/(tok_[a-z0-9]+)/revoke", page)
    assert key_id is not None
    assert client.post(key_id.group(), data={"csrf": csrf}).status_code == 303
    assert by_key.get("/v1/runs").status_code == 401

    with reading(site.engine) as conn:
        by_name = {row["name"]: row["id"] for row in users.listed(conn)}
        assert "password_hash" not in users.listed(conn)[0]
    assert client.post(f"/people/{by_name['root']}/deactivate", data={"csrf": csrf}).status_code == 409
    assert client.post(f"/people/{by_name['lee li']}/deactivate", data={"csrf": csrf}).status_code == 303
    assert signed_in.get("/").headers["Location"] == "/login"

    auditor = site.browser("auditor", "ann")
    page = auditor.get("/people").text
    assert "deactivate" not in page
    assert auditor.post("/people", data={**lee, "csrf": csrf_of(page)}).status_code == 403
    assert "user.deactivate" in auditor.get("/audit").text
    operator = site.browser("operator", "olga")
    assert operator.get("/people").status_code == operator.get("/audit").status_code == 403


def test_a_reconciliation_is_run_from_its_page_and_shown_down_to_the_break(site: Site, csrf_of: Csrf) -> None:
    made = site.books.reconciliation(breaks=1)
    client = site.browser("operator")
    page = client.get(f"/reconciliations/{made}?lang=en").text
    for words in ("edited by hand", "120.00", "380.00", "stated by itself", "AR1", "4 d", "Ties out"):
        assert words in page, words
    answer = client.post("/reconciliations", data={"csrf": csrf_of(page)})
    assert answer.headers["Location"].startswith("/reconciliations/rec_")
    assert site.service.asked[-1][0] == "reconcile"
    viewer = site.browser("viewer", "lee")
    page = viewer.get("/reconciliations").text
    assert viewer.post("/reconciliations", data={"csrf": csrf_of(page)}).status_code == 403
    assert client.get("/reconciliations/rec_none").status_code == 404


def test_a_limit_is_asked_for_on_the_page_of_the_customer(site: Site, csrf_of: Csrf) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    client = site.browser("operator")
    page = client.get(f"/customers/{customer}").text
    limit = {"csrf": csrf_of(page), "amount": "500,000.00", "currency": "CNY", "reason": "新框架合同"}
    where = f"/customers/{customer}/credit/limit"
    assert client.post(where, data=limit).headers["Location"] == f"/customers/{customer}"
    for field, wrong in (
        ("amount", "1.005"), ("amount", "-1"), ("amount", "5000,50"), ("currency", "YUAN"), ("reason", " "),
        ("valid_until", "31.12.2026"),
    ):  # fmt: skip
        assert client.post(where, data={**limit, field: wrong}).status_code == 422, (field, wrong)
    lines = site.client("auditor").get("/v1/audit").json()["items"]
    (line,) = [one for one in lines if one["action"] == "credit.limit"]
    assert (line["body"]["amount_minor"], line["actor"]) == (500_000_00, "user:mei")
    override = {**limit, "status": "hold", "amount": "", "valid_until": "2026-12-24"}
    assert client.post(f"/customers/{customer}/credit/override", data=override).status_code == 303
    assert client.post(f"/customers/{customer}/credit/override", data={**override, "status": "x"}).status_code == 422
    rate = {"csrf": limit["csrf"], "base": "USD", "quote": "CNY", "rate": "7.1205", "on": "2026-11-01"}
    assert client.post("/credit/rates", data=rate).headers["Location"] == "/credit"
    for field, wrong in (("rate", "NaN"), ("rate", "0"), ("base", "usd"), ("on", "yesterday")):
        assert client.post("/credit/rates", data={**rate, field: wrong}).status_code == 422, (field, wrong)
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/customers/{customer}").text
    assert "credit/limit" not in page
    assert viewer.post(where, data={**limit, "csrf": csrf_of(page)}).status_code == 403


def test_reasons_read_as_amounts_and_not_as_minor_units() -> None:
    told = {"code": "overdue", "params": {"overdue_minor": 1153165, "currency": "CNY", "hold_days": 30}}
    assert evidence.facts(told) == [("overdue", "11,531.65 CNY"), ("hold_days", "30")]
    both = {"code": "overdue", "overdue_minor": {"CNY": 1153165, "JPY": 500, "USD": 0}}
    assert evidence.facts(both) == [("overdue", "11,531.65 CNY、500 JPY")]
    assert evidence.facts({"code": "x", "size": {"CNY": "1"}, "empty": {}, "none": None}) == [("size", '{"CNY":"1"}')]
    assert evidence.facts("text") == []


def test_disputes_promises_and_pauses_are_entered_on_their_pages(site: Site, csrf_of: Csrf) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    account = site.books.named["北京远航贸易有限公司"]
    bill = site.books.document("invoice", account, "AR1", 500_00, due=-10, status="overdue")
    client = site.browser("operator")
    page = client.get(f"/customers/{customer}").text
    csrf = csrf_of(page)
    promise = {"csrf": csrf, "promised_on": "2026-12-01", "amount": "200.00", "currency": "CNY", "by": "王会计"}
    assert client.post(f"/customers/{customer}/promise", data=promise).status_code == 303
    for field, wrong in (("promised_on", "soon"), ("amount", "1.234,50"), ("by", "x" * 501)):
        answer = client.post(f"/customers/{customer}/promise", data={**promise, field: wrong})
        assert answer.status_code == 422, (field, answer.text[:300])
    pause = {"csrf": csrf, "until_on": "2026-12-10", "reason": "年底对账"}
    assert client.post(f"/customers/{customer}/pause", data=pause).status_code == 303
    assert client.post(f"/customers/{customer}/pause", data={**pause, "reason": " "}).status_code == 422
    assert "/dispute" in client.get(f"/invoices/{bill}").text
    dispute = {"csrf": csrf, "reason": "pricing", "amount": "100.00", "currency": "CNY", "note": "单价有误"}
    assert client.post(f"/invoices/{bill}/dispute", data={**dispute, "amount": "1,50"}).status_code == 422
    assert client.post(f"/invoices/{bill}/dispute", data={**dispute, "amount": "１００.００"}).status_code == 303
    assert client.post(f"/invoices/{bill}/dispute", data={**dispute, "reason": "mood"}).status_code == 422
    lines = site.client("auditor").get("/v1/audit").json()["items"]
    assert {line["action"] for line in lines if line["actor"] == "user:mei"} >= {
        "promise.open", "pause.open", "dispute.open",
    }  # fmt: skip
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/invoices/{bill}").text
    assert "/dispute" not in page
    assert viewer.post(f"/invoices/{bill}/dispute", data={**dispute, "csrf": csrf_of(page)}).status_code == 403


def test_instalments_and_contacts_are_entered_on_the_page_of_the_customer(site: Site, csrf_of: Csrf) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    site.books.document("invoice", site.books.named["北京远航贸易有限公司"], "AR1", 500_00, due=-10, status="overdue")
    client = site.browser("operator")
    page = client.get(f"/customers/{customer}?lang=en").text
    assert "Nothing has happened yet." in page
    csrf = csrf_of(page)
    plan = {"csrf": csrf, "currency": "CNY", "rows": "2026-12-01 200.00\r\n\r\n2027-01-01  300.00\r\n", "note": "电话"}
    for rows in ("2026-12-01", "soon 500.00", "2026-12-01 much", "2026-12-01 200.00", ""):
        answer = client.post(f"/customers/{customer}/plan", data={**plan, "rows": rows})
        assert answer.status_code in (409, 422), (rows, answer.status_code)
    assert client.post(f"/customers/{customer}/plan", data=plan).status_code == 303
    contact = {"csrf": csrf, "emails": "ap@example.com; ar@example.com", "language": "zh-CN", "note": ""}
    for field, wrong in (("emails", "nobody"), ("language", "fr")):
        answer = client.post(f"/customers/{customer}/contact", data={**contact, field: wrong})
        assert answer.status_code in (409, 422), (field, answer.status_code)
    assert client.post(f"/customers/{customer}/contact", data=contact).status_code == 303
    lines = {line["action"]: line["body"] for line in site.client("auditor").get("/v1/audit").json()["items"]}
    assert lines["plan.open"]["body"]["rows"] == [["2026-12-01", 200_00], ["2027-01-01", 300_00]]
    assert lines["contact.open"]["body"]["emails"] == ["ap@example.com", "ar@example.com"]
    viewer = site.browser("viewer", "lee")
    page = viewer.get(f"/customers/{customer}").text
    assert f"/customers/{customer}/plan" not in page
    assert viewer.post(f"/customers/{customer}/plan", data={**plan, "csrf": csrf_of(page)}).status_code == 403


def test_an_invoice_from_before_the_books_says_what_was_still_open(site: Site) -> None:
    site.books.customer("北京远航贸易有限公司")
    account = site.books.named["北京远航贸易有限公司"]
    opened, settled = (site.books.document("invoice", account, number, 4000_00) for number in ("AR1", "AR2"))
    began = {
        "seq": 1,
        "connection": "kingdee",
        "start_on": date(2026, 1, 1),
        "reason": "first",
        "totals": {},
        "at": NOW,
    }
    with unit(site.engine, "admin.commit") as conn:
        conn.execute(openings.insert().values(**began, is_current=True))
        for key, amount in ((opened, 1000_00), (settled, 0)):
            item = {"document_id": key, "start_on": date(2026, 1, 1), "amount_minor": amount, "postings": []}
            conn.execute(opening_items.insert().values(**item, opening_seq=1))
    client = site.browser()
    for language, words in (
        ("en", ("Opening item of 2026-01-01: 1,000.00 of 4,000.00 CNY were still open.", "so it has no postings")),
        ("zh-CN", ("2026-01-01 期初项目：4,000.00 CNY 中尚有 1,000.00 未结。", "不记分录")),
    ):
        pages = [client.get(f"/invoices/{key}?lang={language}").text for key in (opened, settled)]
        assert words[0] in pages[0]
        assert words[1] in pages[1]
    explained = site.client().get(f"/v1/invoices/{opened}/explain").json()["opening"]
    assert (explained["start_on"], explained["amount_minor"], explained["is_held"]) == ("2026-01-01", 1000_00, False)


def test_a_refusal_is_told_in_the_language_of_the_page(site: Site, csrf_of: Csrf) -> None:
    client = site.browser("operator")
    assert "没有客户 cus_none" in client.get("/customers/cus_none?lang=zh-CN").text
    assert "there is no customer cus_none" in client.get("/customers/cus_none?lang=en").text
    problem = site.client("viewer").get("/v1/customers/cus_none", headers={"Accept-Language": "zh-CN"}).json()
    assert problem["detail"] == "there is no customer cus_none"
