"""The verdict of identity on CRM records as things stand: who is near, what people said, what the evidence gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from mapping.identity.facts import PartyFacts
from mapping.identity.link import Verdict, judge
from sync.fold.batch import Batch
from sync.fold.blocks import candidates as blocks_of
from sync.settle import rivals
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
    blocks = blocks_of(batch, keys)
    everyone = {*keys, *(other for group in blocks.values() for other in group)}
    rows = answered(batch, keys)
    said = {row["subject"]: row for row in rows if row["action"] == "link"}
    everyone |= {row["target"] for row in said.values()}
    sight = sight_of(batch, everyone)
    known = sight.known
    refused = {(row["subject"], row["target"]) for row in rows if row["action"] == "separate" and row["target"] != ""}
    left_alone = {row["subject"] for row in rows if _leaves_alone(row)}
    business = documents_of_parties(batch, keys)
    noted = rivals.notes(batch, known)
    verdicts: dict[str, Verdict] = {}
    for key in keys:
        record = known.get(key)
        if record is not None:
            others = [known[ref] for ref in sorted(blocks.get(key, ())) if ref in known]
            must = {(key, said[key]["target"])} if key in said else set()
            verdicts[key] = judge(record, others, must, refused, noted)
    return Judged(sight, said, refused, left_alone, business, blocks, verdicts)


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
