"""The ledger's open amounts and our decisions against what a CRM's own records show, record by record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapping.outbound import FieldNames, differs, own_fields
from sync.fold.batch import Batch
from sync.reconcile.asked import Shown, StreamAnswer
from sync.reconcile.facts import Facts
from sync.reconcile.view import cause_rows, explained, line_break, proof_rows, ranked
from sync.settle.effects import Wanted, wanted
from tieout.core.money import to_minor
from tieout.ledger import chart
from tieout.receivables.breaks import Break, Evidence, Explanation, Line
from tieout.receivables.explain import DEFAULT_EXPLAINERS, explain
from tieout.receivables.reconcile import ReconcileResult, reconcile
from tieout.receivables.record_state import RecordState, explain_field

UNLINKED = ("unbound", "unlinked")
NOTHING = "*"  # the record shows none of our fields at all


@dataclass(frozen=True, slots=True)
class _Compared:
    answer: StreamAnswer
    result: ReconcileResult
    breaks: list[dict[str, Any]]
    equal: int


def crm_section(
    facts: Facts, batch: Batch, name: str, answers: Sequence[StreamAnswer]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The section of a CRM and all its breaks: money of the invoices first, then every field we own on every record."""
    settings = facts.config.connections[name]
    pushed = [one for one in answers if ("credit" if one.kind == "customer" else "payment_status") in settings.push]
    # The stream that stands for documents is held against the whole ledger, the others against our own decisions.
    main = next((one for kind in ("invoice", "order") for one in pushed if one.kind == kind), None)
    compared = [_compare(facts, batch, name, one, whole_ledger=one is main) for one in pushed]
    breaks = [one for part in compared for one in part.breaks]
    troubles = [f"{part.answer.stream}: {part.answer.trouble}" for part in compared if part.answer.trouble]
    wrong = [f"{part.answer.stream}: {part.result.invalid_reason}" for part in compared if not part.result.is_valid]
    first = next((part for part in compared if part.answer is main), None)
    section = {
        "counterpart": name,
        "side": "crm",
        "is_valid": not troubles and not wrong,
        "invalid_reason": "; ".join([*troubles, *wrong]),
        "ties_out": not troubles and not wrong and not breaks,
        "rule_version": compared[0].result.rule_version if compared else "",
        "pairs": sum(len(part.result.pairs) for part in compared),
        "break_count": len(breaks),
        "totals": _totals(first) if first else [],
        "not_stated": first.answer.not_stated if first else "",
        "streams": [_stream_row(part) for part in compared],
        "causes": cause_rows(breaks),
    }
    return section, ranked(breaks)


def _totals(part: _Compared) -> list[dict[str, Any]]:
    return proof_rows(part.result.proofs, stated=part.answer.stated is not None)


def _stream_row(part: _Compared) -> dict[str, Any]:
    return {
        "stream": part.answer.stream,
        "module": part.answer.module,
        "records": len(part.answer.records),
        "equal": part.equal,
        "unmapped": part.answer.unmapped,
        "break_count": len(part.breaks),
        "is_valid": part.result.is_valid and not part.answer.trouble,
        "not_stated": part.answer.not_stated,
        "totals": _totals(part),
        "causes": cause_rows(part.breaks),
    }


def _compare(facts: Facts, batch: Batch, name: str, answer: StreamAnswer, *, whole_ledger: bool) -> _Compared:
    settings = facts.config.connections[name]
    names = FieldNames.of(settings.fields, settings.vendor)
    mine = [field for field in own_fields(settings.vendor, names).get(answer.module, ()) if field != names.as_of]
    refs = [(name, answer.stream, key) for key in answer.records]
    wants = {ref[2]: want for ref, want in wanted(batch, refs).items()}
    left, right = _lines(facts, name, answer, wants, names, whole_ledger)
    left_totals = facts.journal((chart.AR,), companies=_companies(facts, name)) if whole_ledger else None
    right_totals = None if answer.stated is None else {one.currency: one.total_minor for one in answer.stated}
    result = reconcile(left, right, (), left_totals=left_totals, right_totals=right_totals)

    fields = {key: _field_breaks(answer.records[key], want, names, mine) for key, want in wants.items()}
    broken = {_record_of(one) for one in result.breaks} | {key for key, found in fields.items() if found}
    linked = [key for key, want in wants.items() if want.reason["kind"] not in UNLINKED]
    looked_at = {key: answer.records[key] for key in broken if key in answer.records}
    states = facts.states(name, answer.module, answer.stream, looked_at, linked)

    elsewhere = facts.bound_elsewhere(name) if result.breaks else {}
    out = [_explained_line(facts, one, answer, states, names, elsewhere) for one in result.breaks]
    for key, found in sorted(fields.items()):
        record, want = answer.records[key], wants[key]
        out += [
            _field_row(facts, answer.stream, record, want, field, values, explain_field(field, shows, states[key]))
            for field, values, shows in found
        ]
    equal = len(answer.records) - len(broken & answer.records.keys())
    return _Compared(answer, result, out, equal)


def _companies(facts: Facts, name: str) -> set[str]:
    settings = facts.config.connections[name]
    return {*settings.organizations.values(), settings.company} - {""}


def _record_of(one: Break) -> str:
    """The CRM record of a break: the one that shows something, else the one the document is bound to."""
    return one.right.line_id if one.right is not None else (one.left.link if one.left is not None else "")


# ------------------------------------------------------------- money
def _lines(
    facts: Facts,
    name: str,
    answer: StreamAnswer,
    wants: Mapping[str, Wanted],
    names: FieldNames,
    whole_ledger: bool,
) -> tuple[list[Line], list[Line]]:
    """Open amounts and statuses of both sides. Left: posted documents, or what our decisions say of each record."""
    left: list[Line] = []
    numbers: dict[str, str] = {}
    if whole_ledger:
        bound, companies = facts.bound(name, answer.stream), _companies(facts, name)
        for doc in facts.docs:
            if doc.kind not in ("invoice", "credit_note") or doc.state != "posted" or doc.company not in companies:
                continue
            living = [key for key in bound.get(doc.id, []) if key in answer.records]
            numbers.update(dict.fromkeys(living, doc.number))
            if doc.open_minor or living:
                link = next(iter(living or bound.get(doc.id, [])), "")
                status = _wanted_status(wants.get(link), names)
                left.append(facts.line(doc, link=link, status=status if living else ""))
    else:
        for key, want in wants.items():
            record, amount = answer.records[key], want.fields.get(names.open_amount)
            minor = None if amount is None else to_minor(amount, record.currency)
            if names.open_amount not in want.fields and want.reason["kind"] not in UNLINKED:
                minor = record.open_minor  # a rate is missing: the field is left as it is
            if minor is not None:
                left.append(_line(facts, record, f"{answer.stream}/{key}", minor, _wanted_status(want, names)))
    right = [
        replace(_line(facts, row, key, row.open_minor, row.status), number=numbers.get(key, ""))
        for key, row in answer.records.items()
        if row.open_minor is not None
    ]
    return left, right


def _wanted_status(want: Wanted | None, names: FieldNames) -> str:
    return "" if want is None else str(want.fields.get(names.payment_status) or "")


def _line(facts: Facts, record: Shown, line_id: str, amount_minor: int, status: str) -> Line:
    return Line(
        line_id=line_id,
        number="",
        customer_id=facts.customer_of.get(record.party, ""),
        currency=record.currency,
        amount_minor=amount_minor,
        on=record.read_at.date(),
        link=record.record_id,
        status=status,
    )


def _explained_line(
    facts: Facts,
    one: Break,
    answer: StreamAnswer,
    states: Mapping[str, RecordState],
    names: FieldNames,
    elsewhere: Mapping[str, str],
) -> dict[str, Any]:
    record = answer.records.get(_record_of(one))

    def by_record(found: Break, evidence: Evidence) -> Explanation | None:
        if found.kind == "duplicate":
            return Explanation("same_document_twice", "high")
        key = _record_of(found)
        if not key:
            return None
        if record is None:
            return Explanation("record_gone", "high", {"record": key})
        field = names.payment_status if found.kind == "status" else names.open_amount
        return explain_field(field, field in record.own, states[key])

    def no_crm_record(found: Break, evidence: Evidence) -> Explanation | None:
        """A posted document that no CRM record names: sales never entered it."""
        if found.kind != "missing_in_right" or found.left is None or found.left.link:
            return None
        if other := elsewhere.get(found.left.line_id):
            return Explanation("other_crm", "high", {"connection": other})
        return Explanation("no_crm_record", "high")

    if one.explanation is None:
        rest = (by_record, *DEFAULT_EXPLAINERS, no_crm_record)
        one = replace(one, explanation=explain(one, Evidence(conflicts=facts.conflict_of), rest))
    line = one.left or one.right
    doc = next((doc.account_id for doc in [facts.doc(one.left.line_id)] if doc), "") if one.left else ""
    row = line_break(one, stream=answer.stream, customer=facts.customer_name(line.customer_id if line else "", doc))
    return {**row, "number": row["number"] or (record.label if record else "")}


# ------------------------------------------------------------- every other field
def _field_breaks(
    record: Shown, want: Wanted, names: FieldNames, mine: Sequence[str]
) -> list[tuple[str, tuple[Any, Any], bool]]:
    """(field, (wanted, shown), shows it) of the fields that differ; the open amount and status are compared as lines.

    A record that shows nothing of ours and should is one break, not one per field.
    """
    fields = dict(want.fields) if want.reason["kind"] not in UNLINKED else dict.fromkeys(mine)
    apart = [name for name in differs(fields, record.own) if name not in (names.open_amount, names.payment_status)]
    if not apart:
        return []
    if all(record.own.get(name) in (None, "") for name in mine):
        return []  # the line says so already: nothing is shown there
    return [(name, (fields[name], record.own.get(name)), name in record.own) for name in sorted(apart)]


def _field_row(
    facts: Facts,
    stream: str,
    record: Shown,
    want: Wanted,
    field: str,
    values: tuple[Any, Any],
    cause: Explanation | None,
) -> dict[str, Any]:
    doc, customer = facts.doc(want.subject), facts.customer_of.get(record.party, "")
    return {
        "key": f"{stream}:field:{record.record_id}:{field}",
        "kind": "field",
        "cause": cause.code if cause else "unexplained",
        "stream": stream,
        "field": field,
        "number": doc.number if doc else record.label,
        "ledger": want.subject,
        "counterpart": record.record_id,
        "customer_id": customer,
        "customer": facts.customer_name(customer),
        "currency": record.currency,
        "counterpart_currency": record.currency,
        "on": want.as_of.isoformat(),
        "by_currency": {},
        "ledger_minor": None,
        "counterpart_minor": None,
        "ledger_value": "" if values[0] is None else str(values[0]),
        "counterpart_value": "" if values[1] is None else str(values[1]),
        "explanation": explained(cause),
    }
