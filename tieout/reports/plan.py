"""The plan as the API and the console show it: amounts with their text, totals per currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieout.reports.values import money, money_or_none, pick


def shown(view: Mapping[str, Any]) -> dict[str, Any]:
    """A plan (`PlanView.as_dict()`) with money in the form every answer has."""
    return {
        **pick(view, "digest", "made_at", "fresh", "records", "fields"),
        "unread": list(view.get("unread", ())),
        "totals": [money(total["money_minor"], total["currency"]) for total in view["totals"]],
        "rows": [_row(row) for row in view["rows"]],
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **pick(row, "id", "version", "connection", "module", "operation", "remote_id", "label", "subject", "state"),
        **pick(row, "why", "seen_at"),
        "changes": [dict(pick(change, "field", "before", "after")) for change in row["changes"]],
        "money": money_or_none(row["money_minor"], row["currency"]),
    }
