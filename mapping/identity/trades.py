"""Trades: what business a name states, in words that Chinese and English share."""

from __future__ import annotations

from functools import cache, lru_cache

from mapping.identity.names import Name
from mapping.identity.tables import read_table, tables


@cache
def _table() -> tuple[tuple[tuple[str, str], ...], dict[str, frozenset[str]]]:
    """Chinese words longest first with their trade, and the trades of each English word."""
    han: list[tuple[str, str]] = []
    latin: dict[str, set[str]] = {}
    for trade, words in read_table("trade_words.yaml").items():
        han += [(word, trade) for word in words["zh"]]
        for word in words["en"]:
            latin.setdefault(tables().latin_short.get(word, word), set()).add(trade)
    return tuple(sorted(han, key=lambda one: (-len(one[0]), one))), {k: frozenset(v) for k, v in latin.items()}


@lru_cache(maxsize=65536)
def trades(name: Name) -> frozenset[str]:
    """The trades that a name states; empty when it states none."""
    han, latin = _table()
    if name.script == "latin":
        found: set[str] = set()
        for word in name.words:
            found |= latin.get(word, frozenset())
        return frozenset(found)
    text, out = name.core, set()
    for word, trade in han:
        if word in text:
            out.add(trade)
            text = text.replace(word, "·")
    return frozenset(out)


def relation(left: Name, right: Name) -> str:
    """trade_equal, trade_differs, or "" when a side states none."""
    mine, theirs = trades(left), trades(right)
    if not mine or not theirs:
        return ""
    return "trade_equal" if mine & theirs else "trade_differs"
