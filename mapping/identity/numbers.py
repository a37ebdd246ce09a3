"""Document, order and contract numbers in the form in which they are compared."""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"[\s\u200b-\u200d\ufeff]+")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−－﹣", "-"))
_DIGITS = re.compile(r"\d+")


def number_key(value: str) -> str:
    """Upper case, full width folded, blanks and a leading # dropped; `-` and `/` stay, they tell numbers apart."""
    if value.isascii():  # nothing to fold
        return "".join(value.split()).upper().removeprefix("#")
    text = unicodedata.normalize("NFKC", value).translate(_DASHES)
    return _BLANKS.sub("", text).upper().removeprefix("#")


def is_near(left: str, right: str) -> bool:
    """True for keys that a person may have mistyped: one edit apart, or equal when letters and zeros are dropped.

    Short numbers (under 5 characters) are never near: too many of them are one edit apart.
    """
    if left == right or min(len(left), len(right)) < 5:
        return False
    if within_one_edit(left, right):
        return True
    mine, theirs = ("".join(_DIGITS.findall(text)).lstrip("0") for text in (left, right))
    return len(mine) >= 5 and mine == theirs


def within_one_edit(left: str, right: str) -> bool:
    """True when one replaced, inserted, dropped or swapped character makes the two equal."""
    if abs(len(left) - len(right)) > 1:
        return False
    if len(left) > len(right):
        left, right = right, left
    start = next((i for i, char in enumerate(left) if char != right[i]), len(left))
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    if left[start + 1 :] == right[start + 1 :]:
        return True
    return left[start : start + 2] == right[start : start + 2][::-1] and left[start + 2 :] == right[start + 2 :]
