"""What is wrong now: open alerts with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from sync.alert_words import alert_line
from tieout.store.queries import alerts
from tieout.web import evidence
from tieout.web.console.pages import Person, render, speaker
from tieout.web.deps import Ctx, Reads

router = APIRouter()


@router.get("/alerts")
def show_alerts(request: Request, person: Person, ctx: Ctx, conn: Reads) -> Response:
    """Every open alert, in the reader's language."""
    rows = told(conn, speaker(request, person).language)
    return render(request, "alerts.html", person, rows=rows, is_sent=bool(ctx.config.alerts.to))


def told(conn: Connection, language: str) -> list[dict[str, Any]]:
    """Open alerts as sentences; what a vendor answered is cut to one line."""
    return [_line(row, language) for row in alerts.standing(conn)]


def down(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Connections that cannot be read now, each with what it last answered."""
    out = []
    for line in lines:
        failing = next((stream["error"] for stream in line["streams"] if stream["state"] == "failed"), None)
        if line["auth_state"] == "dead" or failing is not None or line["error"]:
            out.append({"name": line["name"], "error": evidence.brief(line["error"] or failing)})
    return out


def _line(row: Mapping[Any, Any], language: str) -> dict[str, Any]:
    customer = row["subject"].partition("|")[0] if row["kind"] == "credit_limit" else ""
    words = alert_line(row["kind"], row["subject"], evidence.brief(row["detail"]), None, language)
    return {"kind": row["kind"], "words": words, "since_at": row["since_at"], "customer": customer}
