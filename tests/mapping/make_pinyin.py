"""Writes `mapping/identity/data/pinyin.txt` from pypinyin's dictionaries: `python tests/mapping/make_pinyin.py`.

Lines of the table: `syllable<TAB>characters` as read by themselves; `length<TAB>phrases` of that length whose
characters are read so too (they decide where the next phrase begins); `phrase=syllables` for those read otherwise.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from pypinyin import lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT, RE_HANS

TABLE = Path(__file__).parents[2] / "mapping" / "identity" / "data" / "pinyin.txt"
HEAD = "# Made from the dictionaries of pypinyin (MIT licence) by tests/mapping/make_pinyin.py."


def table() -> str:
    """The content of the table by the installed dictionaries."""
    usual = {
        char: spoken
        for char in map(chr, sorted(PINYIN_DICT))
        if RE_HANS.match(char) and (spoken := lazy_pinyin(char)[0]) != char
    }
    by_syllable = sorted(usual, key=lambda char: (usual[char], char))
    lines = [HEAD, *(f"{s}\t{''.join(chars)}" for s, chars in groupby(by_syllable, usual.__getitem__))]
    regular: list[str] = []
    irregular: list[str] = []
    for phrase in sorted(PHRASES_DICT):
        if not RE_HANS.match(phrase):
            continue  # a text is cut at what is not Chinese: it never meets such a phrase
        spoken = lazy_pinyin(phrase)
        if spoken == [usual.get(char, char) for char in phrase]:
            regular.append(phrase)
        else:
            irregular.append(f"{phrase}={' '.join(spoken)}")
    regular.sort(key=lambda phrase: (len(phrase), phrase))
    lines += [f"{size}\t{''.join(phrases)}" for size, phrases in groupby(regular, len) if size > 1]
    return "\n".join([*lines, *irregular]) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(f"{TABLE}: {TABLE.stat().st_size:,} bytes")
