"""Why a field of a CRM record does not show what it should: what is known of the record beside its values.

Source: receivables reference, section 13 (status breaks: not yet pushed, stale push, changed after the push).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tieout.receivables.breaks import Explanation

# What the state of a waiting change says about the remote that does not show it yet.
PUSH_CAUSES: Mapping[str, str] = {
    "planned": "push_planned",  # a person has to send the plan
    "parked": "push_parked",  # too many at once: an approver has to look
    "ready": "push_pending",
    "claimed": "push_in_flight",
    "sent": "push_in_flight",
    "uncertain": "push_in_flight",
    "dead": "push_refused",
}


@dataclass(frozen=True, slots=True)
class RecordState:
    """One remote record: the change that waits for it, what we last wrote, and what keeps it from being settled.

    `written` is the last value that we set per field, `edited` the fields that show something else than that;
    `pushed_at` is when our last write was confirmed, `read_at` when this comparison read the record.
    """

    record_id: str
    read_at: datetime | None = None
    pushed_at: datetime | None = None
    push_id: str = ""
    push_state: str = ""
    push_error: str = ""
    waiting: frozenset[str] = frozenset()
    written: Mapping[str, Any] = field(default_factory=dict)
    edited: frozenset[str] = frozenset()
    changed_at: datetime | None = None
    conflict_id: str = ""
    is_unsettled: bool = False
    is_linked: bool = True
    hold: str = ""  # push_off or push_paused: nothing is sent to this remote


def explain_field(name: str, shows_field: bool, state: RecordState) -> Explanation | None:
    """The cause of one field's difference, the surest first; None = nothing known explains it.

    An edit by hand goes before the rewrite that waits because of it: who looks must know that somebody typed there.
    """
    if state.pushed_at is not None and state.read_at is not None and state.pushed_at > state.read_at:
        return Explanation("pushed_after_read", "high", {"pushed_at": state.pushed_at, "read_at": state.read_at})
    if name in state.edited:
        found: dict[str, Any] = {"field": name, "written": state.written.get(name)}
        if state.changed_at is not None:
            found["changed_at"] = state.changed_at
        if state.push_id:
            found |= {"rewrite": state.push_id, "rewrite_state": state.push_state}
        return Explanation("hand_edit", "high", found)
    if state.push_id and (name in state.waiting or not state.waiting):
        params = {"push_id": state.push_id, **({"error": state.push_error} if state.push_error else {})}
        return Explanation(PUSH_CAUSES.get(state.push_state, "push_pending"), "high", params)
    if state.is_unsettled:
        return Explanation("not_settled_yet", "high")
    if state.conflict_id:
        return Explanation("conflict_pending", "high", {"conflict_id": state.conflict_id})
    if not state.is_linked:
        return Explanation("unbound", "high")
    if not shows_field:
        return Explanation("field_missing", "high", {"field": name})
    if state.hold:
        return Explanation(state.hold, "high")
    return None
