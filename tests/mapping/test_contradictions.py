"""What no other evidence outweighs: vetoes and holds of a pair, of its customer's other members, of a document."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.identity.contradictions import against, contradictions, ranked
from mapping.identity.facts import facts
from mapping.identity.link import judge
from mapping.identity.weights import VETOES
from tests.mapping.test_identity_link import NAME, TAX, TAX2, book, party
from tieout.canonical.parties import PartyCandidate


@pytest.mark.parametrize("veto", sorted(VETOES))
def test_a_veto_contradicts_whatever_else_agrees(veto: str) -> None:
    assert contradictions(("tax_id_equal", "han_legal_equal", "region_equal", veto)) == (veto,)


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (("han_legal_equal", "region_equal", "phone_equal"), ()),
        (("han_stem_equal", "city_conflict"), ("city_conflict",)),
        (("tax_id_equal", "city_conflict"), ()),
        (("tax_id_equal", "names_share_nothing"), ("names_share_nothing",)),
        (("han_legal_equal", "region_equal", "address_differs"), ()),
        (("address_differs", "tax_id_conflict"), ("tax_id_conflict", "address_differs")),
        (("domain_differs", "trade_differs"), ()),
    ],
)
def test_holds_contradict_where_nothing_outranks_them(codes: tuple[str, ...], told: tuple[str, ...]) -> None:
    assert contradictions(codes) == told


def test_equal_names_with_two_tax_ids_are_contradicted_and_rank_last() -> None:
    verdict = judge(party("z1", NAME, TAX), [book("k1", NAME, TAX2), book("k2", "深圳澄砚智能装备")])
    rows = [
        {"target": one.ref, "points": one.points, "reasons": [{"code": r.code} for r in one.reasons]}
        for one in verdict.suggestions
    ]
    assert [row["target"] for row in rows] == ["k1", "k2"], "by points the contradicted one is ahead"
    assert [(one["target"], "tax_id_conflict" in one["contradictions"]) for one in ranked(rows)] == [
        ("k2", False),
        ("k1", True),
    ]


def test_what_vetoes_another_member_of_the_customer_counts_for_each() -> None:
    """The books' record has no tax id; the same customer's record of another CRM has another one."""
    mine = party("z1", NAME, TAX)
    books = book("k1", NAME, group="cus_1")
    other = facts("f1", PartyCandidate("f1", (NAME,), tax_ids=(TAX2,)), side="fxiaoke", group="cus_1")
    said = {one.ref: {r.code: r.ref for r in one.reasons} for one in judge(mine, [books, other]).suggestions}
    assert said["k1"]["tax_id_conflict"] == "f1"
    alone = {one.ref: {r.code for r in one.reasons} for one in judge(mine, [books]).suggestions}
    assert "tax_id_conflict" not in alone.get("k1", set())


def test_a_document_of_another_customer_is_contradicted_by_the_reasons_of_its_conflict() -> None:
    choice = {"target": "inv_1", "action": "bind", "reasons": [{"code": "number"}, {"code": "amount_differs"}]}
    why: list[dict[str, Any]] = [
        {"code": "customer_differs", "ref": "inv_1"},
        {"code": "document_taken", "ref": "inv_2"},
    ]
    assert against(choice, why) == ("customer_differs",)
    assert against(choice) == ()
    assert ranked("no list") == []
