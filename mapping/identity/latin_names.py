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
_BEFORE_PLACE = frozenset(("of", "the", "and", "new", "air"))  # a place behind these is part of a brand


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
    if (cut := _branch_at(words)) is not None:
        size, found = _place_at_end(words[:cut])
        if not found and (places := [latin_places()[word] for word in words[cut:] if word in latin_places()]):
            found = places[0]
        branch_places = found
        rest = [word for word in words[cut:] if word not in _OFFICE]
        branch = " ".join((*words[cut - size : cut], *rest, "branch"))
        words = words[: cut - size]
    form, words = _cut_form(words)
    words = [table.latin_short.get(word, word) for word in words]
    is_group = any(word in table.group_words for word in words)
    head, regions, words = _cut_head(words)
    tail: list[str] = []
    size, inner = _place_at_end(words)
    if inner and size and len(words) - size >= 1 and _in_brackets(text, words[-size:]):
        tail = words[-size:]
        regions, words = regions or inner, words[:-size]
    elif inner and len(words) > size and words[-size - 1] not in _BEFORE_PLACE:
        regions = regions or inner  # Chengyan Shanghai Ltd: a part of the name, and a place
    return LatinParts(
        tuple(head), tuple(words), form, tuple(dict.fromkeys(regions)), branch, branch_places, is_group, tuple(tail)
    )


def _words(text: str) -> list[str]:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    plain = re.sub(r"['’`´]", "", plain.translate(_PLAIN).replace("&", " and ").replace("+", " and "))
    return _join_letters(_MARKS.sub(" ", plain).split())


def _branch_at(words: list[str]) -> int | None:
    """Where the words of a branch begin: X (Shanghai) Branch, X Representative Office, X Succursale de Genève."""
    if len(words) < 3:
        return None
    table = tables()
    for at in range(1, len(words)):
        is_last = at == len(words) - 1 or words[at + 1] == "office"
        if words[at] in table.branch_words and (is_last or words[at] != "branch"):
            return at
        if words[at] in ("representative", "rep", "liaison", "regional") and words[at + 1 : at + 2] == ["office"]:
            return at
    return None


_OFFICE = frozenset(("branch", "office", "representative", "rep", "liaison", "regional"))
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
            found = latin_places().get(" ".join(words[:size]))
            if not found and not head:  # behind a place, syllables are a brand: Beijing Tong Ren Tang
                found = latin_places().get("".join(words[:size]))
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
