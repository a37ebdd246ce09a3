"""The credit desk: limits, overrides and exchange rates that people state, look at and take back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sync import credit_policies, credit_terms, rates
from sync.context import Context
from tieout.core.dates import business_on
from tieout.core.errors import Gone
from tieout.store.once import Once
from tieout.store.queries import credit as queries
from tieout.store.queries import customers, decisions
from tieout.store.session import reading

Row = Mapping[Any, Any]


class CreditDesk:
    """Every method is one piece of work of its own; what it changes is decided again before it answers, if it can."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    def ask_limit(
        self, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
    ) -> dict[str, Any]:
        """Ask for a credit limit; it counts once another person has approved it."""
        return self._done(credit_terms.ask_limit(self._ctx, customer_id, wanted, actor, once))

    def ask_override(
        self, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
    ) -> dict[str, Any]:
        """Ask to set the credit status by hand until a day; hold counts at once."""
        return self._done(credit_terms.ask_override(self._ctx, customer_id, wanted, actor, once))

    def policy(self, company: str = "") -> dict[str, Any]:
        """The thresholds by which a company's credit is judged."""
        return credit_policies.show_policy(self._ctx, company)

    def ask_policy(self, wanted: Mapping[str, Any], actor: str, once: Once | None = None) -> dict[str, Any]:
        """Ask for other thresholds; the answer says whose status would change. Another person approves."""
        return self._done(credit_policies.ask_policy(self._ctx, wanted, actor, once))

    def approve(self, term: str, actor: str) -> dict[str, Any]:
        """Approve what another person asked for."""
        return self._done(credit_terms.approve(self._ctx, term, actor))

    def withdraw(self, term: str, reason: str, actor: str) -> dict[str, Any]:
        """Take a limit or an override back; what stood before it counts again."""
        return self._done(credit_terms.withdraw(self._ctx, term, reason, actor))

    def show(self, customer_id: str) -> dict[str, Any]:
        """A customer's credit: standing decisions with their reasons, what the books state, what people ordered."""
        with reading(self._ctx.engine) as conn:
            row = customers.get(conn, customer_id)
            if row is None:
                raise Gone(f"there is no customer {customer_id}", code="no_customer")
            subjects = [decisions.credit_subject(customer_id, one) for one in sorted(self._ctx.config.companies)]
            standing = [one for one in decisions.standing(conn, subjects) if one["kind"] == "credit"]
            terms = queries.terms(conn, 200, None, customer=customer_id).rows
            return {
                "customer": {"id": row["id"], "name": row["name"]},
                "credit": [_decision(one) for one in standing],
                "books": [_book(one) for one in queries.book_limits(conn, customer_id)],
                "orders": [_term(one) for one in terms],
            }

    def terms(self, state: str | None = None, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        """Limits and overrides that people ordered, newest first."""
        with reading(self._ctx.engine) as conn:
            found = queries.terms(conn, limit, cursor, state=state)
            return {"items": [_term(row) for row in found.rows], "next": found.next}

    def state_rates(
        self,
        lines: Sequence[Mapping[str, Any]],
        source: str,
        actor: str,
        company: str = "",
        once: Once | None = None,
    ) -> dict[str, Any]:
        """State dated exchange rates; what used or waited for them is decided again."""
        return self._done(rates.state_rates(self._ctx, lines, source, actor, company, once))

    def import_rates(self, path: Path, actor: str, company: str = "") -> dict[str, Any]:
        """State the rates of a CSV file."""
        return self.state_rates(rates.read_rates(path), path.name, actor, company)

    def withdraw_rate(self, rate_id: str, actor: str) -> dict[str, Any]:
        """Take a stated rate back."""
        return self._done(rates.withdraw_rate(self._ctx, rate_id, actor))

    def rates(
        self,
        limit: int = 50,
        cursor: str | None = None,
        *,
        base: str | None = None,
        quote: str | None = None,
        current: bool = False,
    ) -> dict[str, Any]:
        """Exchange rates that stand, the latest date first; `current` = only those begun and not ended today."""
        today = None
        if current:
            zones = [company.timezone for company in self._ctx.config.companies.values()]
            today = business_on(self._ctx.clock.now(), zones[0] if zones else "UTC")
        with reading(self._ctx.engine) as conn:
            found = queries.rates_page(conn, limit, cursor, base=base, quote=quote, counts_on=today)
            return {"items": [_rate(row) for row in found.rows], "next": found.next}

    def _done(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._after()
        return answer


_TERM = (
    "id kind company_id currency amount_minor status valid_from valid_until reason state author asked_at approver "
    "approved_at ended_by ended_at end_reason body"
).split()
_BOOK = (
    "connection stream external_id party_ref currency amount_minor temporary_minor temporary_from temporary_until "
    "is_managed"
).split()
_RATE = "id company_id base quote rate rate_on until_on source".split()
_DECISION = "id company_id value reasons body inputs rule_version effective_on recorded_at".split()


def _term(row: Row) -> dict[str, Any]:
    return {**{name: row[name] for name in _TERM}, "customer_id": row["customer_id"]}


def _book(row: Row) -> dict[str, Any]:
    return {**{name: row[name] for name in _BOOK}, "company_id": row["of_company"], "account_id": row["account_id"]}


def _rate(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _RATE}


def _decision(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _DECISION}
