"""Claims to documents (design decision D9): the three rules, what stops them, what people see."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.identity.bind import DocumentFacts, bind_claim, document_facts
from tieout.canonical.documents import ClaimCandidate, DocumentCandidate

CLAIM = ClaimCandidate("z1", "invoice", "January", "a1", "CNY", 11300, issue_on=date(2026, 1, 5))
DEAL = ClaimCandidate("d1", "deal", "Deal", "a1", "CNY", 22600, order_numbers=("SO-1",))
BILL = DocumentFacts("inv_1", "AR_receivable:100001", "invoice", "AR00000001", "CNY", 11300, order_numbers=("SO-1",))


def bill(at: int, **changes: Any) -> DocumentFacts:
    made = replace(BILL, ref=f"inv_{at}", external_id=f"AR_receivable:10000{at}", number=f"AR0000000{at}")
    return replace(made, **changes)


def codes(verdict: Any) -> set[str]:
    return {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize("stored", ["AR_receivable:100001", "100001", "AR00000001", " ar00000001 "])
def test_a_stored_reference_binds(stored: str) -> None:
    verdict = bind_claim(replace(CLAIM, external_refs=(stored,)), [BILL, bill(2)])
    assert (verdict.outcome, verdict.refs, verdict.rule, verdict.flags) == ("bound", ("inv_1",), "external_ref", ())
    assert verdict.reasons[0].ref == "inv_1"


def test_a_number_binds() -> None:
    verdict = bind_claim(replace(CLAIM, numbers=("AR00000001",)), [BILL, bill(2)])
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("bound", ("inv_1",), "number")


def test_an_order_number_binds_with_equal_currency_and_amount() -> None:
    claim = replace(CLAIM, order_numbers=("so-1",))
    verdict = bind_claim(claim, [BILL, bill(2, total_minor=100)])
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("bound", ("inv_1",), "order_number")
    for changes in ({"amount_minor": 11301}, {"currency": "USD"}, {"amount_minor": None}):
        assert bind_claim(replace(claim, **changes), [BILL]).outcome == "review"  # type: ignore[arg-type]


def test_the_stronger_rule_wins() -> None:
    claim = replace(CLAIM, external_refs=("AR00000002",), numbers=("AR00000001",))
    verdict = bind_claim(claim, [BILL, bill(2)])
    assert (verdict.refs, verdict.rule) == (("inv_2",), "external_ref")


def test_another_amount_under_a_stored_reference_is_bound_and_flagged() -> None:
    verdict = bind_claim(replace(CLAIM, external_refs=("AR00000001",), amount_minor=11301), [BILL])
    assert (verdict.outcome, verdict.flags) == ("bound", ("amount_differs",))


def test_another_amount_under_a_typed_number_needs_the_customer() -> None:
    claim = replace(CLAIM, numbers=("AR00000001",), amount_minor=5)
    assert codes(bind_claim(claim, [BILL])) == {"amount_differs"}
    known = bind_claim(claim, [replace(BILL, customer="c1")], customer="c1")
    assert (known.outcome, known.flags) == ("bound", ("amount_differs",))


@pytest.mark.parametrize(
    ("claim", "document", "code"),
    [
        ({"currency": "USD"}, {}, "currency_differs"),
        ({}, {"customer": "c2"}, "customer_differs"),
        ({}, {"state": "draft"}, "document_draft"),
        ({}, {"state": "void"}, "document_void"),
    ],
)
def test_a_contradiction_goes_to_a_person(claim: dict[str, Any], document: dict[str, Any], code: str) -> None:
    claimed = replace(CLAIM, external_refs=("AR00000001",), **claim)
    verdict = bind_claim(claimed, [replace(BILL, **document)], customer="c1")
    assert (verdict.outcome, verdict.refs) == ("review", ())
    assert code in codes(verdict)
    assert verdict.suggestions[0].ref == "inv_1"


def test_two_documents_for_one_claim_go_to_a_person() -> None:
    verdict = bind_claim(replace(CLAIM, order_numbers=("SO-1",)), [BILL, bill(2)])
    assert (verdict.outcome, codes(verdict)) == ("review", {"several_documents"})
    assert {suggestion.ref for suggestion in verdict.suggestions} == {"inv_1", "inv_2"}


def test_two_claims_for_one_document_go_to_a_person() -> None:
    first = replace(CLAIM, external_refs=("AR00000001",))
    second = replace(first, external_id="z2", label="January again")
    for mine, other in ((first, second), (second, first)):
        verdict = bind_claim(mine, [BILL], rivals=[other])
        assert (verdict.outcome, codes(verdict)) == ("review", {"competing_claim"})
    for harmless in (replace(second, is_active=False), replace(second, kind="deal"), first):
        assert bind_claim(first, [BILL], rivals=[harmless]).outcome == "bound"


def test_a_weaker_claim_gives_way() -> None:
    strong = replace(CLAIM, external_refs=("AR00000001",))
    weak = replace(CLAIM, external_id="z2", order_numbers=("SO-1",))
    assert bind_claim(strong, [BILL], rivals=[weak]).outcome == "bound"
    assert bind_claim(weak, [BILL], rivals=[strong]).outcome == "review"


def test_a_document_that_a_person_gave_away_is_taken() -> None:
    verdict = bind_claim(replace(CLAIM, numbers=("AR00000001",)), [BILL], taken=["inv_1"])
    assert codes(verdict) == {"document_taken"}


def test_a_reference_to_nothing_is_not_replaced_by_an_order_number() -> None:
    verdict = bind_claim(replace(CLAIM, external_refs=("AR9100001",), order_numbers=("SO-1",)), [BILL])
    assert (verdict.outcome, codes(verdict)) == ("review", {"reference_not_found"})


def test_an_unlinked_claim_gets_ranked_suggestions() -> None:
    claim = replace(CLAIM, external_refs=("AR00000010",))
    documents = [
        bill(1, customer="c1"),
        bill(2, customer="c1", total_minor=99),
        bill(3, customer="c2", total_minor=98, number="AR77777777"),
    ]
    verdict = bind_claim(claim, documents, customer="c1")
    assert verdict.outcome == "review"
    assert [suggestion.ref for suggestion in verdict.suggestions] == ["inv_1"]
    assert {r.code for r in verdict.suggestions[0].reasons} == {"number_near", "customer_equal", "amount_equal"}


def test_same_customer_and_amount_is_a_suggestion() -> None:
    verdict = bind_claim(CLAIM, [bill(1, customer="c1", order_numbers=())], customer="c1")
    assert (verdict.outcome, [s.ref for s in verdict.suggestions]) == ("review", ["inv_1"])


def test_a_cancelled_claim_is_unbound_without_a_question() -> None:
    verdict = bind_claim(replace(CLAIM, is_active=False, external_refs=("AR00000001",)), [BILL])
    assert (verdict.outcome, codes(verdict)) == ("unbound", {"claim_inactive"})


def test_payments_are_never_what_an_invoice_claims() -> None:
    receipt = replace(BILL, ref="pay_1", kind="payment", total_minor=-11300)
    assert bind_claim(replace(CLAIM, numbers=("AR00000001",)), [receipt]).outcome == "review"


def test_a_deal_binds_all_posted_documents_of_its_order() -> None:
    documents = [
        bill(3),
        BILL,
        bill(2, total_minor=-100, kind="credit_note"),
        bill(4, state="draft"),
        bill(5, currency="USD"),
    ]
    verdict = bind_claim(DEAL, documents)
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("bound", ("inv_1", "inv_2", "inv_3"), "order_number")


def test_a_deal_without_documents_is_unbound_without_a_question() -> None:
    for documents in ([], [bill(1, order_numbers=("SO-2",))], [bill(1, state="void")]):
        verdict = bind_claim(DEAL, documents)
        assert (verdict.outcome, verdict.reasons) == ("unbound", ())


def test_a_deal_that_contradicts_goes_to_a_person() -> None:
    assert codes(bind_claim(DEAL, [bill(1, currency="USD")])) == {"currency_differs"}
    assert codes(bind_claim(DEAL, [bill(1, customer="c2")], customer="c1")) == {"customer_differs"}
    assert codes(bind_claim(DEAL, [BILL], rivals=[replace(DEAL, external_id="d2")])) == {"competing_claim"}


def test_people_come_first() -> None:
    verdict = bind_claim(replace(CLAIM, amount_minor=1), [BILL], must_link=["inv_1"])
    assert (verdict.outcome, verdict.refs, verdict.rule, verdict.flags) == (
        "bound",
        ("inv_1",),
        "must_link",
        ("amount_differs",),
    )
    refused = bind_claim(replace(CLAIM, numbers=("AR00000001",)), [BILL], must_not_link=["inv_1"])
    assert (refused.outcome, refused.suggestions) == ("review", ())
    assert codes(bind_claim(CLAIM, [BILL], must_link=["inv_1"], must_not_link=["inv_1"])) == {"answers_contradict"}


def test_not_even_people_show_another_currency_or_bind_a_payment_to_an_invoice() -> None:
    assert codes(bind_claim(CLAIM, [bill(1, currency="USD")], must_link=["inv_1"])) == {"currency_differs"}
    receipt = bind_claim(CLAIM, [replace(BILL, kind="payment")], must_link=["inv_1"])
    assert (receipt.outcome, codes(receipt)) == ("review", {"kind_differs"})
    assert (
        bind_claim(DEAL, [bill(1, currency="USD")], must_link=["inv_1"]).outcome == "bound"
    )  # the deal leaves it out and names it


def test_facts_of_a_document() -> None:
    document = DocumentCandidate(
        "AR_receivable:100001",
        "invoice",
        "AR00000001",
        "CUST0001",
        "cn",
        "CNY",
        11300,
        date(2026, 1, 5),
        "posted",
        order_numbers=("SO-1",),
    )
    assert document_facts("inv_1", document) == replace(BILL, issue_on=date(2026, 1, 5))


NUMBERS = ("AR00000001", "AR00000002", "")
CLAIMS = st.builds(
    lambda ref, number, order, amount, currency: replace(
        CLAIM,
        external_refs=(ref,) if ref else (),
        numbers=(number,) if number else (),
        order_numbers=(order,) if order else (),
        amount_minor=amount,
        currency=currency,
    ),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.sampled_from(("SO-1", "SO-2", "")),
    st.sampled_from((11300, 5, None)),
    st.sampled_from(("CNY", "USD")),
)


@given(
    claim=CLAIMS, others=st.lists(CLAIMS, max_size=3), picked=st.lists(st.integers(1, 5), unique=True), data=st.data()
)
def test_order_does_not_matter_and_no_document_is_bound_twice(
    claim: ClaimCandidate, others: list[ClaimCandidate], picked: list[int], data: st.DataObject
) -> None:
    documents = [bill(n, number=NUMBERS[n % 2], order_numbers=(f"SO-{1 + n % 2}",)) for n in picked]
    claims = [claim, *(replace(one, external_id=f"y{index}") for index, one in enumerate(others))]
    bound: list[str] = []
    for one in claims:
        rivals = [other for other in claims if other is not one]
        verdict = bind_claim(one, documents, rivals=rivals)
        shuffled = bind_claim(one, data.draw(st.permutations(documents)), rivals=data.draw(st.permutations(rivals)))
        assert shuffled == verdict
        assert len(verdict.refs) == (1 if verdict.outcome == "bound" else 0)
        bound += verdict.refs
        for ref in verdict.refs:
            assert next(d for d in documents if d.ref == ref).currency == one.currency
    assert len(bound) == len(set(bound))


PAID = DocumentFacts("pay_1", "AR_RECEIVEBILL:7", "payment", "SKD00000001", "CNY", -11300)


def test_a_receipt_of_a_crm_binds_to_a_receipt_of_the_books_and_to_nothing_else() -> None:
    claim = replace(CLAIM, kind="payment", external_refs=("SKD00000001",))
    verdict = bind_claim(claim, [PAID, replace(BILL, number="SKD00000001")])
    assert (verdict.outcome, verdict.refs, verdict.rule, verdict.flags) == ("bound", ("pay_1",), "external_ref", ())
    other = bind_claim(replace(claim, amount_minor=11301), [PAID])
    assert (other.outcome, other.flags) == ("bound", ("amount_differs",))
    unnumbered = bind_claim(replace(claim, external_refs=()), [replace(PAID, customer="c1")], customer="c1")
    assert (unnumbered.outcome, [one.ref for one in unnumbered.suggestions]) == ("review", ["pay_1"])
    assert {reason.code for reason in unnumbered.suggestions[0].reasons} == {"customer_equal", "amount_equal"}


@pytest.mark.parametrize("kind", ["allocation", "installment"])
def test_lines_and_plans_are_never_bound_and_never_asked_about(kind: Any) -> None:
    verdict = bind_claim(replace(CLAIM, kind=kind, external_refs=("AR00000001",)), [BILL, PAID])
    assert (verdict.outcome, verdict.refs, verdict.reasons) == ("unbound", (), ())
