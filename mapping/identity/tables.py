"""The small word tables of the identity room: legal forms, regions, clutter, words that many companies share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Tables:
    """Words ready for use; suffixes are ordered longest first."""

    forms: tuple[str, ...]
    branches: tuple[str, ...]
    latin_forms: tuple[tuple[tuple[str, ...], str], ...]  # words -> their one spelling, longest first
    group_words: frozenset[str]
    branch_words: frozenset[str]
    regions: Mapping[str, tuple[str, str]]  # word -> (province, city or "")
    remarks: frozenset[str]
    departments: tuple[str, ...]
    titles: tuple[str, ...]
    generic: tuple[str, ...]
    generic_latin: frozenset[str]


def _longest(words: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words), key=lambda word: (-len(word), word)))


def _read(name: str) -> Any:
    text = files("mapping").joinpath("identity", "data", name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def tables() -> Tables:
    """The shipped tables, read once."""
    forms, clutter = _read("legal_forms.yaml"), _read("clutter.yaml")
    generic, provinces = _read("generic_words.yaml"), _read("regions.yaml")
    spellings = [(tuple(text.split()), one) for one, texts in forms["latin"].items() for text in (one, *texts)]
    regions = {province: (province, "") for province in provinces}
    regions |= {city: (province, city) for province, cities in provinces.items() for city in cities}
    return Tables(
        forms=_longest(forms["chinese"]),
        branches=_longest(forms["branch"]),
        latin_forms=tuple(sorted(set(spellings), key=lambda pair: (-len(pair[0]), pair))),
        group_words=frozenset(forms["group_words"]),
        branch_words=frozenset(forms["branch_words"]),
        regions=regions,
        remarks=frozenset(word.casefold() for word in clutter["bracketed"]),
        departments=_longest(clutter["departments"]),
        titles=_longest(clutter["titles"]),
        generic=_longest(generic["chinese"]),
        generic_latin=frozenset(generic["latin"]),
    )
