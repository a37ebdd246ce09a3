"""Latin company names taken apart: place, words, legal form, branch (matching reference, section 3)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from mapping.identity.places import Place, latin_places
from mapping.identity.tables import tables

_MARKS = re.compile(r"[^\w]+|_+")
# Letters of their own that Unicode does not take apart into a plain one and a mark.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_LONGEST_PLACE = 3  # words


@dataclass(frozen=True, slots=True)
class LatinParts:
    """`head`: the words of leading places; `words`: the rest without legal form, place in brackets and branch."""

    head: tuple[str, ...]
    words: tuple[str, ...]
    form: str
    regions: tuple[Place, ...]
    branch: str
    branch_places: tuple[Place, ...]
    is_group: bool
    tail: tuple[str, ...]  # a place in brackets at the end; a leading one outranks it


def latin_parts(text: str) -> LatinParts:
    """The parts of a Latin name; abbreviations (tech, intl, grp) become their usual word."""
    table = tables()
    words = _words(text)
    words = [word for word in words if word != "the"] or words
    branch = ""
    branch_places: tuple[Place, ...] = ()
    if len(words) > 2 and words[-1] in table.branch_words:
        branch = "branch"
        size, found = _place_at_end(words[:-1])
        branch_places = found
        branch = " ".join((*words[len(words) - 1 - size : -1], "branch"))
        words = words[: len(words) - 1 - size]
    form, words = _cut_form(words)
    words = [table.latin_short.get(word, word) for word in words]
    is_group = any(word in table.group_words for word in words)
    head, regions, words = _cut_head(words)
    tail: list[str] = []
    size, inner = _place_at_end(words)
    if inner and size and len(words) - size >= 1 and _in_brackets(text, words[-size:]):
        tail = words[-size:]
        regions, words = regions or inner, words[:-size]
    return LatinParts(
        tuple(head), tuple(words), form, tuple(dict.fromkeys(regions)), branch, branch_places, is_group, tuple(tail)
    )


def _words(text: str) -> list[str]:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    plain = re.sub(r"['’`´]", "", plain.translate(_PLAIN).replace("&", " and ").replace("+", " and "))
    return _join_letters(_MARKS.sub(" ", plain).split())


_Forms = dict[str, list[tuple[tuple[str, ...], str]]]


@cache
def _forms() -> tuple[_Forms, _Forms]:
    """Legal forms by their last word, and by their first: Russian, Arabic and Romance names put the form first."""
    last: _Forms = {}
    first: _Forms = {}
    for spelling, one in tables().latin_forms:
        last.setdefault(spelling[-1], []).append((spelling, one))
        if one in tables().leading_forms:
            first.setdefault(spelling[0], []).append((spelling, one))
    return last, first


def _cut_form(words: list[str]) -> tuple[str, list[str]]:
    last, first = _forms()
    for spelling, one in last.get(words[-1], ()) if words else ():
        size = len(spelling)
        if len(words) > size and tuple(words[-size:]) == spelling:
            return one, words[:-size]
    for spelling, one in first.get(words[0], ()) if words else ():
        size = len(spelling)
        if len(words) > size and tuple(words[:size]) == spelling:
            return one, words[size:]
    return "", words


def _cut_head(words: list[str]) -> tuple[list[str], tuple[Place, ...], list[str]]:
    """Leading places, as long as a word stays; a later one may stand without the first (Zhuhai Hunan Zhongke)."""
    head: list[str] = []
    regions: list[Place] = []
    while True:
        for size in range(min(_LONGEST_PLACE, len(words) - 1), 0, -1):
            found = latin_places().get(" ".join(words[:size])) or latin_places().get("".join(words[:size]))
            if found and len("".join(words[:size])) > 2:
                head += ["".join(words[:size])]
                if not regions:
                    regions += found
                words = words[size:]
                break
        else:
            return head, tuple(regions), words


def _place_at_end(words: list[str]) -> tuple[int, tuple[Place, ...]]:
    for size in range(min(_LONGEST_PLACE, len(words) - 1), 0, -1):
        found = latin_places().get(" ".join(words[-size:])) or latin_places().get("".join(words[-size:]))
        if found and len("".join(words[-size:])) > 2:
            return size, found
    return 0, ()


def _in_brackets(text: str, words: list[str]) -> bool:
    inner = re.findall(r"\(([^()]*)\)", text)
    return any(_words(one) == words for one in inner)


def _join_letters(words: list[str]) -> list[str]:
    """`a b c ltd` is `abc ltd`: initials written with dots are one word."""
    out: list[str] = []
    run = ""
    for word in words:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            out.append(run)
            run = ""
        out.append(word)
    return [*out, run] if run else out
