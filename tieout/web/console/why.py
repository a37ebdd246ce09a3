"""Two records side by side: why they are one customer, or are not, and a form to choose them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from sync.why import why
from tieout.core.config import Config
from tieout.core.errors import TieoutError
from tieout.web.console.pages import Person, render
from tieout.web.deps import Ctx, Reads
from tieout.web.problems import Refused, status_of

router = APIRouter()
Member = Annotated[str, Query(max_length=300)]
Part = Annotated[str, Query(max_length=200)]


@router.get("/why")
def show_why(
    request: Request,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    left: Member = "",
    right: Member = "",
    left_connection: Part = "",
    left_id: Part = "",
    right_connection: Part = "",
    right_id: Part = "",
) -> Response:
    """The form alone, or with it what stands between the two."""
    mine, theirs = _member(left, left_connection, left_id), _member(right, right_connection, right_id)
    found: dict[str, Any] | None = None
    problem: TieoutError | None = None
    if mine and theirs:
        try:
            found = why(conn, ctx.config, ctx.clock.now(), mine, theirs)
        except TieoutError as error:  # a record that is not there is chosen again, beside the form
            problem = error
    return render(
        request,
        "why.html",
        person,
        status=200 if problem is None else status_of(problem),
        found=found,
        problem=problem,
        chosen=[_chosen(ctx.config, mine), _chosen(ctx.config, theirs)],
        connections=list(ctx.config.connections),
    )


def _member(member: str, connection: str, record: str) -> str:
    text = member.strip() or (f"{connection.strip()}/customers/{record.strip()}" if record.strip() else "")
    if not text.isprintable():
        raise Refused(422, "invalid", "the record has characters that no id has")
    if record.strip().startswith("acc_"):
        return record.strip()
    return text


def _chosen(config: Config, member: str) -> tuple[str, str]:
    """Connection and id of a member, for the form; an account is one of the books."""
    if member.count("/") >= 2:
        connection, _, record = member.split("/", 2)
        return connection, record
    books = (company.book_of_record for company in config.companies.values())
    return next(books, "") if member.startswith("acc_") else "", member
