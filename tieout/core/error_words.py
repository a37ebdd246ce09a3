"""What went wrong, in the reader's language: the words of errors are English where they arise and told at the edge.

The catalogue holds sentences with `{}` for what is put in; a sentence that it does not hold is told as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

LONGEST = 2000  # characters looked at; longer ones are no sentences


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, str]:
    """English sentences with their Chinese ones."""
    path = Path(__file__).parent / "locales" / "errors.zh-CN.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def _patterns() -> Sequence[tuple[re.Pattern[str], str]]:
    """The sentences with places, those with most fixed words first."""
    places = [key for key in catalogue() if "{}" in key]
    places.sort(key=lambda key: (-len(key.replace("{}", "")), key))
    return [(re.compile("(.+?)".join(map(re.escape, key.split("{}"))), re.DOTALL), catalogue()[key]) for key in places]


def said(language: str, words: str) -> str:
    """A sentence of an error in `zh-CN`; in every other language, or where it is not known, as it is."""
    if language != "zh-CN" or not words:
        return words
    if words in catalogue():
        return catalogue()[words]
    if len(words) > LONGEST:
        return words
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(words)
        if found is not None:
            return chinese.format(*(catalogue().get(part, part) for part in found.groups()))
    return words


def line(language: str, message: str, hint: str) -> str:
    """Message and hint as one line, with the full stop of the language between them."""
    told, advice = said(language, message).rstrip(), said(language, hint)
    if not advice:
        return told
    end = "" if told.endswith((".", "!", "?", ":", "。", "！", "？", "：")) else "。" if language == "zh-CN" else "."
    return f"{told}{end} {advice}" if language != "zh-CN" else f"{told}{end}{advice}"
