"""What an expression or a condition of a profile reads from a record: the same as a tree and made ready for many."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mapping import grammar, plan
from mapping.expressions import Scope
from mapping.yaml_lines import parse
from tieout.core.errors import MappingError

LETS = {"state": grammar.expression(parse("{path: Status, map: {open: o, done: d}}", "t"), {})}
RULED = {("Status", "odd"): "ruled"}


def ways(text: str, record: Any, *, default: str = "") -> list[Any]:
    """What the tree says and what the ready function says; an error as its message, path, code, value and hint."""
    made = grammar.expression(parse(text, "t"), LETS)
    out: list[Any] = []
    for read in (made.get, plan.read(made)):
        try:
            out.append(read(Scope(record, default, LETS, ruled=RULED)))
        except MappingError as error:
            out.append((error.message, error.path, error.code, error.value, error.hint))
    return out


ROWS = {"rows": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"b": " "}]}


@pytest.mark.parametrize(
    ("text", "record", "found"),
    [
        ("A", {"A": "x"}, "x"),
        ("A", {"A": " x "}, " x "),
        ("A", {"A": 0}, 0),
        ("A", {"A": False}, False),
        ("A", {"A": {}}, {}),
        ("A", {"A": [1]}, [1]),
        ("A", {"A": []}, None),
        ("A", {"A": " "}, None),
        ("A", {"A": None}, None),
        ("A", {}, None),
        ("A.B", {"A": {"B": "x"}}, "x"),
        ("A.B", {"A.B": "flat", "A": {"B": "nested"}}, "flat"),
        ("A.B", {"A": {"B": " "}}, None),
        ("A.B", {"A": {"B": []}}, None),
        ("A.B", {"A.B": None, "A": {"B": "x"}}, None),
        ("A.B", {"A": {}}, None),
        ("A.B", {"A": None}, None),
        ("A.B", {}, None),
        ("A.B.C", {"A": {"B": {"C": 7}}}, 7),
        ("A.B.C", {"A": {"B.C": 7}}, 7),
        ("A.B.C", {"A": {"B": None}}, None),
        ("A.B", {"A": "text"}, ("A.B: expected an object", "A.B", "bad_shape", "", "")),
        ("A.B.C", {"A": {"B": 7}}, ("A.B.C: expected an object", "A.B.C", "bad_shape", "", "")),
        ("rows[].a", ROWS, [1, None, None]),
        ("rows[].b", ROWS, ["x", "y", " "]),
        ("rows[].c", ROWS, [None, None, None]),
        ("rows[].a", {"rows[].a": "flat", **ROWS}, "flat"),
        ("rows[].a", {"rows": []}, None),
        ("rows[].a", {"rows": None}, None),
        ("rows[].a", {}, None),
        ("rows[].a", {"rows": [None, {"a": 2}]}, [None, 2]),
        ("rows[].a.b", {"rows": [{"a": {"b": 1}}, {"a.b": 2}, {"a": None}]}, [1, 2, None]),
        ("o.rows[].a", {"o": {"rows": [{"a": 1}]}}, [1]),
        ("rows[].a", {"rows": {"a": 1}}, ("rows[].a: rows is not a list", "rows[].a", "bad_shape", "", "")),
        ("rows[].a", {"rows": ["x"]}, ("rows[].a: expected an object", "rows[].a", "bad_shape", "", "")),
        ("{const: x}", {}, "x"),
        ("{const: 0}", {}, 0),
        ("{const: false}", {}, False),
        ("{context: default_currency}", {}, "CNY"),
        ("{first: [A, B, {const: c}]}", {"A": " ", "B": "b"}, "b"),
        ("{first: [A, B, {const: c}]}", {}, "c"),
        ("{first: [A, B]}", {"A": False, "B": 1}, False),
        ("{first: [A, B]}", {}, None),
        ("{list: [A, B, C]}", {"A": " x ", "B": ["y", None, " ", "x", 7], "C": "y"}, ["x", "y", "7"]),
        ("{list: [A]}", {}, []),
        ("{list: [A]}", {"A": {"b": 1}}, ("A is not text: {'b': 1}", "A", "not_text", "", "")),
        ("{join: [A, B]}", {"A": " x ", "B": 7}, "x7"),
        ("{join: [A, B], separator: '-'}", {"A": "x", "B": True}, "x-true"),
        ("{join: [A, B], separator: '-'}", {"A": "x"}, None),
        ("{join: [A, B], separator: '-', loose: false}", {"A": "x"}, None),
        ("{join: [A, B], separator: '-', loose: true}", {"A": "x"}, "x-"),
        ("{join: [A, B], separator: '-', loose: true}", {}, "-"),
        ("{join: [A, B]}", {"A": [], "B": 1}, None),
        ("{join: [A, B]}", {"A": 1, "B": ["x"]}, ("B is not text: ['x']", "B", "not_text", "", "")),
        ("{sum: 'rows[].a'}", {"rows": [{"a": 1}, {"a": Decimal("0.10")}]}, Decimal("1.10")),
        ("{sum: 'rows[].a'}", {"rows": [{"a": 1}, {"a": None}]}, None),
        ("{sum: 'rows[].a'}", {"rows": [{"a": 1}, {}]}, None),
        ("{sum: 'rows[].a'}", {"rows": []}, None),
        ("{sum: A}", {"A": 7}, None),
        (
            "{sum: 'rows[].a'}",
            {"rows": [{"a": "1"}]},
            ("rows[].a is not an amount: '1'", "rows[].a", "not_amount", "", ""),
        ),
        (
            "{sum: 'rows[].a'}",
            {"rows": [{"a": True}]},
            ("rows[].a is not an amount: True", "rows[].a", "not_amount", "", ""),
        ),
        ("{path: A, empty: ['0', '-']}", {"A": 0}, None),
        ("{path: A, empty: ['0', '-']}", {"A": " - "}, None),
        ("{path: A, empty: ['0']}", {"A": "00"}, "00"),
        ("{path: A, empty: ['0']}", {}, None),
        ("{path: A, empty: ['0']}", {"A": ["0", "x", 0, None, " "]}, ["x", None, " "]),
        ("{path: A, empty: ['0']}", {"A": ["0"]}, None),
        ("{path: A, empty: ['false']}", {"A": False}, None),
        ("{path: A, map: {x: one, 'true': two, 7: three}}", {"A": " x "}, "one"),
        ("{path: A, map: {x: one, 'true': two, 7: three}}", {"A": True}, "two"),
        ("{path: A, map: {x: one, 'true': two, 7: three}}", {"A": 7}, "three"),
        ("{path: A, map: {x: false}}", {"A": "x"}, False),
        ("{path: A, map: {x: one}}", {}, None),
        (
            "{path: A, map: {x: one, y: two}}",
            {"A": " z "},
            ("A: value 'z' is not in the profile's map", "A", "unmapped_value", "z", "Known: x, y."),
        ),
        ("{path: Status, map: {open: o}}", {"Status": " odd "}, "ruled"),
        (
            "{path: Other, map: {open: o}}",
            {"Other": "odd"},
            ("Other: value 'odd' is not in the profile's map", "Other", "unmapped_value", "odd", "Known: open."),
        ),
        ("{let: state}", {"Status": "done"}, "d"),
        ("{path: A, empty: [x], map: {y: z}}", {"A": "x"}, None),
        ("{first: [{path: A, map: {x: one}}, B]}", {"B": "b"}, "b"),
        ("{choose: [{if: {path: A, is: x}, then: B}, {else: C}]}", {"A": "x", "B": 1, "C": 2}, 1),
        ("{choose: [{if: {path: A, is: x}, then: B}, {else: C}]}", {"A": "y", "B": 1, "C": 2}, 2),
        ("{choose: [{if: {path: A, is: x}, then: B}, {else: C}]}", {"A": "x", "C": 2}, None),
        ("{choose: [{if: {path: A, is: x}, then: B}]}", {"B": 1}, None),
    ],
)
def test_an_expression_reads(text: str, record: dict[str, Any], found: Any) -> None:
    got = ways(text, record, default="CNY")
    assert got == [found, found]
    assert [type(one) for one in got] == [type(found)] * 2


@pytest.mark.parametrize(
    ("test", "record", "holds"),
    [
        ("path: A, is: x", {"A": " x "}, True),
        ("path: A, is: x", {"A": "y"}, False),
        ("path: A, is: x", {}, False),
        ("path: A, is: 7", {"A": 7}, True),
        ("path: A, is: true", {"A": True}, True),
        ("path: A, is: true", {"A": False}, False),
        ("path: A, in: [x, 7, false]", {"A": "7"}, True),
        ("path: A, in: [x, 7, false]", {"A": False}, True),
        ("path: A, in: [x]", {}, False),
        ("path: A, not_in: [x]", {"A": "x"}, False),
        ("path: A, not_in: [x]", {"A": "y"}, True),
        ("path: A, not_in: [x]", {}, True),
        ("path: A, empty: true", {"A": " "}, True),
        ("path: A, empty: true", {"A": 0}, False),
        ("path: A, empty: false", {"A": 0}, True),
        ("path: A, empty: false", {}, False),
        *(
            (f"path: A, sign: {sign}", {"A": value}, sign in held)
            for value, held in (
                (-1, ("negative", "not_positive")),
                (Decimal("-0.01"), ("negative", "not_positive")),
                (Decimal("0.00"), ("zero", "not_negative", "not_positive")),
                (Decimal("0.01"), ("positive", "not_negative")),
                (1, ("positive", "not_negative")),
            )
            for sign in ("negative", "zero", "positive", "not_negative", "not_positive")
        ),
        ("path: A, sign: positive, text_amount: true", {"A": " 0.5 "}, True),
        ("all: [{path: A, is: x}, {path: B, is: y}]", {"A": "x", "B": "y"}, True),
        ("all: [{path: A, is: x}, {path: B, is: y}]", {"A": "x"}, False),
        ("any: [{path: A, is: x}, {path: B, is: y}]", {"B": "y"}, True),
        ("any: [{path: A, is: x}, {path: B, is: y}]", {}, False),
        ("all: [{any: [{path: A, is: x}, {path: B, is: y}]}, {path: C, empty: true}]", {"B": "y"}, True),
    ],
)
def test_a_condition_holds(test: str, record: dict[str, Any], holds: bool) -> None:
    made = grammar.condition(parse("{" + test + "}", "t"), LETS)
    assert made.holds(Scope(record, "")) is holds
    assert plan.holds(made)(Scope(record, "")) is holds


@pytest.mark.parametrize("value", [None, "1", True])
def test_a_sign_of_what_is_no_number_is_asked_about_not_taken_for_zero(value: object) -> None:
    made = grammar.condition(parse("{path: A, sign: zero}", "t"), {})
    for holds in (made.holds, plan.holds(made)):
        with pytest.raises(MappingError) as refused:
            holds(Scope({"A": value}, ""))
        assert (refused.value.path, refused.value.code) == ("A", "not_amount")


@pytest.mark.parametrize(
    ("text", "label", "paths"),
    [
        ("A.B", "A.B", ["A.B"]),
        ("{const: 7}", "constant 7", []),
        ("{context: default_currency}", "default currency of the connection", []),
        ("{let: state}", "Status", ["Status"]),
        ("{first: [A, B]}", "A | B", ["A", "B"]),
        ("{list: [A, 'r[].b']}", "A + r[].b", ["A", "r[].b"]),
        ("{join: [A, B]}", "A + B", ["A", "B"]),
        ("{sum: 'r[].b'}", "r[].b", ["r[].b"]),
        ("{path: A, empty: ['0']}", "A", ["A"]),
        ("{path: A, map: {x: y}}", "A", ["A"]),
        ("{choose: [{if: {path: A, is: x}, then: B}, {else: A}]}", "A | B", ["A", "B", "A"]),
        ("{choose: [{else: {const: x}}]}", "constant 'x'", []),
        (
            "{choose: [{if: {all: [{path: A, empty: true}, {path: B, sign: zero}]}, then: C}]}",
            "A | B | C",
            ["A", "B", "C"],
        ),
    ],
)
def test_an_expression_names_all_that_it_reads(text: str, label: str, paths: list[str]) -> None:
    made = grammar.expression(parse(text, "t"), LETS)
    assert (made.label, list(made.paths())) == (label, paths)


def test_without_a_currency_of_the_connection_there_is_none() -> None:
    assert ways("{context: default_currency}", {}) == [None, None]


def test_amounts_written_as_text_are_summed_where_the_profile_says_so() -> None:
    made = grammar.expression(parse("{sum: 'r[].a', text_amount: true}", "t"), {}, options=("text_amount",))
    for read in (made.get, plan.read(made)):
        assert read(Scope({"r": [{"a": "1.10"}, {"a": 2}]}, "")) == Decimal("3.10")


def test_a_named_value_is_read_once_for_a_record() -> None:
    reads: list[str] = []

    class Record(dict[str, Any]):
        """A record that tells what is read."""

        def __contains__(self, key: object) -> bool:
            reads.append(str(key))
            return super().__contains__(key)

    scope = Scope(Record(Status="open"), "", LETS)
    assert [scope.let("state"), scope.let("state")] == ["o", "o"]
    assert len(reads) == 1
