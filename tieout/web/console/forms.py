"""What people write into forms, read strictly: days, amounts, words, and whether they may send the form at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import Depends, Form, Request

from tieout.core.dates import DateError, parse_on
from tieout.core.exact_json import canonical
from tieout.core.money import is_currency
from tieout.core.typed_money import typed_minor
from tieout.store.once import Once
from tieout.web.auth import Principal, check_form
from tieout.web.console.pages import Person
from tieout.web.problems import Refused

Text = Annotated[str, Form()]
LONGEST_KEY = 80
# No part of what was asked for; and no digest of a password is kept.
_UNSENT = {"csrf", "once", "page", "password"}
_PLACE = re.compile(r"/(?![/\\])[!-~]{0,599}")  # an address of this site, never one that leads out of it
MOST_TEXT = 16_384


def _sends(right: str) -> Callable[..., Principal]:
    def check(request: Request, person: Person, csrf: Text = "") -> Principal:
        check_form(request, person, csrf)
        if not person.may(right):
            raise Refused(403, "denied", f"the role {person.role} may not do this")
        return person

    check.__name__ = f"form_to_{right}"
    return check


# The person who sent a form with its token and may do so.
MayOperate = Annotated[Principal, Depends(_sends("operate"))]
MayApprove = Annotated[Principal, Depends(_sends("approve"))]
MayAdmin = Annotated[Principal, Depends(_sends("admin"))]


async def once_of(request: Request, person: Person) -> Once | None:
    """The key that a form came with: what it makes is made once, however often it is sent."""
    form = await request.form()
    key = form.get("once")
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        return None
    sent = [[name, value] for name, value in form.multi_items() if isinstance(value, str) and name not in _UNSENT]
    return Once.of(person.actor, request.url.path, key, canonical(sent))


# Makes a thing once under the key of the form.
Keyed = Annotated[Once | None, Depends(once_of)]


def place_of(page: Text = "") -> str:
    """Where the form stood, to go back to; empty when it does not say so."""
    return page if _PLACE.fullmatch(page) else ""


Place = Annotated[str, Depends(place_of)]


def ticked(items: Annotated[list[str] | None, Form(max_length=500)] = None) -> list[str]:
    """The open items that were ticked."""
    return [one[:200] for one in items or []]


Ticked = Annotated[list[str], Depends(ticked)]


def words(text: str, name: str, *, needed: bool = False) -> str:
    """One line of text of at most 500 characters."""
    found = " ".join(text.split())
    if len(found) > 500 or not found.isprintable():
        raise Refused(422, "invalid", f"{name}: too long, or characters that cannot be stored")
    if needed and not found:
        raise Refused(422, "invalid", f"{name} is needed", hint="Write it for those who come later.")
    return found


def lines(text: str) -> str:
    """Several lines of what a browser sent, with the line ends of a text; at most 16 KiB."""
    found = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(found) > MOST_TEXT or not found.replace("\n", "").replace("\t", "").isprintable():
        raise Refused(422, "invalid", "the text is too long, or has characters that cannot be stored")
    return found


def day(text: str, name: str, *, needed: bool = True) -> date | None:
    """A calendar date; empty is None where it may be left out."""
    if not text.strip() and not needed:
        return None
    try:
        return parse_on(text.strip())
    except DateError:
        raise Refused(422, "invalid", f"{name}: write a date as yyyy-mm-dd") from None


def minor(text: str, currency: str) -> int:
    """An amount that is not negative, in minor units of a currency."""
    if not is_currency(currency):
        raise Refused(422, "invalid", "choose a currency")
    return typed_minor(text, currency)
