"""Names of people: a person and the firm that bears the same name, or has the same telephone, are two customers."""

from __future__ import annotations

from functools import cache

from mapping.identity.names import Name
from mapping.identity.sounds import sound
from mapping.identity.tables import tables

_TITLES = ("先生", "女士", "小姐")


@cache
def _latin_surnames() -> frozenset[str]:
    return frozenset(map(sound, tables().surnames))


def is_person(name: Name) -> bool:
    """True for a name shaped like that of a person: a usual surname and one or two characters, a title, a given name.

    A short name of a firm may be shaped so as well (万科): then it is asked about.
    """
    if name.form or name.branch or name.regions or name.is_group or name.core != name.brand:
        return False
    if name.script == "latin":
        words = name.words
        if len(words) > 1 and words[0] in tables().person_titles:
            return True
        if not 2 <= len(words) <= 3:
            return False
        ends = {words[0], words[-1]}
        return words[0] in tables().given_names or not ends.isdisjoint(_latin_surnames())
    text = name.key
    if text.endswith(_TITLES) and len(text) <= 6:
        return True
    if len(text) == 3 and text[0] in tables().rare_surnames and set(text[1:]) <= tables().given_characters:
        return True
    size = 2 if text[:2] in tables().surnames else 1
    return text[:size] in tables().surnames and 1 <= len(text) - size <= 2 and not any(map(str.isascii, text))
