"""Which unmapped values a rule of people may translate, and into what: states of CRM records, never money or names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mapping.expressions import Mapped
from mapping.profile import Profile

# Records of the books decide what is owed; what a CRM says of its own record's state decides nothing of that kind.
_RECORDS = ("claim", "party")
_FIELDS = frozenset({"status", "is_active", "country", "city"})


def choices(profile: Profile, path: str) -> tuple[str, ...]:
    """The canonical words that a value at this source path may be given; none where no rule may be made."""
    if profile.makes not in _RECORDS:
        return ()
    fed = {name for name, made in profile.fields.items() if path in made.source.paths()}
    if not fed or not fed <= _FIELDS:
        return ()
    sources = [*(made.source for made in profile.fields.values()), *profile.lets.values()]
    found = {
        value
        for source in sources
        for one in _maps(source)
        if one.label == path
        for value in one.table.values()
        if isinstance(value, str)
    }
    return tuple(sorted(found))


def _maps(source: Any) -> Iterator[Mapped]:
    """The value maps in an expression; those in the conditions of a choice are left out, they fill nothing."""
    if isinstance(source, Mapped):
        yield source
    for part in getattr(source, "parts", ()):
        yield from _maps(part)
    for _, part in getattr(source, "cases", ()):
        yield from _maps(part)
    if (inner := getattr(source, "inner", None)) is not None:
        yield from _maps(inner)
