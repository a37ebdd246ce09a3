"""Made once: a form or request that is sent twice with the same key makes one thing and is answered the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tieout.core.crypto import sha256_hex
from tieout.core.errors import StaleWrite, TieoutError
from tieout.core.exact_json import canonical
from tieout.store.session import unit
from tieout.store.tables import made_once

P = ParamSpec("P")
KEPT = timedelta(days=7)
_CLAIM = {
    name: make(made_once).on_conflict_do_nothing().returning(made_once.c.key)
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


@dataclass(frozen=True, slots=True)
class Once:
    """What is made under this key is made once; `mark` tells what was sent with it."""

    key: str
    mark: str

    @classmethod
    def of(cls, actor: str, place: str, key: str, sent: bytes) -> Once:
        """The key that somebody sent to an address with these bytes; two people or addresses share none."""
        return cls(sha256_hex(canonical([actor, place, key]).decode()), sha256_hex(sent.hex()))


class Repeated(TieoutError):
    """This key was used before; `answer` is what was answered then."""

    code = "repeated"

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__("this was made already")
        self.answer = answer


class Making:
    """A unit of work that makes something; `kept` remembers what it answers."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.answer: dict[str, Any] | None = None

    def kept(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, remembered for those who ask again."""
        self.answer = answer
        return answer


@contextmanager
def making(engine: Engine, boundary: str, once: Once | None, at: datetime) -> Iterator[Making]:
    """A unit of work whose key is claimed before anything else is looked at; raises Repeated, or StaleWrite when the
    key came with something else before.

    Whoever comes second waits for the first to commit. What fails leaves the key free.
    """
    with unit(engine, boundary) as conn:
        if once is not None:
            _claim(conn, once, at)
        made = Making(conn)
        yield made
        if once is not None:
            conn.execute(update(made_once).where(made_once.c.key == once.key).values(answer=made.answer))


def _claim(conn: Connection, once: Once, at: datetime) -> None:
    row = {"key": once.key, "mark": once.mark, "at": at}
    if conn.execute(_CLAIM[conn.dialect.name], row).scalar() is not None:
        return
    found = conn.execute(select(made_once.c.mark, made_once.c.answer).where(made_once.c.key == once.key)).one()
    if found.mark != once.mark:
        raise StaleWrite(
            "this form was sent before, with something else in it",
            hint="Look at what was made then; to make another, load the page again.",
            code="key_used",
        )
    raise Repeated(found.answer or {})


def repeatable(work: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
    """Work that answers a repeated key with what it answered first."""

    @wraps(work)
    def run(*args: P.args, **given: P.kwargs) -> dict[str, Any]:
        try:
            return work(*args, **given)
        except Repeated as found:
            return dict(found.answer)

    return run


def forget(engine: Engine, *, before: datetime) -> int:
    """Delete keys used before an instant."""
    with unit(engine, "admin.commit") as conn:
        return conn.execute(delete(made_once).where(made_once.c.at < before)).rowcount
