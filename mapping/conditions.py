"""Conditions of a profile, and the choice between expressions that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mapping import values
from mapping.expressions import Expression, Scope

SIGNS = ("negative", "zero", "positive", "not_negative", "not_positive")


class Condition(Protocol):
    """True or false for one record."""

    def holds(self, scope: Scope) -> bool: ...

    def paths(self) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is (or with `negated` is not) one of some texts; a missing value is none of them."""

    value: Expression
    texts: frozenset[str]
    negated: bool

    def holds(self, scope: Scope) -> bool:
        found = self.value.get(scope)
        inside = found is not None and values.key_text(found, self.value.label) in self.texts
        return inside != self.negated

    def paths(self) -> Iterator[str]:
        return self.value.paths()


@dataclass(frozen=True, slots=True)
class Empty:
    """The source says nothing (or with `wanted` False: says something)."""

    value: Expression
    wanted: bool

    def holds(self, scope: Scope) -> bool:
        return values.is_empty(self.value.get(scope)) == self.wanted

    def paths(self) -> Iterator[str]:
        return self.value.paths()


@dataclass(frozen=True, slots=True)
class Sign:
    """The sign of a number; a missing number raises MappingError rather than counting as zero."""

    value: Expression
    sign: str
    text_allowed: bool = False

    def holds(self, scope: Scope) -> bool:
        number = values.number(self.value.get(scope), self.value.label, text_allowed=self.text_allowed)
        return {
            "negative": number < 0,
            "zero": number == 0,
            "positive": number > 0,
            "not_negative": number >= 0,
            "not_positive": number <= 0,
        }[self.sign]

    def paths(self) -> Iterator[str]:
        return self.value.paths()


@dataclass(frozen=True, slots=True)
class Every:
    """All (or with `any_of` at least one) of the conditions hold."""

    parts: Sequence[Condition]
    any_of: bool

    def holds(self, scope: Scope) -> bool:
        return any(p.holds(scope) for p in self.parts) if self.any_of else all(p.holds(scope) for p in self.parts)

    def paths(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.paths()


@dataclass(frozen=True, slots=True)
class Choose:
    """The expression of the first case whose condition holds; nothing when none does."""

    cases: Sequence[tuple[Condition | None, Expression]]
    label: str

    @classmethod
    def of(cls, cases: Sequence[tuple[Condition | None, Expression]]) -> Choose:
        """A choice labelled with the source paths that it reads."""
        paths = dict.fromkeys(cls(cases, "").paths())
        return cls(cases, " | ".join(paths) if paths else cases[0][1].label)

    def get(self, scope: Scope) -> object:
        for condition, then in self.cases:
            if condition is None or condition.holds(scope):
                return then.get(scope)
        return None

    def paths(self) -> Iterator[str]:
        for condition, then in self.cases:
            if condition is not None:
                yield from condition.paths()
            yield from then.paths()
