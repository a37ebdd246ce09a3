"""The verdict of identity on CRM records as things stand: who is near, what people said, what the evidence gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from mapping.identity.beside import CLAIMS, judge_beside
from mapping.identity.facts import PartyFacts
from mapping.identity.link import Verdict
from sync.fold.batch import Batch
from sync.fold.blocks import Held, held_blocks
from sync.fold.blocks import candidates as blocks_of
from sync.settle import aliases, rivals
from sync.settle.scope import Business, documents_of_parties
from sync.settle.seen import Sight, sight_of
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import answers

_ANSWERS = (
    select(answers)
    .where(among_given(answers.c.subject, "subjects"), answers.c.is_active.is_(True))
    .order_by(answers.c.seq)
)


@dataclass(frozen=True, slots=True)
class Judged:
    """CRM records as they were judged: what was looked at, what people said, and the verdict on each that is there."""

    sight: Sight
    said: Mapping[str, Mapping[Any, Any]]
    refused: Set[tuple[str, str]]
    left_alone: Set[str]
    business: Mapping[str, Business]
    shared: Held
    blocks: Mapping[str, Set[str]]
    verdicts: Mapping[str, Verdict]

    @property
    def known(self) -> Mapping[str, PartyFacts]:
        """What is known of everybody that was looked at."""
        return self.sight.known

    def goal(self, key: str) -> str | None:
        """The customer that a record's verdict puts it into."""
        return _goal(self.verdicts[key], self.sight.held) if self.verdicts[key].outcome == "link" else None


def judged(batch: Batch, keys: Sequence[str]) -> Judged:
    """The verdict on these CRM records as things stand; nothing is written."""
    shared = held_blocks(batch, keys)
    blocks = blocks_of(batch, keys, shared)
    everyone = {*keys, *(other for group in blocks.values() for other in group)}
    rows = answered(batch, keys)
    said = {row["subject"]: row for row in rows if row["action"] == "link"}
    everyone |= {row["target"] for row in said.values()}
    sight = sight_of(batch, everyone)
    called = aliases.call(batch, sight, blocks)
    blocks = {key: near | called.get(key, set()) for key, near in blocks.items()} if called else blocks
    known = sight.known
    refused = {(row["subject"], row["target"]) for row in rows if row["action"] == "separate" and row["target"] != ""}
    left_alone = {row["subject"] for row in rows if _leaves_alone(row)}
    business = documents_of_parties(batch, keys)
    noted = rivals.notes(batch, known)
    near = {key: [known[ref] for ref in sorted(blocks.get(key, ())) if ref in known] for key in keys if key in known}

    def judge_all(of: Iterable[str], quiet: Collection[str] = ()) -> dict[str, Verdict]:
        must = {key: {(key, said[key]["target"])} for key in of if key in said}
        return {key: judge_beside(known[key], near[key], must.get(key, ()), refused, noted, quiet) for key in of}

    verdicts = judge_all(near)
    claimed = {key: found for key, one in verdicts.items() if (found := _claimants(one))}
    if claimed:
        silent = _silent(batch, {ref for refs in claimed.values() for ref in refs})
        verdicts |= judge_all([key for key, refs in claimed.items() if refs & silent], silent)
    return Judged(sight, said, refused, left_alone, business, shared, blocks, verdicts)


def _claimants(verdict: Verdict) -> set[str]:
    """CRM records that fit the customer a record would be linked to, and are somebody else."""
    return (
        {r.ref for r in verdict.reasons if r.code in CLAIMS and "/" in r.ref} if verdict.outcome == "review" else set()
    )


def _silent(batch: Batch, records: Set[str]) -> set[str]:
    """Of these records those that people parted from a customer or left alone: they claim none."""
    return {row["subject"] for row in answered(batch, records) if row["action"] in ("separate", "leave")}


def _goal(verdict: Verdict, held: Mapping[str, Mapping[Any, Any]]) -> str | None:
    for ref in verdict.refs:
        if ref.startswith("cus_"):
            return ref
        if ref in held:
            return str(held[ref]["customer_id"])
    return None


def answered(batch: Batch, subjects: Iterable[str]) -> list[Mapping[Any, Any]]:
    """The standing answers about these subjects, oldest first."""
    out: list[Mapping[Any, Any]] = []
    for part in chunks(sorted(set(subjects))):
        out.extend(batch.conn.execute(_ANSWERS, {"subjects": part}).mappings())
    return out


def _leaves_alone(answer: Mapping[Any, Any]) -> bool:
    """A person said: this record has no counterpart in the books."""
    return bool(answer["action"] == "leave" or (answer["action"] == "separate" and answer["target"] == ""))
