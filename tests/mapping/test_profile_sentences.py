"""What a wrong mapping profile is told: file, line, the whole sentence and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapping.loader import build, load_profiles, restored
from mapping.yaml_lines import ProfileError, parse
from tieout.core.errors import ConfigError

HEAD = "vendor: zoho_crm\nstream: customers\n"
ID = "makes: party\nfields:\n  names: {list: [N]}\n  external_id: "
BASES = "path, first, const, list, choose, join, let, context, sum"
MODIFIED = f"{BASES}, map, empty, separator, loose, required, negate, absolute, text_amount, stamp"
KINDS = "Known: invoice, credit_note, payment, refund."
PATH_HINT = "Write names joined by dots; one name may end in [] for its rows."
TEST = "a condition needs exactly one of all, any, is, in, not_in, empty, sign"


def refusal(text: str) -> tuple[int, str, str]:
    with pytest.raises(ProfileError) as refused:
        build(parse(text, "c.yaml"), vendor="zoho_crm", stream="customers")
    error = refused.value
    assert (error.origin, error.code) == ("c.yaml", "profile")
    place, message = f"c.yaml:{error.line}: ", error.message
    assert message.startswith(place)
    return error.line, message.removeprefix(place), error.hint


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("id..x", "bad path 'id..x'", PATH_HINT),
        ("'id[]'", "bad path 'id[]'", PATH_HINT),
        ("'a[].b[].c'", "bad path 'a[].b[].c'", PATH_HINT),
        ("1x", "bad path '1x'", PATH_HINT),
        ('"id\\n"', "bad path 'id\\n'", PATH_HINT),
        ("''", "expected text, got ''", ""),
        ("{path: 7}", "expected text, got 7", ""),
        ("{path: [a]}", "expected text, got ['a']", ""),
        ("7", "expected a mapping, got 7", ""),
        (
            "{}",
            f"an expression needs exactly one of {BASES}; found none",
            "",
        ),
        (
            "{path: a, const: b}",
            f"an expression needs exactly one of {BASES}; found path, const",
            "",
        ),
        ("{path: a, upper: true}", "unknown key 'upper'", f"Known: {MODIFIED}."),
        ("{path: a, separator: '-'}", "'separator' belongs to join", ""),
        ("{path: a, loose: true}", "'loose' belongs to join", ""),
        ("{join: [a], loose: yes}", "expected true or false, got 'yes'", ""),
        ("{let: x}", "unknown let 'x'", "Known above this line: none."),
        ("{context: mood}", "unknown context value 'mood'", "Known: default_currency."),
        ("{first: []}", "'first' is empty", ""),
        ("{list: []}", "'list' is empty", ""),
        ("{join: []}", "'join' is empty", ""),
        ("{first: a}", "expected a list, got 'a'", ""),
        ("{choose: []}", "'choose' is empty", ""),
        ("{choose: [{if: {path: a, is: b}}]}", "a case is {if, then} or {else}", ""),
        ("{choose: [{else: a, then: b}]}", "a case is {if, then} or {else}", ""),
        ("{choose: [{else: a}, {else: b}]}", "nothing may follow else", ""),
        ("{path: a, map: {}}", "the map is empty", ""),
        ("{path: a, map: {x: [y]}}", "a constant is text, a whole number or true/false, got ['y']", ""),
        ("{path: a, map: {x: null}}", "a constant is text, a whole number or true/false, got None", ""),
        ("{path: a, empty: []}", "the list is empty", ""),
        ("{path: a, empty: [[x]]}", "expected text, got ['x']", ""),
        ("{choose: [{if: {path: a}, then: b}]}", TEST, ""),
        ("{choose: [{if: {path: a, is: b, in: [c]}, then: b}]}", TEST, ""),
        ("{choose: [{if: {all: [{path: a, is: b}], path: a}, then: b}]}", "'all' stands alone", ""),
        ("{choose: [{if: {any: [{path: a, is: b}], is: a}, then: b}]}", "'any' stands alone", ""),
        ("{choose: [{if: {path: a, is: b, text_amount: true}, then: b}]}", "'text_amount' belongs to sign", ""),
        (
            "{choose: [{if: {path: a, sign: odd}, then: b}]}",
            "unknown sign 'odd'",
            "Known: negative, zero, positive, not_negative, not_positive.",
        ),
        ("{path: a, negate: true}", "'negate' does not fit external_id (text)", ""),
        ("{path: a, absolute: true}", "'absolute' does not fit external_id (text)", ""),
        ("{path: a, text_amount: true}", "'text_amount' does not fit external_id (text)", ""),
        ("{path: a, stamp: true}", "'stamp' does not fit external_id (text)", ""),
        ("{path: a, required: no}", "expected true or false, got 'no'", ""),
        ("{path: a, required: false}", "external_id is required by the canonical record", ""),
    ],
)
def test_a_wrong_expression_is_told_on_its_line(value: str, message: str, hint: str) -> None:
    assert refusal(HEAD + ID + value) == (6, message, hint)


def test_a_named_value_may_use_only_those_above_it() -> None:
    text = HEAD + "makes: party\nlet:\n  a: A\n  b: {let: c}\n  c: C\nfields: {external_id: id, names: {let: a}}"
    assert refusal(text) == (6, "unknown let 'c'", "Known above this line: a.")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("stream: customers", 1, "'vendor' is missing", ""),
        ("vendor: zoho_crm", 1, "'stream' is missing", ""),
        (HEAD, 1, "'makes' is missing", ""),
        (HEAD + "makes: party", 1, "'fields' is missing", ""),
        ("vendor: x\nstream: customers", 1, "vendor is 'x', the place of this file says 'zoho_crm'", ""),
        ("vendor: zoho_crm\nstream: x", 2, "stream is 'x', the place of this file says 'customers'", ""),
        (
            HEAD + "extra: 1",
            3,
            "unknown key 'extra'",
            "Known: vendor, stream, makes, ask, extends, let, skip, fields.",
        ),
        (
            HEAD + "makes: bill\nfields: {}",
            3,
            "unknown record 'bill'",
            "Known: party, document, allocation, claim, limit, rate.",
        ),
        (HEAD + "makes: rate\nfields:\n  base: B", 4, "required field 'external_id' is missing", ""),
        (
            HEAD + "makes: rate\nfields:\n  bases: B",
            5,
            "unknown key 'bases'",
            "Known: external_id, base, quote, rate, rate_on, until_on, company_ref, is_active.",
        ),
        (
            HEAD + "extends: shipped",
            3,
            "extends must be 'shipped', and a profile of this stream must be shipped",
            "",
        ),
        (HEAD + "ask: loudly\n" + ID + "id", 3, "ask is 'loudly'", "Known: top, dotted."),
        (HEAD + "skip: [{when: {path: a, is: b}}]\n" + ID + "id", 3, "a skip rule is {when, reason}", ""),
        (HEAD + "skip: [{when: {path: a, is: b}, reason: ''}]\n" + ID + "id", 3, "expected text, got ''", ""),
        (
            HEAD + "makes: document\nfields:\n  installments: {line_id: a}",
            5,
            "installments needs 'rows'",
            "",
        ),
        (
            HEAD + "makes: document\nfields:\n  installments: {rows: r, line_id: a, due_on: d}",
            5,
            "required field 'amount_minor' is missing",
            "",
        ),
        (HEAD + "makes: document\nfields:\n  kind: {const: bill}", 5, "kind cannot be 'bill'", KINDS),
        (
            HEAD + "makes: document\nfields:\n  kind: {path: a, map: {x: invoice, y: bill}}",
            5,
            "kind cannot be 'bill'",
            KINDS,
        ),
        (
            HEAD + "makes: document\nfields:\n  kind: {choose: [{if: {path: a, is: x}, then: {const: invoice}}, "
            "{else: {const: bill}}]}",
            5,
            "kind cannot be 'bill'",
            KINDS,
        ),
        (HEAD + "makes: document\nfields:\n  kind: {first: [a, {const: bill}]}", 5, "kind cannot be 'bill'", KINDS),
        (
            HEAD + "makes: document\nfields:\n  kind: {first: [{path: a, map: {x: bill}, empty: [y]}]}",
            5,
            "kind cannot be 'bill'",
            KINDS,
        ),
        ("[a, b]", 1, "expected a mapping, got ['a', 'b']", ""),
        ("", 1, "the file is empty", ""),
        ("# nothing", 1, "the file is empty", ""),
        (HEAD + "a: 1\n'a': 2", 4, "key 'a' stands twice", ""),
        (HEAD + "? [x]\n: 1", 3, "a key must be text", ""),
        (HEAD + "a: \ud800", 3, "half a character (a lone surrogate)", ""),
        ("a: [" + "[" * 60 + "]" * 60 + "]", 1, "nested too deeply", ""),
        (HEAD + "a: [" + "x, " * 50_000 + "]", 3, "more than 50000 values", ""),
    ],
)
def test_a_wrong_profile_is_told_on_its_line(text: str, line: int, message: str, hint: str) -> None:
    assert refusal(text) == (line, message, hint)


def test_text_that_is_no_yaml_is_told_with_its_line() -> None:
    line, message, hint = refusal(HEAD + "a: [b\nc: d")
    assert (line, message, hint) == (4, "not valid YAML: did not find expected ',' or ']'", "")


def test_what_is_known_is_told_for_an_unknown_vendor_and_a_missing_folder(tmp_path: Path) -> None:
    for vendor in ("nobody", "../zoho_crm", "zoho_crm/"):
        with pytest.raises(ConfigError) as refused:
            load_profiles(vendor)
        assert refused.value.message == f"no mapping profiles for vendor {vendor!r}"
        assert refused.value.hint == "Known: fxiaoke, kingdee, zoho_crm."
    with pytest.raises(ConfigError) as refused:
        load_profiles("zoho_crm", tmp_path / "none")
    assert refused.value.message == f"the folder of mapping profiles '{tmp_path}/none' does not exist"


def test_values_of_yaml_are_text_whole_numbers_truth_and_nothing() -> None:
    text = "a: [no, 'true', true, false, ~, null, '', 7, -7, '7', 1.5, 2026-11-01, 0x1f, 1_000, +7, on]"
    assert parse(text, "t").plain() == {
        "a": [
            "no", "true", True, False, None, None, "", 7, -7, "7", "1.5", "2026-11-01", "0x1f", "1_000", "+7", "on",
        ]
    }  # fmt: skip


def test_a_profile_reads_and_asks_for_what_it_names() -> None:
    text = HEAD + (
        "makes: document\nlet: {state: L.state}\n"
        "skip: [{when: {path: S.kind, is: x}, reason: not ours}]\n"
        "fields:\n  external_id: id\n  kind: {const: invoice}\n  number: N.no\n  party_ref: P\n  currency: C\n"
        "  total_minor: {path: T, negate: true, text_amount: true}\n  issue_on: {path: D, stamp: true}\n"
        "  state: {choose: [{if: {let: state, is: x}, then: {const: void}}, {else: {const: posted}}]}\n"
        "  net_minor: {path: M, absolute: true, required: true}\n"
        "  installments: {rows: R.list, text_amount: true, line_id: i, due_on: d.on, amount_minor: a}\n"
    )
    made = build(parse(text, "c.yaml"), vendor="zoho_crm", stream="customers")
    asked = ("id", "N", "P", "C", "T", "D", "L", "R", "M", "S")
    assert set(made.source_paths) == set(asked)
    assert len(made.source_paths) == len(asked)
    assert set(made.read_paths) == {
        "id", "N.no", "P", "C", "T", "D", "L.state", "R.list.i", "R.list.d.on", "R.list.a", "M", "S.kind"
    }  # fmt: skip
    dotted = build(
        parse(text.replace("makes:", "ask: dotted\nmakes:"), "c.yaml"), vendor="zoho_crm", stream="customers"
    )
    assert dotted.source_paths == made.read_paths
    fields = made.fields
    assert (made.vendor, made.stream, made.makes, made.origin) == ("zoho_crm", "customers", "document", "c.yaml")
    assert [rule.reason for rule in made.skips] == ["not ours"]
    total, net, rows = fields["total_minor"], fields["net_minor"], fields["installments"]
    assert (total.path, total.line, total.required) == ("T", 12, True)
    assert (total.negate, total.absolute, total.text_amount, total.stamp) == (True, False, True, False)
    assert (net.negate, net.absolute, net.text_amount, net.required) == (False, True, False, True)
    assert (fields["issue_on"].stamp, fields["number"].required) == (True, True)
    assert (rows.row_path, rows.path, rows.required, rows.text_amount, rows.line) == (
        "R.list",
        "R.list",
        False,
        True,
        16,
    )
    assert list(rows.row_fields) == ["line_id", "due_on", "amount_minor"]
    again = restored(made.text, vendor="zoho_crm", stream="customers")
    assert (again.version, again.text, again.read_paths) == (made.version, made.text, made.read_paths)
    assert again.origin == "zoho_crm/customers as it was"


def test_an_override_adds_named_values_and_fields_to_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "customers.yaml").write_text(
        HEAD + "extends: shipped\nask: dotted\nlet: {mine: Mine}\nfields: {city: {let: mine}}\n", encoding="utf-8"
    )
    shipped, made = load_profiles("zoho_crm")["customers"], load_profiles("zoho_crm", tmp_path)["customers"]
    assert set(made.fields) == {*shipped.fields, "city"}
    assert set(made.lets) == {*shipped.lets, "mine"}
    assert made.fields["city"].path == "Mine"
    assert made.version != shipped.version
    assert [rule.reason for rule in made.skips] == [rule.reason for rule in shipped.skips]
    (tmp_path / "customers.yaml").write_text(HEAD + "extends: other\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"customers\.yaml:3: extends must be 'shipped'"):
        load_profiles("zoho_crm", tmp_path)
