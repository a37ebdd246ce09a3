"""Reading a COQL text: select … from … where … group by … order by … limit …, with aggregates (Zoho docs v8 COQL)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tieout.sandbox.zoho.problems import ZohoProblem

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|''|[^'\\])*')|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<word>[$A-Za-z_][\w.$]*)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))"
)
AGGREGATES = ("sum", "max", "min", "avg", "count")
SIGNS = {"=", "!=", "<>", "<", ">", "<=", ">="}


@dataclass(slots=True)
class Test:
    """One comparison; `operator` is a sign, `in`, `not in`, `like`, `not like`, `between`, `is null`, `is not null`."""

    column: str
    operator: str
    values: list[Any]


@dataclass(slots=True)
class Group:
    """Conditions joined by `and` or `or`."""

    joiner: str
    parts: list[Test | Group]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of the select list; `text` is the name it has in the answer."""

    function: str
    column: str

    @property
    def text(self) -> str:
        return f"{self.function.upper()}({self.column})"


@dataclass(slots=True)
class Query:
    """A parsed query; `order` holds (column, descending)."""

    columns: list[str]
    module: str
    where: Test | Group
    order: list[tuple[str, bool]]
    offset: int
    limit: int
    aggregates: list[Aggregate] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def syntax(near: str) -> ZohoProblem:
    return ZohoProblem(400, "SYNTAX_ERROR", "error occurred while parsing the query", {"near": near})


def parse(text: str) -> Query:
    """Parse a query; raises the 400 SYNTAX_ERROR of a bad one."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise syntax(text[position : position + 20])
        kind = match.lastgroup or ""
        tokens.append((kind, match.group(kind)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._need("select")
        columns: list[str] = []
        aggregates: list[Aggregate] = []
        self._column(columns, aggregates)
        while self._take(","):
            self._column(columns, aggregates)
        self._need("from")
        module = self._word()
        self._need("where")
        where = self._any()
        groups: list[str] = []
        if self._take("group"):
            self._need("by")
            groups.append(self._word())
            while self._take(","):
                groups.append(self._word())
        order: list[tuple[str, bool]] = []
        if self._take("order"):
            self._need("by")
            order.append(self._order())
            while self._take(","):
                order.append(self._order())
        offset, limit = 0, 200
        if self._take("limit"):
            limit = self._integer()
            if self._take(","):
                offset, limit = limit, self._integer()
            elif self._take("offset"):
                offset = self._integer()
        if self._at != len(self._tokens):
            raise syntax(self._tokens[self._at][1])
        return Query(columns, module, where, order, offset, limit, aggregates, groups)

    def _column(self, columns: list[str], aggregates: list[Aggregate]) -> None:
        word = self._word()
        if word.lower() in AGGREGATES and self._take("("):
            aggregates.append(Aggregate(word.lower(), self._word()))
            self._need(")")
        else:
            columns.append(word)

    def _order(self) -> tuple[str, bool]:
        column = self._word()
        if self._take("desc"):
            return column, True
        self._take("asc")
        return column, False

    def _any(self) -> Test | Group:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Group("or", parts)

    def _all(self) -> Test | Group:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group("and", parts)

    def _one(self) -> Test | Group:
        if self._take("("):
            inner = self._any()
            self._need(")")
            return inner
        column = self._word()
        if self._take("is"):
            negated = self._take("not")
            self._need("null")
            return Test(column, "is not null" if negated else "is null", [])
        negated = self._take("not")
        if self._take("in"):
            self._need("(")
            values = [self._value()]
            while self._take(","):
                values.append(self._value())
            self._need(")")
            return Test(column, "not in" if negated else "in", values)
        if self._take("like"):
            return Test(column, "not like" if negated else "like", [self._value()])
        if self._take("between"):
            first = self._value()
            self._need("and")
            return Test(column, "between", [first, self._value()])
        kind, sign = self._next()
        if negated or kind != "sign" or sign not in SIGNS:
            raise syntax(sign)
        return Test(column, "!=" if sign == "<>" else sign, [self._value()])

    def _value(self) -> Any:
        kind, raw = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", raw[1:-1].replace("''", "'"))
        if kind == "number":
            return Decimal(raw) if "." in raw else int(raw)
        if kind == "word" and raw.lower() in ("true", "false"):
            return raw.lower() == "true"
        raise syntax(raw)

    def _integer(self) -> int:
        kind, raw = self._next()
        if kind != "number" or not raw.isdigit():
            raise syntax(raw)
        return int(raw)

    def _word(self) -> str:
        kind, raw = self._next()
        if kind != "word":
            raise syntax(raw)
        return raw

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise syntax("end of query")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, raw = self._tokens[self._at]
            if kind != "text" and raw.lower() == word:
                self._at += 1
                return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            near = self._tokens[self._at][1] if self._at < len(self._tokens) else "end of query"
            raise syntax(near)
