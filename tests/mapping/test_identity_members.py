"""Members of one group, bodies of one firm, strangers with a pasted id: never one customer by machine, by both ways."""

from __future__ import annotations

import pytest

from mapping.identity.matching import match
from tests.mapping.invented import FIRM, PLACE, asked, record, same, two
from tests.mapping.test_identity_apart import Side, linked, side
from tests.mapping.test_identity_link import TAX, code

ENGLISH = "Chengyan Intelligent Equipment Co., Ltd."
TOOLS = "Alder Bridge Tools Ltd"
PHONE = {"phone": PLACE["phone"], "city": "深圳"}
WEB = {"website": "chengyan.cn", "city": "深圳"}
ROOFS = ({}, PHONE, WEB, PLACE)

MEMBERS = [
    "澄砚控股", "澄砚控股有限公司", "深圳澄砚控股有限公司", "澄砚投资", "澄砚资本", "澄砚国际", "澄砚物业",
    "澄砚总公司", "澄砚总部",
    "澄砚香港", "澄砚上海", "澄砚美国", "澄砚亚太", "澄砚(新加坡)", "澄砚智能装备(香港)有限公司",
    "澄砚智能装备（美国）有限公司",
    "美国澄砚智能装备有限公司", "澄砚智能装备(中国)有限公司", "深圳市澄砚科技有限公司", "深圳市澄砚投资有限公司",
    "深圳市澄砚有限公司",
    "深圳市澄砚智能装备销售有限公司", "深圳市澄砚智能装备租赁有限公司", "深圳市新澄砚智能装备有限公司",
    "深圳市澄砚沐珩智能装备有限公司",
    "澄砚沐珩", "澄砚一号", "澄砚二期", "澄砚工会", "澄砚基金会", "澄砚幼儿园", "澄砚经销商", "澄砚专卖店",
    "澄砚加盟店", "澄砚关联公司",
    "Chengyan Holdings", "Chengyan Capital", "Chengyan Investment", "Chengyan International", "Chengyan Ventures",
    "Chengyan Hong Kong Limited", "Chengyan (HK) Ltd", "Chengyan Singapore Pte Ltd", "Chengyan USA Inc",
    "Chengyan Europe GmbH",
    "Chengyan Japan KK", "Chengyan APAC Pte. Ltd.", "Chengyan Shanghai Co., Ltd.", "Chengyan Trading Ltd",
    "Chengyan Foundation",
    "Chengyan Intelligent Equipment International Ltd", "Chengyan Intelligent Equipment (Germany) GmbH",
]  # fmt: skip
STRANGERS = [
    "深圳市沐珩智能装备有限公司", "沐珩智能装备有限公司", "深圳市澄石智能装备有限公司",
    "深圳市大砚智能装备有限公司", "沐珩", "沐珩智能",
    "沐珩食品", "大华", "李总", "Muheng", "Muheng Foods", "Muheng Intelligent Equipment",
]  # fmt: skip


@pytest.mark.parametrize("name", [*MEMBERS, *STRANGERS])
def test_a_member_or_a_stranger_is_not_the_firm_under_its_id_or_its_roof(name: str) -> None:
    """A parent's id is pasted on its subsidiaries, and members of a group live under one roof."""
    for roof in ROOFS:
        assert linked(side(name, **roof), side(FIRM, **roof)) == {"apart"}, roof
        assert linked(side(name, **roof), side(FIRM, TAX, **roof)) == {"apart"}, roof
        assert linked(side(name, TAX, **roof), side(FIRM, TAX, **roof)) == {"apart"}, roof
    assert two(record("z/1", name, TAX), record("a/1", FIRM, TAX)) == "review", "an equal id is always asked about"


@pytest.mark.parametrize(
    "name", ["澄砚控股", "深圳市澄砚投资有限公司", "Chengyan Hong Kong Limited", "沐珩智能", "Muheng"]
)
@pytest.mark.parametrize("bridge", ["澄砚", "澄砚智能", "Chengyan", "Chengyan Equipment", FIRM])
def test_a_third_record_does_not_bring_a_member_to_the_firm(name: str, bridge: str) -> None:
    for tax in ("", TAX):
        for third in ("", TAX):
            rows = [record("a/1", FIRM, tax, **PLACE), record("b/1", name, tax, **PLACE)]
            assert not same(match([*rows, record("z/1", bridge, third, **PLACE)]), "a/1", "b/1")


@pytest.mark.parametrize("name", ["Acme", "KSC", "John Smith", "沐珩"])
def test_an_equal_id_alone_does_not_make_two_unlike_names_one(name: str) -> None:
    assert linked(side(name, TAX), side(FIRM, TAX)) == {"apart"}
    assert linked(side(name, TAX), side(ENGLISH, TAX)) == {"apart"}
    assert linked(side(name, TAX, **WEB), side(FIRM, TAX, **WEB)) == {"apart"}


@pytest.mark.parametrize(
    ("name", "firm", "more"),
    [
        ("澄砚", FIRM, {}),
        ("澄砚智能", FIRM, {}),
        ("Chengyan", FIRM, {}),
        ("Chengyan Intelligent Equipment", FIRM, {}),
        ("Vortex Intelligent Equipment", FIRM, {}),
        ("Vortex", FIRM, {"website": "vortex.cn"}),
        ("Vortex", FIRM, {"address": PLACE["address"]}),
        ("澄砚股份", "深圳澄砚装备股份有限公司", {}),
        ("深圳市澄研智能装备有限公司", FIRM, {}),
        ("深圳市澄砚智能装备股份有限公司", FIRM, {}),
        ("深圳市澄砚智能装备有限司", FIRM, {}),
        ("澄砚智能装备-华南区", FIRM, {}),
        ("Alder Bridge", TOOLS, {}),
    ],
)
def test_an_equal_id_with_names_that_fit_links(name: str, firm: str, more: dict[str, str]) -> None:
    assert linked(side(name, TAX, **more), side(firm, TAX, **more)) == {"auto"}


@pytest.mark.parametrize("more", [{}, PLACE])
@pytest.mark.parametrize(
    "name",
    [
        "Alder Bridge Tools Trading Ltd", "Alder Bridge Ltd", "Alder Ltd", "Alder Bridge Tools Finance",
        "Alder Bridge Tools UK Ltd",
        "Alder Bridge Tools (Ireland) Ltd", "Alder Bridge Tools USA LLC", "Alder Bridge Tools LLC",
        "Alder Bridge Tools PLC",
        "Alder Bridge Tools Pte Ltd", "Alder Bridge Tools 2 Ltd", "Alder Bridge Tools II Ltd",
        "Alder Bridge Tools Nominees Ltd",
        "Alder Bridge Tools Pension Trustees Ltd", "Alder Bridge Toolsmith Ltd", "The Alder Bridge Tools Charity",
        "Alder Bridge Tools Sports Club", "Alder Bridge Tools - Dealer", "Alder Bridge Tools Ltd / Muheng Ltd",
        "Muheng Ltd c/o Alder Bridge Tools Ltd", "Elder Bridge Tools Ltd", "Alder Fridge Tools Ltd",
        "Alder Bridge Foods Ltd",
        "Alder Bridge Tools Ltd Shanghai Representative Office", "Alder Bridge Tools Ltd - Macau Branch Office",
        "Alder Bridge Tools Ltd Zweigniederlassung Wien", "Alder Bridge Tools Asia", "Acme Tools", "Acme Ltd",
    ],
)  # fmt: skip
def test_an_english_name_that_says_more_or_another_word_is_another_firm(name: str, more: dict[str, str]) -> None:
    assert linked(side(name, **more), side(TOOLS, **more)) == {"apart"}
    assert linked(side(name, TAX, **more), side(TOOLS, TAX, **more)) == {"apart"}


@pytest.mark.parametrize("more", [{}, PLACE])
@pytest.mark.parametrize(
    "body",
    [
        "工会委员会", "破产管理人", "清算组", "项目部", "深圳地铁项目部", "职工持股会", "党委", "食堂",
        "员工持股平台", "基金会", "经销商",
        "深圳代理", "南山专卖店", "子公司", "及子公司", "（子公司）", "筹备组", "(筹)", "测试", "（测试）", "TEST",
        "-测试", "(test)", "（样例）",
    ],
)  # fmt: skip
def test_a_body_of_a_firm_and_a_record_for_trying_are_not_the_firm(body: str, more: dict[str, str]) -> None:
    assert linked(side(FIRM + body, **more), side(FIRM, **more)) == {"apart"}
    assert linked(side(FIRM + body, TAX, **more), side(FIRM, TAX, **more)) == {"apart"}


@pytest.mark.parametrize(
    ("left", "right", "more"),
    [
        ("万联科技有限公司【北京】", "万联科技有限公司【上海】", {}),
        ("澄砚装备有限公司〔苏州分公司〕", "澄砚装备有限公司", {}),
        ("上海新城市置业有限公司", "上海新城置业有限公司", {}),
        ("长沙市华兴贸易有限公司", "长沙县华兴贸易有限公司", PHONE),
        ("吉林省华兴电力有限公司", "吉林市华兴电力有限公司", PLACE),
        ("广东省华兴电力有限公司", "广州市华兴电力有限公司", {"website": "huaxing.cn"}),
        ("山西晋能煤业有限公司", "山西晋能铝业有限公司", PLACE),
        ("深圳市龙湖物业有限公司", "深圳市龙湖商业有限公司", PLACE),
        ("深圳市华强达科技有限公司", "深圳市华强通科技有限公司", PLACE),
        ("深圳市华强达科技有限公司", "深圳市华强科技有限公司", PLACE),
        ("深圳市鑫源科技有限公司", "深圳市新源科技有限公司", {"address": PLACE["address"]}),
        ("深圳市澄砚壹号投资合伙企业（有限合伙）", "深圳市澄砚贰号投资合伙企业（有限合伙）", PLACE),
        ("深圳市澄砚投资A有限公司", "深圳市澄砚投资B有限公司", PLACE),
        ("深圳市澄砚小学", "深圳市澄砚中学", PLACE),
        ("深圳市福田区鑫源商行", "深圳市福田区鑫源经营部", PLACE),
        ("深圳市鑫源商行", "深圳市鑫源商行", {}),
        ("南京澄砚环境研究院", "南京澄砚环境研究所", {}),
        ("深圳市华联贸易总公司", "深圳市华联贸易有限公司", {}),
        ("东莞市华联服装厂", "东莞市华联服装总厂", PLACE),
        ("昇陽科技股份有限公司", "升陽科技股份有限公司", {}),
        ("澄砚科技有限公司", "澄砚科技(深圳)有限公司", {"website": "chengyan.cn"}),
        ("澄砚智能装备(中国)有限公司", "澄砚智能装备有限公司", PLACE),
        ("中国澄砚控股有限公司", "澄砚控股有限公司", PLACE),
        ("澄砚", "澄砚物业管理有限公司", {"phone": PLACE["phone"]}),
        ("深圳市澄砚科技有限公司", "Lumina Fjord Technology Co., Ltd.", PLACE),
        ("张三（原深圳市澄砚科技有限公司）", "深圳市澄砚科技有限公司", PLACE),
        ("Jane Poe, formerly Harbour Lane Ltd", "Harbour Lane Ltd", PLACE),
        ("大同重工有限公司（前身为澄砚装备有限公司）", "澄砚装备有限公司", PLACE),
        ("华兴集团有限公司-化工", "华兴集团有限公司-重工", PLACE),
        ("澄砚1.5文化有限公司", "澄砚15文化有限公司", PLACE),
        ("澄砚C+医疗有限公司", "澄砚C-医疗有限公司", PLACE),
        ("贸易有限公司", "贸易有限公司", {}),
        ("深圳科技有限公司", "深圳科技有限公司", {}),
        ("厉建国", "厉建国餐饮管理有限公司", PLACE),
        ("Sofia Rossi", "Sofia Rossi Design Srl", PLACE),
        ("Harbour Lane Ltd", "Harbour Lane Seafood Ltd", PLACE),
        ("Brandt GmbH", "Brandt Immobilien AG", PLACE),
        ("Orion Mining Ltd", "Orion Dining Ltd", PLACE),
        ("Falcon Fund 1a LP", "Falcon Fund 1b LP", PLACE),
        ("Falcon Series2010 LP", "Falcon Series2011 LP", PLACE),
        ("Sunrise Ltd", "Sunriseworks Ltd", PLACE),
        ("Orion Marine Pte Ltd", "Orion Marine Pty Ltd", PLACE),
        ("Brandt Steel", "Brandt Steel Ltd Shanghai Representative Office", PLACE),
        ("Brandt Steel Ltd Vienna Branch", "Brandt Steel Ltd Geneva Branch", PLACE),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_two(left: str, right: str, more: dict[str, str]) -> None:
    assert linked(side(left, **more), side(right, **more)) == {"apart"}


def test_one_name_in_two_countries_by_their_landlines_is_asked_about() -> None:
    left, right = (
        side("東方科技有限公司", phone="+886 2 2755 1188"),
        side("东方科技有限公司", phone="+86 755 2673 1188"),
    )
    assert linked(left, right) == {"apart"}


def test_one_chinese_name_with_two_english_ones_is_asked_about() -> None:
    name = "深圳市澄砚科技有限公司"
    left, right = (side(name, names=(english,)) for english in ("Chengyan Technology Ltd", "Lumina Fjord Ltd"))
    assert linked(left, right) == {"apart"}


@pytest.mark.parametrize("tax", ["GB980780684", "DE136695976"])
@pytest.mark.parametrize("pair", [("Falcon Seafood Ltd", "Falcon Insurance Ltd"), ("Falcon GmbH", "Falcon AG")])
def test_members_of_a_vat_group_share_a_number(pair: tuple[str, str], tax: str) -> None:
    assert linked(side(pair[0], tax), side(pair[1], tax)) == {"apart"}


@pytest.mark.parametrize(
    ("left", "right", "bridge"),
    [
        (
            side("东方贸易有限公司", city="深圳", address=PLACE["address"]),
            side("东方贸易有限公司", city="广州", address="广州市天河区体育西路88号"),
            side("东方贸易有限公司"),
        ),
        (
            side("Sunrise Trading Ltd", city="London"),
            side("Sunrise Trading Ltd", city="Lagos", country="NG"),
            side("Sunrise Trading Ltd"),
        ),
        (
            side("Brandt Stahl GmbH", phone="+49 30 3836383"),
            side("Brandt Stahl AG", phone="+49 30 3836383"),
            side("Brandt Stahl", phone="+49 30 3836383"),
        ),
        (side("澄砚科技股份有限公司"), side("澄砚科技有限公司"), side("澄砚科技")),
        (side("澄砚便利店有限公司", city="深圳"), side("澄砚便利店有限公司", city="广州"), side("澄砚便利店有限公司")),
        (
            side("Orion Mining Ltd", **PLACE),
            side("Orion Mining Services Ltd", **PLACE),
            side("Orion Mining", **PLACE),
        ),
    ],
)
def test_a_third_record_does_not_join_two_that_are_asked_about(left: Side, right: Side, bridge: Side) -> None:
    assert linked(left, right) == {"apart"}
    for first, last, between in (("a/1", "b/1", "z/1"), ("z/1", "b/1", "a/1"), ("a/1", "a/2", "z/1")):
        made = zip((first, last, between), (left, right, bridge), strict=True)
        rows = [record(ref, name, tax, **more) for ref, (name, tax, more) in made]
        assert not same(match(rows), first, last)


def test_an_id_that_names_another_firm_than_the_legal_name_is_asked_about() -> None:
    """As one record is judged, also where many are matched: `name_says_other`."""
    rows = [record("a/1", "澄砚科技有限公司"), record("a/2", "澄砚科技股份有限公司", TAX)]
    made = match([*rows, record("z/1", "澄砚科技有限公司", TAX)])
    assert not same(made, "z/1", "a/2")
    assert asked(made, "z/1", "a/2")


def test_a_domain_that_sounds_like_the_name_does_not_tell_homophones_apart() -> None:
    """Three firms sound alike: an English name in full is each of theirs, and so is a domain spelled like it."""
    books = [
        record(f"a/{n}", f"昆明{brand}实业有限公司", code(n)) for n, brand in enumerate(("鑫通", "新通", "欣通"), 1)
    ]
    name = "Kunming Xintong Industrial Co., Ltd."
    rows = [record("s/1", name, city="昆明", website="xintong2.com"), record("z/1", name, city="昆明")]
    assert not same(match([*books, *rows]), "s/1", "z/1")
    assert same(match(rows), "s/1", "z/1"), "where nobody else sounds so"


@pytest.mark.parametrize(
    ("han", "latin"),
    [
        ("麓淇国际贸易（广州）有限公司", "Luqi International Trade (Guangzhou) Co., Ltd."),
        ("广州麓淇国际货运代理有限公司", "Guangzhou Luqi International Freight Forwarding Co., Ltd."),
    ],
)
def test_a_name_and_its_translation_reach_equally_far(han: str, latin: str) -> None:
    """国际 before 贸易 is 国际 all the same."""
    assert two(record("z/1", latin, TAX), record("a/1", han, TAX)) == "auto"
