"""Reconciliations: the list, one run down to the document, and the button that runs one now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.reports import break_words, work
from tieout.store.queries import reconciliations
from tieout.web.console.forms import MayOperate
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses

router = APIRouter()
PAGE = 50


@router.get("/reconciliations")
def list_reconciliations(
    request: Request, person: Person, conn: Reads, cursor: Annotated[str | None, Query(max_length=600)] = None
) -> Response:
    """Runs, newest first."""
    found = reconciliations.page(conn, None, PAGE, cursor)
    rows = [work.reconciliation(row) for row in found.rows]
    return render(request, "reconciliations.html", person, rows=rows, next=found.next)


@router.get("/reconciliations/{reconciliation_id}")
def show_reconciliation(request: Request, reconciliation_id: str, person: Person, conn: Reads) -> Response:
    """One run: totals of every counterpart, causes, and each break with both sides' values and its age."""
    found = work.reconciliation_detail(conn, reconciliation_id)
    return render(
        request,
        "reconciliation.html",
        person,
        run=found,
        body=found["body"],
        kind_word=break_words.kind,
        cause_word=break_words.cause,
        reason_word=break_words.reason,
        hint=break_words.hint,
    )


@router.post("/reconciliations")
def reconcile_now(person: MayOperate, service: Uses) -> Response:
    """Ask every side for its own figures now."""
    made = service.reconcile(None, person.actor)
    return see(f"/reconciliations/{made['id']}")
