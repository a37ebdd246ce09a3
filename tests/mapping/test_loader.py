"""Profiles are refused with file and line; overrides replace or extend; versions follow the content."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapping.engine import map_record
from mapping.loader import load_profiles, vendors
from mapping.profile import MappingContext
from mapping.yaml_lines import ProfileError
from tieout.core.errors import ConfigError

GOOD = """vendor: zoho_crm
stream: customers
makes: party
fields:
  external_id: id
  names: {list: [Account_Name]}
"""


def load(folder: Path, text: str, name: str = "customers.yaml") -> object:
    (folder / name).write_text(text, encoding="utf-8")
    return load_profiles("zoho_crm", folder)["customers"]


def test_all_shipped_profiles_load() -> None:
    assert vendors() == ["fxiaoke", "kingdee", "zoho_crm"]
    assert set(load_profiles("zoho_crm")) == {"customers", "deals", "invoices"}
    kingdee = {"customers", "invoices", "payments", "refunds", "allocations", "credit_limits", "rates"}
    assert set(load_profiles("kingdee")) == kingdee
    fxiaoke = {"customers", "deals", "orders", "invoices", "payments", "payment_lines", "payment_plans"}
    assert set(load_profiles("fxiaoke")) == fxiaoke


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("makes: party", "makes: parties", 3, "unknown record 'parties'"),
        ("external_id: id", "external_id: id..x", 5, "bad path"),
        ("external_id: id", "external_id: a[].b[].c", 5, "bad path"),
        ("external_id: id", "external_id: {pth: id}", 5, "unknown key 'pth'"),
        ("external_id: id", "external_id: {path: id, upper: true}", 5, "unknown key 'upper'"),
        ("external_id: id", "external_id: {path: id, const: x}", 5, "exactly one of"),
        ("external_id: id", "external_id: {path: id, negate: true}", 5, "does not fit"),
        ("external_id: id", "external_id: {let: nobody}", 5, "unknown let"),
        ("external_id: id", "external_id: {path: id, required: no}", 5, "expected true or false"),
        ("external_id: id", "external_id: {path: id, required: false}", 5, "is required"),
        ("external_id: id", "externl_id: id", 5, "unknown key 'externl_id'"),
        ("external_id: id", "phone: Phone", 4, "required field 'external_id' is missing"),
        ("external_id: id", "external_id: id\n  external_id: id", 6, "stands twice"),
        ("external_id: id", "external_id: {context: mood}", 5, "unknown context value"),
        (
            "external_id: id",
            "external_id: {choose: [{if: {path: a, sgn: x}, then: b}]}",
            5,
            "a condition needs exactly one",
        ),
        ("external_id: id", "external_id: {choose: [{else: a}, {else: b}]}", 5, "nothing may follow else"),
        ("external_id: id", "external_id: [id", 6, "not valid YAML"),
        ("stream: customers", "stream: deals", 2, "the place of this file"),
        ("vendor: zoho_crm", "vendor: kingdee", 1, "the place of this file"),
        ("vendor: zoho_crm", "vendor: zoho_crm\nextra: 1", 2, "unknown key 'extra'"),
        ("vendor: zoho_crm", "vendor: zoho_crm\nask: loudly", 2, "ask is 'loudly'"),
        ("vendor: zoho_crm", "vendor: zoho_crm\nextends: other", 2, "extends must be"),
        ("vendor: zoho_crm", "vendor: zoho_crm\nskip: [{when: {path: a, is: b}}]", 2, "a skip rule is"),
    ],
)
def test_mistakes_are_found_with_their_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert words in str(caught.value)
    assert caught.value.line == line
    assert f"customers.yaml:{line}: " in str(caught.value)


def test_a_wrong_choice_is_found_before_the_first_record(tmp_path: Path) -> None:
    text = "vendor: zoho_crm\nstream: invoices\nextends: shipped\nfields:\n  kind: {const: bill}\n"
    (tmp_path / "invoices.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"invoices.yaml:5: kind cannot be 'bill'"):
        load_profiles("zoho_crm", tmp_path)


def test_an_override_replaces_one_stream(tmp_path: Path) -> None:
    profile = load(tmp_path, GOOD)
    assert profile != load_profiles("zoho_crm")["customers"]
    assert load_profiles("zoho_crm", tmp_path)["deals"] is load_profiles("zoho_crm")["deals"]


def test_extends_changes_only_what_it_names(tmp_path: Path) -> None:
    text = "vendor: zoho_crm\nstream: invoices\nextends: shipped\nfields:\n  external_refs: {list: [Bill_Ref]}\n"
    (tmp_path / "invoices.yaml").write_text(text, encoding="utf-8")
    made = load_profiles("zoho_crm", tmp_path)["invoices"]
    payload = (
        b'{"id": "1", "Subject": "s", "Currency": "CNY", "Bill_Ref": "AR7", "ERP_Bill_No": "AR8", "Status": "Created"}'
    )
    claim = map_record(made, payload, MappingContext("Asia/Shanghai"))
    assert (claim.external_refs, claim.status) == (("AR7",), "created")  # type: ignore[union-attr]
    assert "ERP_Bill_No" not in made.source_paths


def test_the_version_follows_the_content_not_the_comments(tmp_path: Path) -> None:
    first = load(tmp_path, GOOD).version  # type: ignore[attr-defined]
    assert load(tmp_path, "# a remark\n" + GOOD).version == first  # type: ignore[attr-defined]
    assert load(tmp_path, GOOD + "  phone: Phone\n").version != first  # type: ignore[attr-defined]


def test_unknown_vendor_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no mapping profiles"):
        load_profiles("../zoho_crm")
    with pytest.raises(ConfigError, match="does not exist"):
        load_profiles("zoho_crm", tmp_path / "none")


def test_value_map_keys_are_texts(tmp_path: Path) -> None:
    profile = load(tmp_path, GOOD + "  is_active: {path: Flag, map: {yes: true, no: false, 1: true}}\n")
    for payload, wanted in ((b'"yes"', True), (b'"no"', False), (b"1", True)):
        record = b'{"id": "1", "Account_Name": "a", "Flag": ' + payload + b"}"
        made = map_record(profile, record, MappingContext("Asia/Shanghai"))  # type: ignore[arg-type]
        assert made.is_active is wanted  # type: ignore[union-attr]
