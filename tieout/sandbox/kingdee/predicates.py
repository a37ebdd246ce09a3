"""Turns a parsed filter into one Python predicate over rows."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from tieout.sandbox.kingdee.filters import Compare, Constant, Node
from tieout.sandbox.kingdee.values import Lookups, Row, comparable_reader, literal

Predicate = Callable[[Row], bool]
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def compile_filter(node: Node, positions: Mapping[str, int], lookups: Lookups) -> Predicate:
    """The predicate of a filter; a comparison with NULL is never true, as in SQL."""
    if isinstance(node, Constant):
        value = node.value
        return lambda row: value
    if isinstance(node, Compare):
        return _comparison(node, positions[node.ref.entry], lookups)
    parts = [compile_filter(part, positions, lookups) for part in node.parts]
    if node.op == "not":
        inner = parts[0]
        return lambda row: not inner(row)
    if node.op == "and":
        return lambda row: all(part(row) for part in parts)
    return lambda row: any(part(row) for part in parts)


def _comparison(node: Compare, position: int, lookups: Lookups) -> Predicate:
    read = comparable_reader(node.ref, position, lookups)
    if node.op == "null":
        negated = node.negated
        return lambda row: (read(row) is None) != negated
    if node.op == "in":
        wanted = frozenset(literal(node.ref, value) for value in node.values)
        if node.negated:
            return lambda row: (value := read(row)) is not None and value not in wanted
        return lambda row: read(row) in wanted
    if node.op == "like":
        pattern = _like(str(node.values[0]))
        if node.negated:
            return lambda row: (value := read(row)) is not None and not pattern.match(str(value))
        return lambda row: (value := read(row)) is not None and bool(pattern.match(str(value)))
    compare, right = _OPERATORS[node.op], literal(node.ref, node.values[0])
    return lambda row: (value := read(row)) is not None and compare(value, right)


def _like(text: str) -> re.Pattern[str]:
    """LIKE with % and _ as a regular expression, without case."""
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in text.lower())
    return re.compile("".join(parts) + r"\Z", re.IGNORECASE | re.DOTALL)
