"""Traditional to simplified characters; most texts hold none, and are left as they are without a look at the tables."""

from __future__ import annotations

from functools import cache, lru_cache

from opencc import OpenCC

from mapping.identity.remembered import remembered

_CHARACTERS = 65536
_IN_PHRASES = frozenset("覆瞭藉沈牴衹")  # stay as they are alone, and change in some phrases of the table


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=_CHARACTERS)
def _changes(char: str) -> bool:
    """True for a character that stands for another one by itself; only texts with one can change."""
    return char in _IN_PHRASES or str(_simplifier().convert(char)) != char


@remembered
def simplified(text: str) -> str:
    """The text in simplified characters."""
    return str(_simplifier().convert(text)) if any(map(_changes, text)) else text
