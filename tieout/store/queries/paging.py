"""Keyset pages: an opaque cursor names the last row seen, so that pages stay stable while rows arrive."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tieout.core import exact_json
from tieout.core.errors import BadPayload, Gone

T = TypeVar("T")
Key = tuple[str | int, ...]

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of rows and the cursor of the next page; `next` None = this was the last."""

    rows: Sequence[T]
    next: str | None


def encode(kind: str, key: Key) -> str:
    """The cursor of a key; `kind` names the list it belongs to."""
    raw = exact_json.dumps([kind, *key])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(cursor: str, kind: str, shape: tuple[type, ...]) -> Key:
    """The key of a cursor; one that was not made for this list raises Gone."""
    try:
        found = exact_json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (BadPayload, binascii.Error, ValueError):
        found = None
    fits = (
        isinstance(found, list)
        and len(found) == len(shape) + 1
        and found[0] == kind
        and all(type(value) is want for value, want in zip(found[1:], shape, strict=True))
        and all("\x00" not in value for value in found if isinstance(value, str))
        and all(abs(value) < 2**62 for value in found if isinstance(value, int))
    )
    if not fits:
        raise Gone("there is no such page", hint="Start again without a cursor.", code="unknown_cursor")
    return tuple(found[1:])


def cut(rows: Sequence[T], limit: int, kind: str, key: Callable[[T], Key]) -> Slice[T]:
    """A page out of `limit + 1` fetched rows."""
    if len(rows) <= limit:
        return Slice(rows, None)
    kept = rows[:limit]
    return Slice(kept, encode(kind, key(kept[-1])))


def page_of(rows: Sequence[T], limit: int, cursor: str | None, kind: str, key: Callable[[T], str]) -> Slice[T]:
    """A page of a short list that is held whole; a cursor whose row is gone by now raises Gone."""
    start = 0
    if cursor:
        (after,) = decode(cursor, kind, (str,))
        start = next((at + 1 for at, row in enumerate(rows) if key(row) == after), -1)
        if start < 0:
            raise Gone("there is no such page", hint="Start again without a cursor.", code="unknown_cursor")
    return cut(rows[start : start + limit + 1], limit, kind, lambda row: (key(row),))


def contains(column: Any, text: str) -> Any:
    """Case-insensitive substring match; `%` and `_` in the text mean themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(f"%{escaped}%", escape="\\")
