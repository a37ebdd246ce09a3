"""Traditional to simplified characters, remembered: names repeat."""

from __future__ import annotations

from functools import cache, lru_cache

from opencc import OpenCC


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=65536)
def simplified(text: str) -> str:
    """The text in simplified characters."""
    return str(_simplifier().convert(text))
