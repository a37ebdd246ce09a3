"""Domains as they are compared: the part that was registered, and nothing for hosts that anyone may use.

Sources: matching reference, section 1, for free mail; the Public Suffix List for labels below a country.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from mapping.identity.tables import read_table

_HOST = re.compile(r"[a-z0-9.-]+")


class _Hosts(NamedTuple):
    free: frozenset[str]
    families: frozenset[str]
    second_level: dict[str, frozenset[str]]


@cache
def _hosts() -> _Hosts:
    raw = read_table("hosts.yaml")
    second = {country: frozenset(map(str, labels)) for country, labels in raw["second_level"].items()}
    return _Hosts(frozenset(raw["free"]), frozenset(raw["families"]), second)


def domain_key(raw: str) -> str:
    """The registrable domain of a web or mail address; "" for hosts that anyone may use and for bare suffixes."""
    text = raw.strip().casefold()
    if not text:
        return ""
    if "@" in text:
        text = text.rpartition("@")[2]
    try:
        plain = _HOST.fullmatch(text)
        host = text if plain else urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    labels = [label for label in host.removeprefix("www.").split(".") if label]
    if len(labels) < 2 or all(label.isdigit() for label in labels):
        return ""
    size = 3 if _is_suffix(labels[-2], labels[-1]) else 2
    if len(labels) < size:
        return ""
    domain = ".".join(labels[-size:])
    hosts = _hosts()
    return "" if domain in hosts.free or labels[-size] in hosts.families else domain


def _is_suffix(second: str, top: str) -> bool:
    """True for a pair under which anyone registers: co.uk, sh.cn."""
    if len(top) != 2:
        return False
    below = _hosts().second_level
    return second in below.get(top, below[""])
