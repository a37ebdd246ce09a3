"""Candidates to JSON and back, for the store."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from tieout.canonical.documents import AllocationCandidate, ClaimCandidate, DocumentCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate

Candidate = PartyCandidate | DocumentCandidate | AllocationCandidate | ClaimCandidate | LimitCandidate | RateCandidate

RECORD_KINDS: dict[str, type[Any]] = {
    "party": PartyCandidate,
    "document": DocumentCandidate,
    "allocation": AllocationCandidate,
    "claim": ClaimCandidate,
    "limit": LimitCandidate,
    "rate": RateCandidate,
}
_NAMES = {cls: name for name, cls in RECORD_KINDS.items()}
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders = {name: msgspec.json.Decoder(cls) for name, cls in RECORD_KINDS.items()}


def kind_of(candidate: Candidate) -> str:
    """`party`, `document`, `allocation`, `claim`, `limit` or `rate`."""
    return _NAMES[type(candidate)]


def encode(candidate: Candidate) -> bytes:
    """Deterministic JSON of a candidate."""
    return _encoder.encode(candidate)


def decode(kind: str, data: bytes) -> Candidate:
    """The candidate of a kind; raises msgspec.ValidationError on foreign data."""
    made: Candidate = _decoders[kind].decode(data)
    return made


def as_dict(candidate: Candidate) -> dict[str, Any]:
    """Plain dict for evidence shown to people; dates stay dates."""
    made: dict[str, Any] = msgspec.to_builtins(candidate, builtin_types=(date,))
    return made
