"""The hash chain over commits: a changed, dropped or reordered commit is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tieout.core.exact_json import canonical

GENESIS = "0" * 64  # the previous hash of the first commit


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One stored commit: its sequence number, what was committed, and the two hashes written with it."""

    seq: int
    prev_hash: str
    record: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class ChainBreach:
    """The first commit that does not follow from the one before it."""

    seq: int
    kind: Literal["sequence", "previous_hash", "hash"]
    expected: str
    found: str


def link(prev_hash: str, commit_record: Mapping[str, Any]) -> str:
    """Hex sha256 of the previous hash and the canonical JSON of a commit record (64 characters)."""
    return hashlib.sha256(canonical({"prev": prev_hash, "record": dict(commit_record)})).hexdigest()


def verify_chain(links: Iterable[ChainLink], *, prev_hash: str = GENESIS, first_seq: int = 1) -> ChainBreach | None:
    """The first breach of a chain, or None; start elsewhere with the hash and next number of a signed checkpoint."""
    seq = first_seq
    for item in links:
        if item.seq != seq:
            return ChainBreach(item.seq, "sequence", str(seq), str(item.seq))
        if item.prev_hash != prev_hash:
            return ChainBreach(item.seq, "previous_hash", prev_hash, item.prev_hash)
        expected = link(prev_hash, item.record)
        if item.hash != expected:
            return ChainBreach(item.seq, "hash", expected, item.hash)
        prev_hash = item.hash
        seq += 1
    return None
