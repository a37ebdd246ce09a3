"""Message texts of users, checked before they are kept: what passes here cannot fail when it is sent.

Only values can be shown, compared and chosen between, and the lines gone through once. Everything else that the
template language could do is refused with its line, and the text is tried on a short and on the longest message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from mapping.message_words import MAX_LINES, NAME_LIMIT, NUMBER_LIMIT, environment, render, values_of
from mapping.reminder_text import ReminderLine, ReminderView
from tieout.core.errors import ConfigError

Type = Literal["text", "number", "rows", "row", "truth"]
VARIABLES: Mapping[str, Type] = {
    "customer": "text", "company": "text", "amount": "text", "count": "number", "lines": "rows", "more": "number",
    "pay_by": "text", "today": "text", "step": "text", "act_by": "text",
}  # fmt: skip
FIELDS: Mapping[str, Type] = {"number": "text", "due": "text", "days": "number", "amount": "text"}
_FILTERS: Mapping[str, tuple[tuple[Type, ...], Type]] = {
    "upper": (("text",), "text"),
    "lower": (("text",), "text"),
    "length": (("text", "rows"), "number"),
}
_ORDER = ("gt", "gteq", "lt", "lteq")
_WORDS: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Assign: "set",
    nodes.Macro: "macro",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.With: "with",
    nodes.Slice: "a slice",
    nodes.BinExpr: "arithmetic",
    nodes.UnaryExpr: "arithmetic",
    nodes.List: "a list",
    nodes.Dict: "a mapping",
    nodes.Tuple: "a list",
}


def check_template(source: str, origin: str, *, limit: int) -> None:
    """Raises ConfigError with `origin`, line and reason unless every message can be made from this text.

    `limit` is how many characters the longest message may have.
    """
    try:
        tree = environment().parse(source)
        _Check(origin).statements(tree.body, {}, in_loop=False)
    except TemplateSyntaxError as error:
        raise ConfigError(f"{origin}:{error.lineno}: {error.message}", code="text") from None
    except RecursionError:
        raise ConfigError(f"{origin}: the text is nested too deeply", code="text") from None
    for lines in (1, MAX_LINES + 1):
        for pay_by in ("", "2026-04-21"):
            words = render(source, values_of(_sample(lines), pay_by), origin=origin)
            if (size := len(words.subject) + len(words.text)) > limit:
                raise ConfigError(
                    f"{origin}: a message about {lines} items would have {size} characters, {limit} are possible here",
                    hint="Say less about each item.",
                    code="text",
                )


def _sample(count: int) -> ReminderView:
    many = count > 1
    name = "某" * (NAME_LIMIT if many else 4)
    lines = [
        ReminderLine(f"{n:03d}" + ("9" * NUMBER_LIMIT if many else ""), date(2026, 3, 31), 10**14 if many else 100)
        for n in range(count)
    ]
    total = sum(line.amount_minor for line in lines)
    on = date(2026, 4, 7)
    return ReminderView("k", name, name, "CNY", total, "L1", lines, on, on, "", "")


class _Check:
    def __init__(self, origin: str) -> None:
        self._origin = origin

    def statements(self, body: Sequence[nodes.Node], names: Mapping[str, Type], *, in_loop: bool) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        self._shown(part, names)
            elif isinstance(node, nodes.If):
                self.expression(node.test, names)
                for branch in ([*node.body], [*node.elif_], [*node.else_]):
                    self.statements(branch, names, in_loop=in_loop)
            elif isinstance(node, nodes.For):
                self._loop(node, names, in_loop)
            else:
                raise self._refused(node)

    def _loop(self, node: nodes.For, names: Mapping[str, Type], in_loop: bool) -> None:
        if in_loop:
            raise self._error(node, "a loop inside a loop is not allowed in a message text")
        if not isinstance(node.target, nodes.Name) or node.target.name in {*VARIABLES, "loop"}:
            raise self._error(node, "give each line a name of its own", "{% for line in lines %} … {% endfor %}")
        if node.recursive or self.expression(node.iter, names) != "rows":
            raise self._error(node, "only `lines` can be gone through", "{% for line in lines %} … {% endfor %}")
        inner: dict[str, Type] = {**names, node.target.name: "row"}
        if node.test is not None:
            self.expression(node.test, inner)
        self.statements(node.body, inner, in_loop=True)
        self.statements(node.else_, names, in_loop=True)

    def _shown(self, node: nodes.Node, names: Mapping[str, Type]) -> None:
        if self.expression(node, names) not in ("text", "number"):
            raise self._error(node, "this cannot be shown as text", "Show a value, or a field such as line.number.")

    def expression(self, node: nodes.Node, names: Mapping[str, Type]) -> Type:
        """The type of an expression; refuses what is unknown or could fail."""
        if isinstance(node, nodes.Const):
            return "truth" if isinstance(node.value, bool) else "number" if isinstance(node.value, int) else "text"
        if isinstance(node, nodes.Name):
            return self._name(node, names)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            return self._field(node, names)
        if isinstance(node, nodes.Filter):
            return self._filter(node, names)
        if isinstance(node, nodes.Compare):
            return self._compare(node, names)
        if isinstance(node, nodes.Not):
            self.expression(node.node, names)
            return "truth"
        if isinstance(node, nodes.And | nodes.Or):
            left, right = self.expression(node.left, names), self.expression(node.right, names)
            return left if left == right else "truth"
        if isinstance(node, nodes.CondExpr) and node.expr2 is not None:
            self.expression(node.test, names)
            self._shown(node.expr1, names)
            self._shown(node.expr2, names)
            return "text"
        if isinstance(node, nodes.Concat):
            for part in node.nodes:
                self._shown(part, names)
            return "text"
        raise self._refused(node)

    def _name(self, node: nodes.Name, names: Mapping[str, Type]) -> Type:
        found = names.get(node.name) or VARIABLES.get(node.name)
        if found is None:
            raise self._error(node, f"there is no variable {node.name!r}", "Known: " + ", ".join(VARIABLES) + ".")
        return found

    def _field(self, node: nodes.Getattr | nodes.Getitem, names: Mapping[str, Type]) -> Type:
        if isinstance(node, nodes.Getattr):
            key: object = node.attr
        else:
            key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if self.expression(node.node, names) != "row" or not isinstance(key, str) or key not in FIELDS:
            raise self._error(node, f"there is no field {key!r} here", "A line has " + ", ".join(FIELDS) + ".")
        return FIELDS[key]

    def _filter(self, node: nodes.Filter, names: Mapping[str, Type]) -> Type:
        known = _FILTERS.get(node.name)
        if known is None or node.node is None or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._error(node, f"there is no filter {node.name!r} here", "Known: " + ", ".join(_FILTERS) + ".")
        if self.expression(node.node, names) not in known[0]:
            raise self._error(node, f"{node.name!r} does not fit this value")
        return known[1]

    def _compare(self, node: nodes.Compare, names: Mapping[str, Type]) -> Type:
        left = self.expression(node.expr, names)
        for operand in node.ops:
            right = self.expression(operand.expr, names)
            if operand.op not in ("eq", "ne", *_ORDER) or left != right or (operand.op in _ORDER and left != "number"):
                raise self._error(
                    node, "only equal kinds can be compared, and only numbers by size", "Numbers: count, more, days."
                )
        return "truth"

    def _refused(self, node: nodes.Node) -> ConfigError:
        what = next((word for kind, word in _WORDS.items() if isinstance(node, kind)), type(node).__name__.lower())
        return self._error(node, f"{what} is not allowed in a message text", "Values, if, and one loop over lines are.")

    def _error(self, node: nodes.Node, message: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self._origin}:{node.lineno}: {message}", hint=hint, code="text")
