"""What must hold of a record as a whole, and how its fields are taken: signs, sums, companies, rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mapping.engine import map_object, map_record
from mapping.finish import finish_allocation, finish_document, finish_party
from mapping.loader import build
from mapping.profile import MappingContext, Profile, Skip
from mapping.yaml_lines import parse
from tieout.canonical.documents import AllocationCandidate, DocumentCandidate, Installment
from tieout.canonical.parties import PartyCandidate
from tieout.core.errors import MappingError

ON, LATER = date(2026, 3, 1), date(2026, 3, 31)
INVOICE = DocumentCandidate("x", "invoice", "N", "C", "100", "CNY", 1000, ON, "posted", due_on=LATER)
TWO = (Installment("1", ON, 400), Installment("2", LATER, 600))
HEAD = "vendor: v\nstream: s\nmakes: document\nfields:\n"
FIELDS = {
    "external_id": "id", "kind": "{const: invoice}", "number": "no", "party_ref": "p", "currency": "cur",
    "total_minor": "total", "issue_on": "on", "due_on": "on", "state": "{const: posted}",
}  # fmt: skip
RECORD = {"id": "1", "no": "N", "p": "C", "cur": "CNY", "total": Decimal("10.00"), "on": "2026-03-01", "org": "100"}


def refusal(call: Any) -> tuple[str, str, str]:
    with pytest.raises(MappingError) as refused:
        call()
    return refused.value.message, refused.value.path, str(refused.value.code)


def profile(**fields: str) -> Profile:
    text = HEAD + "".join(f"  {name}: {value}\n" for name, value in {**FIELDS, **fields}.items() if value)
    return build(parse(text, "t"), vendor="v", stream="s")


def mapped(made: Profile, record: dict[str, Any] | None = None, **companies: str) -> DocumentCandidate:
    context = MappingContext("Asia/Shanghai", companies=companies or {"": "cn"})
    found = map_object(made, {**RECORD, **(record or {})}, context)
    assert isinstance(found, DocumentCandidate)
    return found


def test_names_of_a_party_stand_in_order_of_authority_each_once() -> None:
    party = PartyCandidate("1", names=("b", "", "a", "b"), legal_name="a")
    assert finish_party(party).names == ("a", "b")
    assert finish_party(replace(party, legal_name="")).names == ("b", "a")


@pytest.mark.parametrize(
    ("kind", "total", "fits"),
    [
        ("invoice", 1, True), ("invoice", 0, True), ("invoice", -1, False),
        ("refund", 1, True), ("refund", -1, False),
        ("credit_note", -1, True), ("credit_note", 0, True), ("credit_note", 1, False),
        ("payment", -1, True), ("payment", 1, False),
    ],
)  # fmt: skip
def test_the_sign_of_a_total_is_that_of_its_kind(kind: Any, total: int, fits: bool) -> None:
    document = structs.replace(INVOICE, kind=kind, total_minor=total)
    if fits:
        assert finish_document(document).total_minor == total
        return
    shown = f"{'-' if total < 0 else ''}0.01 CNY"
    assert refusal(lambda: finish_document(document)) == (
        f"a {kind.replace('_', ' ')} cannot have the total {shown}", "total_minor", "wrong_sign"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("net", "tax", "kept"),
    [(900, 100, (900, 100)), (900, 101, (None, None)), (None, 100, (None, None)), (1000, None, (None, None))],
)
def test_net_and_tax_are_kept_only_where_they_sum_to_the_total(net: int | None, tax: int | None, kept: Any) -> None:
    made = finish_document(structs.replace(INVOICE, net_minor=net, tax_minor=tax))
    assert (made.net_minor, made.tax_minor) == kept


@pytest.mark.parametrize("kind", ["payment", "refund"])
def test_cash_has_no_plan_and_no_tax(kind: Any) -> None:
    total = -1000 if kind == "payment" else 1000
    made = finish_document(
        structs.replace(
            INVOICE, kind=kind, total_minor=total, net_minor=total, tax_minor=0, installments=TWO, due_on=None
        )
    )
    assert (made.installments, made.net_minor, made.tax_minor) == ((), None, None)


def test_a_plan_sums_to_its_document_and_says_when_the_last_of_it_is_due() -> None:
    assert finish_document(structs.replace(INVOICE, installments=TWO)).due_on == LATER
    assert finish_document(structs.replace(INVOICE, installments=TWO[::-1], due_on=None)).due_on == LATER
    kept = finish_document(structs.replace(INVOICE, installments=TWO, due_on=ON))
    assert (kept.due_on, kept.installments) == (ON, TWO)
    wrong = structs.replace(INVOICE, installments=TWO[:1])
    assert refusal(lambda: finish_document(wrong)) == (
        "the plan rows sum to 4.00 CNY, the document says 10.00 CNY", "installments", "plan_mismatch"
    )  # fmt: skip
    assert finish_document(structs.replace(wrong, state="void")).installments == ()


def test_a_document_without_a_plan_is_due_in_one_on_its_day() -> None:
    assert finish_document(INVOICE).installments == (Installment("", LATER, 1000),)
    nothing = structs.replace(INVOICE, due_on=None)
    assert refusal(lambda: finish_document(nothing)) == ("neither plan rows nor a due date", "due_on", "missing")
    assert finish_document(structs.replace(nothing, state="draft")) == structs.replace(nothing, state="draft")


def test_a_settlement_is_between_two_documents_and_of_more_than_nothing() -> None:
    made = AllocationCandidate("x", "g", "a", "b", "", "CNY", 1, ON, True, "100")
    assert finish_allocation(made) == made
    assert refusal(lambda: finish_allocation(replace(made, to_ref="a"))) == (
        "a settles itself",
        "from_ref",
        "self_settlement",
    )
    for amount in (0, -1):
        assert refusal(lambda amount=amount: finish_allocation(replace(made, amount_minor=amount))) == (
            "the settled amount is not positive", "amount_minor", "wrong_sign"
        )  # fmt: skip


def test_amounts_are_taken_as_their_field_says() -> None:
    assert mapped(profile()).total_minor == 1000
    assert mapped(profile(total_minor="{path: total, negate: true}"), {"total": -10}).total_minor == 1000
    assert mapped(profile(total_minor="{path: total, absolute: true}"), {"total": -10}).total_minor == 1000
    credit = profile(total_minor="{path: total, absolute: true, negate: true}", kind="{const: credit_note}")
    assert mapped(credit, {"total": 10}).total_minor == mapped(credit, {"total": -10}).total_minor == -1000
    assert mapped(profile(total_minor="{path: total, text_amount: true}"), {"total": "10.00"}).total_minor == 1000
    assert refusal(lambda: mapped(profile(), {"total": "10.00"}))[2] == "not_amount"


def test_a_required_field_that_says_nothing_is_named() -> None:
    assert refusal(lambda: mapped(profile(), {"no": " "})) == ("no says nothing, number is required", "no", "missing")
    asked = profile(note="{path: note, required: true}")
    assert refusal(lambda: mapped(asked)) == ("note says nothing, note is required", "note", "missing")
    assert mapped(profile(note="note")).note == ""


def test_a_choice_that_we_do_not_know_is_refused() -> None:
    made = profile(state="st")
    assert mapped(made, {"st": " void "}).state == "void"
    assert refusal(lambda: mapped(made, {"st": "open"})) == ("st: state cannot be 'open'", "st", "unmapped_value")


def test_lists_dates_and_truth_are_read() -> None:
    made = profile(
        state="{const: draft}",
        order_numbers="orders",
        is_opening="first",
        issue_on="{path: on, stamp: true}",
        due_on="",
    )
    found = mapped(made, {"orders": [" a ", 7], "first": True, "on": "2026-02-28T17:00:00Z"})
    assert (found.order_numbers, found.is_opening, found.issue_on) == (("a", "7"), True, ON)
    assert mapped(made, {"orders": "a", "first": False}).order_numbers == ("a",)


def test_rows_become_instalments_and_a_wrong_one_is_named_by_its_place() -> None:
    made = profile(installments="{rows: plan, line_id: i, due_on: d, amount_minor: a}")
    rows = [{"i": 1, "d": "2026-03-01", "a": 4}, {"i": 2, "d": "2026-03-31", "a": Decimal("6.00")}]
    assert mapped(made, {"plan": rows}).installments == TWO
    assert mapped(made, {"plan": []}).installments == mapped(made).installments == (Installment("", ON, 1000),)
    bad = [rows[0], {**rows[1], "a": Decimal("6.001")}]
    assert refusal(lambda: mapped(made, {"plan": bad})) == (
        "plan[1]: a: amount 6.001 has more than 2 decimal places for CNY", "plan[1].a", "too_precise"
    )  # fmt: skip
    for odd in ({"i": 1}, "x", [rows[0], "x"]):
        assert refusal(lambda odd=odd: mapped(made, {"plan": odd}))[1:] == ("plan", "bad_shape")
    assert refusal(lambda: mapped(made, {"plan": [7]}))[0] == "plan is not a list of rows"


def test_the_company_is_that_of_the_organisation_or_the_only_one() -> None:
    made = profile(company_ref="org")
    assert mapped(made, None, **{"100": "cn", "200": "hk"}).company_ref == "cn"
    assert mapped(made, {"org": 200}, **{"100": "cn", "200": "hk"}).company_ref == "hk"
    assert mapped(made, {"org": "300"}, **{"": "one"}).company_ref == "one"
    assert mapped(profile(), None, **{"": "one"}).company_ref == "one"
    assert refusal(lambda: mapped(made, {"org": "300"}, **{"100": "cn"})) == (
        "org: organisation '300' belongs to no configured company", "org", "unmapped_company"
    )  # fmt: skip
    assert refusal(lambda: mapped(made, {"org": ""}, **{"100": "cn"})) == (
        "org names no organisation",
        "org",
        "missing",
    )
    assert refusal(lambda: mapped(profile(), None, **{"100": "cn"})) == (
        "company_ref names no organisation", "company_ref", "missing"
    )  # fmt: skip


def test_a_party_belongs_to_no_company_where_none_is_implied() -> None:
    text = "vendor: v\nstream: s\nmakes: party\nfields: {external_id: id, names: {list: [n]}, company_ref: org}"
    made = build(parse(text, "t"), vendor="v", stream="s")

    def company(record: dict[str, Any], companies: dict[str, str]) -> str:
        found = map_object(made, {"id": "1", "n": "a", **record}, MappingContext("UTC", companies=companies))
        assert isinstance(found, PartyCandidate)
        return found.company_ref

    assert company({}, {"": "one"}) == "one"
    assert company({}, {"100": "cn"}) == PartyCandidate("1", names=("a",)).company_ref
    assert company({"org": "100"}, {"100": "cn"}) == "cn"


def test_what_is_no_record_is_refused_and_what_is_not_ours_is_left_out() -> None:
    made, context = profile(), MappingContext("UTC", companies={"": "cn"})
    for landed in (True, False):
        assert refusal(lambda landed=landed: map_record(made, b"[1]", context, is_landed=landed)) == (
            "the record is not a JSON object", "", "bad_payload"
        )  # fmt: skip
        assert refusal(lambda landed=landed: map_record(made, b"{", context, is_landed=landed))[2] == "bad_payload"
    assert refusal(lambda: map_record(made, b'{"id": 1, "id": 2}', context)) == (
        "duplicate JSON key 'id'",
        "",
        "bad_payload",
    )
    text = HEAD.replace("fields", "skip: [{when: {path: cur, is: CNY}, reason: not ours}]\nfields") + "".join(
        f"  {name}: {value}\n" for name, value in FIELDS.items()
    )
    assert map_object(build(parse(text, "t"), vendor="v", stream="s"), RECORD, context) == Skip("not ours")


def test_a_claim_may_say_no_amount_and_nobody() -> None:
    text = (
        "vendor: v\nstream: s\nmakes: claim\nfields: {external_id: id, kind: {const: deal}, label: no, currency: cur}"
    )
    made = map_object(build(parse(text, "t"), vendor="v", stream="s"), RECORD, MappingContext("UTC"))
    assert (made.party_ref, made.amount_minor) == ("", None)  # type: ignore[union-attr]  # a claim, by its profile
