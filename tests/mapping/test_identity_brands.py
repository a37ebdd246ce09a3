"""A brand alone, and a brand that very many firms bear: what they are asked about for, and what settles it."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.identity.link import judge
from mapping.identity.matching import match
from mapping.identity.weights import weights
from tests.mapping.invented import FIRM, PLACE, record, same, two
from tests.mapping.test_identity_apart import linked, side
from tests.mapping.test_identity_link import TAX, code, codes, party

HOUSE = {key: PLACE[key] for key in ("address", "phone", "city")}  # a building and its switchboard
CARRIED = {**HOUSE, "website": "chengyan.cn"}
ENGLISH = "Chengyan Intelligent Equipment Co., Ltd."
OWN = {"website": "apex.com", "city": "London", "address": "Harbour Street 15, London", "phone": "+44 20 7946 0011"}


@pytest.mark.parametrize(
    ("name", "firm"),
    [
        ("澄砚", FIRM),
        ("Chengyan", FIRM),
        ("澄砚", ENGLISH),
        ("Chengyan", ENGLISH),
        ("Cheng Yan", FIRM),
        ("【重点】澄砚", FIRM),
        ("Apex", "Apex Logistics Ltd"),
        ("APEX", "Apex Logistics Services Limited"),
        ("中澄", "中澄建设工程股份有限公司"),
    ],
)
def test_a_brand_alone_in_the_same_house_is_asked_about(name: str, firm: str) -> None:
    """The landline is that of the building, and the brand that of the group: another member may be meant."""
    assert linked(side(name, **HOUSE), side(firm, **HOUSE)) == {"apart"}
    assert two(record("z/1", name, **HOUSE), record("a/1", firm, TAX, **HOUSE)) == "review"


@pytest.mark.parametrize(("name", "firm"), [("澄砚", FIRM), ("Chengyan", FIRM), ("Chengyan", ENGLISH)])
def test_an_id_or_a_domain_that_carries_the_brand_says_whose_it_is(name: str, firm: str) -> None:
    assert linked(side(name, **CARRIED), side(firm, **CARRIED)) == {"auto"}
    typo = TAX[:5] + ("9" if TAX[5] != "9" else "8") + TAX[6:]
    assert linked(side(name, typo, **HOUSE), side(firm, TAX, **HOUSE)) == {"auto"}
    assert linked(side(name, TAX), side(firm, TAX)) == {"auto"}


@pytest.mark.parametrize("domain", ["chengyangroup.com", "chengyanjituan.cn", "muheng.cn", "qq.com"])
def test_the_domain_of_a_group_or_of_others_does_not(domain: str) -> None:
    more = {**HOUSE, "website": domain}
    assert linked(side("澄砚", **more), side(FIRM, **more)) == {"apart"}


def test_a_domain_without_a_contact_is_what_members_share() -> None:
    more = {"website": "chengyan.cn", "city": "深圳"}
    assert linked(side("澄砚", **more), side(FIRM, **more)) == {"apart"}


def test_a_member_of_the_brand_in_the_own_records_speaks_against_it() -> None:
    rows = [record("a/1", FIRM, TAX, **CARRIED), record("a/2", "深圳市澄砚投资有限公司", code(2), **CARRIED)]
    made = match([*rows, record("z/1", "澄砚", **CARRIED)])
    assert not same(made, "z/1", "a/1")
    assert not same(made, "z/1", "a/2")


def test_a_brand_beside_a_firm_and_a_record_of_it_is_not_brought_in_by_what_is_no_brand_alone() -> None:
    rows = [record("a/1", FIRM, TAX, **HOUSE), record("b/1", "澄砚智能", **HOUSE), record("z/1", "澄砚", **HOUSE)]
    made = match(rows)
    assert same(made, "a/1", "b/1")
    assert not same(made, "a/1", "z/1")


def test_a_name_that_says_all_the_other_says_is_no_brand_alone() -> None:
    assert linked(side("Apex", **OWN), side("Apex Ltd", **OWN)) == {"auto"}
    assert linked(side("澄砚智能", **HOUSE), side(FIRM, **HOUSE)) == {"auto"}, "it states the trade"
    assert linked(side("澄砚", **HOUSE), side("澄砚", **HOUSE)) == {"auto"}


def test_why_a_brand_alone_is_asked_about_is_told() -> None:
    verdict = judge(party("z1", "澄砚", **HOUSE), [party("k1", side="books", **HOUSE)])
    assert verdict.outcome == "review"
    assert "brand_alone" in {reason.code for reason in verdict.suggestions[0].reasons}


@pytest.mark.parametrize(
    ("left", "right", "more"),
    [
        ("宏达科技有限公司", "宏达科技有限公司", {}),
        ("金鼎贸易有限公司", "金鼎贸易有限公司", {}),
        ("宏达科技", "宏达科技有限公司", {"city": "深圳"}),
        ("华联", "华联", {"city": "深圳"}),
        ("Star Electronics Ltd", "Star Electronics Ltd", {}),
        ("United Star Tools Inc", "United Star Tools Inc", {}),
        ("Hongda Technology Co., Ltd.", "Hongda Technology Co., Ltd.", {}),
        ("Golden Eagle", "Golden Eagle Ltd", {"city": "London", "website": ""}),
    ],
)
def test_a_brand_of_everybodys_is_asked_about(left: str, right: str, more: dict[str, Any]) -> None:
    assert linked(side(left, **more), side(right, **more)) == {"apart"}
    assert two(record("z/1", left, **more), record("a/1", right, **more)) == "review"


@pytest.mark.parametrize(
    ("left", "right", "more"),
    [
        ("深圳市宏达科技有限公司", "深圳宏达科技有限公司", {}),
        ("宏达科技有限公司", "宏达科技有限公司", {"city": "深圳"}),
        ("宏达科技有限公司", "宏达科技有限公司", {"phone": PLACE["phone"]}),
        ("宏达科技", "宏达科技有限公司", {"website": "hongda.cn"}),
        ("Star Electronics Ltd", "Star Electronics Ltd", {"city": "London"}),
        ("澄砚科技有限公司", "澄砚科技有限公司", {}),
        ("宏达证券", "宏达证券股份有限公司", {}),
        ("宏达银行宁波分行", "宏达银行股份有限公司宁波分行", {}),
        ("Alder Tools Ltd", "Alder Tools Ltd", {}),
    ],
)
def test_a_place_or_a_contact_settles_it_and_a_rare_brand_needs_none(
    left: str, right: str, more: dict[str, Any]
) -> None:
    assert linked(side(left, **more), side(right, **more)) == {"auto"}


def test_a_brand_of_everybodys_counts_less_than_a_rare_one() -> None:
    common = judge(party("z1", "宏达"), [party("k1", "深圳市宏达智能装备有限公司", side="books")])
    rare = judge(party("z1", "澄砚"), [party("k1", FIRM, side="books")])
    assert weights().codes["brand_common"] < 0
    assert common.suggestions[0].points < rare.suggestions[0].points
    assert codes(common) == codes(rare) == set()


WEB = {"website": "shunna.cn"}
SHUNNA = "广东顺纳电气有限公司"


@pytest.mark.parametrize(
    ("han", "latin", "more", "is_one"),
    [
        (SHUNNA, "Guangdong Shunna Electric Co., Ltd.", WEB, True),
        ("顺纳信息技术股份有限公司", "Shunna Information Technology", {**WEB, "city": "广州"}, True),
        (SHUNNA, "Guangdong Shunna Electric Co., Ltd.", {"city": "广州"}, False),
        (SHUNNA, "Guangdong Shunna Electric Co., Ltd.", {"city": "广州", "website": "muheng.cn"}, True),
        (SHUNNA, "Shunna Electric Co., Ltd.", WEB, False),
        (SHUNNA, "Guangdong Shunna Electric Technology Co., Ltd.", WEB, False),
        (SHUNNA, "Guangdong Shunna Technology Co., Ltd.", WEB, False),
        (SHUNNA, "Guangdong Shunna Co., Ltd.", WEB, False),
        (SHUNNA, "Guangdong Shunna Electric Group Co., Ltd.", WEB, False),
        (SHUNNA, "Hunan Shunna Electric Co., Ltd.", WEB, False),
        ("广东顺纳电气科技有限公司", "Guangdong Shunna Electric Co., Ltd.", WEB, False),
        ("广东顺纳电气集团有限公司", "Guangdong Shunna Electric Co., Ltd.", WEB, False),
        ("广东宏达电气有限公司", "Guangdong Hongda Electric Co., Ltd.", {"city": "广州"}, False),
    ],
)
def test_a_translation_word_by_word_in_one_place_and_domain_is_one_firm(
    han: str, latin: str, more: dict[str, Any], is_one: bool
) -> None:
    """Relatives of a brand differ in the place or the trade; where both are one, a domain is enough beside them."""
    assert linked(side(latin, **more), side(han, **more)) == {"auto" if is_one else "apart"}


def test_a_translation_of_a_brand_that_others_bear_is_asked_about() -> None:
    rows = [record("a/1", SHUNNA, TAX, **WEB), record("b/1", "湖南顺纳电气有限公司", code(9), city="长沙")]
    latin = record("z/1", "Guangdong Shunna Electric Co., Ltd.", **WEB)
    assert same(match([rows[0], latin]), "z/1", "a/1")
    assert not same(match([*rows, latin]), "z/1", "a/1")


@pytest.mark.parametrize(
    ("left", "right", "domain", "is_one"),
    [
        ("Alder Bridge Tools", "Alder Bridge Tools Ltd", "alderbridgetools.com", True),
        ("ALDER BRIDGE TOOLS", "Alder Bridge Tools Ltd", "alderbridge-tools.co.uk", True),
        ("Alder Bridge Tools", "Alder Bridge Tools Ltd", "alderbridge.com", True),
        ("Alder Bridge Tools", "Alder Bridge Tools Ltd", "abt.com", False),
        ("Alder Bridge Tools", "Alder Bridge Tools Ltd", "alderbridgetoolsgroup.com", False),
        ("Alder Bridge Tools LLC", "Alder Bridge Tools Ltd", "alderbridgetools.com", False),
        ("Alder Bridge Tools Leasing", "Alder Bridge Tools Ltd", "alderbridgetools.com", False),
        ("Alder Bridge", "Alder Bridge Tools Ltd", "alderbridgetools.com", False),
    ],
)
def test_an_english_name_whose_domain_is_that_very_name_is_one_firm(
    left: str, right: str, domain: str, is_one: bool
) -> None:
    assert linked(side(left, website=domain), side(right, website=domain)) == {"auto" if is_one else "apart"}


def test_another_landline_beside_a_domain_of_the_name_is_asked_about() -> None:
    left = side("Alder Bridge Tools", website="alderbridgetools.com", phone="+44 20 7946 0011")
    right = side("Alder Bridge Tools Ltd", website="alderbridgetools.com", phone="+44 161 496 0022")
    assert linked(left, right) == {"apart"}
