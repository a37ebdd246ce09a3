"""Rules over conflicts: the list, the preview of one, making it, switching it off."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tieout.web.console.forms import MayOperate, Text, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Uses
from tieout.web.problems import Refused

router = APIRouter()
PAGE = 50


@router.get("/conflicts/rules")
def list_rules(
    request: Request,
    person: Person,
    service: Uses,
    state: Annotated[Literal["active", "ended"], Query()] = "active",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    done: Literal["made", "ended", ""] = "",
) -> Response:
    """Rules in force, or those that were, newest first."""
    found = service.rules.rules(state, PAGE, cursor)
    return render(
        request, "rules.html", person, rows=found["items"], next=found["next"], state=state, done=f"rule_{done}"
    )


@router.post("/conflicts/rules/preview")
def preview(
    request: Request,
    person: MayOperate,
    service: Uses,
    conflict: Text = "",
    action: Text = "",
    target: Text = "",
) -> Response:
    """What the rule would answer now."""
    return render(request, "rule.html", person, shown=service.rules.preview(_wish(conflict, action, target)))


@router.post("/conflicts/rules")
def make(
    person: MayOperate,
    service: Uses,
    conflict: Text = "",
    action: Text = "",
    target: Text = "",
    digest: Text = "",
    note: Text = "",
) -> Response:
    """Make the rule as shown."""
    service.rules.make(_wish(conflict, action, target), digest[:64], words(note, "the note"), person.actor)
    return see("/conflicts/rules?done=made")


@router.post("/conflicts/rules/{rule_id}/end")
def end(rule_id: str, person: MayOperate, service: Uses, note: Text = "") -> Response:
    """Switch a rule off; what it answered is open again."""
    service.rules.end(rule_id[:40], words(note, "the note"), person.actor)
    return see("/conflicts/rules?state=ended&done=ended")


def _wish(conflict: str, action: str, target: str) -> dict[str, Any]:
    if action not in ("leave", "map") or len(target) > 300:
        raise Refused(422, "invalid", "choose what the rule shall answer")
    return {"conflict": conflict[:40], "action": action, "target": target.strip()}
