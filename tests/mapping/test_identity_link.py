"""The judgement on customers: sufficient rules, vetoes, rivals, answers of people, independence of order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import link_keys
from mapping.identity.link import RULE_VERSION, judge
from mapping.identity.tax_ids import organisation_check, uscc_check
from tieout.canonical.parties import PartyCandidate

NAME = "深圳市澄砚智能装备有限公司"


def code(number: int, region: str = "440305") -> str:
    body = f"MA{number:06d}"
    first = "91" + region + body + organisation_check(body)
    return first + uscc_check(first)


TAX, TAX2 = code(1), code(2)


def party(ref: str, name: str = NAME, tax: str = "", side: str = "crm", group: str = "", **more: Any) -> PartyFacts:
    candidate = PartyCandidate(ref, (name, *more.pop("names", ())), tax_ids=(tax,) if tax else (), **more)
    return facts(ref, candidate, side=side, group=group)


def book(ref: str, name: str = NAME, tax: str = "", **more: Any) -> PartyFacts:
    return party(ref, name, tax, side="books", **more)


def codes(verdict: Any) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def test_an_equal_tax_id_links() -> None:
    verdict = judge(party("z1", "澄砚", TAX), [book("k1", tax=TAX), book("k2", "上海沐珩食品有限公司", TAX2)])
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("link", ("k1",), "tax_id")
    assert verdict.rule_version == RULE_VERSION
    reason = verdict.reasons[0]
    assert (reason.code, reason.mine, reason.theirs, reason.ref) == ("tax_id_equal", TAX, TAX, "k1")


def test_the_old_fifteen_digit_number_links() -> None:
    assert judge(party("z1", "澄砚", TAX[2:17]), [book("k1", tax=TAX)]).rule == "tax_id"


def test_a_pasted_parent_tax_id_goes_to_a_person() -> None:
    verdict = judge(party("z1", "上海沐珩食品有限公司", TAX), [book("k1", tax=TAX)])
    assert verdict.outcome == "review"
    assert "names_share_nothing" in codes(verdict)


def test_an_equal_tax_id_with_names_in_two_scripts_links() -> None:
    name = "Chengyan Intelligent Equipment (Shenzhen) Co., Ltd."
    assert judge(party("z1", name, TAX), [book("k1", tax=TAX)]).outcome == "link"


def test_an_equal_tax_id_against_two_customers_is_ambiguous() -> None:
    verdict = judge(party("z1", tax=TAX), [book("k1", tax=TAX), book("k2", tax=TAX)])
    assert verdict.outcome == "review"
    assert "ambiguous" in codes(verdict)


def test_two_accounts_of_one_customer_are_not_ambiguous() -> None:
    verdict = judge(party("z1", tax=TAX), [book("k1", tax=TAX, group="c1"), book("k2", tax=TAX, group="c1")])
    assert (verdict.outcome, verdict.refs) == ("link", ("k1", "k2"))


@pytest.mark.parametrize(
    "spelling", [NAME, "深圳市澄砚智能裝備有限公司", "深圳市澄砚 智能装备有限公司", "【重点】" + NAME]
)
def test_an_exact_legal_name_links(spelling: str) -> None:
    verdict = judge(party("z1", spelling), [book("k1")])
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("link", ("k1",), "legal_name")


def test_an_equal_name_with_another_valid_tax_id_goes_to_a_person() -> None:
    verdict = judge(party("z1", tax=TAX), [book("k1", tax=TAX2)])
    assert verdict.outcome == "review"
    assert {"legal_name_equal", "tax_id_conflict"} <= codes(verdict)
    conflict = next(reason for reason in verdict.reasons if reason.code == "tax_id_conflict")
    assert (conflict.mine, conflict.theirs) == (TAX, TAX2)


def test_a_mistyped_tax_id_does_not_stop_an_equal_name() -> None:
    typo = TAX[:5] + ("9" if TAX[5] != "9" else "8") + TAX[6:]
    assert judge(party("z1", tax=typo), [book("k1", tax=TAX)]).outcome == "link"


def test_an_equal_name_twice_on_the_other_side_is_ambiguous() -> None:
    verdict = judge(party("z1"), [book("k1"), book("k2")])
    assert verdict.outcome == "review"
    assert "ambiguous" in codes(verdict)


def test_duplicates_on_the_own_side_go_to_a_person() -> None:
    for tax in ("", TAX):
        verdict = judge(party("z1", tax=tax), [book("k1", tax=tax), party("z2", tax=tax)])
        assert verdict.outcome == "review"
        assert "duplicate_in_source" in codes(verdict)


def test_a_weaker_rival_does_not_stop_a_tax_id() -> None:
    strong, weak = party("z1", tax=TAX), party("z2")
    assert judge(strong, [book("k1", tax=TAX), weak]).outcome == "link"
    assert judge(weak, [book("k1", tax=TAX), strong]).outcome == "review"


def test_a_branch_is_never_merged_with_its_head_office() -> None:
    branch = NAME + "厦门分公司"
    assert judge(party("z1", branch, TAX), [book("k1", tax=TAX)]).outcome == "review"
    separate = judge(party("z1", branch), [book("k1")])
    assert separate.outcome == "separate"
    assert judge(party("z1", branch), [book("k1"), book("k2", branch)]).refs == ("k2",)


def test_tax_id_and_name_that_point_at_two_customers_go_to_a_person() -> None:
    verdict = judge(party("z1", tax=TAX), [book("k1", "深圳市澄砚科技有限公司", TAX), book("k2")])
    assert verdict.outcome == "review"
    assert "name_says_other" in codes(verdict)


def test_a_group_that_holds_another_tax_id_is_not_joined() -> None:
    verdict = judge(party("z1", tax=TAX), [book("k1", group="c1"), book("k2", "澄砚", TAX2, group="c1")])
    assert verdict.outcome == "review"
    assert "tax_id_conflict" in codes(verdict)


def test_legal_persons_that_a_person_put_together_do_not_stop_each_other() -> None:
    merged = facts(
        "k2",
        PartyCandidate("k2", ("上海沐珩食品有限公司",), tax_ids=(TAX2,)),
        side="books",
        group="c1",
        rule="must_link",
    )
    verdict = judge(party("z1", tax=TAX), [book("k1", tax=TAX, group="c1"), merged])
    assert (verdict.outcome, verdict.refs, verdict.rule) == ("link", ("k1",), "tax_id")


def test_english_names_equal_but_chinese_names_different_go_to_a_person() -> None:
    english = "Chengyan Equipment Co., Ltd."
    verdict = judge(party("z1", NAME, names=(english,)), [book("k1", "深圳市澄砚科技有限公司", names=(english,))])
    assert verdict.outcome == "review"
    assert "legal_name_differs" in codes(verdict)


def test_a_short_name_is_a_suggestion_with_reasons() -> None:
    verdict = judge(party("z1", "澄砚"), [book("k1"), book("k2", "上海沐珩食品有限公司")])
    assert verdict.outcome == "review"
    assert [suggestion.ref for suggestion in verdict.suggestions] == ["k1"]
    assert "han_brand" in {reason.code for reason in verdict.suggestions[0].reasons}
    assert all(reason.weight for reason in verdict.suggestions[0].reasons)


def test_nothing_in_common_is_separate() -> None:
    verdict = judge(party("z1"), [book("k1", "上海沐珩食品有限公司")])
    assert (verdict.outcome, verdict.refs, verdict.suggestions) == ("separate", (), ())
    assert judge(party("z1"), []).outcome == "separate"


def test_people_come_first() -> None:
    record, target = party("z1", tax=TAX), book("k1", tax=TAX2)
    linked = judge(record, [target], must_link=[("k1", "z1")])
    assert (linked.outcome, linked.refs, linked.rule) == ("link", ("k1",), "must_link")
    parted = judge(party("z1"), [book("k1")], must_not_link=[("z1", "k1")])
    assert (parted.outcome, parted.suggestions) == ("separate", ())
    one_left = judge(party("z1"), [book("k1"), book("k2")], must_not_link=[("z1", "k1")])
    assert (one_left.outcome, one_left.refs) == ("link", ("k2",))


def test_a_refused_record_parts_from_its_whole_customer() -> None:
    verdict = judge(party("z1"), [book("k1", group="c1"), book("k2", group="c1")], must_not_link=[("z1", "k1")])
    assert verdict.outcome == "separate"


def test_a_person_may_part_a_record_from_a_customer_by_its_id() -> None:
    assert judge(party("z1"), [book("k1", group="cus_1")], must_not_link=[("z1", "cus_1")]).outcome == "separate"
    linked = judge(party("z1"), [book("k1", group="cus_1")], must_link=[("z1", "cus_2")])
    assert (linked.outcome, linked.refs) == ("link", ("cus_2",))


def test_a_loose_record_of_a_further_system_makes_nothing_ambiguous() -> None:
    loose = party("s1", tax=TAX, side="other_crm")
    for tax in (TAX, ""):
        verdict = judge(party("z1", tax=tax), [book("k1", tax=tax, group="c1"), loose])
        assert (verdict.outcome, verdict.refs) == ("link", ("k1",))
    assert judge(party("z1", tax=TAX), [book("k1", tax=TAX, group="c1"), book("k2", tax=TAX)]).outcome == "review"


def test_answers_that_contradict_go_back() -> None:
    verdict = judge(party("z1"), [book("k1")], must_link=[("z1", "k1")], must_not_link=[("k1", "z1")])
    assert (verdict.outcome, codes(verdict)) == ("review", {"answers_contradict"})
    group = [book("k1", group="c1"), book("k2", group="c1")]
    assert judge(party("z1"), group, must_link=[("z1", "k1")], must_not_link=[("z1", "k2")]).outcome == "review"


def test_keys_bring_together_what_the_rules_need() -> None:
    def keys(**more: Any) -> set[tuple[str, str]]:
        return {(key.kind, key.value) for key in link_keys(PartyCandidate("x", **more))}

    assert keys(names=(NAME,)) & keys(names=("深圳市澄砚智能裝備有限公司",)) & {("name", NAME)}
    assert keys(names=("a",), tax_ids=(TAX,)) & keys(names=("b",), tax_ids=(TAX[2:17],)) == {
        ("tax", f"cn:{TAX[2:17]}"),
        ("org", TAX[8:17]),
    }
    typo = TAX[:5] + ("9" if TAX[5] != "9" else "8") + TAX[6:]
    assert ("org", TAX[8:17]) in keys(names=("b",), tax_ids=(typo,))
    assert ("brand", "澄砚") in keys(names=("澄砚",)) & keys(names=(NAME,))
    assert not {kind for kind, _ in keys(names=("澄砚",))} & {"name", "tax"}


POOL = [
    (name, tax)
    for name in (NAME, "澄砚", "深圳市澄砚科技有限公司", NAME + "厦门分公司", "上海澄砚智能装备有限公司")
    for tax in ("", TAX, TAX2)
]


@given(
    st.lists(st.tuples(st.sampled_from(POOL), st.booleans(), st.sampled_from(("", "c1", "c2"))), max_size=6), st.data()
)
def test_the_order_of_candidates_does_not_matter(
    drawn: list[tuple[tuple[str, str], bool, str]], data: st.DataObject
) -> None:
    made = [
        party(f"r{index}", name, tax, side="crm" if own else "books", group=group)
        for index, ((name, tax), own, group) in enumerate(drawn)
    ]
    record = party("z", *data.draw(st.sampled_from(POOL)))
    pairs = [("z", f"r{index}") for index in range(len(made))]
    must = data.draw(st.lists(st.sampled_from(pairs), max_size=1)) if pairs else []
    must_not = data.draw(st.lists(st.sampled_from(pairs), max_size=2)) if pairs else []
    first = judge(record, made, must, must_not)
    assert judge(record, data.draw(st.permutations(made)), must, must_not) == first
    assert (first.outcome == "link") == bool(first.refs) == bool(first.rule)
    refused = {b for _, b in must_not}
    assert not refused & set(first.refs)
    by_ref = {one.ref: one for one in made}
    for ref in first.refs:
        assert by_ref[ref].side == "books" or first.rule == "must_link"
        if first.rule != "must_link":
            valid = {one.key for one in (*record.valid_tax_ids, *by_ref[ref].valid_tax_ids)}
            assert len(valid) <= 1
