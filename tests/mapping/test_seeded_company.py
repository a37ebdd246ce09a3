"""The seeded company through profiles, identity and binding: every automatic answer is right, and what is meant to be
a conflict is one. The answers of the company were written by other code than the rules that are tested here."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pytest

from mapping.engine import MappingContext, map_record
from mapping.identity.bind import bind_claim, document_facts
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import link_keys
from mapping.identity.link import judge
from mapping.identity.numbers import number_key
from mapping.loader import load_profiles
from tieout.core import exact_json
from tieout.core.money import to_minor
from tieout.sandbox.company import build_company

CONTEXT = MappingContext("Asia/Shanghai", companies={"": "cn"})
FORMS = {
    "customers": "BD_Customer",
    "invoices": "AR_receivable",
    "payments": "AR_RECEIVEBILL",
    "refunds": "AR_REFUNDBILL",
    "allocations": "AR_RECMacthLog",
}
MODULES = {"customers": "Accounts", "deals": "Deals", "invoices": "Invoices"}


@pytest.fixture(scope="module")
def company() -> Any:
    return build_company(11, 120, 600, today=date(2026, 11, 24))


def mapped(vendor: str, stream: str, records: list[dict[str, Any]]) -> list[Any]:
    profile = load_profiles(vendor)[stream]
    return [map_record(profile, exact_json.dumps(record), CONTEXT) for record in records]


@pytest.fixture(scope="module")
def books(company: Any) -> dict[str, list[Any]]:
    return {stream: mapped("kingdee", stream, company.kingdee[form]) for stream, form in FORMS.items()}


@pytest.fixture(scope="module")
def crm(company: Any) -> dict[str, list[Any]]:
    return {stream: mapped("zoho_crm", stream, company.zoho[module]) for stream, module in MODULES.items()}


@pytest.fixture(scope="module")
def linked(company: Any, books: dict[str, list[Any]], crm: dict[str, list[Any]]) -> dict[str, str]:
    """Zoho account id -> customer number, for automatic links; outcomes are checked on the way."""
    known: dict[str, PartyFacts] = {}
    index: dict[Any, list[str]] = defaultdict(list)
    for side, parties in (("books", books["customers"]), ("crm", crm["customers"])):
        for party in parties:
            ref = f"{side}/{party.external_id}"
            known[ref] = facts(ref, party, side=side)
            for key in link_keys(party):
                index[key].append(ref)
    numbers = {f"books/{party.external_id}": party.number for party in books["customers"]}
    out: dict[str, str] = {}
    missed = 0
    for party in crm["customers"]:
        answer = company.truth["accounts"][party.external_id]
        near = {ref for key in link_keys(party) for ref in index[key]}
        verdict = judge(known[f"crm/{party.external_id}"], [known[ref] for ref in near])
        if verdict.outcome == "link":
            assert [numbers[ref] for ref in verdict.refs] == [answer["customer"]]
            assert answer["way"] in ("tax_id", "legal_name", "duplicate")
            out[party.external_id] = answer["customer"]
        missed += answer["expect"] == "link" and verdict.outcome != "link"
    assert missed == 0
    assert len(out) > 80
    return out


def test_settlements_add_up_to_what_the_plan_rows_say(company: Any, books: dict[str, list[Any]]) -> None:
    groups: dict[str, set[tuple[str, str, str, int]]] = defaultdict(set)
    for one in books["allocations"]:
        groups[one.group_key].add((one.from_ref, one.to_ref, one.to_line, one.amount_minor))
    assert len(groups) * 2 == len(books["allocations"])
    settled: dict[tuple[str, str], int] = defaultdict(int)
    kinds = {document.external_id: document.kind for stream in ("invoices", "payments") for document in books[stream]}
    for group in groups.values():
        ((paid_by, paid, line, amount),) = group
        assert kinds[paid_by] in ("payment", "credit_note")
        assert kinds[paid] == "invoice"
        settled[paid, line] += amount
    checked = 0
    for bill in company.kingdee["AR_receivable"]:
        for row in bill["FEntityPlan"] if bill["FALLAMOUNTFOR"] > 0 else ():
            key = (f"AR_receivable:{bill['FID']}", str(row["FEntityPlan_FEntryID"]))
            assert settled[key] == to_minor(row["FWRITTENOFFAMOUNTFOR"], bill["FCURRENCYID"]["FCode"])
            checked += 1
    assert checked > 500


def test_documents_are_whole(books: dict[str, list[Any]]) -> None:
    for document in books["invoices"]:
        assert sum(row.amount_minor for row in document.installments) == document.total_minor
        assert document.net_minor + document.tax_minor == document.total_minor


def test_customers_link_right_or_go_to_a_person(linked: dict[str, str]) -> None:
    assert linked


def test_claims_bind_right_or_go_to_a_person(
    company: Any, books: dict[str, list[Any]], crm: dict[str, list[Any]], linked: dict[str, str]
) -> None:
    documents: dict[str, dict[str, Any]] = defaultdict(dict)
    for document in books["invoices"]:
        made = document_facts(document.number, document, customer=document.party_ref)
        for text in (document.number, document.external_id, *document.order_numbers):
            documents[number_key(text)][made.ref] = made
    keys = {
        claim.external_id: {number_key(t) for t in (*claim.external_refs, *claim.numbers, *claim.order_numbers)}
        for claim in crm["invoices"]
    }
    rivals: dict[str, dict[str, Any]] = defaultdict(dict)
    for claim in crm["invoices"]:
        for key in keys[claim.external_id]:
            rivals[key][claim.external_id] = claim
    outcomes: dict[tuple[str, str], int] = defaultdict(int)
    for claim in crm["invoices"]:
        mine = keys[claim.external_id]
        verdict = bind_claim(
            claim,
            list({ref: one for key in mine for ref, one in documents[key].items()}.values()),
            customer=linked.get(claim.party_ref, ""),
            rivals=list({ref: one for key in mine for ref, one in rivals[key].items()}.values()),
        )
        answer = company.truth["invoices"][claim.external_id]
        outcomes[answer["expect"], verdict.outcome] += 1
        if verdict.outcome == "bound":
            assert list(verdict.refs) == [answer["bill"]]
    assert set(outcomes) == {("link", "bound"), ("conflict", "review")}


def test_customers_of_the_stories_carry_the_contact_fields_that_the_vendors_have(company: Any) -> None:
    from_books = {one.number: one for one in mapped("kingdee", "customers", company.kingdee["BD_Customer"])}
    assert from_books["CUST0001"].address == "示例路1号"
    assert from_books["CUST0001"].phone.startswith("+86 000")
    asked = load_profiles("fxiaoke")["customers"].source_paths
    assert "address" in asked
    assert from_books["CUST0009"].address == ""
