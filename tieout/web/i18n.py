"""Two languages from one catalogue: which one a request speaks, and how its numbers and dates read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from tieout.core.dates import parse_at, zone
from tieout.core.error_words import said
from tieout.core.money import format_minor, is_currency

LANGUAGES = ("zh-CN", "en")
COOKIE = "tieout_lang"
_PART = re.compile(r"^\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*$")


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Mapping[str, str]:
    """The catalogue of a language."""
    path = Path(__file__).parent / "locales" / f"{language}.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def known(language: str | None) -> str | None:
    """The language we have for a tag (`zh`, `zh-Hans-CN`, `en-GB`), or None."""
    tag = (language or "").strip().lower()
    if tag == "zh" or tag.startswith("zh-"):
        return "zh-CN"
    return "en" if tag == "en" or tag.startswith("en-") else None


def accepted(header: str) -> str | None:
    """The best language of an Accept-Language header that we have (RFC 9110, section 12.5.4), or None."""
    best: tuple[int, int, str] | None = None
    for position, part in enumerate(header[:500].split(",")):
        match = _PART.match(part)
        language = known(match.group(1)) if match else None
        if match is None or language is None:
            continue
        weight = round(float(match.group(2) or "1") * 1000)
        if weight and (best is None or (-weight, position) < best[:2]):
            best = (-weight, position, language)
    return None if best is None else best[2]


class Catalogue:
    """Chooses the language of a request: `?lang=`, the cookie it left, the person's own, the browser's, the default."""

    def __init__(self, default: str) -> None:
        self.default = known(default) or "zh-CN"

    def choose(self, asked: str | None, cookie: str | None, person: str, header: str) -> str:
        return known(asked) or known(cookie) or known(person) or accepted(header) or self.default


class Speaker:
    """Says things in one language, and writes instants in one time zone."""

    def __init__(self, language: str, timezone: str, now: datetime) -> None:
        self.language = language
        self._zone = zone(timezone)
        self._zone_name = timezone
        self._now = now
        self._words = words_of(language)

    def say(self, key: str, **values: Any) -> str:
        """The words of a key; a key that does not exist is a programming error."""
        return self._words[key].format(**values)

    def word(self, family: str, code: str | None) -> str:
        """The word of a code of a family (`state`, `reason`); a code nobody translated reads as itself."""
        if not code:
            return ""
        return self._words.get(f"{family}.{code}", code.replace("_", " "))

    def listed(self, family: str, codes: Iterable[str]) -> str:
        """The words of several codes, as a list."""
        return ("、" if self.language == "zh-CN" else ", ").join(self.word(family, code) for code in codes)

    def fault(self, words: str) -> str:
        """What went wrong, where it is known in this language."""
        return said(self.language, words)

    def day(self, value: date | str | None) -> str:
        """A calendar date; ISO in both languages, because finance reads and sorts it."""
        if value is None or isinstance(value, str):
            return value or ""
        return value.isoformat()

    def at(self, value: datetime | None) -> str:
        """An instant in the company's zone, to the minute."""
        return "" if value is None else value.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def instant(self, value: datetime | str | None) -> datetime | None:
        """An instant that may have come as JSON text."""
        return parse_at(value) if isinstance(value, str) else value

    def money(self, minor: int, currency: str) -> str:
        """Minor units as people read them, without the code."""
        return format_minor(minor, currency, code=False) if is_currency(currency) else str(minor)

    def zone(self) -> str:
        return self._zone_name

    def ago(self, value: datetime | None) -> str:
        """How long ago, in the largest unit that fits."""
        if value is None:
            return self.say("time.never")
        return self.say("time.ago", span=self.span(max(0, int((self._now - value).total_seconds()))))

    def span(self, seconds: int) -> str:
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if seconds >= size:
                return self.say(f"time.{unit}", n=seconds // size)
        return self.say("time.s", n=seconds)

    def count(self, number: int) -> str:
        return f"{number:,}"

    def milli(self, number: int) -> str:
        """Thousandths as a number with one decimal place."""
        return f"{number // 1000:,}.{number % 1000 // 100}"
