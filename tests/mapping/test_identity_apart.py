"""Records that must not become one customer by machine, by both ways: many matched at once and one judged alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from mapping.identity.evidence import compare
from mapping.identity.link import judge
from mapping.identity.matching import match, prepare
from mapping.identity.packed import packed, unpacked
from mapping.identity.rivals import BY_MASK
from mapping.identity.stored import restored, stored
from mapping.identity.weights import VETOES, barred, weights
from tests.mapping.invented import FIRM, PLACE, ROWS, record, same, two
from tests.mapping.test_identity_link import TAX, party

Side = tuple[str, str, dict[str, Any]]  # name, tax id, other fields


def side(name: str, tax: str = "", **more: Any) -> Side:
    return name, tax, more


def linked(one: Side, other: Side) -> set[str]:
    """How the two ways settle a pair; a set of one word where they agree."""
    left, right = (record(ref, name, tax, **more) for ref, (name, tax, more) in (("z/1", one), ("a/1", other)))
    batch = two(left, right)
    out = {"auto" if batch == "auto" else "apart"}
    for (name, tax, more), (its, its_tax, its_more) in ((one, other), (other, one)):
        verdict = judge(party("z/1", name, tax, **more), [party("a/1", its, its_tax, side="books", **its_more)])
        out.add("auto" if verdict.outcome == "link" else "apart")
    return out


@pytest.mark.parametrize("contact", [{}, {"phone": PLACE["phone"]}, PLACE])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("深圳市澄砚科技经营部", "深圳市澄砚科技有限公司"),
        ("深圳澄砚医院", "深圳澄砚有限公司"),
        ("深圳澄砚投资合伙企业(有限合伙)", "深圳澄砚投资有限公司"),
        ("深圳澄砚会计师事务所", "深圳澄砚会计师有限公司"),
        ("澄砚加工厂", "澄砚有限公司"),
        ("澄砚加工厂", "深圳市澄砚有限公司"),
        ("深圳市澄砚电子厂", "深圳市澄砚电子有限公司"),
        ("澄砚智能研究院", "澄砚智能有限公司"),
        ("深圳市澄砚食品个体户", "深圳市澄砚食品有限公司"),
    ],
)
def test_two_kinds_of_legal_person_are_two_customers(left: str, right: str, contact: dict[str, str]) -> None:
    assert linked(side(left, **contact), side(right, **contact)) == {"apart"}
    assert linked(side(left, TAX), side(right, TAX)) == {"apart"}


def test_a_firm_whose_name_holds_another_form_is_one_with_and_without_its_own() -> None:
    assert linked(side("深圳澄砚会计师事务所", TAX), side("深圳澄砚会计师事务所有限公司", TAX)) == {"auto"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("中山东路支行", "山东路支行"),
        ("大东街支行", "东街支行"),
        ("十一分店", "一分店"),
        ("第十一分公司", "一分公司"),
        ("上海江东分公司", "东分公司"),
        ("东莞分公司", "分公司"),
        ("上海中心支行", "深圳中心支行"),
        ("南山门店", "福田门店"),
        ("通信事业部", "电源事业部"),
        ("南山店", "福田店"),
        ("南山门店", ""),
        ("通信事业部", ""),
        ("南山店", ""),
    ],
)
def test_two_branches_and_a_branch_and_its_head_office_stay_apart(left: str, right: str) -> None:
    assert linked(side(FIRM + left), side(FIRM + right)) == {"apart"}
    assert linked(side(FIRM + left, TAX), side(FIRM + right, TAX)) == {"apart"}


def test_a_branch_without_a_name_of_its_own_is_asked_about() -> None:
    left, right = record("z/1", FIRM + "东莞分公司", TAX), record("a/1", FIRM + "分公司", TAX)
    assert two(left, right) == "review"
    verdict = judge(party("z/1", FIRM + "东莞分公司", TAX), [party("a/1", FIRM + "分公司", TAX, side="books")])
    assert verdict.outcome == "review"
    assert "branch_unclear" in {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize("left", ["澄砚便利店南山店", "澄砚南山店", "澄砚便利店"])
def test_two_shops_of_a_chain_stay_apart(left: str) -> None:
    right = left.replace("南山", "福田") if "南山" in left else "澄砚福田店"
    assert linked(side(left, TAX), side(right, TAX)) == {"apart"}
    assert linked(side(left, **PLACE), side(right, **PLACE)) == {"apart"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("厦门集美分公司", "集美分公司"),
        ("第一分公司", "一分公司"),
        ("深圳市分公司", "深圳分公司"),
        ("南山门店", "南山门店"),
    ],
)
def test_a_branch_written_in_two_ways_is_one(left: str, right: str) -> None:
    assert linked(side(FIRM + left), side(FIRM + right)) == {"auto"}


OTHER = "上海沐珩食品有限公司"
GROUP = "澄砚集团有限公司"
SISTER = "深圳市澄砚投资有限公司"


@pytest.mark.parametrize("bridge", ["测试", "Chengyan", "澄砚", "澄砚智能", "Chengyan Intelligent Equipment"])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (side(FIRM, TAX), side(OTHER, TAX)),
        (side(FIRM, TAX, **PLACE), side(OTHER, TAX, **PLACE)),
        (side(GROUP, **PLACE), side(FIRM, **PLACE)),
        (side(GROUP, TAX, **PLACE), side(FIRM, **PLACE)),
        (side(SISTER, **PLACE), side(FIRM, **PLACE)),
        (side("王小明", **PLACE), side(FIRM, **PLACE)),
        (side("王小明", **PLACE), side(FIRM, TAX, **PLACE)),
        (side("深圳市澄砚科技经营部", **PLACE), side(FIRM, **PLACE)),
    ],
)
def test_a_third_record_never_joins_two_that_are_held_as_a_pair(left: Side, right: Side, bridge: str) -> None:
    """Whatever the third one shares with both, in every order of systems, and for one record beside a customer."""
    (name, tax, more), (its, its_tax, its_more) = left, right
    third = TAX if tax and its_tax else ""
    for first, last, between in (("a/1", "b/1", "z/1"), ("z/1", "b/1", "a/1"), ("a/1", "z/1", "b/1")):
        rows = [record(first, name, tax, **more), record(last, its, its_tax, **its_more)]
        made = match([*rows, record(between, bridge, third, **more)])
        assert not same(made, first, last)
    for (one, id_, rest), (other, other_id, others) in ((left, right), (right, left)):
        customer = [
            party("k1", other, other_id, side="books", group="c1", **others),
            party("f1", bridge, third, side="further", group="c1", **others),
        ]
        assert judge(party("z1", one, id_, **rest), customer).outcome != "link"


def test_what_a_person_put_together_does_not_stop_what_fits_one_of_the_two() -> None:
    rows = [record("a/1", GROUP, TAX, **PLACE), record("b/1", FIRM, **PLACE), record("z/1", FIRM, **PLACE)]
    assert same(match(rows, must_link=[("a/1", "b/1")]), "a/1", "z/1")
    assert not same(match(rows), "a/1", "z/1")


@pytest.mark.parametrize(
    ("name", "contact"),
    [
        (GROUP, {}),
        (GROUP, PLACE),
        ("澄砚集团", {}),
        ("深圳市澄砚智能装备集团有限公司", {}),
        ("Chengyan Group", {}),
        ("上海澄砚投资有限公司", {}),
        ("上海澄砚智能装备有限公司", {}),
        ("深圳砚台食品有限公司", {}),
        ("Muheng Foods Co., Ltd.", {}),
        ("Muheng Foods Co., Ltd.", PLACE),
    ],
)
def test_an_equal_tax_id_of_a_group_another_place_or_another_firm_goes_to_a_person(
    name: str, contact: dict[str, str]
) -> None:
    assert linked(side(name, TAX, **contact), side(FIRM, TAX, **contact)) == {"apart"}
    assert two(record("z/1", name, TAX, **contact), record("a/1", FIRM, TAX, **contact)) == "review"
    verdict = judge(party("z1", name, TAX, **contact), [party("k1", FIRM, TAX, side="books", **contact)])
    assert verdict.outcome == "review"


def test_one_character_in_common_is_no_brand_in_common() -> None:
    assert linked(side("上海新奥贸易有限公司", TAX), side("上海新星科技有限公司", TAX)) == {"apart"}
    assert linked(side("深圳市澄研智能装备有限公司", TAX), side(FIRM, TAX)) == {"auto"}, "a homophone"


@pytest.mark.parametrize("contact", [PLACE, {key: PLACE[key] for key in ("phone", "website")}])
@pytest.mark.parametrize(
    "name",
    [
        "Chengyan Group", "Chengyan Holdings", "Chengyan Foods", "Chengyan Investment Co., Ltd.", "Muheng Ltd",
        "Muheng International", "Wang Xiaoming", "Mr. John Smith", "John Smith",
    ],
)  # fmt: skip
def test_under_one_roof_a_relative_or_a_person_is_not_the_firm(name: str, contact: dict[str, str]) -> None:
    assert linked(side(name, **contact), side(FIRM, TAX, **contact)) == {"apart"}


@pytest.mark.parametrize(
    "name",
    [
        *"测试有限公司 测试科技有限公司 深圳市测试科技有限公司 待定有限公司 某某有限公司".split(),
        *"XXX有限公司 待确认 待补充 测试用户".split(),
        *"test客户 测试请勿删除 asdf 现金客户 ABC公司 demo公司 xx公司 同上 测试123 【测试】 aaa todo".split(),
        "Test Company Ltd", "test1 test", "Unknown Customer", "dummy customer", "No Name", "Test Ltd", "n.a.",
        "to be confirmed",
    ],
)  # fmt: skip
def test_a_name_that_fills_a_field_is_nobodys(name: str) -> None:
    assert linked(side(name), side(name)) == {"apart"}
    assert linked(side(name, **PLACE), side(name, **PLACE)) == {"apart"}
    assert linked(side(name, TAX), side(FIRM, TAX)) == {"apart"}, "an id alone does not say whose it is"
    assert two(record("z/1", name, TAX), record("a/1", FIRM, TAX)) == "review"
    assert judge(party("z1", name, TAX), [party("k1", FIRM, TAX, side="books")]).outcome == "review"


@pytest.mark.parametrize(
    "name",
    ["中国测试技术研究院", "深圳市华测检测有限公司", "ABC Tools Company", "Test Equipment Ltd", "Sample Bridge Ltd"],
)
def test_a_real_name_that_looks_like_one_is_somebodys(name: str) -> None:
    assert linked(side(name), side(name)) == {"auto"}


def test_a_person_may_say_whose_a_nameless_record_is() -> None:
    rows = [record("a/1", FIRM, TAX), record("b/1", "测试", TAX), record("z/1", FIRM, TAX)]
    made = match(rows, must_link=[("a/1", "b/1")])
    assert same(made, "a/1", "z/1")
    assert same(made, "b/1", "z/1")


@pytest.mark.parametrize(
    ("left", "right", "contact"),
    [
        ("王小明", "深圳市王小明餐饮有限公司", {"phone": PLACE["phone"]}),
        ("王小明", "王小明餐饮有限公司", PLACE),
        ("王小明", "王小明有限公司", {}),
        ("王小明", FIRM, PLACE),
        ("王小明", "Chengyan Intelligent Equipment", PLACE),
        ("王伟", "王伟", {"city": "深圳", "website": "chengyan.cn"}),
        ("欧阳明华", "欧阳明华", {"city": "深圳", "website": "chengyan.cn"}),
        ("王小明先生", "王小明先生", {"city": "深圳", "website": "chengyan.cn"}),
        ("Wang Xiaoming", FIRM, PLACE),
        ("Wang Xiaoming", "Wang Xiaoming Equipment Co., Ltd.", PLACE),
        ("Mr. John Smith", FIRM, PLACE),
        ("John Smith", "John Smith", {"city": "London", "website": "alderbridge.co.uk"}),
        ("John Smith", "John Smith Tools Ltd", {"city": "London", "phone": "+44 20 7946 0011"}),
    ],
)
def test_people_are_asked_about(left: str, right: str, contact: dict[str, str]) -> None:
    assert linked(side(left, **contact), side(right, **contact)) == {"apart"}


@pytest.mark.parametrize("name", ["澄砚智能", "Chengyan Equipment", "澄砚"])
def test_the_short_name_of_a_firm_is_nobodys_own(name: str) -> None:
    assert linked(side(name, **PLACE), side(FIRM, **PLACE)) == {"auto"}


@pytest.mark.parametrize("contact", [{}, {"city": "深圳"}, PLACE])
def test_two_districts_of_one_city_are_asked_about(contact: dict[str, str]) -> None:
    left, right = "深圳市南山区澄砚科技有限公司", "深圳市福田区澄砚科技有限公司"
    assert linked(side(left, **contact), side(right, **contact)) == {"apart"}
    assert two(record("z/1", left, **contact), record("a/1", right, **contact)) == "review"
    bare = record("b/1", "深圳市澄砚科技有限公司", **contact)
    assert not same(match([record("z/1", left, **contact), record("a/1", right, **contact), bare]), "z/1", "a/1")


def test_a_district_that_one_side_leaves_out_says_nothing() -> None:
    left, right = "深圳市南山区澄砚科技有限公司", "深圳市澄砚科技有限公司"
    assert linked(side(left, city="深圳"), side(right, city="深圳")) == {"auto"}
    assert linked(side(left, TAX), side(left.replace("南山", "福田"), TAX)) == {"auto"}, "a firm that moved"


def test_a_district_is_stored_with_the_record() -> None:
    known = party("z/1", "深圳市南山区澄砚科技有限公司")
    assert known.names[0].district == "南山"
    assert restored(stored(known), "z/1", "crm") == known
    assert unpacked("z/1", packed(known)).names == known.names


@settings(max_examples=200, deadline=None)
@given(ROWS.filter(lambda rows: 3 <= len(rows) <= 5))
def test_one_record_among_several_is_judged_as_many_are_matched(
    rows: list[tuple[str, str, str, dict[str, str]]],
) -> None:
    """Where the two ways differ, and why.

    Many matched at once know more than one judged alone: whether the two books that fit are one, and whether a further
    record fits the same book. So they may join what one alone asks about, and through a third record; and they may ask
    where one alone links, but only because another candidate about as good is somebody else. Neither ever puts two
    records together that are held apart as a pair.
    """
    refs = ["z/1", *(f"b/{n}" for n in range(1, len(rows)))]
    records = [record(ref, name, tax, **more) for ref, (_, name, tax, more) in zip(refs, rows, strict=True)]
    made, read = match(records), prepare(records)
    notes = {ref: BY_MASK[read.blocks.notes[at]] for ref, at in read.number_of().items()}
    known = {
        ref: party(ref, name, tax, side=ref[0], **more) for ref, (_, name, tax, more) in zip(refs, rows, strict=True)
    }
    verdict = judge(known["z/1"], [known[ref] for ref in refs[1:]], notes=notes)
    weigh = weights()

    def codes(one: str, other: str) -> tuple[str, ...]:
        return compare(known[one], known[other], notes[one] | notes[other]).codes

    def apart(one: str, other: str) -> bool:
        found = codes(one, other)
        thin = "tax_id_equal" not in found and weigh.score(found) < weigh.floor
        return thin or not VETOES.isdisjoint(found) or bool(barred(found))

    def near(one: str, other: str, least: int) -> bool:
        return same(made, one, other) or weigh.score(codes(one, other)) > least - weigh.margin

    def contested(ref: str) -> bool:
        least = weigh.score(codes("z/1", ref))
        return any(
            (apart("z/1", third) and near(third, ref, least)) or (apart(ref, third) and near(third, "z/1", least))
            for third in refs[1:]
            if third != ref
        )

    by_one, by_many = set(verdict.refs), {ref for ref in refs[1:] if same(made, "z/1", ref)}
    assert not [ref for ref in by_one | by_many if apart("z/1", ref)]
    assert all(contested(ref) for ref in by_one - by_many), (verdict, made)
    if by_many - by_one:
        through_others = len(by_many) > 1
        assert verdict.outcome == "review" or through_others or all(map(contested, by_one)), (verdict, made)
