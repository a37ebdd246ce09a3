"""FilterString: a small SQL-like language, parsed once per query and compiled to a predicate over rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tieout.sandbox.kingdee.errors import BadFilter
from tieout.sandbox.kingdee.forms import FieldRef, Form

_TOKEN = re.compile(
    r"\s*(?:(?P<ts>\{ts\s*'(?P<stamp>[^']*)'\s*\})|[Nn]?(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<op><>|!=|>=|<=|=|>|<)|(?P<mark>[(),])|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))"
)
_COMPARISONS = ("=", "<>", "!=", ">=", "<=", ">", "<")


@dataclass(frozen=True, slots=True)
class Literal:
    """A text or number written in the filter."""

    value: str | Decimal


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op values`; ops: = <> >= <= > < like in null, `negated` for `not`."""

    ref: FieldRef
    op: str
    values: tuple[str | Decimal, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A comparison of two literals, such as 1=1."""

    value: bool


@dataclass(frozen=True, slots=True)
class Group:
    """`and` / `or` of parts, or `not` of one."""

    op: str
    parts: tuple[Node, ...]


Node = Compare | Constant | Group


def _tokens(text: str) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadFilter(f"无法识别 '{text[at : at + 20].strip()}'")
        at = match.end()
        if match["ts"] is not None:
            out.append(("literal", match["stamp"]))
        elif match["text"] is not None:
            out.append(("literal", match["text"][1:-1].replace("''", "'")))
        elif match["number"] is not None:
            out.append(("literal", Decimal(match["number"])))
        elif match["op"] is not None:
            out.append(("op", "<>" if match["op"] == "!=" else match["op"]))
        elif match["mark"] is not None:
            out.append((match["mark"], match["mark"]))
        else:
            word = match["word"]
            low = word.lower()
            keyword = low in ("and", "or", "not", "in", "like", "is", "null", "between")
            out.append((low, word) if keyword else ("word", word))
    return out


class _Parser:
    def __init__(self, form: Form, text: str) -> None:
        self._form = form
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> Node:
        node = self._either()
        if self._at != len(self._tokens):
            raise BadFilter(f"多余的内容 '{self._tokens[self._at][1]}'")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self, *kinds: str) -> Any:
        if self._at >= len(self._tokens):
            raise BadFilter("条件不完整")
        kind, value = self._tokens[self._at]
        if kind not in kinds:
            raise BadFilter(f"'{value}' 附近有语法错误")
        self._at += 1
        return value

    def _either(self) -> Node:
        parts = [self._both()]
        while self._peek() == "or":
            self._next("or")
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Group("or", tuple(parts))

    def _both(self) -> Node:
        parts = [self._one()]
        while self._peek() == "and":
            self._next("and")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))

    def _one(self) -> Node:
        if self._peek() == "not":
            self._next("not")
            return Group("not", (self._one(),))
        if self._peek() == "(":
            self._next("(")
            node = self._either()
            self._next(")")
            return node
        if self._peek() == "literal":
            left, op, right = self._next("literal"), self._next("op"), self._next("literal")
            equal = str(left) == str(right)
            if op not in ("=", "<>"):
                raise BadFilter("常量比较只支持 = 和 <>")
            return Constant(equal if op == "=" else not equal)
        ref = self._form.resolve(self._next("word"))
        return self._condition(ref)

    def _condition(self, ref: FieldRef) -> Node:
        if self._peek() == "is":
            self._next("is")
            negated = self._peek() == "not"
            if negated:
                self._next("not")
            self._next("null")
            return Compare(ref, "null", (), negated)
        negated = self._peek() == "not"
        if negated:
            self._next("not")
        kind = self._peek()
        if kind == "in":
            self._next("in")
            self._next("(")
            values = [self._next("literal")]
            while self._peek() == ",":
                self._next(",")
                values.append(self._next("literal"))
            self._next(")")
            return Compare(ref, "in", tuple(values), negated)
        if kind == "like":
            self._next("like")
            return Compare(ref, "like", (str(self._next("literal")),), negated)
        if kind == "between":
            self._next("between")
            low = self._next("literal")
            self._next("and")
            both = Group("and", (Compare(ref, ">=", (low,)), Compare(ref, "<=", (self._next("literal"),))))
            return Group("not", (both,)) if negated else both
        if negated:
            raise BadFilter("not 之后需要 in、like 或 between")
        return Compare(ref, self._next("op"), (self._next("literal"),))


def _from_list(conditions: list[Any]) -> str:
    """The array form `[{Left, FieldName, Compare, Value, Right, Logic}]` as text."""
    out: list[str] = []
    for index, item in enumerate(conditions):
        if not isinstance(item, dict):
            raise BadFilter("数组条件应为对象")
        compare = str(item.get("Compare") or item.get("compare") or "=").strip().lower()
        if compare not in (*_COMPARISONS, "like", "in", "not in", "not like", "is null", "is not null"):
            raise BadFilter(f"不支持的比较符 '{compare}'")
        value = item.get("Value")
        if compare in ("in", "not in"):
            values = value if isinstance(value, list) else str(value).split(",")
            shown = "(" + ",".join(_quoted(part) for part in values) + ")"
        else:
            shown = "" if compare.startswith("is ") else _quoted(value)
        out.append(f"{item.get('Left') or ''}{item.get('FieldName')} {compare} {shown}{item.get('Right') or ''}")
        if index + 1 < len(conditions):
            logic = str(item.get("Logic") or "and").strip().lower()
            out.append({"0": "and", "1": "or"}.get(logic, logic))
    return " ".join(out)


def _quoted(value: object) -> str:
    return "'" + str(value if value is not None else "").replace("'", "''") + "'"


def parse_filter(form: Form, raw: object) -> Node | None:
    """The filter as a tree, None when there is none; raises BadFilter or UnknownField."""
    if isinstance(raw, list):
        raw = _from_list(raw)
    if raw is None or not str(raw).strip():
        return None
    return _Parser(form, str(raw)).parse()


def fields_of(node: Node | None) -> list[FieldRef]:
    """Every field the filter reads."""
    if isinstance(node, Compare):
        return [node.ref]
    if isinstance(node, Group):
        return [ref for part in node.parts for ref in fields_of(part)]
    return []


def conjuncts(node: Node | None) -> list[Compare]:
    """Comparisons that every row must pass, for choosing an index."""
    if isinstance(node, Compare) and not node.negated:
        return [node]
    if isinstance(node, Group) and node.op == "and":
        return [found for part in node.parts for found in conjuncts(part)]
    return []
