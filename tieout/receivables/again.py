"""Stored decisions judged again: the pinned rule with the stored inputs must give what is stored.

Input and output are the stored forms (JSON); the answer is the stored form of what comes out now, to be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tieout.core import exact_json
from tieout.receivables.aging import AgingScheme
from tieout.receivables.combine import combine
from tieout.receivables.credit import CREDIT_VERSION, CreditPolicy, CreditState, OwedItem, credit_status
from tieout.receivables.exposure import Exposure, MissingRate
from tieout.receivables.status import STATUS_VERSION, ItemState, Reason, StatusDecision, invoice_status

Stored = Mapping[Any, Any]
CREDIT_FIELDS = ("by_rule", "hold_since", "exposure_minor", "limit_minor", "grade")


def is_known(rule_version: str) -> bool:
    """Whether this version of Tieout still has the rule a decision was made by."""
    return rule_version in (STATUS_VERSION, CREDIT_VERSION)


def document_status(inputs: Stored, currency: str) -> Stored:
    """Value, figures and reasons of a document's payment status."""
    made = invoice_status(
        inputs["state"],
        inputs["kind"],
        [ItemState(_day(due), original, left) for due, original, left in inputs["items"]],
        _day(inputs["as_of"]),
        _day(inputs["last_payment_on"]) if inputs["last_payment_on"] else None,
        currency,
        credited_minor=inputs["credited_minor"],
        scheme=AgingScheme(tuple(inputs["aging_edges"])),
    )
    return _status(made, made.value or "none", made.reasons)


def combined_status(documents: Mapping[str, StatusDecision], currency: str, *, of_customer: bool) -> Stored:
    """Value, figures and reasons of a deal's or a customer's payment status from the decisions it stands on."""
    made = combine(documents, currency)
    if not of_customer:
        return _status(made, made.value or "none", made.reasons)
    return _status(made, made.value or "paid", [one for one in made.reasons if one.code != "other_currency_left_out"])


def credit_by_rule(inputs: Stored, body: Stored) -> Stored:
    """`CREDIT_FIELDS` and reasons of a credit decision, before what people ordered for a while."""
    currency = body["currency"]
    open_minor, unapplied = body["open_by_currency"], body["unapplied_by_currency"]
    codes = sorted(code for code in {*open_minor, *unapplied} if open_minor.get(code) or unapplied.get(code))
    missing = [
        MissingRate(code, open_minor.get(code, 0), unapplied.get(code, 0))
        for code in codes
        if code != currency and f"{code}/{currency}" not in inputs["rates"]
    ]
    before = inputs["previous"]
    made = credit_status(
        CreditState(before[0], _day(before[1]) if before[1] else None) if before is not None else None,
        Exposure(currency, inputs["exposure_minor"], (), missing, {}, inputs["exposure_version"]),
        inputs["limit_minor"],
        [OwedItem(key, code, _day(due), amount) for key, code, due, amount in inputs["items"]],
        _day(inputs["as_of"]),
        CreditPolicy(**inputs["policy"]),
        grade=body["grade"],
        broken_promises=inputs["broken_promises"],
        manual_hold=inputs["manual_hold"],
    )
    fields = {name: getattr(made, "status" if name == "by_rule" else name) for name in CREDIT_FIELDS}
    return {**_plain(fields), "reasons": _reasons(made.reasons)}


def _status(made: StatusDecision, value: str, reasons: Sequence[Reason]) -> Stored:
    return {"value": value, "body": _plain(made.pushed()), "reasons": _reasons(reasons)}


def _reasons(reasons: Sequence[Reason]) -> list[Any]:
    return [_plain({"code": reason.code, "params": reason.params}) for reason in reasons]


def _plain(value: Any) -> Any:
    return exact_json.loads_fast(exact_json.dumps(value))


def _day(text: str) -> date:
    return date.fromisoformat(text)
