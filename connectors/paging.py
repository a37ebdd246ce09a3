"""Guards of page loops: a vendor that repeats itself must not keep us reading for ever."""

from __future__ import annotations

import hashlib

from tieout.core.errors import BadPayload


class LoopDetector:
    """Raises BadPayload when a page token or a whole page comes a second time, or pages never end."""

    def __init__(self, what: str, *, max_pages: int = 100_000) -> None:
        self._what = what
        self._tokens: set[bytes] = set()
        self._pages: set[bytes] = set()
        self._left = max_pages

    def token(self, token: str) -> None:
        """Note the token of the next page."""
        self._once(self._tokens, token.encode(), "page token")

    def page(self, body: bytes) -> None:
        """Note the records of a page (not its envelope, which may carry a clock); empty pages are not compared."""
        self._left -= 1
        if self._left < 0:
            raise BadPayload(f"{self._what}: pages do not end", code="endless_pages")
        if body:
            self._once(self._pages, body, "page")

    def _once(self, seen: set[bytes], value: bytes, name: str) -> None:
        mark = hashlib.blake2b(value, digest_size=16).digest()
        if mark in seen:
            raise BadPayload(f"{self._what}: the same {name} came twice", code="page_loop")
        seen.add(mark)
