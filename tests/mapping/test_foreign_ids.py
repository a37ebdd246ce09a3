"""Numbers of other countries: read with and without labels, compared by the part that names the legal person.

The numbers are those of python-stdnum's documentation, and others made by the published check digits.
"""

from __future__ import annotations

import pytest

from mapping.identity.evidence import compare
from mapping.identity.facts import facts
from mapping.identity.foreign_ids import unlabelled
from mapping.identity.link import Verdict, judge
from mapping.identity.tax_ids import conflict, equal, organisation_check, read, read_all, uscc_check
from tieout.canonical.parties import PartyCandidate


@pytest.mark.parametrize(
    ("raw", "country", "scheme"),
    [
        ("EIN 91-1144442", "", "us_ein"),
        ("USt-IdNr. DE136695976", "", "eu_vat"),
        ("UEN 197401143C", "", "sg_uen"),
        ("VAT No. GB 980 7806 84", "", "gb_vat"),
        ("P.IVA 00743110157", "Italy", "eu_vat"),
        ("ABN 51 824 753 556", "", "au_abn"),
        ("51824753556", "Australia", "au_abn"),
        ("CHE-100.155.212 MWST", "", "ch_uid"),
        ("NO 995 525 828 MVA", "", "no_orgnr"),
        ("988 077 917", "NO", "no_orgnr"),
        ("GSTIN 27AAPFU0939F1ZV", "", "in_pan"),
        ("124-81-00998", "", "kr_brn"),
        ("16.727.230/0001-97", "", "br_cnpj"),
        ("12302 6635 RT0001", "Canada", "ca_bn"),
        ("7707083893", "Russia", "ru_inn"),
        ("4540536920", "TR", "tr_vkn"),
        ("01.300.066.6-091.000", "Indonesia", "id_npwp"),
        ("0100233488", "Viet Nam", "vn_mst"),
    ],
)
def test_a_number_is_read_with_its_label_and_by_where_its_record_lies(raw: str, country: str, scheme: str) -> None:
    found = read(raw, country)
    assert found is not None
    assert found.scheme == scheme


@pytest.mark.parametrize(
    ("raw", "country"),
    [
        ("51824753557", "Australia"),
        ("CHE-100.155.213", ""),
        ("GSTIN 27AAPFU0939F1ZO", ""),
        ("124-81-00999", ""),
        ("16.727.230/0001-98", ""),
        ("UEN 197401143D", ""),
    ],
)
def test_a_number_that_fails_its_check_is_weak(raw: str, country: str) -> None:
    found = read(raw, country)
    assert found is not None
    assert not found.is_valid


@pytest.mark.parametrize(
    ("left", "right", "country"),
    [
        ("CHE-100.155.212 MWST", "CHE100155212", ""),
        ("NO 995 525 828 MVA", "995525828", "NO"),
        ("123026635", "123026635RC0001", "Canada"),
    ],
)
def test_one_number_in_two_spellings_is_one(left: str, right: str, country: str) -> None:
    one, other = read(left, country), read(right, country)
    assert one is not None
    assert other is not None
    assert equal(one, other)


def test_two_numbers_of_one_legal_person_do_not_contradict() -> None:
    """An Indian company is registered in each state under its PAN; a Brazilian one has a number for each branch."""
    ahead, other = read("27AAPFU0939F1ZV"), read("29AAPFU0939F1ZR")
    assert ahead is not None
    assert other is not None
    assert equal(ahead, other)
    assert not conflict(ahead, other)


@pytest.mark.parametrize(
    ("left", "right", "country"),
    [
        ("EIN 91-1144442", "EIN 04-2103594", ""),
        ("UEN 197401143C", "UEN 200512332K", ""),
        ("51 824 753 556", "53 004 085 616", "Australia"),
        ("220-81-62517", "124-81-00998", "Korea"),
    ],
)
def test_two_valid_numbers_are_two_firms_whatever_the_names_say(left: str, right: str, country: str) -> None:
    verdict = _judged(left, right, country)
    assert verdict.outcome != "link"
    assert "tax_id_conflict" in {reason.code for reason in verdict.reasons}


def test_two_different_numbers_that_nobody_can_check_are_asked_about() -> None:
    assert _judged("XK-778812/A", "XK-551239/B", "").outcome == "review"
    assert _judged("XK-778812/A", "XK-778812/A", "").outcome == "link"


def test_words_before_a_number_are_dropped_only_where_they_are_a_label() -> None:
    assert unlabelled("VAT NO. GB 980 7806 84") == ("GB 980 7806 84", "")
    assert unlabelled("UEN 197401143C") == ("197401143C", "SG")
    assert unlabelled("ACME 12345") == ("ACME 12345", "")
    assert unlabelled("TAX ID") == ("TAX ID", "")


def test_the_organisation_code_in_a_chinese_code_has_its_own_check() -> None:
    region, body = "91440300", "19220345"
    right = region + body + organisation_check(body)
    assert read(right + uscc_check(right)).is_valid  # type: ignore[union-attr]
    wrong = region + body + ("0" if organisation_check(body) != "0" else "1")
    assert not read(wrong + uscc_check(wrong)).is_valid  # type: ignore[union-attr]


def _judged(left: str, right: str, country: str) -> Verdict:
    """The verdict on two records of one name at one address with these ids."""
    one, other = (
        facts(
            ref,
            PartyCandidate(
                external_id=ref, names=("Brightwater Instruments Ltd",), legal_name="Brightwater Instruments Ltd",
                tax_ids=(number,), country=country, city="Leeds", address="12 Canal Street, Leeds",
            ),
            side=side,
        )
        for ref, number, side in (("a", left, "books"), ("b", right, "crm"))
    )  # fmt: skip
    assert compare(one, other).name_equal
    return judge(other, [one])


@pytest.mark.parametrize(
    ("raw", "country", "value"),
    [
        ("91440300279221125E 00", "", "91440300279221125E"),
        ("9144O300279221I25E", "", "91440300279221125E"),
        ("USCC 91440300279221125E", "", "91440300279221125E"),
        ("BR No. 53016704", "", "53016704"),
    ],
)
def test_what_people_type_around_a_number_is_read(raw: str, country: str, value: str) -> None:
    found = read(raw, country)
    assert found is not None
    assert (found.value, found.is_valid) == (value, True)


def test_a_field_with_several_numbers_holds_each_of_them() -> None:
    both = read_all(["91440300279221125E；91110000600037341L"])
    assert [one.value for one in both] == ["91440300279221125E", "91110000600037341L"]
    assert [one.value for one in read_all(["DE136695976 / 12/345/67890"])] == ["DE136695976"]


def test_eight_digits_are_a_number_of_taiwan_only_where_no_other_country_is_stated() -> None:
    ours, british = read("04595257"), read("04595257", "GB")
    assert ours is not None
    assert british is not None
    assert ours.scheme == "tw_ubn"
    assert not british.is_valid


@pytest.mark.parametrize(
    "name",
    "演示客户|待核实|无名氏|某公司|测试专用|内部测试账户|重复客户|请勿使用|散户|待填|ceshi|"
    "Demo Company|no data|To be advised|Kunde|unbekannt|TEST-请忽略|Consumidor final|Musterfirma GmbH".split("|"),
)
def test_a_name_of_nobody_is_not_compared(name: str) -> None:
    assert facts("a", PartyCandidate(external_id="a", names=(name,))).names == ()


@pytest.mark.parametrize(
    "name", ["无名科技有限公司", "演示科技有限公司", "Various Artists Ltd", "Sundry Foods Ltd", "Client Earth Ltd"]
)
def test_a_firm_that_is_called_like_a_gap_in_a_form_is_somebody(name: str) -> None:
    assert facts("a", PartyCandidate(external_id="a", names=(name,))).names
