"""Letters that look like Latin ones: the sign of a paste from a picture or of an attempt to deceive.

Source: Unicode Technical Standard 39 (confusables), the Cyrillic and Greek letters that fonts draw like Latin ones.
"""

from __future__ import annotations

import re

_TABLE = dict(
    zip(
        "АВЕЁКМНОРСТУХЅІЇЈҺԚԜҮӀаеёкмнорстухѕіїјһԁԛԝгпвӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορικτχυɡɑ",
        "ABEEKMHOPCTYXSIIJHQWYIaeekmhopctyxsiijhdqwrnblABEZHIKMNOPTYXavopiktxuga",
        strict=True,
    )
)
_LETTERS = str.maketrans(_TABLE)
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u0250-\u02af\u0370-\u03ff\u0400-\u052f]+")
_LATIN = re.compile(r"[A-Za-z]")


def unmasked(text: str) -> str:
    """The text with Latin letters in words that mix alphabets or, beside Chinese or Latin, hold look-alikes alone.

    A name that is written in one other alphabet throughout (Ромашка) stays as it is.
    """
    if text.isascii() or not _TABLE.keys() & set(text):
        return text
    is_mixed = _LATIN.search(text) is not None or any("\u3400" <= char <= "\u9fff" for char in text)
    return _WORD.sub(lambda found: _word(found.group()), text) if is_mixed else text


def _word(word: str) -> str:
    latin = _LATIN.search(word) is not None
    return word.translate(_LETTERS) if latin or _TABLE.keys() >= set(word) else word
