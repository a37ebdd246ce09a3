"""Limits and rates of the book of record: the seeded company's oracle, a changed archive, a withdrawn rate."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sync.service import Service
from sync.settle.credit import _Rates, _shown_in
from tests.flow.books import Synced, kingdee_doc, open_conflicts, receive, rows, zoho_record
from tieout.receivables.rates import RateBook
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import accounts, decisions, memberships, rates

ARCHIVE, RATE = "CRE_CustArchives", "BD_Rate"


def credit_by_number(service: Service) -> dict[str, dict[str, Any]]:
    """Standing credit decisions of customers with one account, by their number in the books."""
    standing = rows(service, decisions.select().where(decisions.c.kind == "credit", decisions.c.is_current.is_(True)))
    by_subject = {row["subject"].split("|")[0]: dict(row) for row in standing}
    number = {row["id"]: row["party_ref"] for row in rows(service, accounts.select())}
    groups: dict[str, list[str]] = {}
    for row in rows(service, memberships.select().where(memberships.c.to_seq.is_(None))):
        if row["member"] in number:
            groups.setdefault(row["customer_id"], []).append(number[row["member"]])
    return {one[0]: by_subject[key] for key, one in groups.items() if len(one) == 1 and key in by_subject}


def test_every_limit_and_exposure_is_what_the_seeded_company_says(synced: Synced) -> None:
    world, service = synced
    with service:
        credit = credit_by_number(service)
        oracle = world.truth["credit"]
        assert set(oracle) <= set(credit)
        seen = set()
        for number, want in oracle.items():
            row = credit[number]
            body = row["body"]
            assert body["limit_minor"] == want["limit_minor"], number
            if want["limit_minor"] is None:
                assert row["inputs"]["limit"]["source"] == "none"
                seen.add("unchecked")
                continue
            assert (body["currency"], body["exposure_minor"]) == (want["currency"], want["exposure_minor"]), number
            codes = {reason["code"] for reason in row["reasons"]}
            assert ("over_limit" in codes) == want["over"], number
            assert not want["over"] or row["value"] == "hold"
            seen.add("over" if want["over"] else "within")
        assert {"over", "within"} <= seen
        stories = {one["customer"]: credit[one["customer"]]["value"] for one in world.truth["stories"]}
        assert stories == {"CUST0001": "watch", "CUST0002": "ok", "CUST0003": "hold"}
        assert not [cause for cause in open_conflicts(service, "missing_reference") if cause.startswith("rate/")]
        used = {(row["base"], row["rate"]) for row in rows(service, rates.select().where(rates.c.is_active.is_(True)))}
        assert used == {("USD", "7.05"), ("EUR", "7.61"), ("USD", "7.12"), ("EUR", "7.795")}


def test_a_limit_changed_in_the_books_decides_its_customer_alone(synced: Synced) -> None:
    world, service = synced
    with service:
        before = credit_by_number(service)
        archive = next(iter(world.kingdee.library.ordered(FORMS[ARCHIVE])))
        lines = [dict(line) for line in archive["FEntity"]]
        target = next(line for line in lines if line["FOBJECTID"]["FNumber"] == "CUST0002")
        target["FCREDITAMOUNT"] = Decimal("36000.00")  # 36,500.00 is open
        world.kingdee.user_change("update", ARCHIVE, archive["FBillNo"], {"FEntity": lines})
        service.sync()
        after = credit_by_number(service)
        assert [number for number in after if after[number]["id"] != before[number]["id"]] == ["CUST0002"]
        assert after["CUST0002"]["value"] == "hold"
        account = next(one["accounts"][0] for one in world.truth["stories"] if one["customer"] == "CUST0002")
        record = zoho_record(world, "Accounts", account)
        assert record["AR_Credit_Status"] == "hold"
        assert Decimal(str(record["AR_Credit_Limit"])) == 36_000
        assert "36,000.00" in record["AR_Credit_Reasons"]
        # Switched off at the customer: the archive's line no longer counts, and the hold ends on the next day.
        world.kingdee.user_change("update", "BD_Customer", "CUST0002", {"FISCREDITCHECK": False})
        service.sync()
        assert credit_by_number(service)["CUST0002"]["body"]["limit_minor"] is None
        # Gone from the archive: the same.
        assert service.rebuild_check().differences == []


def test_a_rate_of_the_books_that_ends_leaves_what_needs_it_open(synced: Synced) -> None:
    world, service = synced
    with service:
        mixed = _mixed(world, service)
        current = [doc for doc in world.kingdee.library.ordered(FORMS[RATE]) if doc["FExchangeRate"] == Decimal("7.12")]
        (doc,) = current
        world.kingdee.user_change("forbid", RATE, str(doc["FRateID"]))
        service.sync()
        row = credit_by_number(service)[mixed]
        assert row["body"]["missing_rates"] == ["USD"]
        assert "rate/cn/USD" in open_conflicts(service, "missing_reference")
        made = service.credit.state_rates(
            [{"base": "CNY", "quote": "USD", "rate": "0.14", "on": "2026-11-20"}], "treasury", "user:anna"
        )
        row = credit_by_number(service)[mixed]
        assert row["body"]["missing_rates"] == []
        assert row["inputs"]["rates"]["USD/CNY"] == [["CNY", "USD", "0.14", "2026-11-20", "treasury", "inverse"]]
        assert "rate/cn/USD" not in open_conflicts(service, "missing_reference")
        # The books' rate comes back: the stated one is later, so it goes on counting until it is taken back.
        world.kingdee.user_change("enable", RATE, str(doc["FRateID"]))
        service.sync()
        assert credit_by_number(service)[mixed]["inputs"]["rates"]["USD/CNY"][0][2] == "0.14"
        service.credit.withdraw_rate(made["ids"][0], "user:anna")
        assert credit_by_number(service)[mixed]["inputs"]["rates"]["USD/CNY"][0][2] == "7.12"
        assert service.rebuild_check().differences == []


def _mixed(world: SandboxWorld, service: Service) -> str:
    """The number of a customer judged in yuan that owes dollars too."""
    for number, row in sorted(credit_by_number(service).items()):
        if row["body"]["currency"] == "CNY" and row["body"]["open_by_currency"].get("USD"):
            return number
    number = "CUST0002"
    world.kingdee.user_change(
        "create",
        "AR_receivable",
        "",
        {"FCUSTOMERID": number, "FCURRENCYID": "USD", "FALLAMOUNTFOR": Decimal("1000.00")},
    )
    service.sync()
    assert kingdee_doc(world, "BD_Customer", number)
    return number


def test_grades_come_with_their_score_and_are_shown_in_zoho(synced: Synced) -> None:
    world, service = synced
    with service:
        credit = credit_by_number(service)
        graded = {number: row for number, row in credit.items() if row["body"]["grade"] != "N"}
        assert len(graded) > len(credit) // 2
        for row in graded.values():
            body, score = row["body"], row["inputs"]["score"]
            assert Decimal(str(body["confidence"])) >= Decimal("0.5")
            assert body["review_on"] == "2026-11-01"
            assert set(body["contributions"]) == set(score["sub_scores"])
            assert abs(sum(Decimal(str(v)) for v in body["contributions"].values()) - Decimal(str(body["score"]))) < 1
        assert len({row["body"]["grade"] for row in graded.values()}) > 1
        # A payment that arrives this month is judged at the next review, not before.
        one = next(
            number for number in sorted(graded) if credit[number]["body"]["open_by_currency"].get("CNY", 0) > 100
        )
        bill = next(
            doc
            for doc in world.kingdee.library.ordered(FORMS["AR_receivable"])
            if doc["FCUSTOMERID"]["FNumber"] == one and doc["FWRITTENOFFSTATUS"] == "A" and doc["FALLAMOUNTFOR"] > 1
            and doc["FDOCUMENTSTATUS"] == "C" and doc["FCancelStatus"] == "A"
        )  # fmt: skip
        receive(world, bill["FBillNo"], Decimal(1))
        service.sync()
        assert credit_by_number(service)[one]["body"]["score"] == credit[one]["body"]["score"]
        world.clock.advance(8 * 86400)
        service.sync()
        after = credit_by_number(service)
        assert {row["body"]["review_on"] for row in after.values()} == {"2026-12-01"}
        assert service.rebuild_check().differences == []


def test_a_breach_is_one_event_while_it_lasts(synced: Synced) -> None:
    world, service = synced
    with service:

        def alerts() -> list[tuple[str, str]]:
            d = decisions.c
            found = rows(service, decisions.select().where(d.kind == "credit_alert").order_by(d.seq, d.id))
            return [(row["value"], row["body"]["key"]) for row in found if row["subject"] == subject]

        credit = credit_by_number(service)
        subject = credit["CUST0003"]["subject"]
        assert alerts() == [("breach", "2026-11-24")]
        bill = kingdee_doc(world, "AR_receivable", "AR00000004")
        receive(world, bill["FBillNo"], Decimal(100))
        service.sync()
        assert len(alerts()) == 1
        receive(world, bill["FBillNo"], Decimal(1_500_000))
        service.sync()
        assert [value for value, _ in alerts()] == ["breach", "over"]
        assert service.rebuild_check().differences == []


def test_nothing_is_nothing_in_every_currency() -> None:
    """Zero needs no rate: a record in another currency shows it, and nobody is asked for one."""
    none = _Rates(RateBook([], "CNY"), date(2026, 11, 24))
    assert _shown_in("USD", "CNY", 0, None, none) == {"exposure_minor": 0, "limit_minor": None}
    assert (none.asked, none.missing) == (set(), set())
    assert _shown_in("USD", "CNY", 0, 500, none) == {"exposure_minor": 0, "limit_minor": None}
    assert none.missing == {"USD"}
    other = _Rates(RateBook([], "CNY"), date(2026, 11, 24))
    assert _shown_in("USD", "CNY", 700, None, other) == {"exposure_minor": None, "limit_minor": None}
    assert _shown_in("CNY", "CNY", 700, 500, other) == {"exposure_minor": 700, "limit_minor": 500}
