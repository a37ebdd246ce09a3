"""Toneless pinyin: the second channel for homophones and the bridge between Chinese and Latin names.

What a character or a phrase sounds like stands in a table made from pypinyin's dictionaries, kept as a few long texts:
the dictionaries themselves take 57 MB and a third of a second in every process that compares one name.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mapping.identity.remembered import remembered

_CODES = 0x34000  # Chinese characters stand below


@remembered
def syllables(text: str) -> tuple[str, ...]:
    """Toneless pinyin of each character (ü is written v); what is not Chinese stays as it is, run by run."""
    table, out, run = _table(), [], ""
    for char in text:
        if table.usual(char) is not None:
            run += char
            continue
        if not char.isascii():
            return _by_dictionary(text)
        if run:
            out += _spoken(run, table)
            run = ""
            out.append(char)
        elif out:
            out[-1] += char
        else:
            out.append(char)
    return (*out, *_spoken(run, table)) if run else tuple(out)


@remembered
def sound(text: str) -> str:
    """The pinyin of a text, joined."""
    return "".join(syllables(text))


@remembered
def is_spoken(word: str) -> bool:
    """True when a Latin word is spelled like two and more Chinese syllables: muheng, and neither acme nor heng."""
    known = _plain_syllables()
    least: list[int | None] = [0, *[None] * len(word)]
    for end in range(1, len(word) + 1):
        found = [
            before + 1
            for size in range(1, min(6, end) + 1)
            if (before := least[end - size]) is not None and word[end - size : end] in known
        ]
        least[end] = min(found, default=None)
    return (least[-1] or 0) >= 2 and len(word) >= 5


@cache
def _plain_syllables() -> frozenset[str]:
    return frozenset(one.replace("v", "u") for one in _table().syllables if len(one) >= 2)


@dataclass(frozen=True, slots=True)
class _Table:
    """The syllable of each character, phrases that are read as their characters, and those that are not."""

    places: array[int]  # by code point: where its syllable stands, 0 = it has none
    syllables: Sequence[str]
    regular: Mapping[int, str]  # by length: phrases one behind the other, in order
    irregular: Mapping[str, tuple[str, ...]]
    begins: frozenset[str]  # the first two characters of each of these
    longest: int

    def usual(self, char: str) -> str | None:
        """How a character is read by itself; None for what is not Chinese, or has no reading."""
        code = ord(char)
        place = self.places[code] if code < _CODES else 0
        return self.syllables[place] if place else None

    def is_regular(self, phrase: str) -> bool:
        """Whether it is a phrase whose characters are read as by themselves."""
        size = len(phrase)
        held = self.regular.get(size, "")
        low, high = 0, len(held) // size
        while low < high:
            middle = (low + high) // 2
            if held[middle * size : middle * size + size] < phrase:
                low = middle + 1
            else:
                high = middle
        return held[low * size : low * size + size] == phrase


def _spoken(run: str, table: _Table) -> list[str]:
    """A run of Chinese characters: cut into the longest phrases from its beginning on, as the dictionary is read."""
    if not any(run[at : at + 2] in table.begins for at in range(len(run) - 1)):
        return [table.usual(char) or char for char in run]
    out: list[str] = []
    at = 0
    while at < len(run):
        for size in range(min(table.longest, len(run) - at), 0, -1):
            piece = run[at : at + size]
            if piece in table.irregular:
                out += table.irregular[piece]
                break
            if size == 1 or table.is_regular(piece):
                out += [table.usual(char) or char for char in piece]
                break
        at += size
    return out


@cache
def _table() -> _Table:
    places, syllables = array("H", bytes(2 * _CODES)), [""]
    regular: dict[int, str] = {}
    irregular: dict[str, tuple[str, ...]] = {}
    text = files("mapping").joinpath("identity", "data", "pinyin.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        head, tab, rest = line.partition("\t")
        if tab and head.isdigit():
            regular[int(head)] = rest
        elif tab:
            for char in rest:
                places[ord(char)] = len(syllables)
            syllables.append(head)
        elif not line.startswith("#"):
            phrase, _, spoken = line.partition("=")
            irregular[phrase] = tuple(spoken.split(" "))
    return _Table(
        places,
        syllables,
        regular,
        irregular,
        frozenset(phrase[:2] for phrase in irregular),
        max(*regular, *map(len, irregular)),
    )


def _by_dictionary(text: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin  # only for a text with a rare sign in it

    return tuple(lazy_pinyin(text))
