"""The small word tables of the identity room: legal forms, regions, clutter, words that many companies share."""

from __future__ import annotations

import re
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
    form_kinds: Mapping[str, str]  # Chinese legal form -> the kind of legal person
    latin_forms: tuple[tuple[tuple[str, ...], str], ...]  # words -> their one spelling, longest first
    leading_forms: frozenset[str]
    latin_short: Mapping[str, str]
    group_words: frozenset[str]
    branch_words: frozenset[str]
    body_words: frozenset[str]
    public_ends: tuple[str, ...]
    regions: Mapping[str, tuple[str, str]]  # word -> (province, city or "")
    latin_regions: Mapping[str, tuple[str, ...]]  # word -> Latin spellings besides its pinyin
    remarks: frozenset[str]
    placeholders: frozenset[str]
    nobody_han: re.Pattern[str]  # a whole text made of words that name nobody, at least one of them no filler
    nobody_latin: frozenset[str]
    fillers_latin: frozenset[str]
    departments: tuple[str, ...]
    titles: tuple[str, ...]
    generic: tuple[str, ...]
    generic_latin: frozenset[str]
    licensed: tuple[str, ...]
    common_characters: frozenset[str]
    common_words: frozenset[str]
    common_trades: frozenset[str]
    surnames: frozenset[str]
    rare_surnames: frozenset[str]
    given_characters: frozenset[str]
    person_titles: frozenset[str]
    given_names: frozenset[str]


def _longest(words: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words), key=lambda word: (-len(word), word)))


def _nobody(words: Mapping[str, list[str]]) -> re.Pattern[str]:
    own = "|".join(map(re.escape, _longest([*words["chinese"], *words["latin"]])))
    fillers = "|".join(map(re.escape, _longest(words["fillers_chinese"])))
    return re.compile(rf"(?:{fillers}|\d)*(?:{own})(?:{own}|{fillers}|\d)*|(?:{fillers}|\d)+")


def read_table(name: str) -> Any:
    """A shipped YAML table."""
    text = files("mapping").joinpath("identity", "data", name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def tables() -> Tables:
    """The shipped tables, read once."""
    forms, clutter = read_table("legal_forms.yaml"), read_table("clutter.yaml")
    persons, common = read_table("persons.yaml"), read_table("common_brands.yaml")
    generic, provinces = read_table("generic_words.yaml"), read_table("regions.yaml")
    spellings = [(tuple(text.split()), one) for one, texts in forms["latin"].items() for text in (one, *texts)]
    regions = {province: (province, "") for province in provinces}
    regions |= {city: (province, city) for province, cities in provinces.items() for city in cities}
    return Tables(
        forms=_longest(forms["chinese"]),
        branches=_longest(forms["branch"]),
        form_kinds={form: kind for kind, words in forms["kinds"].items() for form in words},
        latin_forms=tuple(sorted(set(spellings), key=lambda pair: (-len(pair[0]), pair))),
        leading_forms=frozenset(forms["leading_forms"]),
        latin_short=forms["short_words"],
        group_words=frozenset(forms["group_words"]),
        branch_words=frozenset(forms["branch_words"]),
        body_words=frozenset(forms["body_words"]),
        public_ends=tuple(forms["public_ends"]),
        regions=regions,
        latin_regions={word: tuple(spellings) for word, spellings in read_table("places_latin.yaml").items()},
        remarks=frozenset(word.casefold() for word in clutter["bracketed"]),
        placeholders=frozenset(word.casefold() for word in clutter["placeholders"]),
        nobody_han=_nobody(clutter["placeholder_words"]),
        nobody_latin=frozenset(clutter["placeholder_words"]["latin"]),
        fillers_latin=frozenset(clutter["placeholder_words"]["fillers_latin"]),
        departments=_longest(clutter["departments"]),
        titles=_longest(clutter["titles"]),
        generic=_longest(generic["chinese"]),
        generic_latin=frozenset(forms["short_words"].get(word, word) for word in generic["latin"]),
        licensed=_longest(generic["licensed"]),
        common_characters=frozenset("".join(common["chinese"].split())),
        common_words=frozenset(common["latin"]),
        common_trades=frozenset(common["latin_trades"]),
        surnames=frozenset(persons["surnames"]),
        rare_surnames=frozenset(persons["rare_surnames"]),
        given_characters=frozenset("".join(persons["given_characters"].split())),
        person_titles=frozenset(persons["titles"]),
        given_names=frozenset(persons["given"]),
    )
