"""JSON columns: what is stored can be read again, NUL shown as a symbol and nothing else touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import exact_json
from tieout.store.types import json_text

PIECES = st.lists(st.sampled_from(["\x00", "\\", "u0000", "\\u0000", "0", '"', "a", "\u2400"]), max_size=8)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("\x00", "\u2400"),
        ("\x00\x00", "\u2400\u2400"),
        ("\\u0000", "\\u0000"),  # six letters that somebody wrote: the text of an answer that could not be read
        ("\\\x00", "\\\u2400"),
        ("\\\\u0000\x00", "\\\\u0000\u2400"),
    ],
)
def test_nul_becomes_a_symbol_and_letters_stay(value: str, stored: str) -> None:
    assert exact_json.loads_fast(json_text({"text": value}).encode()) == {"text": stored}


@given(PIECES)
def test_every_text_can_be_read_again(pieces: list[str]) -> None:
    value = "".join(pieces)
    assert exact_json.loads_fast(json_text([value]).encode()) == [value.replace("\x00", "\u2400")]
