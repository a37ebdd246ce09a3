"""Sortable ids, prefixed by kind: `inv_01j…`; the one place that draws randomness."""

from __future__ import annotations

import random
import secrets
from typing import Protocol

from tieout.core.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case


def _encode(number: int, length: int) -> str:
    out = []
    for _ in range(length):
        out.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(out))


def numbered(prefix: str, number: int) -> str:
    """The sortable id of something that has a number already, such as its place in the input log."""
    return f"{prefix}_{_encode(number, 9)}"


class IdMaker(Protocol):
    """Makes ids."""

    def new(self, prefix: str) -> str: ...


class Ids(IdMaker, Protocol):
    """Makes ids and secrets; handed in everywhere so that a simulator can own randomness."""

    def token(self, nbytes: int = 32) -> str: ...

    def jitter(self) -> float: ...


class RandomIds:
    """Ids from the machine's clock and randomness: 48 bits of milliseconds, then 60 random bits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        ms = int(self._clock.now().timestamp() * 1000)
        return f"{prefix}_{_encode(ms, 10)}{_encode(secrets.randbits(60), 12)}"

    def token(self, nbytes: int = 32) -> str:
        return secrets.token_urlsafe(nbytes)

    def jitter(self) -> float:
        return secrets.randbelow(1_000_000) / 1_000_000


class SeededIds:
    """Deterministic ids for simulations and rebuilds: a counter and a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - simulation only, never a secret in production
        self._count = 0

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{_encode(self._count, 10)}{_encode(self._random.getrandbits(60), 12)}"

    def token(self, nbytes: int = 32) -> str:
        return self._random.randbytes(nbytes).hex()

    def jitter(self) -> float:
        return self._random.random()
