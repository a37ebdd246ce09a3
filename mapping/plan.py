"""A profile made ready to read many records: every expression and field as one function, looked up once.

The trees in `expressions` and `conditions` say what is meant, for messages, paths and checks; walking them for each
record costs more than the reading. What is not worth a function of its own is read through the tree.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mapping import values
from mapping.conditions import Choose, Condition, Every, OneOf, Sign
from mapping.expressions import Const, Expression, First, Join, Many, Mapped, Path, Scope, Sum, step
from mapping.profile import Field, MappingContext, Profile
from tieout.canonical.documents import Installment
from tieout.core.errors import MappingError

Read = Callable[[Scope], Any]
Holds = Callable[[Scope], bool]
Take = Callable[[Scope, Mapping[str, Any], MappingContext], Any]

_SIGNS: Mapping[str, Callable[[Any, int], bool]] = {
    "negative": operator.lt,
    "zero": operator.eq,
    "positive": operator.gt,
    "not_negative": operator.ge,
    "not_positive": operator.le,
}
_EXACT = frozenset({Decimal})
_MOST = 256  # profiles kept ready in one process; a service has a few dozen


@dataclass(frozen=True, slots=True)
class Plan:
    """What `map_object` does with a record, in order."""

    skips: tuple[tuple[Holds, str], ...]
    fields: tuple[tuple[str, Take], ...]


_plans: dict[int, tuple[Profile, Plan]] = {}


def plan_of(profile: Profile) -> Plan:
    """The plan of a profile, made at its first record."""
    known = _plans.get(id(profile))
    if known is not None and known[0] is profile:
        return known[1]
    if len(_plans) >= _MOST:
        _plans.clear()
    plan = Plan(
        tuple((holds(rule.condition), rule.reason) for rule in profile.skips),
        tuple((name, take(made)) for name, made in profile.fields.items()),
    )
    _plans[id(profile)] = (profile, plan)  # the profile is kept with it, so that its id stays its own
    return plan


# ------------------------------------------------------------- expressions
def read(expression: Expression) -> Read:
    """A function that does what `expression.get` does."""
    make = _READS.get(type(expression))
    return expression.get if make is None else make(expression)


def _path(made: Path) -> Read:
    name, slow = made.text, made.get
    head, how, rest = step(name)
    if how == "rows":
        return _through_rows(head, rest, name, slow)
    if how == "object":
        return _through_object(head, rest, name, slow)

    def get(scope: Scope) -> Any:
        record = scope.record
        if type(record) is not dict or name not in record:
            return slow(scope)
        found = record[name]
        if type(found) is str:
            return found if found.strip() else None
        return None if found is None or (type(found) is list and not found) else found

    return get


def _through_object(name: str, inner: str, whole: str, slow: Read) -> Read:
    def get(scope: Scope) -> Any:
        record = scope.record
        if type(record) is not dict:
            return slow(scope)
        if whole in record:
            found = record[whole]
        else:
            within = record.get(name)
            if type(within) is not dict or inner not in within:
                return slow(scope)
            found = within[inner]
        if type(found) is str:
            return found if found.strip() else None
        return None if found is None or (type(found) is list and not found) else found

    return get


def _through_rows(name: str, inner: str, whole: str, slow: Read) -> Read:
    def get(scope: Scope) -> Any:
        record = scope.record
        listed = record.get(name) if type(record) is dict and whole not in record else None
        if type(listed) is not list:
            return slow(scope)
        try:
            return [row[inner] for row in listed] or None
        except (KeyError, TypeError):  # a row without it, or no row at all
            return slow(scope)

    return get


def _const(made: Const) -> Read:
    value = made.value
    return lambda scope: value


def _first(made: First) -> Read:
    parts = [read(part) for part in made.parts]

    def get(scope: Scope) -> Any:
        for part in parts:
            if (found := part(scope)) is not None:
                return found
        return None

    return get


def _many(made: Many) -> Read:
    parts = [(read(part), part.label) for part in made.parts]

    def get(scope: Scope) -> Any:
        out: dict[str, None] = {}
        for part, label in parts:
            found = part(scope)
            for value in found if isinstance(found, list) else (found,):
                if value is not None and not values.is_empty(value):
                    out[values.text(value, label)] = None
        return list(out)

    return get


def _join(made: Join) -> Read:
    parts, labels = [read(part) for part in made.parts], [part.label for part in made.parts]
    separator, loose = made.separator, made.loose

    def get(scope: Scope) -> Any:
        found = [part(scope) for part in parts]
        if None in found and not loose:
            return None
        said = zip(found, labels, strict=True)
        return separator.join(["" if value is None else values.key_text(value, label) for value, label in said])

    return get


def _sum(made: Sum) -> Read:
    part, label, text_allowed = read(made.part), made.label, made.text_allowed

    def get(scope: Scope) -> Any:
        found = part(scope)
        if not isinstance(found, list):
            return None
        if not _EXACT.issuperset(map(type, found)):
            if any(values.is_empty(value) for value in found):
                return None
            found = [values.number(value, label, text_allowed=text_allowed) for value in found]
        return sum(found)

    return get


def _mapped(made: Mapped) -> Read:
    inner, table, label, slow = read(made.inner), made.table, made.label, made.get

    def get(scope: Scope) -> Any:
        found = inner(scope)
        if found is None:
            return None
        key = values.key_text(found, label)
        return table[key] if key in table else slow(scope)  # people's rules, or the error

    return get


def _choose(made: Choose) -> Read:
    cases = [(None if condition is None else holds(condition), read(then)) for condition, then in made.cases]

    def get(scope: Scope) -> Any:
        for condition, then in cases:
            if condition is None or condition(scope):
                return then(scope)
        return None

    return get


_READS: Mapping[type, Callable[[Any], Read]] = {
    Path: _path,
    Const: _const,
    First: _first,
    Many: _many,
    Join: _join,
    Sum: _sum,
    Mapped: _mapped,
    Choose: _choose,
}


# ------------------------------------------------------------- conditions
def holds(condition: Condition) -> Holds:
    """A function that does what `condition.holds` does."""
    if isinstance(condition, OneOf):
        return _one_of(condition)
    if isinstance(condition, Sign):
        return _sign(condition)
    if isinstance(condition, Every):
        parts = [holds(part) for part in condition.parts]
        if condition.any_of:
            return lambda scope: any(part(scope) for part in parts)
        return lambda scope: all(part(scope) for part in parts)
    return condition.holds


def _one_of(made: OneOf) -> Holds:
    value, label, texts, negated = read(made.value), made.value.label, made.texts, made.negated

    def holds_(scope: Scope) -> bool:
        found = value(scope)
        return (found is not None and values.key_text(found, label) in texts) != negated

    return holds_


def _sign(made: Sign) -> Holds:
    value, label, text_allowed, fits = read(made.value), made.value.label, made.text_allowed, _SIGNS[made.sign]
    return lambda scope: fits(values.number(value(scope), label, text_allowed=text_allowed), 0)


# ------------------------------------------------------------- fields
def take(made: Field) -> Take:
    """A function that reads one field of a record; None = the source says nothing."""
    if made.target.type == "rows":
        return _rows(made)
    if made.target.type == "company":
        return _company(made)
    source, path, name, required = read(made.source), made.path, made.target.name, made.required
    exact, may_be_blank = _exact(made), type(made.source) is not Path  # a path that leads to a blank says nothing

    def get(scope: Scope, out: Mapping[str, Any], context: MappingContext) -> Any:
        raw = source(scope)
        if raw is None or (may_be_blank and values.is_empty(raw)):
            if required:
                raise MappingError(f"{path} says nothing, {name} is required", path=path, code="missing")
            return None
        return exact(raw, out, context)

    return get


def _exact(made: Field) -> Callable[[Any, Mapping[str, Any], MappingContext], Any]:
    """How a raw value that says something becomes one of the field's type."""
    target, path = made.target, made.path
    if target.type == "text":
        return lambda raw, out, context: values.text(raw, path)
    if target.type == "list":
        return lambda raw, out, context: tuple(
            values.text(value, path) for value in (raw if isinstance(raw, list) else [raw])
        )
    if target.type == "money":
        return _money(made)
    if target.type == "rate":
        return lambda raw, out, context: values.rate(raw, path, text_allowed=made.text_amount)
    if target.type == "date":
        return lambda raw, out, context: values.day(raw, path, zone_name=context.timezone, stamp=made.stamp)
    if target.type == "currency":
        return lambda raw, out, context: values.currency(raw, path)
    if target.type == "truth":
        return lambda raw, out, context: values.truth(raw, path)
    if target.type == "owner":
        return lambda raw, out, context: values.owner(raw, path)
    choices, name = frozenset(target.choices), target.name

    def choice(raw: Any, out: Mapping[str, Any], context: MappingContext) -> str:
        chosen = values.text(raw, path)
        if chosen not in choices:
            raise MappingError(f"{path}: {name} cannot be {chosen!r}", path=path, code="unmapped_value")
        return chosen

    return choice


def _money(made: Field) -> Callable[[Any, Mapping[str, Any], MappingContext], int]:
    path, text_allowed, absolute, negate = made.path, made.text_amount, made.absolute, made.negate

    def get(raw: Any, out: Mapping[str, Any], context: MappingContext) -> int:
        if "currency" not in out:
            raise MappingError(f"{path}: an amount without a currency", path=path, code="missing")
        amount = values.minor(raw, out["currency"], path, text_allowed=text_allowed)
        amount = abs(amount) if absolute else amount
        return -amount if negate else amount

    return get


def _rows(made: Field) -> Take:
    source, path = read(made.source), made.row_path
    cells = tuple((name, take(cell)) for name, cell in made.row_fields.items())

    def get(scope: Scope, out: Mapping[str, Any], context: MappingContext) -> tuple[Installment, ...]:
        listed = source(scope)
        if listed is None:
            return ()
        if not isinstance(listed, list) or not all(isinstance(row, Mapping) for row in listed):
            raise MappingError(f"{path} is not a list of rows", path=path, code="bad_shape")
        lines, inner = [], {"currency": out["currency"]}
        for index, row in enumerate(listed):
            within = scope.row(row)
            try:
                lines.append(Installment(**{name: cell(within, inner, context) for name, cell in cells}))
            except MappingError as error:
                where = f"{path}[{index}].{error.path}"
                raise MappingError(f"{path}[{index}]: {error.message}", path=where, code=error.code) from None
        return tuple(lines)

    return get


def _company(made: Field) -> Take:
    source, path, required = read(made.source), made.path, made.required

    def get(scope: Scope, out: Mapping[str, Any], context: MappingContext) -> str | None:
        raw = source(scope)
        organisation = None if raw is None else values.text(raw, path)
        if organisation is None and not required:
            return context.companies.get("")
        return resolve(organisation, path, context)

    return get


def resolve(organisation: str | None, path: str, context: MappingContext) -> str:
    """The company of a source organisation; the implied one stands for all when only it is configured."""
    if organisation is not None and organisation in context.companies:
        return context.companies[organisation]
    if "" in context.companies:
        return context.companies[""]
    if organisation is None:
        raise MappingError(f"{path} names no organisation", path=path, code="missing")
    raise MappingError(
        f"{path}: organisation {organisation!r} belongs to no configured company", path=path, code="unmapped_company"
    )
