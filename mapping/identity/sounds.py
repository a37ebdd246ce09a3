"""Toneless pinyin: the second channel for homophones and the bridge between Chinese and Latin names."""

from __future__ import annotations

from functools import cache, lru_cache

_REMEMBERED = 65536
_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿ", "aaaaeeeeiiiioooouuuuüüüünnnm")


@lru_cache(maxsize=_REMEMBERED)
def syllables(text: str) -> tuple[str, ...]:
    """Toneless pinyin of each character (ü is written v); what is not Chinese stays as it is."""
    spoken = _by_character(text)
    return _by_phrases(text) if spoken is None else spoken


@lru_cache(maxsize=_REMEMBERED)
def sound(text: str) -> str:
    """The pinyin of a text, joined."""
    return "".join(syllables(text))


def _by_phrases(text: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin  # 56 MB of tables: only where names are compared

    return tuple(lazy_pinyin(text))


def _by_character(text: str) -> tuple[str, ...] | None:
    """The same, each character by itself; None where a phrase may be read otherwise, or something is not Chinese."""
    begins = _irregular()
    for at in range(len(text) - 1):
        if text[at : at + 2] in begins:
            return None
    out = []
    for char in text:
        spoken = _one(char)
        if not spoken:
            return None
        out.append(spoken)
    return tuple(out)


@cache
def _one(char: str) -> str:
    from pypinyin.constants import PINYIN_DICT

    return _by_phrases(char)[0] if ord(char) in PINYIN_DICT else ""


@cache
def _irregular() -> frozenset[str]:
    """The first two characters of every phrase that is not read like its characters one by one."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    usual = {code: _plain(readings.split(",")[0]) for code, readings in PINYIN_DICT.items()}
    return frozenset(
        phrase[:2]
        for phrase, readings in PHRASES_DICT.items()
        if any(_plain(reading[0]) != usual.get(ord(char), "") for char, reading in zip(phrase, readings, strict=False))
        or len(phrase) != len(readings)
    )


@cache
def _plain(reading: str) -> str:
    return reading.translate(_TONES)
