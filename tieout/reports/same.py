"""Why two party records are one customer, or are not: findings with weights, what stands against, what people said."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Connection

from mapping.identity.evidence import compare
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import keys_of
from mapping.identity.link import RULE_VERSION
from mapping.identity.rivals import SHARED_KINDS, noted
from mapping.identity.weights import VETOES, held, strong, sufficient, weights
from tieout.canonical.parties import PartyCandidate
from tieout.core.errors import Gone
from tieout.store.queries import parties


def why(conn: Connection, left: str, right: str) -> dict[str, Any]:
    """The judgement on two members alone; what the product did is `same_customer` with the rules of their memberships.

    Raises Gone when a member has no living party record.
    """
    sides = [(ref, _party(conn, ref)) for ref in (left, right)]
    known = [facts(ref, party) for ref, party in sides]
    keys = {one.ref: [(key.kind, key.value) for key in keys_of(one) if key.kind in SHARED_KINDS] for one in known}
    asked: dict[str, set[str]] = {}
    for pairs in keys.values():
        for kind, value in pairs:
            asked.setdefault(kind, set()).add(value)
    notes = noted(keys, parties.legal_persons(conn, asked))
    found = compare(known[0], known[1], frozenset().union(*notes.values()))
    homes = [parties.membership_of(conn, ref) for ref, _ in sides]
    groups = [
        [ref, *([home["customer_id"]] if home is not None else [])] for (ref, _), home in zip(sides, homes, strict=True)
    ]
    said = parties.answers_between(conn, *groups)
    outcome, rule, against = _outcome(found.codes, found.points, [row["action"] for row in said])
    return {
        "left": _side(known[0], sides[0][1], homes[0]),
        "right": _side(known[1], sides[1][1], homes[1]),
        "same_customer": all(home is not None for home in homes)
        and len({home["customer_id"] for home in homes if home is not None}) == 1,
        "outcome": outcome,
        "rule": rule,
        "against": against,
        "score": found.points,
        "needed": weights().auto,
        "prior": weights().base,
        "rule_version": RULE_VERSION,
        "reasons": [dataclasses.asdict(one) for one in sorted(found.weighed, key=lambda r: (-r.weight, r.code))],
        "answers": [
            {key: row[key] for key in ("subject", "action", "target", "actor", "at", "conflict_id")} for row in said
        ],
    }


def _outcome(codes: tuple[str, ...], points: int, said: list[str]) -> tuple[str, str, str]:
    """Outcome, the rule that links, and what stands against a link."""
    if said:
        return ("link", "must_link", "") if said[-1] == "link" else ("separate", "", "must_not_link")
    if veto := next((code for code in codes if code in VETOES), ""):
        return "separate", "", veto
    chosen = weights()
    against = held(codes) or ("" if strong(codes, points, chosen.auto) else "score")
    if not against:
        return "link", sufficient(codes), ""
    return ("review" if points >= chosen.review or "tax_id_equal" in codes else "separate"), "", against


def _party(conn: Connection, member: str) -> PartyCandidate:
    party = parties.party_of(conn, member)
    if party is None:
        raise Gone(
            f"there is no party record {member!r}",
            hint="Name an account (acc_…) or a CRM record as connection/stream/id.",
            code="no_party",
        )
    return party


def _side(known: PartyFacts, party: PartyCandidate, home: Any) -> dict[str, Any]:
    return {
        "member": known.ref,
        "names": list(party.names),
        "tax_ids": list(party.tax_ids),
        "phone": party.phone,
        "website": party.website,
        "city": party.city,
        "address": party.address,
        "country": party.country,
        "customer_id": home["customer_id"] if home is not None else None,
        "rule": home["rule"] if home is not None else None,
    }
