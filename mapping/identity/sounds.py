"""Toneless pinyin: the second channel for homophones and the bridge between Chinese and Latin names."""

from __future__ import annotations

from functools import lru_cache

_REMEMBERED = 65536


@lru_cache(maxsize=_REMEMBERED)
def syllables(text: str) -> tuple[str, ...]:
    """Toneless pinyin of each character (ü is written v); what is not Chinese stays as it is."""
    from pypinyin import lazy_pinyin  # 56 MB of tables: only where names are compared

    return tuple(lazy_pinyin(text))


@lru_cache(maxsize=_REMEMBERED)
def sound(text: str) -> str:
    """The pinyin of a text, joined."""
    return "".join(syllables(text))
