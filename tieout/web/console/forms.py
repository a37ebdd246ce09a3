"""What people write into forms, read strictly: days, amounts, words, and whether they may send the form at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import Depends, Form, Request

from tieout.core.dates import DateError, parse_on
from tieout.core.money import is_currency
from tieout.core.typed_money import typed_minor
from tieout.web.auth import Principal, check_form
from tieout.web.console.pages import Person
from tieout.web.problems import Refused

Text = Annotated[str, Form()]
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
