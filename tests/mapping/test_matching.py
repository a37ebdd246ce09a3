"""Matching many records: what is linked, what is asked, what is kept apart; independence of order; the hard cases."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.identity.facts import facts
from mapping.identity.findings import GROUPS, findings, joined
from mapping.identity.link import judge
from mapping.identity.matching import Record, match
from mapping.identity.packed import packed, unpacked
from mapping.identity.weights import CROWDS, HOLDS, VETOES, held, weights
from tests.mapping.invented import FIRM, PLACE, ROWS, asked, record, same, two
from tests.mapping.test_identity_link import TAX, TAX2, code, party
from tieout.canonical.parties import PartyCandidate


def test_a_short_name_with_an_address_links_and_without_anything_it_is_asked() -> None:
    book = record("a/1", FIRM, TAX, **PLACE)
    assert two(record("z/1", "澄砚智能", address=PLACE["address"], city="深圳"), book) == "auto"
    assert two(record("z/1", "澄砚智能"), book) == "review"
    assert two(record("z/1", "上海沐珩食品有限公司"), book) == "separate"


def test_english_and_chinese_names_meet_by_sound_and_landline() -> None:
    book = record("a/1", FIRM, **PLACE)
    assert (
        two(record("z/1", "Chengyan Intelligent Equipment", phone="+86 755 26731188", city="Shenzhen"), book) == "auto"
    )


@pytest.mark.parametrize(("left", "right"), [("CN", "中国"), ("China", "CHN"), ("US", "USA"), ("GB", "UK")])
def test_a_country_written_in_two_ways_keeps_nobody_apart(left: str, right: str) -> None:
    assert two(record("z/1", FIRM, TAX, country=left), record("a/1", FIRM, TAX, country=right)) == "auto"


@pytest.mark.parametrize(
    ("left", "right", "more"),
    [
        ("61234567", "61234568", {}),
        ("715292693", "715292694", {}),
        ("136695975", "136695974", {"country": "DE"}),
        ("123456789", "123456789", {}),
        ("123456789012345678", "123456789012345678", {}),
    ],
)
def test_neighbouring_and_invented_ids_are_no_evidence(left: str, right: str, more: dict[str, str]) -> None:
    one, other = record("z/1", "Alder Tools", left, **more), record("a/1", "Alder Tools Trading GmbH", right, **more)
    assert two(one, other) != "auto"
    assert two(record("z/1", "Muheng Foods", left, **more), other) == "separate"


def test_two_numbers_of_one_exchange_are_no_common_landline() -> None:
    left = record("z/1", "Muheng Precision", phone="+886-2-2712-3456")
    assert two(left, record("a/1", "Muheng Precision Tools Co., Ltd.", phone="+886-2-2712-9999")) != "auto"
    for one, other in (("0755-2673-1188", "0755-2673-9999"), ("021-26731188", "0755-26731188"), ("00000000",) * 2):
        assert two(record("z/1", "澄砚", phone=one), record("a/1", "澄砚智能装备有限公司", phone=other)) != "auto"


def test_a_parents_tax_id_pasted_on_a_subsidiary_goes_to_a_person() -> None:
    parent = record("a/1", FIRM, TAX, **PLACE)
    assert two(record("z/1", "上海沐珩食品有限公司", TAX), parent) == "review"


def test_another_name_of_one_brand_with_the_same_tax_id_is_asked_about() -> None:
    """A firm that was renamed looks like a subsidiary with its parent's id; a name that states the former one tells."""
    assert two(record("z/1", "深圳市澄砚科技有限公司", TAX), record("a/1", FIRM, TAX)) == "review"
    assert two(record("z/1", f"深圳市澄砚科技有限公司（原{FIRM}）", TAX), record("a/1", FIRM, TAX)) == "auto"


def test_after_a_merger_the_two_legal_persons_stay_apart() -> None:
    assert two(record("z/1", FIRM, TAX2, **PLACE), record("a/1", FIRM, TAX, **PLACE)) == "separate"


def test_a_person_and_a_firm_with_one_phone_are_not_linked() -> None:
    firm = record("a/1", FIRM, TAX, phone="13800138000", city="深圳")
    assert two(record("z/1", "王小明", phone="13800138000", city="深圳"), firm) == "separate"


@pytest.mark.parametrize("shared", [{}, {"website": "chengyan.cn", "city": "深圳"}, PLACE])
def test_a_group_and_its_member_are_never_linked_by_machine(shared: dict[str, str]) -> None:
    assert two(record("z/1", "澄砚集团有限公司", **shared), record("a/1", FIRM, TAX, **shared)) != "auto"
    sister = record("z/1", "深圳市澄砚投资有限公司", **{k: v for k, v in shared.items() if k != "address"})
    assert two(sister, record("a/1", FIRM, TAX, **shared)) != "auto"


def test_franchise_names_in_two_cities_stay_apart() -> None:
    shop = {"website": "chengyan.cn"}
    left = record("z/1", "澄砚便利店(深圳)有限公司", city="深圳", **shop)
    assert two(left, record("a/1", "澄砚便利店(广州)有限公司", city="广州", **shop)) != "auto"


def test_two_branches_with_one_tax_id_stay_two_customers() -> None:
    left, right = record("z/1", FIRM + "厦门分公司", TAX), record("a/1", FIRM + "成都分公司", TAX)
    assert two(left, right) != "auto"
    bank = "中国工商银行股份有限公司"
    assert (
        two(record("z/1", bank + "西安东大街支行", city="西安"), record("a/1", bank + "西安南大街支行", city="西安"))
        != "auto"
    )
    assert two(record("z/1", "中国工商银行西安市东大街支行"), record("a/1", bank + "西安东大街支行")) == "auto"


@pytest.mark.parametrize(
    "name", "测试 测试1 待定 N/A test TEST2 无 - ??? 客户 123456 😀 有限公司 深圳 Shenzhen".split()
)
def test_placeholders_are_nobody(name: str) -> None:
    made = match([record(f"{side}/{n}", name, city="深圳") for side in "az" for n in range(2)])
    assert len(set(made.clusters.values())) == 4
    assert not made.questions


def test_emoji_and_lookalike_letters_do_not_hide_a_name() -> None:
    book = record("a/1", "Alder Bridge Tools Ltd", city="London", website="alderbridge.co.uk", phone="+44 20 7946 0011")
    fake = record("z/1", "Аldеr Bridge Tools Ltd", city="London", website="alderbridge.co.uk")
    assert two(fake, book) == "auto"
    assert two(record("z/1", "🔥" + FIRM + "🔥"), record("a/1", FIRM)) == "auto"
    for spelling in (
        FIRM.replace("市", "巿"),
        FIRM.replace("澄砚", "澄\u200b砚\ufe0f"),
        FIRM.replace("有", "有\u00a0"),
    ):
        assert two(record("z/1", spelling), record("a/1", FIRM)) == "auto", repr(spelling)
    assert two(record("z/1", "😀"), record("a/1", "🔥😀")) == "separate"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Alder Brіdge Tools Ltd", "Alder Bridge Tools Ltd"),
        ("Ѕolar Јet Ltd", "Solar Jet Ltd"),
        ("Αldег Bridge Tools Ltd", "Alder Bridge Tools Ltd"),
        ("深圳市ТСL科技有限公司", "深圳市TCL科技有限公司"),
        ("深圳市ТС科技有限公司", "深圳市TC科技有限公司"),
        ("Müller GmbH", "Mueller GmbH"),
        ("Müller GmbH", "Muller GmbH"),
        ("MÜLLER G.m.b.H.", "Müller GmbH"),
        ("Øresund AB", "Oresund AB"),
        ("Øresund AB", "Oeresund AB"),
        ("Łódzka Fabryka Sp. z o.o.", "Lodzka Fabryka Sp. z o.o."),
    ],
)
def test_lookalikes_and_umlauts_are_spellings_of_one_name(left: str, right: str) -> None:
    assert two(record("z/1", left), record("a/1", right)) == "auto"
    assert two(record("a/1", right), record("z/1", left)) == "auto"


@pytest.mark.parametrize(
    ("left", "right"), [("Blue GmbH", "Blu GmbH"), ("Ромашка", "Pomaшka"), ("Bauer Tools GmbH", "Baur Tools GmbH")]
)
def test_only_a_letter_with_a_mark_has_two_spellings(left: str, right: str) -> None:
    assert two(record("z/1", left), record("a/1", right)) != "auto"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (f"深圳市沐珩食品有限公司（原{FIRM}）", FIRM),
        (f"深圳市沐珩食品有限公司(曾用名:{FIRM})", FIRM),
        (f"深圳市沐珩食品有限公司（原名：{FIRM}）", FIRM),
        ("深圳市沐珩食品有限公司（原澄砚智能装备（深圳）有限公司）", "澄砚智能装备(深圳)有限公司"),
        ("Muheng Ltd (formerly Alder Bridge Ltd)", "Alder Bridge Ltd"),
        ("Muheng Ltd (formerly known as: Alder Bridge Ltd)", "Alder Bridge Limited"),
        ("Muheng Ltd f/k/a Alder Bridge Ltd", "Alder Bridge Ltd"),
        (f"深圳市沐珩食品有限公司（原{FIRM}）", "深圳市沐珩食品有限公司"),
        ("Muheng Ltd (formerly Alder Bridge Ltd)", "Muheng Limited"),
    ],
)
def test_a_former_name_that_a_name_states_is_a_further_name(left: str, right: str) -> None:
    renamed = record("z/1", left)
    assert two(renamed, record("a/1", right)) == "auto"
    assert two(record("z/1", left, TAX2), record("a/1", right, TAX)) == "separate"


@pytest.mark.parametrize("name", ["深圳市沐珩食品有限公司（原装）", "深圳市沐珩食品有限公司（原）", "原力科技有限公司"])
def test_a_remark_that_begins_like_a_former_name_is_none(name: str) -> None:
    known = facts("", PartyCandidate("", (name,)))
    assert len(known.names) == 1


def test_a_wholly_new_name_with_the_old_tax_id_is_asked() -> None:
    renamed = record("z/1", "深圳市沐珩食品有限公司", TAX, **PLACE)
    assert two(renamed, record("a/1", FIRM, TAX, **PLACE)) == "review"


def test_a_name_that_a_merged_firm_left_behind_is_not_taken_by_its_heir() -> None:
    heir, left = record("a/1", "深圳市沐珩食品有限公司", TAX2, **PLACE), record("z/1", FIRM, **PLACE)
    assert two(left, heir, record("b/1", FIRM, TAX, **PLACE)) != "auto"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("宁波银行", "宁波银行股份有限公司"),
        ("江苏银行苏州金阊支行", "江苏银行股份有限公司苏州金阊支行"),
        ("吉林省信托有限公司", "吉林省信托有限责任公司"),
        ("万方(香港)实业有限公司", "萬方實業（香港）有限公司"),
        ("新疆江之源股权投资合伙企业(有限合伙人)", "新疆江之源股权投资合伙企业（有限合伙）"),
        ("Alder & Bridge Company", "The Alder and Bridge Co."),
        ("A.B.C. Tools Company", "ABC Tools Company"),
        ("Alderbridge Union of the North S.A.", "Alderbridge Union of North SA"),
    ],
)
def test_names_that_are_spelled_in_two_ways_are_linked(left: str, right: str) -> None:
    assert two(record("z/1", left), record("a/1", right)) == "auto"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("江苏银行股份有限公司", "苏州银行股份有限公司"),
        ("宁波银行股份有限公司", "宁波证券股份有限公司"),
        ("江苏银行苏州金阊支行", "江苏银行股份有限公司苏州吴中支行"),
        ("宁波银行股份有限公司", "宁波通商银行股份有限公司"),
        ("宁波投资有限公司", "宁波投资"),
        ("银行", "银行股份有限公司"),
        ("万方实业(深圳)有限公司", "万方实业(香港)有限公司"),
        ("Alder Company", "Alder Tools Company"),
    ],
)
def test_names_that_share_a_licensed_trade_or_half_their_words_are_not(left: str, right: str) -> None:
    assert two(record("z/1", left), record("a/1", right)) != "auto"


def test_a_branch_is_the_same_branch_with_and_without_the_bank_between() -> None:
    bank = "中国工商银行股份有限公司"
    left, right = record("z/1", bank + "深圳分行中心区支行"), record("a/1", bank + "深圳中心区支行")
    assert two(left, right) == "auto"
    assert two(record("z/1", "中国建设银行成都总府支行"), record("a/1", "建设银行成都武侯支行")) != "auto"


def test_numbered_sisters_with_one_address_stay_apart() -> None:
    shared = {"address": "Harbour Street 15, Dublin", "phone": "+353 1 4960123", "city": "Dublin"}
    assert two(record("z/1", "Alder Fund IV LP", **shared), record("a/1", "Alder Fund V LP", **shared)) != "auto"
    here = {key: PLACE[key] for key in ("address", "phone", "city")}
    assert two(record("z/1", "澄砚第一建筑有限公司", **here), record("a/1", "澄砚第二建筑有限公司", **here)) != "auto"


def test_a_name_that_two_legal_persons_bear_needs_more() -> None:
    short = record("z/1", "澄砚智能装备", city="深圳", website="chengyan.cn")
    one = record("a/1", FIRM, TAX, city="深圳", website="chengyan.cn")
    other = record("b/1", "广州澄砚智能装备有限公司", TAX2)
    assert two(short, one) == "auto"
    assert two(short, one, other) != "auto"


def test_people_come_before_everything() -> None:
    left, right = record("z/1", FIRM, TAX), record("a/1", FIRM, TAX)
    assert same(match([left, right]), "z/1", "a/1")
    parted = match([left, right], must_not_link=[("a/1", "z/1")])
    assert not same(parted, "z/1", "a/1")
    assert not parted.questions
    strange = record("b/1", "上海沐珩食品有限公司", TAX2)
    assert same(match([left, strange], must_link=[("z/1", "b/1")]), "z/1", "b/1")


def _bearers(brands: str, count: int) -> list[Record]:
    """Legal persons of other trades and places that bear one of the brands, each with a tax id of its own."""
    places, trades = ("上海", "杭州", "成都", "武汉", "西安"), ("食品", "物流", "医药", "化工", "包装", "服装", "家具")
    kinds = [(place, trade) for trade in trades for place in places]
    chosen = brands.split()
    return [
        record(f"b/{n}", f"{place}{chosen[n % len(chosen)]}{trade}有限公司", code(100 + n))
        for n, (place, trade) in enumerate(kinds[:count])
    ]


def test_an_english_name_that_sounds_like_several_firms_needs_a_contact() -> None:
    english = "Shenzhen Chengyan Intelligent Equipment Co., Ltd."
    book, row = record("a/1", english), record("z/1", english)
    assert two(row, book) == "auto"
    assert two(row, book, *_bearers("澄砚 成岩 诚言", 2)) == "auto"
    crowd = _bearers("澄砚 成岩 诚言", 3)  # three brands that are spelled alike
    assert two(row, book, *crowd) == "review"
    told = {"website": "chengyan.cn"}
    assert two(record("z/1", english, **told), record("a/1", english, **told), *crowd) == "auto"
    assert two(record("z/1", english, TAX), record("a/1", english, TAX), *crowd) == "auto"


def test_a_chinese_legal_name_is_enough_until_its_brand_is_everybodys() -> None:
    book, row = record("a/1", FIRM), record("z/1", FIRM)
    assert two(row, book, *_bearers("澄砚", 6)) == "auto"
    assert two(row, book, *_bearers("澄砚", 9)) == "review"
    assert two(record("z/1", FIRM, phone=PLACE["phone"]), record("a/1", FIRM, **PLACE), *_bearers("澄砚", 9)) == "auto"


def test_a_chinese_name_without_its_place_tells_no_more_than_an_english_one() -> None:
    bare = FIRM.removeprefix("深圳市")
    assert two(record("z/1", bare), record("a/1", bare), *_bearers("澄砚", 2)) == "auto"
    assert two(record("z/1", bare), record("a/1", bare), *_bearers("澄砚", 3)) == "review"


def test_a_full_name_that_two_legal_persons_bear_links_nobody() -> None:
    holders = [record("a/1", FIRM, TAX), record("b/1", FIRM, TAX2)]
    made = match([*holders, record("z/1", FIRM)])
    assert len(set(made.clusters.values())) == 3
    assert {one.other for one in made.questions} | {one.ref for one in made.questions} == {"a/1", "b/1", "z/1"}


def test_names_of_trade_words_alone_never_link_by_themselves() -> None:
    left = record("z/1", "Ningbo Hebei Electronics", city="Ningbo", website="hbe.cn")
    assert two(left, record("a/1", "Ningbo Xingtai Electronics", city="Ningbo")) != "auto"


def test_one_record_is_judged_with_the_same_care_for_crowds_as_many() -> None:
    english = "Shenzhen Chengyan Intelligent Equipment Co., Ltd."
    row, book = party("z/1", english), party("a/1", english, side="books")
    assert judge(row, [book]).rule == "legal_name"
    for noted in CROWDS:
        verdict = judge(row, [book], notes={"a/1": frozenset((noted,))})
        assert (verdict.outcome, noted in {one.code for one in verdict.reasons}) == ("review", True)


def test_a_chain_of_guesses_does_not_join_what_contradicts() -> None:
    ends = [record("a/1", FIRM, TAX, **PLACE), record("b/1", FIRM, TAX2, **PLACE)]
    middle = record("z/1", FIRM, **PLACE)
    made = match([*ends, middle])
    assert not same(made, "a/1", "b/1")
    assert not (same(made, "z/1", "a/1") and same(made, "z/1", "b/1"))


CALLED = [
    record("a/1", "深圳长城开发科技股份有限公司", code(7)),
    record("a/2", "杭州沐珩食品有限公司", code(8)),
    record("z/1", "深科"),
    record("f/1", "深科"),
    record("f/2", "深科", city="上海"),
    record("s/1", "MORE"),
    record("s/2", "MORE"),
]


def test_what_people_call_a_customer_links_records_of_that_name() -> None:
    assert not same(match(CALLED), "f/1", "z/1")
    made = match(CALLED, must_link=[("z/1", "a/1"), ("s/1", "a/2")])
    assert same(made, "f/1", "a/1")
    assert same(made, "s/2", "a/2"), "an English name beside Chinese books is an alias too"
    assert not same(made, "f/2", "a/1"), "another city contradicts"
    assert not same(made, "a/1", "a/2")


def test_a_name_that_people_give_to_two_customers_or_take_from_one_links_nobody() -> None:
    more = [*CALLED, record("q/1", "深科")]
    assert not same(match(more, must_link=[("z/1", "a/1"), ("q/1", "a/2")]), "f/1", "a/1")
    refused = match(more, must_link=[("z/1", "a/1")], must_not_link=[("q/1", "a/1")])
    assert not same(refused, "f/1", "a/1")
    assert not same(refused, "q/1", "a/1")
    assert asked(refused, "f/1", "a/1") or asked(refused, "f/1", "z/1")
    assert same(match(more, must_link=[("z/1", "a/1")]), "f/1", "a/1")


def test_a_name_made_of_trade_words_is_no_alias() -> None:
    made = match([CALLED[0], record("z/1", "科技"), record("f/1", "科技")], must_link=[("z/1", "a/1")])
    assert not same(made, "f/1", "a/1")


@settings(max_examples=100)
@given(ROWS, st.randoms(use_true_random=False), st.data())
def test_the_order_of_records_changes_nothing_and_no_cluster_holds_a_contradiction(
    rows: list[tuple[str, str, str, dict[str, str]]], chance: random.Random, data: st.DataObject
) -> None:
    records = [record(f"{side}/{n}", name, tax, **more) for n, (side, name, tax, more) in enumerate(rows)]
    refs = [one.ref for one in records]
    pairs = st.lists(st.tuples(st.sampled_from(refs), st.sampled_from(refs)), max_size=2) if refs else st.just([])
    apart = [pair for pair in data.draw(pairs) if pair[0] != pair[1]]
    first = match(records, must_not_link=apart)
    chance.shuffle(records)
    again = match(records, must_not_link=[(b, a) for a, b in apart])
    assert again.clusters == first.clusters
    assert again.questions == first.questions
    assert not any(same(first, a, b) for a, b in apart)
    ids: dict[str, set[str]] = {}
    for one in records:
        if one.party.tax_ids and one.party.tax_ids[0] in (TAX, TAX2):
            ids.setdefault(first.clusters[one.ref], set()).add(one.party.tax_ids[0])
    assert all(len(found) == 1 for found in ids.values())


@settings(max_examples=150)
@given(ROWS.filter(lambda rows: len(rows) == 2))
def test_one_record_is_judged_as_many_are_matched(rows: list[tuple[str, str, str, dict[str, str]]]) -> None:
    (_, name, tax, more), (_, other, its_tax, its_more) = rows
    made = match([record("a/1", name, tax, **more), record("b/1", other, its_tax, **its_more)])
    verdict = judge(party("a/1", name, tax, **more), [party("b/1", other, its_tax, side="books", **its_more)])
    assert (verdict.outcome == "link") == same(made, "a/1", "b/1"), (verdict, made)


@settings(max_examples=60)
@given(ROWS)
def test_what_is_packed_comes_back_whole(rows: list[tuple[str, str, str, dict[str, str]]]) -> None:
    for n, (side, name, tax, more) in enumerate(rows):
        known = party(str(n), name, tax, side=side, **more)
        assert unpacked(known.ref, packed(known)) == known


@settings(max_examples=60)
@given(ROWS)
def test_findings_are_symmetric_and_every_code_has_a_place(rows: list[tuple[str, str, str, dict[str, str]]]) -> None:
    known = {code for group in GROUPS for code in group}
    made = [party(str(n), name, tax, **more) for n, (_, name, tax, more) in enumerate(rows)]
    for one in made:
        for other in made:
            found = findings(one, other)
            assert found == findings(other, one)
            assert set(found) <= known
            assert set(joined([found])) <= set(found)


def test_the_shipped_weights_are_whole() -> None:
    known = {code for group in GROUPS for code in group}
    chosen = weights()
    assert set(chosen.codes) <= known
    assert known | {"must_not_link"} >= HOLDS | VETOES
    assert chosen.auto <= chosen.joint
    assert chosen.review < chosen.auto
    assert held(("tax_id_equal", "names_share_nothing")) == "names_share_nothing"
    assert code(7) not in (TAX, TAX2)
