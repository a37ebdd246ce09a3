"""Trades: what business a name states, in words that Chinese and English share."""

from __future__ import annotations

from functools import cache

from mapping.identity.names import Name
from mapping.identity.remembered import remembered
from mapping.identity.sounds import sound
from mapping.identity.tables import read_table, tables

_LINKING = ("and", "of", "the")
_NONE: frozenset[str] = frozenset()


@cache
def _words() -> tuple[dict[str, int], tuple[int, ...]]:
    """The place of each Chinese word in the table, and how long words are."""
    han, _ = _table()
    return {word: place for place, (word, _) in enumerate(han)}, tuple(sorted({len(word) for word, _ in han}))


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


def trades(name: Name) -> frozenset[str]:
    """The trades that a name states; empty when it states none."""
    return _of_words(name.words) if name.script == "latin" else _of_text(name.core)


@remembered
def _of_words(words: tuple[str, ...]) -> frozenset[str]:
    _, latin = _table()
    return frozenset().union(*(latin.get(word, frozenset()) for word in words))


@remembered
def _of_text(text: str) -> frozenset[str]:
    han, _ = _table()
    places, sizes = _words()
    found = {text[at : at + size] for size in sizes for at in range(len(text) - size + 1)} & places.keys()
    out = set()
    for word, trade in [han[place] for place in sorted(places[word] for word in found)]:
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


def translates(han: Name, latin: Name) -> bool:
    """True when an English name is a Chinese one word by word: its brand in pinyin, then all of its trades and no more.

    顺纳电气 is Shunna Electric, and neither Shunna Technology nor Shunna Electric Power.
    """
    if han.is_group != latin.is_group:
        return False
    said = [word for word in latin.words if word not in _LINKING and word not in tables().group_words]
    core, spoken = han.core, ""
    whole = sound(core)
    for size, word in enumerate(said[:-1], 1):
        spoken += word
        if not whole.startswith(spoken):
            return False
        for at in range(2, len(core) - 1):
            if sound(core[:at]) == spoken and _are_one(core[at:], tuple(said[size:])):
                return True
    return False


def _are_one(text: str, words: tuple[str, ...]) -> bool:
    """True when every Chinese word has an English one of its trade, and every English word a Chinese one."""
    _, latin = _table()
    pieces, around = _pieces(text)
    known = [latin.get(word, _NONE) for word in words]
    if not pieces or not all(known):
        return False
    return pieces <= frozenset().union(*known) and not any(map(around.isdisjoint, known))


@remembered
def _pieces(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The trades of the words that a text is cut into, none where a part is no such word; and all that stand in it."""
    han, sizes = _han_trades(), _words()[1]
    found, at = set(), 0
    while at < len(text):
        word = next((text[at : at + size] for size in reversed(sizes) if text[at : at + size] in han), "")
        if len(word) < 2:
            return _NONE, _NONE
        found.add(han[word])
        at += len(word)
    within = (text[at : at + size] for size in sizes for at in range(len(text) - size + 1))
    return frozenset(found), frozenset([han[word] for word in within if word in han])


@cache
def _han_trades() -> dict[str, str]:
    return dict(_table()[0])
