"""What people said of who is who, outside of any question: parted by hand, listed, taken back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sync import merging
from sync.context import Context
from tieout.store.queries.answers import AnswerFilter, listed
from tieout.store.session import reading


class AnswerDesk:
    """The answers that stand and the ways to give and take back one about a record that no question names."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    def separate(self, customer_id: str, members: Collection[str], actor: str, reason: str = "") -> dict[str, Any]:
        """Say that records which a rule linked are not this customer. Errors as for `merging.separate`."""
        done = merging.separate(self._ctx, customer_id, members, actor, reason)
        self._after()
        return done

    def undo(self, seq: int, actor: str, reason: str = "") -> dict[str, Any]:
        """Take back a standing answer with all of its act. Errors as for `merging.undo_act`."""
        done = merging.undo_act(self._ctx, seq, actor, reason)
        self._after()
        return done

    def listed(
        self, *, action: str = "", actor: str = "", about: str = "", limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """Standing answers about who is who, newest first."""
        with reading(self._ctx.engine) as conn:
            found = listed(conn, AnswerFilter(action, actor, about), limit, cursor)
        return {"items": found.rows, "next": found.next}
