"""`map_record`: one landed payload through one profile, to a candidate, a skip or a MappingError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping import values
from mapping.expressions import Scope
from mapping.finish import finish_allocation, finish_document, finish_party
from mapping.profile import Field, MappingContext, Profile, Skip
from tieout.canonical.codec import Candidate
from tieout.canonical.documents import AllocationCandidate, ClaimCandidate, DocumentCandidate, Installment
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate
from tieout.core import exact_json
from tieout.core.errors import BadPayload, MappingError

__all__ = ["MappingContext", "Profile", "Skip", "map_object", "map_record"]


def map_record(profile: Profile, payload: bytes, context: MappingContext) -> Candidate | Skip:
    """The candidate that a source record stands for.

    Raises MappingError with the source path and a code (`missing`, `unmapped_value`, `unknown_currency`,
    `too_precise`, `not_date`, `plan_mismatch`, …); nothing is defaulted that the profile does not spell out.
    """
    try:
        record = exact_json.loads(payload)
    except BadPayload as error:
        raise MappingError(error.message, code="bad_payload") from None
    if not isinstance(record, Mapping):
        raise MappingError("the record is not a JSON object", code="bad_payload")
    return map_object(profile, record, context)


def map_object(profile: Profile, record: Mapping[str, Any], context: MappingContext) -> Candidate | Skip:
    """Like `map_record` for a record that is decoded already (exact numbers, no floats)."""
    scope = Scope(record, context.default_currency, profile.lets, ruled=context.ruled.get(profile.stream) or {})
    for rule in profile.skips:
        if rule.condition.holds(scope):
            return Skip(rule.reason)
    out: dict[str, Any] = {}
    for name, made in profile.fields.items():
        value = _company(made, scope, context) if made.target.type == "company" else _value(made, scope, out, context)
        if value is not None:
            out[name] = value
    if profile.makes == "party":
        return finish_party(PartyCandidate(**out))
    if profile.makes == "claim":
        return ClaimCandidate(**{"party_ref": "", "amount_minor": None, **out})
    if profile.makes == "limit":
        return LimitCandidate(**out)
    if profile.makes == "rate":
        return RateCandidate(**out)
    if "company_ref" not in out:
        out["company_ref"] = _resolve(None, "company_ref", context)
    if profile.makes == "document":
        return finish_document(DocumentCandidate(**out))
    return finish_allocation(AllocationCandidate(**{"to_line": "", **out}))


def _value(made: Field, scope: Scope, out: Mapping[str, Any], context: MappingContext) -> Any:
    target, path = made.target, made.path
    if target.type == "rows":
        return _rows(made, scope, out, context)
    raw = made.source.get(scope)
    if values.is_empty(raw):
        if made.required:
            raise MappingError(f"{path} says nothing, {target.name} is required", path=path, code="missing")
        return None
    if target.type == "text":
        return values.text(raw, path)
    if target.type == "list":
        return tuple(values.text(value, path) for value in (raw if isinstance(raw, list) else [raw]))
    if target.type == "money":
        if "currency" not in out:
            raise MappingError(f"{path}: an amount without a currency", path=path, code="missing")
        amount = values.minor(raw, out["currency"], path, text_allowed=made.text_amount)
        amount = abs(amount) if made.absolute else amount
        return -amount if made.negate else amount
    if target.type == "rate":
        return values.rate(raw, path, text_allowed=made.text_amount)
    if target.type == "date":
        return values.day(raw, path, zone_name=context.timezone, stamp=made.stamp)
    if target.type == "currency":
        return values.currency(raw, path)
    if target.type == "truth":
        return values.truth(raw, path)
    if target.type == "owner":
        return values.owner(raw, path)
    chosen = values.text(raw, path)
    if chosen not in target.choices:
        raise MappingError(f"{path}: {target.name} cannot be {chosen!r}", path=path, code="unmapped_value")
    return chosen


def _rows(made: Field, scope: Scope, out: Mapping[str, Any], context: MappingContext) -> tuple[Installment, ...]:
    listed = made.source.get(scope)
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(row, Mapping) for row in listed):
        raise MappingError(f"{made.row_path} is not a list of rows", path=made.row_path, code="bad_shape")
    lines = []
    for index, row in enumerate(listed):
        inner = {"currency": out["currency"]}
        try:
            cells = {name: _value(cell, scope.row(row), inner, context) for name, cell in made.row_fields.items()}
        except MappingError as error:
            where = f"{made.row_path}[{index}].{error.path}"
            raise MappingError(f"{made.row_path}[{index}]: {error.message}", path=where, code=error.code) from None
        lines.append(Installment(**cells))
    return tuple(lines)


def _company(made: Field, scope: Scope, context: MappingContext) -> str | None:
    raw, path = made.source.get(scope), made.path
    organisation = None if raw is None else values.text(raw, path)
    if organisation is None and not made.required:
        return context.companies.get("")
    return _resolve(organisation, path, context)


def _resolve(organisation: str | None, path: str, context: MappingContext) -> str:
    """The company of a source organisation; the implied one stands for all when only it is configured."""
    if organisation is not None and organisation in context.companies:
        return context.companies[organisation]
    if "" in context.companies:
        return context.companies[""]
    if organisation is None:
        raise MappingError(f"{path} names no organisation", path=path, code="missing")
    raise MappingError(
        f"{path}: organisation {organisation!r} belongs to no configured company", path=path, code="unmapped_company"
    )
