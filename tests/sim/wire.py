"""What went over the wire about creations: after an unknown outcome nobody sends a key again without having looked."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from tieout.sandbox.http import Request, Response


class Wire:
    """Keys of creations by what the sender may know of them: `open` outcome, or looked for since."""

    def __init__(self, outlived: Set[str]) -> None:
        """`outlived`: keys whose sender stood still after its look until its claim was over; it knows of no other."""
        self._outlived = outlived
        self._unknown: set[str] = set()
        self.problems: list[str] = []

    def seen(self, vendor: str, req: Request, answer: Response | None) -> None:
        """One request that reached the vendor; `answer` None = its sender cannot know what became of it."""
        if vendor != "zoho":
            return
        if req.path.endswith("/coql") and answer is not None and answer.status < 300:
            query = str(_json(req.body).get("select_query", ""))
            self._unknown = {key for key in self._unknown if key.replace("'", "\\'") not in query}
            return
        if req.method != "POST" or not req.path.endswith("/Tasks"):
            return
        for key in row_keys(req):
            if key in self._unknown and key not in self._outlived:
                self.problems.append(f"the creation {key} was sent again, its outcome unknown, without looking first")
            if answer is None:
                self._unknown.add(key)
            else:
                self._unknown.discard(key)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def row_keys(req: Request) -> list[str]:
    """AR_Key of each row that a request would create."""
    rows = _json(req.body).get("data")
    return [str(row["AR_Key"]) for row in rows or [] if isinstance(row, dict) and row.get("AR_Key")]
