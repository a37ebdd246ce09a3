"""The dunning desk: disputes, promises, plans, pauses, contacts and policies, for the console, the API and commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sync import casework, dunning, dunning_standing
from sync.context import Context
from sync.dunning_texts import TextDesk
from tieout.core.errors import Gone
from tieout.store.queries import cases as queries
from tieout.store.session import reading


class DunningDesk:
    """Every method is one piece of work of its own; what it changes is decided again before it answers, if it can."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    # ------------------------------------------------------------- cases
    def open_dispute(self, document_id: str, actor: str, **given: Any) -> dict[str, Any]:
        """Put an invoice, or a part of it, in dispute."""
        return self._done(casework.open_dispute(self._ctx, document_id, actor=actor, **given))

    def open_promise(self, customer_id: str, actor: str, **given: Any) -> dict[str, Any]:
        """Note a promise to pay."""
        return self._done(casework.open_promise(self._ctx, customer_id, actor=actor, **given))

    def open_plan(self, customer_id: str, actor: str, **given: Any) -> dict[str, Any]:
        """Agree on instalments."""
        return self._done(casework.open_plan(self._ctx, customer_id, actor=actor, **given))

    def open_pause(self, customer_id: str, actor: str, **given: Any) -> dict[str, Any]:
        """Stop dunning for a while."""
        return self._done(casework.open_pause(self._ctx, customer_id, actor=actor, **given))

    def set_contact(self, customer_id: str, actor: str, **given: Any) -> dict[str, Any]:
        """Say whom to write to."""
        return self._done(casework.set_contact(self._ctx, customer_id, actor=actor, **given))

    def close(self, case_id: str, outcome: str, actor: str, **given: Any) -> dict[str, Any]:
        """Settle a dispute, or end another case."""
        return self._done(casework.close_case(self._ctx, case_id, outcome, actor=actor, **given))

    def undo(self, case_id: str, actor: str) -> dict[str, Any]:
        """Take the last step of a case back."""
        return self._done(casework.undo_case(self._ctx, case_id, actor))

    def case(self, case_id: str) -> dict[str, Any]:
        """One case with what became of it."""
        with reading(self._ctx.engine) as conn:
            found = queries.get(conn, case_id)
        if found is None:
            raise Gone(f"there is no case {case_id}", code="no_case")
        return found

    def cases(
        self,
        *,
        kind: str | None = None,
        customer: str | None = None,
        document: str | None = None,
        is_open: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Cases, newest first."""
        with reading(self._ctx.engine) as conn:
            found = queries.page(conn, limit, cursor, kind=kind, customer=customer, document=document, is_open=is_open)
        return {"items": list(found.rows), "next": found.next}

    # ------------------------------------------------------------- dunning
    @property
    def texts(self) -> TextDesk:
        """The words that messages are made of."""
        return TextDesk(self._ctx, self._after)

    def preview(self, **given: Any) -> dict[str, Any]:
        """Who would be reminded, and what a policy would change; nothing is stored or sent."""
        return dunning.preview(self._ctx, **given)

    def standing(self) -> dict[str, Any]:
        """What was decided of everybody, and what has not been decided yet; nothing is decided by asking."""
        return dunning_standing.standing(self._ctx)

    def why(self, customer_id: str, on: date | None = None) -> dict[str, Any]:
        """What was decided about a customer, per currency and item."""
        return dunning.why(self._ctx, customer_id, on)

    def policies(self) -> dict[str, Any]:
        """Policies that are or were in force."""
        return dunning.policies(self._ctx)

    def policy_text(self, company: str = "", version: str = "") -> str:
        """The text of a policy."""
        return dunning.policy_text(self._ctx, company, version)

    def activate(
        self, policy_text: str, actor: str, companies: Sequence[str] = (), origin: str = "policy.yaml"
    ) -> dict[str, Any]:
        """Put a policy in force."""
        return self._done(dunning.activate(self._ctx, policy_text, companies=companies, actor=actor, origin=origin))

    def _done(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        self._after()
        return dict(answer)
