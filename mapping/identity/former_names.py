"""A former name that stands in a name: X（原Y有限公司）, X (曾用名:Y), X (formerly Y Ltd), X f/k/a Y Ltd."""

from __future__ import annotations

import re

_INSIDE = r"(?P<name>(?:[^()]|\([^()]*\))+)"
_CHINESE = r"(?P<word>原名称?|原公司名?称?|曾用名|曾用|旧称|旧名|更名前为?|前称|原为|原)"
_ENGLISH = r"(?:formerly(?: known as)?|former name|previously(?: known as)?|f/k/a|fka|f\.k\.a\.)"
_BRACKETS = (
    re.compile(rf"\({_CHINESE}[\s:]*{_INSIDE}\)"),
    re.compile(rf"\({_ENGLISH}[\s:]+{_INSIDE}\)", re.IGNORECASE),
)
_BEHIND = re.compile(
    r"(?<=\w)(?:[.,;]*\s+(?:formerly known as|f/k/a|fka|f\.k\.a\.)|\.?,\s*formerly)[\s:]+(?P<name>.+)$", re.IGNORECASE
)
_VAGUE = ("原", "原为", "曾用")  # begin other remarks too: 原装, 原代理商


def cut_former(text: str) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """The name without its former names, and those, each with whether only a whole legal name counts as one.

    `text`: half width, simplified.
    """
    found: list[tuple[str, bool]] = []

    def out(match: re.Match[str]) -> str:
        found.append((match["name"].strip(), match.groupdict().get("word") in _VAGUE))
        return " "

    if "(" in text:
        for pattern in _BRACKETS:
            text = pattern.sub(out, text)
    text = _BEHIND.sub(out, text)
    return " ".join(text.split()), tuple(found)
