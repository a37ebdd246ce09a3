"""The ledger against a book of record, document by document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sync.reconcile.facts import Facts
from sync.reconcile.view import cause_rows, line_break, proof_rows, ranked
from tieout.core.ports import SourceTotal
from tieout.ledger import chart
from tieout.receivables.breaks import Break, Evidence, Explainer, Explanation, Line
from tieout.receivables.explain import DEFAULT_EXPLAINERS, explain
from tieout.receivables.reconcile import ReconcileResult, reconcile


def compare_book(facts: Facts, connection: str, rows: Sequence[SourceTotal], on: date) -> ReconcileResult:
    """Pairs and breaks without causes; the left total is the journal's own balance, not the sum of the lines."""
    own = facts.own_amounts()
    mine = [doc for doc in facts.docs if doc.connection == connection and doc.state == "posted" and doc.open_minor]
    left = [
        facts.line(doc, link=doc.external_id, is_own=doc.id in own and own[doc.id] == doc.open_minor) for doc in mine
    ]
    right = [
        Line(
            line_id=row.external_id,
            number=row.number,
            customer_id=facts.customer_of.get(facts.account_of.get((connection, row.party), ""), ""),
            currency=row.currency,
            amount_minor=row.open_minor,
            on=on,
            link=row.external_id,
        )
        for row in rows
        if row.open_minor
    ]
    stated = facts.journal((chart.AR, chart.UNAPPLIED_CASH), connection=connection)
    return reconcile(left, right, (), left_totals=stated)


def book_section(
    facts: Facts, connection: str, result: ReconcileResult, trouble: str, unread: Mapping[str, str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The section of a book of record and all its breaks, each with its cause."""
    unposted = {doc.external_id: doc.state for doc in facts.docs if doc.state != "posted"}
    evidence = Evidence(unposted_left=unposted, conflicts=facts.conflict_of)
    explainers = (*_explainers(facts, connection, unread), *DEFAULT_EXPLAINERS)
    breaks = []
    for one in result.breaks:
        found = one if one.explanation else replace(one, explanation=explain(one, evidence, explainers))
        line = found.left or found.right
        doc = facts.by_ref.get((connection, _ref(found)))
        name = facts.customer_name(line.customer_id if line else "", doc.account_id if doc else "")
        breaks.append(line_break(found, customer=name))
    shown = ranked(breaks)
    section = {
        "counterpart": connection,
        "side": "book_of_record",
        # A side that could not be read whole proves nothing, however well the rest adds up.
        "is_valid": result.is_valid and not trouble,
        "invalid_reason": "; ".join(reason for reason in (trouble, result.invalid_reason) if reason),
        "ties_out": result.ties_out and not trouble,
        "rule_version": result.rule_version,
        "pairs": len(result.pairs),
        "break_count": len(breaks),
        # A list of documents with their open amounts is all it gives: its total is their sum.
        "totals": proof_rows(result.proofs, stated=False),
        "not_stated": "sum_of_documents",
        "streams": [],
        "causes": cause_rows(breaks),
    }
    return section, shown


def _ref(one: Break) -> str:
    return (one.left.link if one.left else "") or (one.right.line_id if one.right else "")


def _explainers(facts: Facts, connection: str, unread: Mapping[str, str]) -> Sequence[Explainer]:
    own, refused = facts.own_amounts(), facts.refused_allocations()
    problems = facts.record_problems(connection, [*{doc.stream for doc in facts.docs if doc.connection == connection}])
    states = {doc.external_id: doc.state for doc in facts.docs if doc.connection == connection}

    def in_flight(one: Break, evidence: Evidence) -> Explanation | None:
        stream = unread.get(_ref(one))
        if stream == "deleted":
            return Explanation("deleted_at_source", "high")
        return Explanation("in_flight", "high", {"stream": stream}) if stream else None

    def not_folded(one: Break, evidence: Evidence) -> Explanation | None:
        return Explanation("not_settled_yet", "medium") if facts.is_waiting and facts.day is None else None

    def ours(one: Break, evidence: Evidence) -> Explanation | None:
        """Our own cash application is posted and accounting has not got it yet (design decision D11)."""
        amount = own.get(one.left.line_id) if one.left is not None else None
        if amount is None or amount not in one.differences.values():
            return None
        return Explanation("ours_not_in_accounting", "high", {"amount_minor": amount})

    def refused_settlement(one: Break, evidence: Evidence) -> Explanation | None:
        found = refused.get(one.left.line_id) if one.left is not None else None
        return Explanation("allocation_refused", "high", {"settlement": found[0], "why": found[1]}) if found else None

    def not_taken_in(one: Break, evidence: Evidence) -> Explanation | None:
        if one.kind != "missing_in_left" or one.right is None:
            return None
        ref = one.right.line_id
        if ref in problems:
            conflict = next((found for key, found in facts.conflict_of.items() if key.endswith(f"/{ref}")), "")
            if conflict:
                return Explanation("conflict_pending", "high", {"conflict_id": conflict})
            return Explanation("record_problem", "high", {"problem": problems[ref]})
        return None if ref in states else Explanation("never_read", "high")

    def since(one: Break, evidence: Evidence) -> Explanation | None:
        """On a past day: what the source shows is its present view of that day."""
        if facts.day is None:
            return None
        state = next((doc.state for doc in [facts.by_ref.get((connection, _ref(one)))] if doc), "")
        return Explanation("voided_since", "medium") if state in ("void", "draft") else None

    return (in_flight, not_folded, ours, refused_settlement, not_taken_in, since)
