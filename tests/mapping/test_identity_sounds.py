"""Pinyin character by character is what the whole table of phrases says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from mapping.identity.sounds import syllables

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
