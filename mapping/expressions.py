"""The expressions of a profile: small trees that read one source record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from mapping import values
from tieout.core.errors import MappingError

_MISSING = object()


@dataclass(slots=True)
class Scope:
    """What an expression sees: the record (or one row of it), the connection's default currency, named values."""

    record: Mapping[str, Any]
    default_currency: str
    lets: Mapping[str, Expression] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    ruled: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (path, value) -> what a rule of people says

    def let(self, name: str) -> Any:
        if name not in self.done:
            self.done[name] = self.lets[name].get(self)
        return self.done[name]

    def row(self, record: Mapping[str, Any]) -> Scope:
        return Scope(record, self.default_currency, ruled=self.ruled)


class Expression(Protocol):
    """Reads a raw JSON value (None = the source says nothing)."""

    @property
    def label(self) -> str:
        """The source path(s) for messages."""
        ...

    def get(self, scope: Scope) -> Any: ...

    def paths(self) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class Path:
    """A dotted path; `[]` after a name goes through the rows of a list.

    A source may show `A.B` as a nested object or as one flat key (Kingdee's query answers), both are read.
    """

    text: str

    @property
    def label(self) -> str:
        return self.text

    def get(self, scope: Scope) -> Any:
        record = scope.record
        found = (
            record[self.text] if type(record) is dict and self.text in record else _walk(record, self.text, self.text)
        )
        return None if found is _MISSING or values.is_empty(found) else found

    def paths(self) -> Iterator[str]:
        yield self.text


def _walk(record: Any, path: str, whole: str) -> Any:
    if record is None:
        return _MISSING
    if type(record) is not dict and not isinstance(record, Mapping):
        raise MappingError(f"{whole}: expected an object", path=whole, code="bad_shape")
    if path in record:
        return record[path]
    name, how, rest = step(path)
    if how == "rows":
        listed = record.get(name)
        if listed is None:
            return _MISSING
        if not isinstance(listed, list):
            raise MappingError(f"{whole}: {name} is not a list", path=whole, code="bad_shape")
        return [
            row[rest]
            if type(row) is dict and rest in row
            else (None if (found := _walk(row, rest, whole)) is _MISSING else found)
            for row in listed
        ]
    return _walk(record.get(name), rest, whole) if how == "object" else _MISSING


@lru_cache(maxsize=4096)
def step(path: str) -> tuple[str, str, str]:
    """The first name of a path, what it leads through (`rows`, `object`, nothing), and what follows."""
    head, rows, rest = path.partition("[].")
    if rows and "." not in head:
        return head, "rows", rest
    name, dot, tail = path.partition(".")
    return name, "object" if dot else "", tail


@dataclass(frozen=True, slots=True)
class Const:
    """A fixed value written in the profile."""

    value: Any

    @property
    def label(self) -> str:
        return f"constant {self.value!r}"

    def get(self, scope: Scope) -> Any:
        return self.value

    def paths(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, slots=True)
class DefaultCurrency:
    """The currency configured for the connection; nothing when none is configured."""

    label: str = "default currency of the connection"

    def get(self, scope: Scope) -> Any:
        return scope.default_currency or None

    def paths(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Named:
    """A value of the profile's `let` section."""

    name: str
    inner: Expression

    @property
    def label(self) -> str:
        return self.inner.label

    def get(self, scope: Scope) -> Any:
        return scope.let(self.name)

    def paths(self) -> Iterator[str]:
        return self.inner.paths()


@dataclass(frozen=True, slots=True)
class First:
    """The first expression that says something."""

    parts: Sequence[Expression]

    @property
    def label(self) -> str:
        return " | ".join(part.label for part in self.parts)

    def get(self, scope: Scope) -> Any:
        for part in self.parts:
            if (found := part.get(scope)) is not None:
                return found
        return None

    def paths(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.paths()


@dataclass(frozen=True, slots=True)
class Many:
    """Everything its parts say, in order, each text once."""

    parts: Sequence[Expression]

    @property
    def label(self) -> str:
        return " + ".join(part.label for part in self.parts)

    def get(self, scope: Scope) -> Any:
        out: list[str] = []
        for part in self.parts:
            found = part.get(scope)
            for value in found if isinstance(found, list) else [found]:
                if not values.is_empty(value) and (made := values.text(value, part.label)) not in out:
                    out.append(made)
        return out

    def paths(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.paths()


@dataclass(frozen=True, slots=True)
class Join:
    """The texts of its parts with a separator; nothing when any part says nothing (unless `loose`)."""

    parts: Sequence[Expression]
    separator: str
    loose: bool = False

    @property
    def label(self) -> str:
        return " + ".join(part.label for part in self.parts)

    def get(self, scope: Scope) -> Any:
        found = [(part.get(scope), part.label) for part in self.parts]
        if not self.loose and any(value is None for value, _ in found):
            return None
        return self.separator.join("" if value is None else values.key_text(value, label) for value, label in found)

    def paths(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.paths()


@dataclass(frozen=True, slots=True)
class Sum:
    """The exact sum of the numbers of a list; nothing when the list is empty or one number is missing."""

    part: Expression
    text_allowed: bool = False

    @property
    def label(self) -> str:
        return self.part.label

    def get(self, scope: Scope) -> Any:
        found = self.part.get(scope)
        if not isinstance(found, list) or any(values.is_empty(value) for value in found):
            return None
        return sum(values.number(value, self.label, text_allowed=self.text_allowed) for value in found)

    def paths(self) -> Iterator[str]:
        return self.part.paths()


@dataclass(frozen=True, slots=True)
class Without:
    """The inner value, where some texts are the source's way to say nothing (Zoho's account number `0`)."""

    inner: Expression
    empty: frozenset[str]

    @property
    def label(self) -> str:
        return self.inner.label

    def get(self, scope: Scope) -> Any:
        found = self.inner.get(scope)
        if isinstance(found, list):
            return [value for value in found if values.is_empty(value) or not self._blank(value)] or None
        return None if found is None or self._blank(found) else found

    def _blank(self, value: Any) -> bool:
        return values.key_text(value, self.label) in self.empty

    def paths(self) -> Iterator[str]:
        return self.inner.paths()


@dataclass(frozen=True, slots=True)
class Mapped:
    """The inner value through a value map, then people's rules; a value in neither raises `unmapped_value`."""

    inner: Expression
    table: Mapping[str, Any]

    @property
    def label(self) -> str:
        return self.inner.label

    def get(self, scope: Scope) -> Any:
        found = self.inner.get(scope)
        if found is None:
            return None
        key = values.key_text(found, self.label)
        if key not in self.table:
            if (ruled := scope.ruled.get((self.label, key))) is not None:
                return ruled
            raise MappingError(
                f"{self.label}: value {key!r} is not in the profile's map",
                path=self.label,
                code="unmapped_value",
                value=key,
                hint=f"Known: {', '.join(self.table)}.",
            )
        return self.table[key]

    def paths(self) -> Iterator[str]:
        return self.inner.paths()
