"""Fold one batch of pending inputs: map, then parties, documents, allocations, claims and answers, in that order."""

from __future__ import annotations

from collections.abc import Sequence

from sync.fold.allocations import Settlement, fold_allocations
from sync.fold.answers import fold_answers
from sync.fold.batch import Batch
from sync.fold.cases import fold_cases
from sync.fold.changes import Change, collect
from sync.fold.claims import fold_claims
from sync.fold.credit import fold_credit
from sync.fold.documents import fold_documents
from sync.fold.limits import fold_limits, fold_source_rates
from sync.fold.openings import fold_openings, weigh
from sync.fold.parties import fold_parties
from sync.fold.policies import fold_policies
from sync.fold.rates import fold_rates
from sync.fold.rechecks import fold_rechecks
from sync.fold.reviews import fold_reviews
from sync.fold.texts import fold_texts
from sync.fold.ticks import fold_ticks
from tieout.canonical.documents import AllocationCandidate, ClaimCandidate, DocumentCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate
from tieout.store.queries.openings import OPENING


def fold(batch: Batch, seqs: Sequence[int]) -> None:
    """Fold these inputs. The end state does not depend on how inputs are cut into batches or in which order they come.

    Documents are posted before allocations are weighed, so that a payment and its settlement may come in one batch.
    """
    changes, others = collect(batch, seqs)
    fold_parties(batch, [change for change in changes if _is(change, PartyCandidate)])
    moved = fold_documents(batch, [change for change in changes if _is(change, DocumentCandidate)])
    settled = fold_allocations(batch, [change for change in changes if _is(change, AllocationCandidate)])
    if moved or settled:
        settlement = Settlement(batch)
        settlement.run(moved, settled)
        if batch.starts:
            weigh(batch, moved | settlement.affected.keys(), settlement.affected)
    fold_claims(batch, [change for change in changes if _is(change, ClaimCandidate)])
    fold_answers(batch, [row for row in others if row["kind"] == "answer"], frozenset(seqs))
    fold_limits(batch, [change for change in changes if _is(change, PartyCandidate) or _is(change, LimitCandidate)])
    fold_source_rates(batch, [change for change in changes if _is(change, RateCandidate)])
    fold_rates(batch, [row for row in others if row["kind"] == "rates"])
    fold_credit(batch, [row for row in others if row["kind"] == "credit"])
    fold_cases(batch, [row for row in others if row["kind"] == "case"])
    fold_policies(batch, [row for row in others if row["kind"] == "activation"])
    fold_texts(batch, [row for row in others if row["kind"] == "text"])
    fold_reviews(batch, [row for row in others if row["kind"] == "review"])
    fold_rechecks(batch, [row for row in others if row["kind"] == "recheck"])
    fold_ticks(batch, [row for row in others if row["kind"] == "tick"])
    fold_openings(batch, [row for row in others if row["kind"] == OPENING])


def _is(change: Change, kind: type) -> bool:
    """A deleted record belongs to the kind it had."""
    known = change.candidate if change.candidate is not None else change.previous
    return isinstance(known, kind)
