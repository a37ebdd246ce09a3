"""Where a record is: places inside each other in an address, and telephone numbers of several countries."""

from __future__ import annotations

import pytest

from mapping.identity.addresses import read_address
from mapping.identity.facts import mobile_key, phone_key
from mapping.identity.findings import findings
from mapping.identity.places import city_of
from tests.mapping.invented import FIRM
from tests.mapping.test_identity_apart import linked, side
from tests.mapping.test_identity_link import party


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("台北市中山區長安東路二段78號", ("台湾", "台北")),
        ("大连市中山区人民路1号", ("辽宁", "大连")),
        ("北京市朝阳区建国路88号", ("北京", "")),
        ("长春市朝阳区人民大街5号", ("吉林", "长春")),
        ("上海市南京东路100号", ("上海", "")),
        ("上海市北京西路6号", ("上海", "")),
        ("珠海湖南路3号", ("广东", "珠海")),
        ("江苏省无锡市江阴市澄江街8号", ("江苏", "江阴")),
        ("辽宁省朝阳市双塔区1号", ("辽宁", "朝阳")),
        ("广东省中山市石岐区6号楼", ("广东", "中山")),
    ],
)
def test_a_place_of_an_address_lies_inside_the_one_before_it(address: str, place: tuple[str, str]) -> None:
    read = read_address(address)
    assert read is not None
    assert read.places == (place,)


@pytest.mark.parametrize("address", ["南京东路100号3楼", "中山路287号仓库", "北京西路一段6号"])
def test_a_road_named_for_a_city_is_not_that_city(address: str) -> None:
    read = read_address(address)
    assert read is not None
    assert read.places == ()
    assert read.text == address


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ("昆山", "苏州", ""),
        ("Jiangyin", "无锡市", ""),
        ("昆山", "昆山市", "city_equal"),
        ("昆山", "常熟", "city_conflict"),
        ("昆山", "无锡", "city_conflict"),
        ("北京市朝阳区", "北京", "city_equal"),
        ("北京市朝阳区", "朝阳", "city_conflict"),
        ("changjihuizuzizhizhou", "昌吉", "city_equal"),
        ("Xilinguole Meng", "锡林郭勒", "city_equal"),
        ("Dali Bai Autonomous Prefecture", "大理", "city_equal"),
    ],
)
def test_a_county_level_city_is_in_the_city_around_it(left: str, right: str, found: str) -> None:
    codes = findings(party("1", FIRM, city=left), party("2", FIRM, city=right))
    assert {code for code in codes if code.startswith("city_")} == ({found} if found else set())


def test_a_word_that_only_begins_like_a_place_is_none() -> None:
    assert city_of("dalimeng2") == (("", "dalimeng2"),)
    assert city_of("Springfield") == (("", "springfield"),)


def test_firms_of_a_district_that_is_called_like_a_city_are_not_kept_apart() -> None:
    name = "澄砚装备有限公司"
    assert linked(side(name, address="北京市朝阳区建国路88号"), side(name, city="北京")) == {"auto"}
    assert linked(side(name, address="北京市朝阳区建国路88号"), side(name, city="朝阳")) == {"apart"}


@pytest.mark.parametrize(
    ("raw", "country", "key"),
    [
        ("13912345678", "CN", "+8613912345678"),
        ("139 1234 5678", "", "+8613912345678"),
        ("13912345678", "HK", "+8613912345678"),
        ("+86 139 1234 5678", "DE", "+8613912345678"),
        ("13912345678", "DE", ""),
        ("13912345678", "IN", ""),
        ("13912345678", "MX", ""),
        ("+852 9123 4568", "", "+85291234568"),
        ("9123 4568", "HK", "+85291234568"),
        ("9123 4568", "SG", "+6591234568"),
        ("0912 345 679", "TW", "+886912345679"),
        ("07911 123457", "GB", "+447911123457"),
        ("06 12 34 56 79", "FR", "+33612345679"),
        ("0151 23456780", "DE", "+4915123456780"),
        ("090-1234-5670", "JP", "+819012345670"),
        ("98765 43211", "IN", "+919876543211"),
        ("+49 30 3836383", "", ""),
        ("1 312 555 0142", "US", ""),
    ],
)
def test_mobiles_are_compared_with_their_country_and_are_no_landlines(raw: str, country: str, key: str) -> None:
    assert mobile_key(raw, country) == key
    assert not (key and phone_key(raw, country))


@pytest.mark.parametrize(
    ("digits", "left", "right"),
    [
        ("91234568", "HK", "SG"),
        ("13912345678", "CN", "DE"),
        ("13125550142", "CN", "US"),
        ("0912345679", "TW", "VN"),
        ("9876543211", "IN", "US"),
    ],
)
def test_the_same_digits_in_two_countries_are_two_numbers(digits: str, left: str, right: str) -> None:
    codes = findings(party("1", "Alder", phone=digits, country=left), party("2", "Muheng", phone=digits, country=right))
    assert not {"mobile_equal", "phone_equal"}.intersection(codes)
    same = findings(party("1", "Alder", phone=digits, country=left), party("2", "Muheng", phone=digits, country=left))
    assert {"mobile_equal", "phone_equal"}.intersection(same)
