"""Reconciliations: the list, one run down to the document, and the button that runs one now."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection, RowMapping

from tieout.reports import break_words, work
from tieout.store.queries import reconciliations
from tieout.web.console.forms import MayOperate
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses
from tieout.web.schemas.base import Name

router = APIRouter()
PAGE = 50
FIRST = 100  # breaks of a side on the run's own page; the rest is paged
_PAGES = {"inv_": "/invoices/", "crn_": "/invoices/", "cfl_": "/conflicts/", "psh_": "/pushes/"}
_WORDS: dict[str, Any] = {
    "kind_word": break_words.kind,
    "cause_word": break_words.cause,
    "reason_word": break_words.reason,
    "told": break_words.told,
}


def page_of(ref: str, number: str = "") -> str:
    """Where something that a break names is shown; a receipt among the payments of its number; "" = nowhere."""
    if ref[:4] in ("pay_", "ref_") and number:
        return f"/payments?{urlencode({'show': 'all', 'q': number})}"
    where = _PAGES.get(ref[:4])
    return f"{where}{ref}" if where else ""


@router.get("/reconciliations")
def list_reconciliations(
    request: Request, person: Person, conn: Reads, cursor: Annotated[str | None, Query(max_length=600)] = None
) -> Response:
    """Runs, newest first."""
    found = reconciliations.page(conn, None, PAGE, cursor)
    rows = [{**work.reconciliation(row), "verdict": _verdict(conn, row)} for row in found.rows]
    return render(request, "reconciliations.html", person, rows=rows, next=found.next)


@router.get("/reconciliations/{reconciliation_id}")
def show_reconciliation(request: Request, reconciliation_id: str, person: Person, conn: Reads) -> Response:
    """One run: totals of every counterpart, causes, and each break with both sides' values and its age."""
    found = work.reconciliation_detail(conn, reconciliation_id)
    body = found["body"]
    verdict = "valid" if found["is_valid"] else "invalid" if body.get("sections") else "nothing"
    return render(
        request, "reconciliation.html", person, run=found, body=body, verdict=verdict, first=FIRST, page_of=page_of,
        **_WORDS,
    )  # fmt: skip


@router.get("/reconciliations/{reconciliation_id}/breaks")
def list_breaks(
    request: Request,
    reconciliation_id: str,
    person: Person,
    conn: Reads,
    connection: Annotated[Name, Query()],
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Every break of one side of a run, the largest first, page by page."""
    run = work.reconciliation_detail(conn, reconciliation_id)
    found = reconciliations.breaks_page(
        conn, reconciliation_id, reconciliations.BreakFilter(connection=connection), FIRST, cursor
    )
    rows = [row["body"] for row in found.rows]
    return render(
        request, "breaks.html", person, run=run, rows=rows, name=connection, next=found.next, page_of=page_of, **_WORDS
    )


def _verdict(conn: Connection, row: RowMapping) -> str:
    """valid, invalid, or that nothing was compared: only the whole run tells the last two apart."""
    if row["is_valid"]:
        return "valid"
    whole = None if row["breaks"] else reconciliations.get(conn, row["id"])
    return "nothing" if whole is not None and not whole["body"].get("sections") else "invalid"


@router.post("/reconciliations")
def reconcile_now(person: MayOperate, service: Uses) -> Response:
    """Ask every side for its own figures now."""
    made = service.reconcile(None, person.actor)
    return see(f"/reconciliations/{made['id']}")
