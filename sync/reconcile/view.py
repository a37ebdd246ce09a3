"""One run as it is stored and shown: sections, totals, causes and breaks as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tieout.core.dates import iso_utc
from tieout.core.money import format_minor, is_currency
from tieout.receivables.breaks import Break, Explanation
from tieout.receivables.reconcile import CurrencyProof

SHOWN = 500  # breaks kept in the stored head per section, largest first; every break has a row of its own


@dataclass
class ReconcileView:
    """One run: a section per counterpart, each valid only if its breaks add up to the whole difference."""

    id: str
    as_of: date
    known_seq: int
    run_at: datetime
    is_past: bool = False
    known: str = ""  # the point of knowledge, commit and input
    sections: list[dict[str, Any]] = field(default_factory=list)
    not_compared: list[dict[str, str]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)  # breaks of the run before that are no more

    @property
    def is_valid(self) -> bool:
        """Something was compared, and each side's breaks add up to its whole difference."""
        return bool(self.sections) and all(section["is_valid"] for section in self.sections)

    @property
    def breaks(self) -> int:
        return sum(section["break_count"] for section in self.sections)

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "as_of": self.as_of.isoformat(),
            "known_seq": self.known_seq,
            "known": self.known,
            "run_at": self.run_at.isoformat(),
            "is_past": self.is_past,
            "is_valid": self.is_valid,
            "exit_code": 0 if self.is_valid else 1,
            "breaks": self.breaks,
            "sections": self.sections,
            "not_compared": self.not_compared,
            "gone": self.gone,
        }


def proof_rows(proofs: Iterable[CurrencyProof], stated: bool) -> list[dict[str, Any]]:
    """Totals of both sides per currency; `stated` tells whether the counterpart made its total itself."""
    return [
        {
            "currency": proof.currency,
            "ledger_minor": proof.left_minor,
            "counterpart_minor": proof.right_minor,
            "difference_minor": proof.difference_minor,
            "breaks_minor": proof.breaks_minor,
            "is_valid": proof.is_valid,
            "is_stated": stated,
            "text": format_minor(proof.difference_minor, proof.currency)
            if is_currency(proof.currency)
            else str(proof.difference_minor),
        }
        for proof in proofs
    ]


def cause_rows(breaks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Breaks counted by kind and cause, with the money per currency."""
    causes: dict[tuple[str, str], dict[str, Any]] = {}
    for one in breaks:
        group = causes.setdefault(
            (one["kind"], one["cause"]), {"kind": one["kind"], "cause": one["cause"], "count": 0, "by_currency": {}}
        )
        group["count"] += 1
        for currency, amount in one["by_currency"].items():
            group["by_currency"][currency] = group["by_currency"].get(currency, 0) + amount
    return [causes[key] for key in sorted(causes)]


def ranked(breaks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Largest first, then by key: the order in which people look."""
    return sorted(breaks, key=lambda one: (-max((abs(a) for a in one["by_currency"].values()), default=0), one["key"]))


def line_break(one: Break, *, stream: str = "", customer: str = "") -> dict[str, Any]:
    """A break of two lines: the document, both sides' values, the difference per currency and the cause."""
    lines = [side for side in (one.left, one.right) if side is not None]
    return {
        "key": f"{stream}:{one.key}" if stream else one.key,
        "kind": one.kind,
        "cause": one.explanation.code if one.explanation else "unexplained",
        "stream": stream,
        "field": "",
        "number": next((line.number for line in lines if line.number), ""),
        "ledger": one.left.line_id if one.left else "",
        "counterpart": one.right.line_id if one.right else "",
        "customer_id": next((line.customer_id for line in lines if line.customer_id), ""),
        "customer": customer,
        "currency": lines[0].currency,
        "counterpart_currency": one.right.currency if one.right else "",
        "on": lines[0].on.isoformat(),
        "by_currency": dict(one.differences),
        "ledger_minor": one.left.amount_minor if one.left else None,
        "counterpart_minor": one.right.amount_minor if one.right else None,
        "ledger_value": one.left.status if one.left else "",
        "counterpart_value": one.right.status if one.right else "",
        "explanation": explained(one.explanation),
    }


def explained(found: Explanation | None) -> dict[str, Any] | None:
    """An explanation as plain values."""
    if found is None:
        return None
    params = {key: iso_utc(value) if isinstance(value, datetime) else str(value) for key, value in found.params.items()}
    return {"code": found.code, "confidence": found.confidence, "params": params}
