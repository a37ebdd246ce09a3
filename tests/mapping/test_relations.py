"""Branches, groups and further names: found beside customers, never as a merge, and nothing where two may be meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.identity.facts import PartyFacts
from mapping.identity.link import judge
from mapping.identity.matching import match
from mapping.identity.relations import head_of, is_branch, is_group, may_relate, members_of, other_names
from tests.mapping.invented import FIRM, NAMES, record, same
from tests.mapping.test_identity_link import TAX, TAX2, code, party

BRANCH = FIRM + "厦门分公司"
GROUP = "澄砚集团有限公司"
SISTER = "深圳市澄砚投资有限公司"
SHARED = {"website": "chengyan.cn"}


def ref(found: PartyFacts | None) -> str | None:
    return found.ref if found is not None else None


def test_a_branch_belongs_to_the_head_office_that_bears_its_name() -> None:
    branch = party("b", BRANCH, code(3))
    others = [party("acc_1", FIRM, TAX), party("z", "上海澄砚智能装备有限公司", TAX2), party("y", GROUP)]
    assert ref(head_of(branch, others)) == "acc_1"
    assert ref(head_of(party("b", "中国工商银行西安东大街支行"), [party("h", "中国工商银行股份有限公司")])) == "h"
    assert ref(head_of(party("b", "江苏银行苏州金阊支行"), [party("h", "江苏银行股份有限公司")])) == "h"
    assert head_of(branch, [party("z", "上海澄砚智能装备有限公司", TAX2)]) is None
    assert head_of(branch, [party("z", FIRM + "成都分公司")]) is None, "a sister branch is no head office"


def test_a_head_office_of_which_two_legal_persons_bear_the_name_is_not_guessed() -> None:
    branch = party("b", BRANCH)
    assert head_of(branch, [party("acc_1", FIRM, TAX), party("acc_2", FIRM, TAX2)]) is None
    assert ref(head_of(branch, [party("z", FIRM, TAX), party("acc_2", FIRM, TAX)])) == "acc_2", "the books stand for it"


def test_a_member_of_a_group_bears_its_brand_and_shares_a_contact() -> None:
    group = party("g", GROUP, TAX, **SHARED)
    assert [one.ref for one, _ in members_of(group, [party("m", SISTER, TAX2, **SHARED), party("n", SISTER)])] == ["m"]
    assert members_of(group, [party("m", "深圳市沐珩投资有限公司", TAX2, **SHARED)]) == []
    assert members_of(group, [party("m", SISTER, TAX, **SHARED)]) == [], "one tax id is one legal person"
    assert members_of(group, [party("m", SISTER + "厦门分公司", **SHARED)]) == []
    assert members_of(group, [party("m", "澄砚控股集团有限公司", **SHARED)]) == [], "another group"


def test_names_that_are_no_spelling_of_those_of_the_books_are_further_names() -> None:
    books = [party("acc_1", FIRM, TAX)]
    renamed = party("z", "深圳市沐珩食品有限公司", TAX, names=(FIRM,))
    assert [name.raw for name in other_names(renamed, books)] == ["深圳市沐珩食品有限公司"]
    for spelling in (FIRM, f"【老客户】{FIRM}", "澄砚智能装备", "深圳市澄砚智能装备股份有限公司"):
        assert other_names(party("z", spelling, TAX), books) == [], spelling
    assert other_names(party("z", "Chengyan Intelligent", TAX), books) == [], "another script is compared with none"


def test_a_former_name_in_brackets_is_a_further_name_and_a_spelling_of_an_umlaut_is_none() -> None:
    renamed = party("z", f"深圳市沐珩食品有限公司（原{FIRM}）", TAX)
    assert [name.raw for name in other_names(renamed, [party("acc_1", "深圳市沐珩食品有限公司", TAX)])] == [FIRM]
    assert other_names(party("z", "Müßig Größe GmbH", TAX), [party("acc_1", "Mussig Grosse GmbH", TAX)]) == []


@pytest.mark.parametrize("name", [BRANCH, GROUP, "澄砚集團有限公司", "Alder Holdings plc", "Alder Ltd London Branch"])
def test_only_names_that_say_branch_or_group_are_looked_at(name: str) -> None:
    assert may_relate((name,))
    assert not may_relate((FIRM, "Alder Tools Ltd"))


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.sampled_from((*NAMES, SISTER)), st.sampled_from(("", TAX, TAX2)), st.booleans()), max_size=6)
)
def test_what_is_related_is_never_linked_by_machine(rows: list[tuple[str, str, bool]]) -> None:
    made = [party(f"r{n}", name, tax, **(SHARED if shared else {})) for n, (name, tax, shared) in enumerate(rows)]
    for one in made:
        others = [other for other in made if other.ref != one.ref]
        related = [found.ref for found, _ in members_of(one, others)] if is_group(one) else []
        related += [head.ref for head in [head_of(one, others)] if is_branch(one) and head is not None]
        for other in others:
            if other.ref in related:
                book = party(other.ref, rows[made.index(other)][0], rows[made.index(other)][1], side="books")
                assert judge(one, [book]).outcome != "link", (one, other)


def test_a_short_name_that_two_customers_bear_links_nobody() -> None:
    """An alias of two customers is ambiguous, whatever contact it comes with."""
    contact = {"phone": "0755-26731188", "city": "深圳"}
    one = record("a/1", FIRM, TAX, names=("岚序",), **contact)
    other = record("b/1", "深圳市沐珩食品有限公司", TAX2, names=("岚序",), **contact)
    row = record("z/1", "岚序", **contact)
    made = match([one, other, row])
    assert not same(made, "z/1", "a/1")
    assert not same(made, "z/1", "b/1")
    assert {frozenset((question.ref, question.other)) for question in made.questions} >= {frozenset(("a/1", "z/1"))}
    assert same(match([one, row]), "z/1", "a/1"), "borne by one it is enough with a landline"
