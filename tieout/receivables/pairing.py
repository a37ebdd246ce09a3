"""Pairing: which line of one side is which line of the other, by the surest key first."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from tieout.receivables.breaks import Line, Pair, PairKey

Key = Callable[[Line], Hashable]
MAX_OPTIONS = 250_000  # combinations compared one by one under a single key


def normal_number(number: str) -> str:
    """A document number without width, case and separators: `ＩＮＶ－００１` and `inv 001` are both INV001."""
    return "".join(char for char in unicodedata.normalize("NFKC", number).upper() if char.isalnum())


def pair_lines(
    left: Sequence[Line], right: Sequence[Line], window_days: int
) -> tuple[list[Pair], list[Line], list[Line]]:
    """Pairs, then the unpaired of each side, independent of the order of the input.

    Keys in order: the external id map; the normalised document number; (customer, currency, amount) within a window of
    days. Inside a key the best pair is taken first: same customer, currency, amount, then nearest date. Source:
    receivables reference, section 13.
    """
    rest_left, rest_right = sorted(left, key=_order), sorted(right, key=_order)
    steps: Sequence[tuple[PairKey, Key, int | None]] = (
        ("external_id", lambda line: line.link, None),
        ("number", lambda line: normal_number(line.number), None),
        ("customer_amount_date", _amount_key, window_days),
    )
    pairs: list[Pair] = []
    for by, key, window in steps:
        found = _pair_by(rest_left, rest_right, key, window)
        pairs.extend(Pair(rest_left[i], rest_right[j], by) for i, j in found)
        used_left, used_right = {i for i, _ in found}, {j for _, j in found}
        rest_left = [line for i, line in enumerate(rest_left) if i not in used_left]
        rest_right = [line for j, line in enumerate(rest_right) if j not in used_right]
    return pairs, rest_left, rest_right


def _order(line: Line) -> tuple[str, str, str, str, int, str]:
    return (line.line_id, line.number, line.customer_id, line.currency, line.amount_minor, line.on.isoformat())


def _amount_key(line: Line) -> Hashable:
    return (line.customer_id, line.currency, line.amount_minor) if line.customer_id else ""


def _pair_by(left: Sequence[Line], right: Sequence[Line], key: Key, window: int | None) -> list[tuple[int, int]]:
    """Positions (left, right) of the pairs under one key; an empty key pairs nothing."""
    groups: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, lines in enumerate((left, right)):
        for position, line in enumerate(lines):
            value = key(line)
            if value:
                groups[value][side].append(position)
    out: list[tuple[int, int]] = []
    for mine, theirs in groups.values():
        if len(mine) * len(theirs) > MAX_OPTIONS:
            options = _same_money(left, right, mine, theirs)
        else:
            options = [(i, j) for i in mine for j in theirs]
        out.extend(_best(left, right, options, window))
    return out


def _best(
    left: Sequence[Line], right: Sequence[Line], options: Sequence[tuple[int, int]], window: int | None
) -> list[tuple[int, int]]:
    # Two lines with different links are known to be different documents, whatever their numbers say.
    ranked = sorted(
        (_distance(left[i], right[j]), i, j)
        for i, j in options
        if (window is None or abs((left[i].on - right[j].on).days) <= window)
        and (not left[i].link or not right[j].link or left[i].link == right[j].link)
    )
    out: list[tuple[int, int]] = []
    used_left: set[int] = set()
    used_right: set[int] = set()
    for _, i, j in ranked:
        if i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            out.append((i, j))
    return out


def _same_money(
    left: Sequence[Line], right: Sequence[Line], mine: Sequence[int], theirs: Sequence[int]
) -> list[tuple[int, int]]:
    """For a key that thousands of lines share (a number such as `N/A`): equal customer and money, in date order."""
    waiting: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for j in sorted(theirs, key=lambda j: (right[j].on, j), reverse=True):
        waiting[right[j].customer_id, right[j].currency, right[j].amount_minor].append(j)
    out: list[tuple[int, int]] = []
    for i in sorted(mine, key=lambda i: (left[i].on, i)):
        queue = waiting[left[i].customer_id, left[i].currency, left[i].amount_minor]
        if queue:
            out.append((i, queue.pop()))
    return out


def _distance(one: Line, two: Line) -> tuple[bool, bool, bool, int]:
    return (
        one.customer_id != two.customer_id,
        one.currency != two.currency,
        one.amount_minor != two.amount_minor,
        abs((one.on - two.on).days),
    )
