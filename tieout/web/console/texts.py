"""The words of messages: which are in force, writing one, trying it on a customer, putting it in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from mapping.message_words import LANGUAGES
from tieout.core.errors import TieoutError
from tieout.receivables.dunning.policy import CHANNELS
from tieout.store.queries import customers
from tieout.web.auth import Principal
from tieout.web.console.forms import MayApprove, MayOperate, Text, lines, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Today, Uses
from tieout.web.ports import Service
from tieout.web.problems import Refused

router = APIRouter()
OFFERED = 50  # customers to try a text on


def customers_to_try(conn: Reads, today: Today) -> Sequence[Mapping[Any, Any]]:
    """Customers who are late, by id and name; any other can be named too."""
    return customers.page(conn, customers.CustomerFilter(overdue_on=today), OFFERED, None).rows


Late = Annotated[Sequence[Mapping[Any, Any]], Depends(customers_to_try)]


@router.get("/dunning/texts")
def list_texts(request: Request, person: Person, service: Uses) -> Response:
    """Texts in force, those that were, and where one can be written."""
    return render(request, "texts.html", person, view=service.dunning.texts.listed())


@router.get("/dunning/texts/write")
def write(
    request: Request,
    person: Person,
    service: Uses,
    late: Late,
    company: Annotated[str, Query(max_length=64)] = "",
    slot: Annotated[str, Query(max_length=24)] = "",
    language: Annotated[str, Query(max_length=8)] = "",
    channel: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """A text to change: the one in force there, or the shipped one."""
    place = _place(service, company, slot, language, channel)
    return _page(request, person, service, late, place, service.dunning.texts.start(**place), "")


def placed(
    service: Uses, company: Text = "", slot: Text = "", language: Text = "", channel: Text = ""
) -> dict[str, str]:
    """Where the text of a form belongs."""
    return _place(service, company, slot, language, channel)


Place = Annotated[dict[str, str], Depends(placed)]


@router.post("/dunning/texts/preview")
def preview(
    request: Request,
    person: MayOperate,
    service: Uses,
    late: Late,
    place: Place,
    text: Text = "",
    customer: Text = "",
) -> Response:
    """What the message would be, or what is wrong with the text; the text stays in the form either way."""
    written = lines(text)
    try:
        tried = service.dunning.texts.preview(written, customer=customer.strip()[:64], **place)
    except TieoutError as error:
        return _page(request, person, service, late, place, written, customer, problem=error)
    return _page(request, person, service, late, place, written, customer, tried=tried)


@router.post("/dunning/texts")
def use(
    request: Request,
    person: MayApprove,
    service: Uses,
    late: Late,
    place: Place,
    text: Text = "",
    customer: Text = "",
    note: Text = "",
) -> Response:
    """Put the text in force for the company."""
    written = lines(text)
    where = {name: value for name, value in place.items() if name != "company"}
    try:
        service.dunning.texts.use(
            written, **where, companies=[place["company"]], actor=person.actor, note=words(note, "the note")
        )
    except TieoutError as error:
        return _page(request, person, service, late, place, written, customer, problem=error)
    return see("/dunning/texts")


@router.post("/dunning/texts/{seq}/restore")
def restore(seq: int, person: MayApprove, service: Uses) -> Response:
    """Put an earlier text in force again."""
    service.dunning.texts.restore(_number(seq), person.actor)
    return see("/dunning/texts")


@router.post("/dunning/texts/{seq}/drop")
def drop(seq: int, person: MayApprove, service: Uses) -> Response:
    """Use the shipped words again."""
    service.dunning.texts.drop(_number(seq), person.actor)
    return see("/dunning/texts")


def _page(
    request: Request,
    person: Principal,
    service: Service,
    late: Sequence[Mapping[Any, Any]],
    place: dict[str, str],
    text: str,
    customer: str,
    *,
    tried: Any = None,
    problem: TieoutError | None = None,
) -> Response:
    listed = service.dunning.texts.listed()
    return render(
        request,
        "text.html",
        person,
        status=409 if problem is not None else 200,
        place=place,
        text=text,
        customer=customer or (late[0]["id"] if late else ""),
        late=late,
        variables=listed["variables"],
        fields=listed["fields"],
        tried=tried,
        problem=problem,
    )


def _place(service: Service, company: str, slot: str, language: str, channel: str) -> dict[str, str]:
    if company not in service.ctx.config.companies or language not in LANGUAGES or channel not in CHANNELS:
        raise Refused(422, "invalid", "choose a company, a language and a channel")
    return {"company": company, "slot": slot[:24], "language": language, "channel": channel}


def _number(seq: int) -> int:
    if not 0 < seq < 2**53:
        raise Refused(404, "no_text", "there is no such text")
    return seq
