"""Relations that people state, and the opening and closing of relation rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from sync.fold.batch import Batch
from tieout.store.among import among, among_given
from tieout.store.landing import chunks
from tieout.store.tables import relations

FOUND, SAID = "found", "stated"
STATED_VERSION = "answer"
_r = relations.c
_STANDING = (
    select(relations)
    .where(among_given(_r.owner, "owners"), _r.to_seq.is_(None), _r.rule == bindparam("by"))
    .order_by(_r.id)
)


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation that should stand, by the record that owns it."""

    owner: str
    member: str
    kind: str
    target: str
    name: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.member, self.kind, self.target, self.name


def standing(batch: Batch, owners: Iterable[str], rule: str) -> list[Mapping[Any, Any]]:
    """Standing rows of a rule by their owners."""
    out: list[Mapping[Any, Any]] = []
    for part in chunks(sorted(set(owners))):
        out += batch.conn.execute(_STANDING, {"owners": part, "by": rule}).mappings().all()
    return out


def replace_found(batch: Batch, owners: Sequence[str], wanted: Mapping[Relation, Any], version: str) -> None:
    """What the matcher finds for these owners, with its evidence; rows that are not wanted any more are closed."""
    held = {(row["owner"], row["member"], row["kind"], row["target"], row["name"]): row["id"]
            for row in standing(batch, owners, FOUND)}  # fmt: skip
    keys = {(one.owner, *one.key): one for one in wanted}
    close(batch, [row_id for key, row_id in held.items() if key not in keys])
    fresh = [one for key, one in sorted(keys.items()) if key not in held]
    _open(batch, [(one, wanted[one]) for one in fresh], FOUND, version, None)
    batch.count("related", len(fresh))


def state(batch: Batch, one: Relation, answer_seq: int) -> None:
    """A relation that a person stated."""
    _open(batch, [(one, None)], SAID, STATED_VERSION, answer_seq)


def take_back(batch: Batch, answer_seq: int) -> None:
    """Close the relation that an answer stated, if it stated one."""
    r = relations.c
    rows = batch.conn.execute(select(r.id).where(r.answer_seq == answer_seq, r.rule == SAID, r.to_seq.is_(None)))
    close(batch, list(rows.scalars()))


def close(batch: Batch, ids: Sequence[str]) -> None:
    """End these rows with this batch."""
    for part in chunks(sorted(ids)):
        batch.conn.execute(
            update(relations).where(among(relations.c.id, part)).values(to_seq=batch.mark_seq, closed_at=batch.now)
        )


def _open(
    batch: Batch, wanted: Sequence[tuple[Relation, Any]], rule: str, version: str, answer_seq: int | None
) -> None:
    rows = [
        {
            "id": batch.ids.new("rel"),
            "owner": one.owner,
            "member": one.member,
            "kind": one.kind,
            "target": one.target,
            "name": one.name,
            "from_seq": batch.mark_seq,
            "to_seq": None,
            "effective_on": max(batch.on.values()),
            "recorded_at": batch.now,
            "closed_at": None,
            "rule": rule,
            "rule_version": version,
            "evidence": evidence,
            "answer_seq": answer_seq,
        }
        for one, evidence in wanted
    ]
    for part in chunks(rows):
        batch.conn.execute(insert(relations), list(part))
