"""The work list and one conflict: evidence of both sides, suggestions, the answer form, undo."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from sync.answering import ALLOWED, DEFAULT_ALLOWED
from tieout.reports import work
from tieout.store.queries import conflicts
from tieout.web import evidence
from tieout.web.console.forms import MayOperate, Text, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads, Today, Uses, worth_of
from tieout.web.problems import Refused
from tieout.web.schemas.work import ConflictKind, ConflictState

router = APIRouter()
PAGE = 50


@router.get("/conflicts")
def list_conflicts(
    request: Request,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    kind: Annotated[ConflictKind | None, Query()] = None,
    state: Annotated[ConflictState, Query()] = "open",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    batch: Annotated[str, Query(pattern="^[A-Za-z0-9_]{0,40}$")] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Conflicts by money at stake, compared at the stored rates, with filters that are links and a search."""
    now = ctx.clock.now()
    said = q.strip() if q.isprintable() else ""
    worth = worth_of(conn, ctx, today, conflicts.currencies(conn))
    found = conflicts.page(conn, conflicts.ConflictFilter(kind=kind, state=state, q=said or None), PAGE, cursor, worth)
    return render(
        request,
        "conflicts.html",
        person,
        rows=[work.conflict(row, now) for row in found.rows],
        figures=work.conflict_figures(conn),
        kind=kind or "",
        state=state,
        q=said,
        worth=worth,
        next=found.next,
        batch=batch,
    )


def wished(
    how: Text = "", kind: Text = "", q: Text = "", chosen: Annotated[list[str] | None, Form()] = None
) -> dict[str, Any]:
    """Which conflicts a form is about, and how they are to be answered."""
    if how not in ("suggested", "leave") or kind not in ("", *conflicts.KINDS):
        raise Refused(422, "invalid", "choose how the conflicts are answered")
    ids = tuple(one for one in chosen or () if one.isascii() and one.replace("_", "").isalnum() and len(one) <= 64)
    return {"how": how, "ids": ids, "kind": kind or None, "connection": None, "q": words(q, "the search") or None}


Wish = Annotated[dict[str, Any], Depends(wished)]


@router.post("/conflicts/bulk/preview")
def preview_bulk(
    request: Request,
    person: MayOperate,
    service: Uses,
    wish: Wish,
) -> Response:
    """What the chosen conflicts (all of the filter when none is ticked) would be answered with."""
    return render(request, "bulk.html", person, shown=service.bulk.preview(wish), wish=wish)


@router.post("/conflicts/bulk")
def answer_bulk(
    person: MayOperate,
    service: Uses,
    wish: Wish,
    digest: Text = "",
    note: Text = "",
) -> Response:
    """Answer them as shown."""
    done = service.bulk.answer(wish, digest[:64], words(note, "the note"), person.actor)
    return see(f"/conflicts?batch={done['batch']}")


@router.post("/conflicts/bulk/{batch}/undo")
def undo_bulk(batch: str, person: MayOperate, service: Uses) -> Response:
    """Take a batch back."""
    service.bulk.undo(batch[:40], person.actor)
    return see("/conflicts")


@router.get("/conflicts/{conflict_id}")
def show_conflict(
    request: Request,
    conflict_id: str,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    service: Uses,
    done: Literal["answered", "undone", ""] = "",
) -> Response:
    """One conflict."""
    found = work.conflict_detail(conn, conflict_id, ctx.clock.now())
    return render(
        request,
        "conflict.html",
        person,
        conflict=found,
        shown=evidence.shown(found["evidence"], found["suggestions"]),
        suggestions=evidence.answers(found["suggestions"]),
        actions=ALLOWED.get(found["kind"], DEFAULT_ALLOWED),
        offers=service.rules.offers(conflict_id) if found["state"] == "open" else [],
        rule=found["rule"] or "",
        overrule=found["may_overrule"],
        done=done,
    )


@router.post("/conflicts/{conflict_id}/answer")
def answer(
    conflict_id: str,
    person: MayOperate,
    service: Uses,
    action: Text = "",
    target: Text = "",
    note: Text = "",
    despite: Text = "",
) -> Response:
    """Answer it as this person."""
    if action not in {one for allowed in ALLOWED.values() for one in allowed}:
        raise Refused(422, "no_action", "choose an answer")
    target, note = target.strip(), note.strip()
    if not (target + note).replace("\n", "").replace("\r", "").isprintable() or len(target) > 300 or len(note) > 500:
        raise Refused(422, "invalid", "the answer has characters or a length that cannot be stored")
    note = " ".join(note.split())
    named = [code for code in despite[:400].split(",") if code.isascii() and code.replace("_", "").isalpha()]
    said: dict[str, Any] = {"action": action, "target": target, "note": note}
    told = {"despite": named} if action in ("link", "bind") else {}
    service.resolve(conflict_id, said | told, person.actor)
    return see(f"/conflicts/{conflict_id}?done=answered")


@router.post("/conflicts/{conflict_id}/undo")
def undo(conflict_id: str, person: MayOperate, service: Uses) -> Response:
    """Take the answer back."""
    service.undo(conflict_id, person.actor)
    return see(f"/conflicts/{conflict_id}?done=undone")
