"""A NUL in a source's text: no database is asked to take it."""

from __future__ import annotations

from mapping.values import key_text, text


def test_a_nul_becomes_the_visible_symbol() -> None:
    assert text(" Nul\x00 Ltd ", "name") == key_text("Nul\x00 Ltd", "name") == "Nul\u2400 Ltd"
