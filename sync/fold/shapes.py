"""What conflicts have in common that one answer may fit, and how a conflict looks that such an answer has closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieout.store.queries.answer_rules import Shape

LEAVE, MAP = "leave", "map"


def shape_of(
    kind: str, connection: str | None, stream: str | None, evidence: Any, suggestions: Sequence[Any]
) -> Shape | None:
    """What one answer might fit besides this conflict; None where each has to be looked at by itself.

    Money, customers and unreadable records always have to be. So has a document that the books suggest something for.
    """
    if not connection or not stream or not isinstance(evidence, Mapping):
        return None
    if kind == "unlinked_document" and not suggestions:
        record = evidence.get("record")
        what = record.get("kind") if isinstance(record, Mapping) else ""
        return Shape(kind, connection, stream, str(what), "") if what else None
    if kind == "unmapped_value" and evidence.get("path") and evidence.get("value"):
        return Shape(kind, connection, stream, str(evidence["path"]), str(evidence["value"]))
    return None


def shape_of_row(row: Mapping[Any, Any]) -> Shape | None:
    """The same of a stored conflict."""
    return shape_of(row["kind"], row["connection"], row["stream"], row["evidence"], row["suggestions"])


def closed_by(rule: Mapping[Any, Any], at: Any) -> dict[str, Any]:
    """The columns of a conflict that a rule has answered."""
    answer = {"action": rule["action"], "target": rule["target"], "note": rule["note"], "rule": rule["id"]}
    return {
        "state": "resolved",
        "closed_at": at,
        "answered_by": rule["author"],
        "answer": answer,
        "rule_id": rule["id"],
    }
