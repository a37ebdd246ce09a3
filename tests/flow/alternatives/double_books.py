"""0009: invoices of the CRM post too, all of them or those whose number the books do not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select

from mapping.engine import map_record
from mapping.identity.numbers import number_key
from sync.fold.parties import books_of
from tests.flow.alternatives.place import Size, fresh
from tests.flow.books import rows
from tieout.canonical.documents import ClaimCandidate, DocumentCandidate
from tieout.ledger import chart
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import balances, bindings, claims, conflicts

Keep = Callable[[ClaimCandidate], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """Receivables in minor units by currency, one book and both; and how the one book's claims ended."""

    one: Mapping[str, int]
    everything: Mapping[str, int]
    unknown_numbers: Mapping[str, int]
    twice: int  # CRM invoices that post by an unknown number though the books hold that sale
    claims: int
    bound: int
    unlinked: int

    def over(self, other: Mapping[str, int]) -> dict[str, float]:
        """How much too high, in percent of the receivables of the one book."""
        return {code: (other.get(code, 0) - held) * 100 / held for code, held in sorted(self.one.items())}

    def __str__(self) -> str:
        def said(other: Mapping[str, int]) -> str:
            return ", ".join(
                f"{code} +{percent:.0f} % ({other[code] - self.one[code]} minor units)"
                for code, percent in self.over(other).items()
            )

        return (
            f"receivables overstated where CRM invoices post too: {said(self.everything)}; where only numbers the "
            f"books do not hold post: {said(self.unknown_numbers)}, {self.twice} sales twice; with one book "
            f"{self.bound} of {self.claims} claims are bound, {self.unlinked} conflicts `unlinked_document`"
        )


def run(size: Size) -> Found:
    with fresh(size) as (world, service):
        assert service.sync().ok
        one = _receivables(service)
        kept = len(rows(service, select(claims.c.external_id)))
        b, c = bindings.c, conflicts.c
        bound = len(rows(service, select(b.connection, b.stream, b.external_id).where(b.to_seq.is_(None)).distinct()))
        unlinked = len(rows(service, select(c.id).where(c.kind == "unlinked_document", c.state == "open")))
        numbers = _bill_numbers(world)
        meant = {key: row["meant"] for key, row in world.truth["invoices"].items()}
    posted: list[str] = []

    def unknown(claim: ClaimCandidate) -> bool:
        is_new = not {number_key(number) for number in (*claim.external_refs, *claim.numbers)} & numbers
        if is_new:
            posted.append(claim.external_id)
        return is_new

    by_number = _with_crm_invoices(size, unknown)
    return Found(
        one=one,
        everything=_with_crm_invoices(size, lambda _: True),
        unknown_numbers=by_number,
        twice=sum(number_key(meant.get(key) or "") in numbers for key in set(posted)),
        claims=kept,
        bound=bound,
        unlinked=unlinked,
    )


def _bill_numbers(world: SandboxWorld) -> set[str]:
    from tests.flow.books import BILL
    from tieout.sandbox.kingdee.forms import FORMS

    return {number_key(str(bill["FBillNo"])) for bill in world.kingdee.library.ordered(FORMS[BILL])}


def _with_crm_invoices(size: Size, keep: Keep) -> dict[str, int]:
    """Receivables of an installation in which the invoices of the CRM that `keep` names become documents that post."""

    def mapped(profile: Any, payload: bytes, context: Any, **how: Any) -> Any:
        made = map_record(profile, payload, context, **how)
        if isinstance(made, ClaimCandidate) and made.kind == "invoice" and made.is_active and made.amount_minor:
            return _document(made) if keep(made) else made
        return made

    with ExitStack() as stack:
        stack.enter_context(patch("sync.fold.changes.map_record", mapped))
        stack.enter_context(
            patch("sync.fold.documents.books_of", lambda config, name: books_of(config, name) or list(config.companies))
        )
        _, service = stack.enter_context(fresh(size))
        stack.enter_context(patch("sync.apply.ready_to_settle", lambda _: False))  # the books are what is looked at
        service.pull()
        service.apply()
        return _receivables(service)


def _document(claim: ClaimCandidate) -> DocumentCandidate:
    assert claim.amount_minor is not None
    assert claim.issue_on is not None
    return DocumentCandidate(
        claim.external_id, "invoice", claim.label, claim.party_ref, "", claim.currency, claim.amount_minor,
        claim.issue_on, "posted", claim.due_on,
    )  # fmt: skip


def _receivables(service: Any) -> dict[str, int]:
    b = balances.c
    found = select(b.currency, func.sum(b.amount_minor).label("n")).where(b.code == chart.AR).group_by(b.currency)
    return {row["currency"]: int(row["n"]) for row in rows(service, found)}
