"""The verdict of identity on CRM records as things stand: who is near, what people said, what the evidence gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select

from mapping.identity.beside import CLAIMS, judge_beside
from mapping.identity.evidence import Evidence
from mapping.identity.facts import PartyFacts
from mapping.identity.link import Verdict
from sync.fold.batch import Batch
from sync.fold.blocks import Held, held_blocks, hinted_twins
from sync.fold.blocks import candidates as blocks_of
from sync.settle import aliases, rivals
from sync.settle import memberships as membership
from sync.settle.rivals import ask_notes
from sync.settle.scope import Business, ask_business
from sync.settle.seen import Sight, ask_sight, sight_of
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import answers
from tieout.store.together import Together

_a = answers.c
_ANSWERS = (
    select(_a.seq, _a.subject, _a.action, _a.target)
    .where(among_given(_a.subject, "subjects"), _a.is_active.is_(True))
    .order_by(_a.seq)
)
_NOBODY: frozenset[str] = frozenset()


class Said(NamedTuple):
    """A person's standing answer about a record or account; `target` is "" where it names nobody."""

    seq: int
    subject: str
    action: str
    target: str

    @property
    def leaves_alone(self) -> bool:
        """A person said: this record has no counterpart in the books."""
        return self.action == "leave" or (self.action == "separate" and self.target == "")


@dataclass(frozen=True, slots=True)
class Judged:
    """CRM records as they were judged: what was looked at, what people said, and the verdict on each that is there."""

    sight: Sight
    said: Mapping[str, Said]
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
    twins = {key: hinted_twins(key, found) for key, found in shared.items()}
    everyone = {*keys, *(other for group in blocks.values() for other in group)}
    weighty = {*keys, *(other for key, group in blocks.items() for other in group - twins.get(key, _NOBODY))}
    trip = Together(batch.conn)
    asked, dealt = ask_answered(trip, keys), ask_business(trip, keys)
    looked, borne = ask_sight(batch, trip, everyone), ask_notes(trip, weighty)
    trip.go()
    rows, sight, noted = asked(), looked(), borne()
    rows = _followed(batch, rows, sight)
    said = {row.subject: row for row in rows if row.action == "link"}
    sight.add(sight_of(batch, {row.target for row in said.values()} - everyone))
    called = aliases.call(batch, sight, blocks)
    blocks = {key: near | called.get(key, set()) for key, near in blocks.items()} if called else blocks
    noted.update(rivals.notes(batch, sight.known.keys() - everyone))
    refused = {(row.subject, row.target) for row in rows if row.action == "separate" and row.target != ""}
    left_alone = {row.subject for row in rows if row.leaves_alone}
    judging = _Judging(batch, sight.known, blocks, twins, said, refused, noted)
    verdicts = judging.all_of([key for key in keys if key in sight.known])
    claimed = {key: found for key, one in verdicts.items() if (found := _claimants(one))}
    if claimed:
        silent = _silent(batch, {ref for refs in claimed.values() for ref in refs})
        verdicts |= judging.all_of([key for key, refs in claimed.items() if refs & silent], silent)
    return Judged(sight, said, refused, left_alone, dealt(), shared, blocks, verdicts)


def _followed(batch: Batch, rows: Sequence[Said], sight: Sight) -> list[Said]:
    """Answers with what they name as it stands now.

    A link to a customer that was merged away is one to the customer that has its accounts. Who is parted from an
    account is parted from its customer, also where nothing brings the two together.
    """
    gone = membership.heirs(batch, {row.target for row in rows if row.action == "link" and row.target[:4] == "cus_"})
    books = {row.target for row in rows if row.action == "separate" and row.target[:4] == "acc_"} - sight.held.keys()
    homes = membership.standing(batch, books)
    out = []
    for row in rows:
        if row.action == "link" and row.target in gone:
            row = row._replace(target=gone[row.target])
        out.append(row)
        if row.action == "separate" and row.target in homes:
            out.append(row._replace(target=str(homes[row.target]["customer_id"])))
    return out


class _Judging:
    """Records held against their candidates.

    Records of its own system that share only hint keys are a record's twins. They stand against a link by evidence, and
    weigh on nothing else: what is noted of them is read for those records alone where it comes to that.
    """

    def __init__(
        self,
        batch: Batch,
        known: Mapping[str, PartyFacts],
        blocks: Mapping[str, Set[str]],
        twins: Mapping[str, Set[str]],
        said: Mapping[str, Said],
        refused: Set[tuple[str, str]],
        noted: dict[str, frozenset[str]],
    ) -> None:
        self._batch, self._known, self._twins = batch, known, twins
        self._near = {key: sorted(ref for ref in near if ref in known) for key, near in blocks.items()}
        self._said, self._refused, self._noted = said, refused, noted
        self._seen: dict[str, dict[str, Evidence]] = {}
        self._matter: set[str] = set()  # records whose twins count

    def all_of(self, keys: Collection[str], quiet: Collection[str] = ()) -> dict[str, Verdict]:
        """The verdict on each; `quiet` as for `judge_beside`."""
        verdicts = {key: self._judge(key, quiet) for key in keys}
        again = [key for key in keys if key in self._matter and self._twins.get(key)]
        counted = {ref for key in again for ref in self._twins[key] if ref in self._known}
        self._noted.update(rivals.notes(self._batch, counted))
        return verdicts | {key: self._judge(key, quiet) for key in again}

    def _judge(self, key: str, quiet: Collection[str]) -> Verdict:
        twins = self._twins.get(key, _NOBODY) if key not in self._matter else _NOBODY
        near = [self._known[ref] for ref in self._near.get(key, ()) if ref not in twins]
        must = {(key, self._said[key].target)} if key in self._said else ()
        seen = self._seen.setdefault(key, {})
        return judge_beside(self._known[key], near, must, self._refused, self._noted, quiet, seen, self._matter)


def _claimants(verdict: Verdict) -> set[str]:
    """CRM records that fit the customer a record would be linked to, and are somebody else."""
    return (
        {r.ref for r in verdict.reasons if r.code in CLAIMS and "/" in r.ref} if verdict.outcome == "review" else set()
    )


def _silent(batch: Batch, records: Set[str]) -> set[str]:
    """Of these records those that people parted from a customer or left alone: they claim none."""
    return {row.subject for row in answered(batch, records) if row.action in ("separate", "leave")}


def _goal(verdict: Verdict, held: Mapping[str, Mapping[Any, Any]]) -> str | None:
    for ref in verdict.refs:
        if ref.startswith("cus_"):
            return ref
        if ref in held:
            return str(held[ref]["customer_id"])
    return None


def answered(batch: Batch, subjects: Iterable[str]) -> list[Said]:
    """The standing answers about these subjects, oldest first."""
    trip = Together(batch.conn)
    rows = ask_answered(trip, subjects)
    trip.go()
    return rows()


def ask_answered(trip: Together, subjects: Iterable[str]) -> Callable[[], list[Said]]:
    """The same as a part of a trip."""
    asked = [trip.ask(_ANSWERS, {"subjects": part}) for part in chunks(sorted(set(subjects)))]
    return lambda: [Said._make(row) for rows in asked for row in rows()]
