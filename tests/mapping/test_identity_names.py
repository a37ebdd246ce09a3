"""Tax ids, names, numbers: the forms in which they are compared."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mapping.identity.countries import iso_country
from mapping.identity.domains import domain_key
from mapping.identity.facts import facts, phone_key
from mapping.identity.names import is_full_legal_name, legal_name_key, read_name, regions_conflict
from mapping.identity.numbers import is_near, number_key, within_one_edit
from mapping.identity.phones import phones
from mapping.identity.tax_ids import conflict, equal, near, organisation_check, read, uscc_check
from tieout.canonical.parties import PartyCandidate

GOOD = "91110000600037341L"  # both samples of the accounting reference
OTHER = "91110108551385082Q"


@pytest.mark.parametrize(
    ("raw", "country", "scheme"),
    [
        (GOOD, "", "cn"),
        (" 9111 0000 6000 3734 1l ", "", "cn"),
        ("９１１１００００６０００３７３４１Ｌ", "", "cn"),
        (GOOD[2:17], "", "cn"),
        (GOOD[:-1] + "M", "", ""),
        (GOOD[:-1], "", ""),
        ("12529007", "", "tw_ubn"),
        ("12529008", "", ""),
        ("12345678", "HK", "hk_br"),
        ("DE136695976", "", "eu_vat"),
        ("71-5292693", "", "us_ein"),
        ("715292693", "US", "us_ein"),
        ("715292693", "", ""),
        ("T5-8356-7825-6246", "JP", "jp"),
        ("197401143C", "SG", "sg_uen"),
    ],
)
def test_schemes(raw: str, country: str, scheme: str) -> None:
    found = read(raw, country)
    assert found is not None
    assert found.scheme == scheme


@pytest.mark.parametrize(
    ("raw", "country", "value", "scheme"),
    [
        ("136695976", "DE", "DE136695976", "eu_vat"),
        ("136695976", "Germany", "DE136695976", "eu_vat"),
        ("40303265045", "FR", "FR40303265045", "eu_vat"),
        ("136695976", "", "136695976", ""),
        ("53016704-000", "HK", "53016704", "hk_br"),
        ("53016704-000-01-20-1", "", "53016704", "hk_br"),
        (f"税号：{GOOD}", "", GOOD, "cn"),
        (f"统一社会信用代码:{GOOD};", "", GOOD, "cn"),
        (f"{GOOD}（三证合一）", "", GOOD, "cn"),
        (f"Tax ID: {GOOD}", "", GOOD, "cn"),
        ("VAT No.: DE136695976", "", "DE136695976", "eu_vat"),
    ],
)
def test_an_id_is_read_as_its_country_and_people_write_it(raw: str, country: str, value: str, scheme: str) -> None:
    found = read(raw, country)
    assert found is not None
    assert (found.value, found.scheme) == (value, scheme)


@pytest.mark.parametrize(
    "raw",
    ["123456789", "1234567890", "123456789012345", "123456789012345678", "12345678", "987654321", "0123456789",
     "91440300XXXXXXXXXX", "9144030********004W"],
)  # fmt: skip
def test_digits_in_their_order_and_masked_ids_are_no_ids(raw: str) -> None:
    assert read(raw) is None


@pytest.mark.parametrize("raw", ["", "-", "无", "000000000000000", "N/A", "111111111111111111"])
def test_placeholders_are_no_ids(raw: str) -> None:
    assert read(raw) is None


def test_a_personal_identity_number_is_never_kept() -> None:
    assert read("11010519491231002X") is None


PERSON = "11010519491231002X"


@pytest.mark.parametrize(
    "raw",
    [PERSON + "00", "L" + PERSON, "ID" + PERSON, "身份证：" + PERSON, PERSON + "（个体）", "110105491231002",
     "L110105491231002", "110105 491231 002"],
)  # fmt: skip
def test_a_personal_identity_number_is_not_kept_in_any_dress(raw: str) -> None:
    assert read(raw) is None


def test_a_fifteen_digit_number_that_is_no_date_is_kept() -> None:
    for raw in ("110105491331002", "990105491231002", "110105491232002"):  # month 13, no province 99, day 32
        assert read(raw) is not None, raw


@given(st.dates(date(1930, 1, 1), date(1999, 12, 31)), st.integers(0, 999), st.sampled_from(["110105", "440305"]))
def test_no_old_identity_card_is_kept_whatever_a_companys_check_says(born: date, number: int, region: str) -> None:
    raw = f"{region}{born:%y%m%d}{number:03d}"
    assert read(raw) is None
    checked = raw[:14] + organisation_check(raw[6:14])  # one in eleven is a right organisation code as well
    assert not checked.isdigit() or read(checked) is None


def test_letter_prefixed_codes_exist() -> None:
    body = "N2110000600037341"
    found = read(body + uscc_check(body))
    assert found is not None
    assert found.scheme == "cn"


def test_old_and_new_chinese_ids_are_equal() -> None:
    new, old = read(GOOD), read(GOOD[2:17])
    assert new is not None
    assert old is not None
    assert equal(new, old)
    assert not conflict(new, old)


def test_two_valid_ids_conflict_and_a_mistyped_one_is_near() -> None:
    a, b, typo, cut = (read(raw) for raw in (GOOD, OTHER, GOOD[:5] + "9" + GOOD[6:], GOOD[:-2]))
    assert a is not None
    assert b is not None
    assert typo is not None
    assert cut is not None
    assert conflict(a, b)
    assert not near(a, b)
    assert near(a, typo)
    assert near(cut, a)
    assert not equal(a, typo)
    assert not conflict(a, typo)


@pytest.mark.parametrize(
    ("left", "right", "country"),
    [
        ("61234567", "61234568", ""),  # Hong Kong numbers have no check digit
        ("715292693", "715292694", ""),  # nor have those of the US
        ("136695975", "136695974", "DE"),
        ("91440300MA5F00000C", "91440300MA5F00001C", ""),
    ],
)
def test_two_ids_that_no_check_confirms_are_near_only_when_equal_or_cut(left: str, right: str, country: str) -> None:
    a, b = read(left, country), read(right, country)
    assert a is not None
    assert b is not None
    assert not a.is_valid
    assert not b.is_valid
    assert not near(a, b)
    assert near(a, a)
    longer, cut = read(GOOD[:-1] + "M"), read(GOOD[:-3])
    assert longer is not None
    assert cut is not None
    assert near(longer, cut)


def test_a_number_without_check_digit_is_not_the_neighbour_of_another() -> None:
    for known, bare in ((read("61234567", "HK"), read("61234568")), (read("715292693", "US"), read("715292694"))):
        assert known is not None
        assert bare is not None
        assert known.is_valid
        assert not near(known, bare)
        assert not near(bare, known)


def test_ids_of_two_countries_do_not_conflict() -> None:
    a, b = read(GOOD), read("DE136695976")
    assert a is not None
    assert b is not None
    assert not conflict(a, b)


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=9, max_size=9), st.integers(0, 10**6 - 1))
def test_every_valid_code_is_found_by_its_old_form(tail: str, region: int) -> None:
    organisation = tail[:8] + organisation_check(tail[:8])
    body = f"91{region:06d}{organisation}"
    assume(len(set(body[2:])) > 2)  # fewer are placeholders such as 000000000000000
    code = read(body + uscc_check(body))
    old = read(body[2:])
    assert code is not None
    assert old is not None
    assert equal(code, old)


@given(st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_never_stays_valid(at: int, char: str) -> None:
    wrong = GOOD[:at] + char + GOOD[at + 1 :]
    found = read(wrong)
    assert found is not None
    assert found.is_valid == (wrong == GOOD)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("深圳市华为技术有限公司", "【老客户】深圳市华为技术有限公司"),
        ("华为技术（深圳）有限公司", "华为技术(深圳) 有限公司"),
        ("环泰企业股份有限公司", "環泰企業股份有限公司"),
        ("无锡雪浪环境科技股份有限公司", "无锡雪浪环境科技股份有限公司-王经理"),
        ("无锡雪浪环境科技股份有限公司", "无锡雪浪环境科技股份有限公司（已签约）"),
        ("无锡雪浪环境科技股份有限公司", "无锡　雪浪 环境科技股份有限公司财务部"),
        ("Huaxin Cement Co., Ltd.", "HUAXIN CEMENT CO.,LTD"),
        ("Huaxin Cement Company Limited", "Huaxin  Cement Co. Ltd."),
        ("Smith & Sons Ltd", "Smith and Sons Limited"),
        ("Grünbach Maschinenbau GmbH", "GRUNBACH MASCHINENBAU G.m.b.H."),
        ("The Alder Tools Inc.", "Alder Tools Incorporated"),
        ("Deutsche Bank AG", "Deutsche Bank Aktiengesellschaft"),
    ],
)
def test_spellings_of_one_legal_name(left: str, right: str) -> None:
    assert legal_name_key(left) == legal_name_key(right) != ""


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("深圳华为技术有限公司", "上海华为技术有限公司"),
        ("深圳华为技术有限公司", "深圳华为投资有限公司"),
        ("深圳华为技术有限公司", "深圳华为技术股份有限公司"),
        ("广东长青集团有限公司", "广东长青有限公司"),
        ("世荣兆业股份有限公司", "世荣兆业股份有限公司厦门分公司"),
        ("世荣兆业股份有限公司深圳分公司", "世荣兆业股份有限公司厦门分公司"),
        ("Alder Tools Ltd", "Alder Tools Inc."),
        ("Alder Group Ltd", "Alder Ltd"),
        ("Alder Tools (Hong Kong) Ltd", "Alder Tools Ltd"),
    ],
)
def test_different_legal_persons_have_different_keys(left: str, right: str) -> None:
    assert "" != legal_name_key(left) != legal_name_key(right) != ""


@pytest.mark.parametrize(
    "name", ["华为", "海泰集团", "深圳有限公司", "有限公司", "万科A", "深科技", "Deutsche Bank", "Technology Co., Ltd."]
)
def test_a_short_name_is_not_a_legal_name(name: str) -> None:
    assert not is_full_legal_name(name)
    assert legal_name_key(name) == ""


def test_parts_of_a_name() -> None:
    name = read_name("深圳市华为技术有限公司")
    assert (name.core, name.brand, name.form) == ("华为技术", "华为", "有限公司")
    assert name.regions == {("广东", "深圳")}
    branch = read_name("世荣兆业股份有限公司厦门分公司")
    assert (branch.core, branch.branch) == ("世荣兆业", "厦门分公司")
    assert read_name("*ST海润").core == "海润"
    assert read_name("广东长青（集团）股份有限公司").is_group


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ("深圳华为技术有限公司", "上海华为技术有限公司", True),
        ("广东华为技术有限公司", "华为技术（深圳）有限公司", False),
        ("华为技术有限公司", "上海华为技术有限公司", False),
        ("广州华为技术有限公司", "深圳华为技术有限公司", True),
    ],
)
def test_regions(left: str, right: str, wanted: bool) -> None:
    assert regions_conflict(read_name(left), read_name(right)) is wanted


@given(st.text(max_size=40))
def test_any_text_is_read_and_its_key_is_stable(text: str) -> None:
    name = read_name(text)
    if name.is_full:
        assert name.key
        assert read_name(text + " ").key == name.key


@pytest.mark.parametrize(
    ("raw", "key"),
    [(" ar00000001 ", "AR00000001"), ("ＡＲ－1", "AR-1"), ("#1001", "1001"), ("SO 2026/1", "SO2026/1"), ("  ", "")],
)
def test_number_keys(raw: str, key: str) -> None:
    assert number_key(raw) == key


def test_near_numbers() -> None:
    assert is_near("AR00000012", "AR00000021")
    assert is_near("AR00012345", "12345")
    assert not is_near("AR1", "AR2")
    assert not is_near("AR00000001", "AR00000001")
    assert not is_near("AR00012345", "AR00067890")


@given(st.text("AB12", max_size=8), st.text("AB12", max_size=8))
def test_one_edit_is_symmetric(left: str, right: str) -> None:
    assert within_one_edit(left, right) == within_one_edit(right, left)


@given(st.text("AB12", min_size=1, max_size=8), st.data())
def test_every_single_edit_is_found(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.sampled_from("AB12"))
    assert within_one_edit(text, text[:at] + text[at + 1 :])
    assert within_one_edit(text, text[:at] + char + text[at:])
    assert within_one_edit(text, text[:at] + char + text[at + 1 :])


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("0755-86847398-622", "+8675586847398"),
        ("+86 755 8684 7398", "+8675586847398"),
        ("(+86)75586847398", "+8675586847398"),
        ("0086-755-86847398转622", "+8675586847398"),
        ("86-0755-86847398 ext. 622", "+8675586847398"),
        ("电话：0755-86847398/86847399", "+8675586847398"),
        ("0755-2673-1188", "+8675526731188"),
        ("0731-8184591-89", "+867318184591"),
        ("400-820-8820", "+864008208820"),
        ("+886-2-2712-3456", "+886227123456"),
        ("(02)2712-3456#12", "+886227123456"),
        ("886 2 2712 3456", "+886227123456"),
        ("+852-2123-4567", "+85221234567"),
        ("+1-212-555-0100", "+12125550100"),
        ("(212) 555-0100", "+12125550100"),
        ("1-800-555-0100", "+18005550100"),
        ("+44 (0)20 7946 0011", "+442079460011"),
        ("+353 1 4960123", "+35314960123"),
        ("13912345678", ""),
        ("+86 13912345678", ""),
        ("0912-345-876", ""),
        ("555", ""),
        ("", ""),
        ("26731188", ""),  # of which town?
        ("26731188-802", ""),
        ("00000000", ""),
        ("0755-00000000", ""),
        ("010-12345678", ""),
        ("0731-7654321", ""),
    ],
)
def test_phones(raw: str, key: str) -> None:
    assert phone_key(raw) == key


@pytest.mark.parametrize(
    ("raw", "country", "key"),
    [
        ("2123 4567", "HK", "+85221234567"),
        ("020 7946 0011", "GB", "+442079460011"),
        ("800-555-0100", "US", "+18005550100"),
        ("03-1234-5670", "JP", "+81312345670"),
        ("0755-26731188", "TW", "+8675526731188"),
        ("02-2712-3456", "CN", "+886227123456"),
    ],
)
def test_the_country_of_a_record_says_where_its_number_is_dialled_where_it_fits(
    raw: str, country: str, key: str
) -> None:
    assert phone_key(raw, country) == key


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("+886-2-2712-3456", "+886-2-2712-9999"),
        ("0755-2673-1188", "0755-2673-9999"),
        ("021-26731188", "0755-26731188"),
    ],
)
def test_two_numbers_of_one_exchange_or_two_towns_are_two(left: str, right: str) -> None:
    assert "" != phone_key(left) != phone_key(right) != ""


def test_the_city_says_the_country_of_a_number_that_does_not() -> None:
    bare = facts("1", PartyCandidate("1", ("Alder",), phone="2123 4567", city="Hong Kong"))
    assert bare.phone == "+85221234567"
    assert facts("1", PartyCandidate("1", ("Alder",), phone="2123 4567", city="深圳")).phone == ""


@given(st.integers(10, 99), st.integers(10**6, 10**8 - 1), st.integers(1, 9999))
def test_an_extension_changes_no_number(area: int, local: int, extension: int) -> None:
    number = f"0{area % 60 + 300}-{local}"
    assert phone_key(f"{number}-{extension}") == phone_key(number) == phone_key(f"{number}转{extension}")


@given(st.text("0123456789+-() /#转x", max_size=24), st.sampled_from(["", "CN", "TW", "HK", "US", "DE"]))
def test_any_phone_text_is_read_as_one_kind_of_number(raw: str, country: str) -> None:
    landline, mobile = phones(raw, country)
    assert not (landline and mobile)
    assert not landline or (9 <= len(landline.removeprefix("+")) <= 15 and landline.removeprefix("+").isdigit())
    assert phones(landline, country) in ((landline, ""), ("", ""))


@pytest.mark.parametrize(
    "raw", ["CN", "cn", "China", "中国", "中國", "CHN", "P.R. China", "PRC", "People's Republic of China", "中国大陆"]
)
def test_a_country_is_one_however_it_is_written(raw: str) -> None:
    assert iso_country(raw) == "CN"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("USA", "US"), ("U.S.A.", "US"), ("美国", "US"), ("UK", "GB"), ("England", "GB"), ("香港", "HK"),
        ("Hong Kong", "HK"), ("台灣", "TW"), ("Taiwan", "TW"), ("日本", "JP"), ("Deutschland", "DE"), ("", ""),
        ("somewhere", ""), ("86", ""),
    ],
)  # fmt: skip
def test_countries(raw: str, code: str) -> None:
    assert iso_country(raw) == code


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("https://www.Alder.example/about", "alder.example"),
        ("alder.com.cn", "alder.com.cn"),
        ("shop.alder.co.uk", "alder.co.uk"),
        ("sales@qq.com", ""),
        ("10.0.0.1", ""),
        ("http://[broken", ""),
        ("nothing", ""),
        ("a@yeah.net", ""),
        ("sohu.com", ""),
        ("21cn.com", ""),
        ("a@189.com", ""),
        ("me.com", ""),
        ("hotmail.co.uk", ""),
        ("a@yahoo.com.tw", ""),
        ("ms12.hinet.net", ""),
        ("gmx.de", ""),
        ("foo.ne.jp", "foo.ne.jp"),
        ("www.foo.or.jp", "foo.or.jp"),
        ("shop.alder.sh.cn", "alder.sh.cn"),
        ("alder.idv.tw", "alder.idv.tw"),
        ("com.cn", ""),
        ("co.uk", ""),
        ("alder.de", "alder.de"),
        ("or.de", "or.de"),
    ],
)
def test_domains(raw: str, key: str) -> None:
    assert domain_key(raw) == key
