"""Errors as people read them: what is wrong, and in a sentence of its own what to do."""

from __future__ import annotations

import pytest

from tieout.core.errors import TieoutError


@pytest.mark.parametrize(
    ("message", "hint", "read"),
    [
        ("b1 exists already", "Name a new file.", "b1 exists already. Name a new file."),
        ("it cannot be used:", "see the log", "it cannot be used: see the log"),
        ("This holds.", "Look there.", "This holds. Look there."),
        ("无法读取。", "请重试。", "无法读取。 请重试。"),
        ("nothing to add", "", "nothing to add"),
    ],
)
def test_a_hint_is_a_sentence_of_its_own(message: str, hint: str, read: str) -> None:
    assert str(TieoutError(message, hint=hint)) == read
