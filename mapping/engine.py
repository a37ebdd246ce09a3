"""`map_record`: one landed payload through one profile, to a candidate, a skip or a MappingError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping.expressions import Scope
from mapping.finish import finish_allocation, finish_document, finish_party
from mapping.plan import plan_of, resolve
from mapping.profile import MappingContext, Profile, Skip
from tieout.canonical.codec import Candidate
from tieout.canonical.documents import AllocationCandidate, ClaimCandidate, DocumentCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate
from tieout.core import exact_json
from tieout.core.errors import BadPayload, MappingError

__all__ = ["MappingContext", "Profile", "Skip", "map_object", "map_record"]


def map_record(
    profile: Profile, payload: bytes, context: MappingContext, *, is_landed: bool = False
) -> Candidate | Skip:
    """The candidate that a source record stands for.

    Raises MappingError with the source path and a code (`missing`, `unmapped_value`, `unknown_currency`,
    `too_precise`, `not_date`, `plan_mismatch`, …); nothing is defaulted that the profile does not spell out.
    `is_landed`: a connector has read it once, so that no key stands in it twice.
    """
    try:
        record = _decoded(payload, is_landed)
    except BadPayload as error:
        raise MappingError(error.message, code="bad_payload") from None
    if not isinstance(record, Mapping):
        raise MappingError("the record is not a JSON object", code="bad_payload")
    return map_object(profile, record, context)


def _decoded(payload: bytes, is_landed: bool) -> Any:
    if is_landed:
        try:
            return exact_json.loads_fast(payload)
        except BadPayload:
            pass  # what only the careful parser reads
    return exact_json.loads(payload)


def map_object(profile: Profile, record: Mapping[str, Any], context: MappingContext) -> Candidate | Skip:
    """Like `map_record` for a record that is decoded already (exact numbers, no floats)."""
    plan = plan_of(profile)
    scope = Scope(record, context.default_currency, profile.lets, ruled=context.ruled.get(profile.stream) or {})
    for holds, reason in plan.skips:
        if holds(scope):
            return Skip(reason)
    out: dict[str, Any] = {}
    for name, take in plan.fields:
        if (value := take(scope, out, context)) is not None:
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
        out["company_ref"] = resolve(None, "company_ref", context)
    if profile.makes == "document":
        return finish_document(DocumentCandidate(**out))
    return finish_allocation(AllocationCandidate(**{"to_line": "", **out}))
