"""YAML items to expressions and conditions; every mistake is a ProfileError with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mapping.conditions import SIGNS, Choose, Condition, Empty, Every, OneOf, Sign
from mapping.expressions import (
    Const,
    DefaultCurrency,
    Expression,
    First,
    Join,
    Many,
    Mapped,
    Named,
    Path,
    Sum,
    Without,
)
from mapping.yaml_lines import Item

_NAME = r"[$A-Za-z_][$A-Za-z0-9_]*"
_PATH = re.compile(rf"{_NAME}(\[\])?(\.{_NAME}(\[\])?)*")
_BASES = ("path", "first", "const", "list", "choose", "join", "let", "context", "sum")
MODIFIERS = ("map", "empty", "separator", "loose")
_CONDITION_OPS = ("is", "in", "not_in", "empty", "sign")


def path(item: Item) -> Path:
    """A source path; `A.B`, `A[].B`."""
    text = item.text()
    if not _PATH.fullmatch(text) or text.endswith("[]") or text.count("[]") > 1:
        raise item.error(f"bad path {text!r}", hint="Write names joined by dots; one name may end in [] for its rows.")
    return Path(text)


def expression(item: Item, lets: Mapping[str, Expression], *, options: tuple[str, ...] = ()) -> Expression:
    """An expression; `options` are extra keys that the caller takes care of."""
    if isinstance(item.value, str):
        return path(item)
    parts = item.mapping()
    unknown = [key for key in parts if key not in (*_BASES, *MODIFIERS, *options)]
    if unknown:
        known = ", ".join((*_BASES, *MODIFIERS, *options))
        raise parts[unknown[0]].error(f"unknown key {unknown[0]!r}", hint=f"Known: {known}.")
    bases = [key for key in parts if key in _BASES]
    if len(bases) != 1:
        raise item.error(f"an expression needs exactly one of {', '.join(_BASES)}; found {', '.join(bases) or 'none'}")
    made = _base(bases[0], parts, lets)
    if "empty" in parts:
        made = Without(made, frozenset(texts(parts["empty"])))
    if "map" in parts:
        table = {key: _constant(value) for key, value in parts["map"].mapping().items()}
        if not table:
            raise parts["map"].error("the map is empty")
        made = Mapped(made, table)
    return made


def _base(base: str, parts: Mapping[str, Item], lets: Mapping[str, Expression]) -> Expression:
    item = parts[base]
    for key in ("separator", "loose"):
        if key in parts and base != "join":
            raise parts[key].error(f"{key!r} belongs to join")
    if base == "path":
        return path(item)
    if base == "const":
        return Const(_constant(item))
    if base == "let":
        name = item.text()
        if name not in lets:
            raise item.error(f"unknown let {name!r}", hint=f"Known above this line: {', '.join(lets) or 'none'}.")
        return Named(name, lets[name])
    if base == "context":
        if item.text() != "default_currency":
            raise item.error(f"unknown context value {item.value!r}", hint="Known: default_currency.")
        return DefaultCurrency()
    if base == "sum":
        text_amount = "text_amount" in parts and parts["text_amount"].flag()
        return Sum(path(item), text_amount)
    if base == "choose":
        return _choose(item, lets)
    inner = [expression(part, lets) for part in item.items()]
    if not inner:
        raise item.error(f"{base!r} is empty")
    if base == "first":
        return First(inner)
    if base == "list":
        return Many(inner)
    separator = parts["separator"].text() if "separator" in parts else ""
    return Join(inner, separator, "loose" in parts and parts["loose"].flag())


def _choose(item: Item, lets: Mapping[str, Expression]) -> Choose:
    cases: list[tuple[Condition | None, Expression]] = []
    for case in item.items():
        keys = case.mapping()
        if cases and cases[-1][0] is None:
            raise case.error("nothing may follow else")
        if set(keys) == {"if", "then"}:
            cases.append((condition(keys["if"], lets), expression(keys["then"], lets)))
        elif set(keys) == {"else"}:
            cases.append((None, expression(keys["else"], lets)))
        else:
            raise case.error("a case is {if, then} or {else}")
    if not cases:
        raise item.error("'choose' is empty")
    return Choose.of(cases)


def condition(item: Item, lets: Mapping[str, Expression]) -> Condition:
    """A condition: all, any, or one test (is, in, not_in, empty, sign) of an expression."""
    parts = item.mapping()
    for key in ("all", "any"):
        if key in parts:
            if len(parts) != 1:
                raise item.error(f"{key!r} stands alone")
            return Every([condition(part, lets) for part in parts[key].items()], any_of=key == "any")
    tests = [key for key in parts if key in _CONDITION_OPS]
    if len(tests) != 1:
        raise item.error(f"a condition needs exactly one of all, any, {', '.join(_CONDITION_OPS)}")
    test = tests[0]
    rest = {key: value for key, value in parts.items() if key not in (test, "text_amount")}
    if "text_amount" in parts and test != "sign":
        raise parts["text_amount"].error("'text_amount' belongs to sign")
    value = expression(Item(rest, item.line, item.origin), lets)
    wanted = parts[test]
    if test == "is":
        return OneOf(value, frozenset([_text(wanted)]), negated=False)
    if test in ("in", "not_in"):
        return OneOf(value, frozenset(texts(wanted)), negated=test == "not_in")
    if test == "empty":
        return Empty(value, wanted.flag())
    if wanted.text() not in SIGNS:
        raise wanted.error(f"unknown sign {wanted.value!r}", hint=f"Known: {', '.join(SIGNS)}.")
    return Sign(value, wanted.text(), "text_amount" in parts and parts["text_amount"].flag())


def texts(item: Item) -> list[str]:
    """A non-empty list of texts; numbers and truth values become their text."""
    made = [_text(part) for part in item.items()]
    if not made:
        raise item.error("the list is empty")
    return made


def _text(item: Item) -> str:
    if isinstance(item.value, bool):
        return "true" if item.value else "false"
    return str(item.value) if isinstance(item.value, int) else item.text()


def _constant(item: Item) -> Any:
    if isinstance(item.value, str | bool | int):
        return item.value
    raise item.error(f"a constant is text, a whole number or true/false, got {item.plain()!r}")
