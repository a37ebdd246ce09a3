"""Pinyin of our own small table is what the whole dictionary says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from mapping.identity.remembered import forget_some
from mapping.identity.sounds import sound, syllables
from tests.mapping.make_pinyin import TABLE, table

CHARACTERS = st.sampled_from([chr(code) for code in sorted(PINYIN_DICT)])
PHRASES = st.sampled_from(sorted(PHRASES_DICT))
OTHER = st.sampled_from(["A", "b2", " ", "(", "3", "-", "é", "ー", "。", "𠮷"])

PARTS = st.sampled_from(
    [
        "银行",
        "重庆",
        "厦门",
        "长城",
        "长沙",
        "音乐",
        "乐",
        "重",
        "行",
        "信息",
        "技术",
        "绿",
        "女",
        "省会",
        "会计",
        "朝阳",
        "澄砚",
        "A股",
        "石油",
        "3",
    ]
)


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_a_name_is_spoken_as_its_phrases_are(parts: list[str]) -> None:
    text = "".join(parts)
    assert syllables(text) == tuple(lazy_pinyin(text))


@pytest.mark.parametrize(("text", "spoken"), [("银行", "yinhang"), ("行", "xing"), ("重庆", "chongqing"), ("绿", "lv")])
def test_phrases_are_read_otherwise_than_their_characters(text: str, spoken: str) -> None:
    assert "".join(syllables(text)) == spoken


@given(st.lists(st.one_of(CHARACTERS, PHRASES, OTHER), min_size=1, max_size=6))
def test_any_text_is_spoken_as_the_dictionary_says(parts: list[str]) -> None:
    text = "".join(parts)
    assert syllables(text) == tuple(lazy_pinyin(text))


def test_every_phrase_with_its_neighbours_is_spoken_as_the_dictionary_says() -> None:
    phrases = sorted(PHRASES_DICT)
    for at in range(0, len(phrases) - 7, 7):
        text = "".join(phrases[at : at + 7 : 3])
        assert syllables(text) == tuple(lazy_pinyin(text)), text


def test_the_table_is_made_from_the_installed_dictionaries() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(), "run tests/mapping/make_pinyin.py"


def test_names_are_compared_without_the_dictionaries() -> None:
    code = (
        "import sys; from mapping.identity.sounds import sound; sound('重庆A3银行'); print('pypinyin' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_remembered_of_names_is_emptied_once_it_has_grown() -> None:
    sound("重庆")
    forget_some()
    assert sound.cache_info().currsize > 0, "a little is kept"
    for number in range(10_001):
        sound(f"name {number}")
    forget_some()
    assert (sound.cache_info().currsize, syllables.cache_info().currsize) == (0, 0)
    assert sound("重庆") == "chongqing"
