"""The seeded company: deterministic, consistent in itself, and contradicting itself only where it says so."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from stdnum.cn import uscc
from stdnum.de import vat as german_vat
from stdnum.gb import vat as british_vat
from stdnum.sg import uen
from stdnum.us import ein

from tieout.core import exact_json
from tieout.sandbox.company import Company, build_company, taxids
from tieout.sandbox.company.names import bracket_or_space_variant

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(7, today=TODAY)


def _by(docs: list[dict], key: str) -> dict:
    return {doc[key]: doc for doc in docs}


def test_same_seed_same_company_other_seed_another() -> None:
    def digest(seed: int) -> str:
        built = build_company(seed, 40, 150, today=TODAY)
        return exact_json.digest([built.zoho, built.kingdee, built.truth])

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_tax_ids_pass_an_independent_check(company: Company) -> None:
    rng = Random(3)
    for _ in range(200):
        code = taxids.uscc(rng, "440305")
        assert uscc.is_valid(code)
        assert taxids.organisation_check(code[8:16]) == code[16]
        assert german_vat.is_valid(taxids.german_vat(rng))
        assert british_vat.is_valid(taxids.british_vat(rng))
        assert uen.is_valid(taxids.singapore_uen(rng))
        assert ein.is_valid(taxids.ein(rng))
    assert taxids.uscc_check("91110000600037341") == "L"  # the sample of the reference
    for customer in company.kingdee["BD_Customer"]:
        assert not customer["FSOCIALCRECODE"] or uscc.is_valid(customer["FSOCIALCRECODE"])
    numbers = [c["FTAXREGISTERCODE"] for c in company.kingdee["BD_Customer"] if c["FTAXREGISTERCODE"]]
    assert len(set(numbers)) == len(numbers)


def test_variants_of_latin_names_keep_their_words() -> None:
    rng = Random(1)
    for name in ("Grünbach & Zellbach Antriebstechnik AG", "Alder Tools Inc.", "Elstow Optics (Hong Kong) Limited"):
        words = re.findall(r"[\w&]+", name)
        variants = {bracket_or_space_variant(rng, name) for _ in range(40)}
        assert variants
        assert name not in variants
        assert all(re.findall(r"[\w&]+", variant) == words for variant in variants)


def test_each_bill_sums_exactly(company: Company) -> None:
    for bill in company.kingdee["AR_receivable"]:
        lines, plan = bill["FEntityDetail"], bill["FEntityPlan"]
        total = bill["FALLAMOUNTFOR"]
        assert total == sum(line["FALLAMOUNTFOR_D"] for line in lines)
        assert total == sum(row["FPAYAMOUNTFOR"] for row in plan)
        assert total == bill["FNoTaxAmountFor"] + bill["FTaxAmountFor"]
        for line in lines:
            rate = Decimal("0.13") if bill["FCURRENCYID"]["FCode"] == "CNY" else Decimal(0)
            assert abs(line["FNoTaxAmountFor_D"] * rate - line["FTAXAMOUNTFOR_D"]) <= Decimal("0.005")
            assert line["FALLAMOUNTFOR_D"] == line["FNoTaxAmountFor_D"] + line["FTAXAMOUNTFOR_D"]


def test_settlement_log_explains_every_written_off_amount(company: Company) -> None:
    logs = company.kingdee["AR_RECMacthLog"]
    written: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for row in logs:
        written[row["FTARGETFROMID"], row["FTARGETENTRYID"]] += row["FCURWRITTENOFFAMOUNTFOR"]
    for bill in company.kingdee["AR_receivable"]:
        settled = Decimal(0)
        for row in bill["FEntityPlan"]:
            assert (
                written.pop(("AR_receivable", row["FEntityPlan_FEntryID"]), Decimal(0)) == row["FWRITTENOFFAMOUNTFOR"]
            )
            assert abs(row["FWRITTENOFFAMOUNTFOR"]) <= abs(row["FPAYAMOUNTFOR"])
            settled += row["FWRITTENOFFAMOUNTFOR"]
        expected = "A" if settled == 0 else "C" if settled == bill["FALLAMOUNTFOR"] else "B"
        assert bill["FWRITTENOFFSTATUS"] == expected
        if bill["FDOCUMENTSTATUS"] != "C" or bill["FCancelStatus"] == "B":
            assert settled == 0
    for receipt in company.kingdee["AR_RECEIVEBILL"]:
        entry = receipt["FRECEIVEBILLENTRY"][0]
        amount = written.pop(("AR_RECEIVEBILL", entry["FRECEIVEBILLENTRY_FEntryID"]), Decimal(0))
        assert amount == entry["FWRITTENOFFAMOUNTFOR_D"] <= receipt["FRECAMOUNTFOR"]
    assert not written
    pairs = Counter(row["FMATCHID"] for row in logs)
    assert set(pairs.values()) == {2}


def test_open_amounts_are_derivable(company: Company) -> None:
    total: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for bill in company.kingdee["AR_receivable"]:
        if bill["FDOCUMENTSTATUS"] == "C" and bill["FCancelStatus"] == "A":
            for row in bill["FEntityPlan"]:
                key = bill["FCUSTOMERID"]["FNumber"], bill["FCURRENCYID"]["FCode"]
                total[key] += row["FPAYAMOUNTFOR"] - row["FWRITTENOFFAMOUNTFOR"]
    said = {
        (c, cur): Decimal(minor).scaleb(-2) for c, per in company.truth["open"].items() for cur, minor in per.items()
    }
    assert said == total


def test_shapes_and_shares(company: Company) -> None:
    counts = company.truth["counts"]
    assert counts["customers"] == 300
    assert counts["bills"] == 2000
    assert 0.9 <= counts["zoho_invoices"] / counts["bills"] <= 0.97
    currencies = Counter(b["FCURRENCYID"]["FCode"] for b in company.kingdee["AR_receivable"])
    assert 0.70 <= currencies["CNY"] / 2000 <= 0.80
    assert 0.11 <= currencies["USD"] / 2000 <= 0.19
    assert 0.07 <= currencies["EUR"] / 2000 <= 0.13
    assert 0.02 <= counts["red_bills"] / 2000 <= 0.04
    ways = Counter(i["way"] for i in company.truth["invoices"].values())
    assert 0.64 <= ways["bill_number"] / counts["zoho_invoices"] <= 0.74
    assert set(company.truth["expected_conflicts"]["identity"]) == {
        "tax_id_contradiction",
        "ambiguous_name",
        "name_only",
        "duplicate",
        "no_counterpart",
    }
    for records in company.zoho.values():
        assert len({r["id"] for r in records}) == len(records)
        assert all(len(r["id"]) == 19 for r in records)
        assert all(r["Created_Time"] <= r["Modified_Time"] < f"{TODAY}T00" for r in records)
    for bill in company.kingdee["AR_receivable"]:
        assert bill["FModifyDate"] < f"{TODAY}T00:00:00"


def test_links_say_the_truth(company: Company) -> None:
    bills = _by(company.kingdee["AR_receivable"], "FBillNo")
    by_order = Counter()
    for bill in bills.values():
        by_order[bill["FEntityDetail"][0]["FORDERNUMBER"], bill["FCURRENCYID"]["FCode"], bill["FALLAMOUNTFOR"]] += 1
    claimed = Counter(i["ERP_Bill_No"] for i in company.zoho["Invoices"] if i["ERP_Bill_No"])
    for invoice in company.zoho["Invoices"]:
        truth = company.truth["invoices"][invoice["id"]]
        key = invoice["Order_No"], invoice["Currency"], invoice["Grand_Total"]
        match truth["way"]:
            case "bill_number":
                assert invoice["ERP_Bill_No"] == truth["bill"]
                assert claimed[truth["bill"]] == 1
                assert invoice["Grand_Total"] == bills[truth["bill"]]["FALLAMOUNTFOR"]
            case "subject":
                assert invoice["Subject"] == truth["bill"]
                assert invoice["ERP_Bill_No"] is None
            case "order_amount":
                assert by_order[key] == 1
                assert invoice["ERP_Bill_No"] is None
            case "duplicate":
                assert claimed[truth["bill"]] == 2
            case "not_posted":
                bill = bills[truth["bill"]]
                assert bill["FDOCUMENTSTATUS"] != "C" or bill["FCancelStatus"] == "B"
            case "wrong_number":
                assert invoice["ERP_Bill_No"] not in bills
            case _:
                assert truth["bill"] is None
                assert by_order[key] == 0


def test_accounts_say_the_truth(company: Company) -> None:
    customers = _by(company.kingdee["BD_Customer"], "FNumber")
    shorts = Counter(c["FName"] for c in customers.values())
    assert max(shorts.values()) == 1
    for account in company.zoho["Accounts"]:
        truth = company.truth["accounts"][account["id"]]
        customer = customers.get(truth["customer"])
        match truth["way"]:
            case "tax_id":
                assert account["Tax_ID"] == customer["FTAXREGISTERCODE"]
            case "tax_id_contradiction":
                assert account["Account_Name"] == customer["FName"]
                assert uscc.is_valid(account["Tax_ID"])
                assert account["Tax_ID"] != customer["FTAXREGISTERCODE"]
            case "ambiguous_name":
                assert account["Tax_ID"] is None
                assert sum(account["Account_Name"] in name for name in shorts) == 2
            case "no_counterpart":
                assert customer is None
                assert account["Account_Name"] not in shorts
            case "name_only":
                assert account["Tax_ID"] is None
                assert account["Legal_Name"] is None
    known = {t["customer"] for t in company.truth["accounts"].values()}
    assert len([n for n in customers if n not in known]) == 9


def test_stories(company: Company) -> None:
    bills = _by(company.kingdee["AR_receivable"], "FBillNo")
    assert bills["AR00000001"]["FCUSTOMERID"]["FNumber"] == "CUST0001"
    assert bills["AR00000001"]["FENDDATE_H"] == "2026-10-25T00:00:00"
    assert company.truth["open"]["CUST0001"] == {"CNY": 11_300_000 + 2_260_000}
    assert company.truth["open"]["CUST0002"] == {"CNY": 3_650_000}
    assert company.truth["open"]["CUST0003"] == {"CNY": 395_500_000}
    (contested,) = company.truth["stories"][2]["accounts"]
    assert company.truth["accounts"][contested]["way"] == "tax_id_contradiction"


def test_twenty_thousand_invoices_in_seconds() -> None:
    company = build_company(11, 3000, 20_000, today=TODAY)
    assert company.truth["counts"]["bills"] == 20_000
    assert len({c["FName"] for c in company.kingdee["BD_Customer"]}) == 3000
