"""Reading records with people's rules for unmapped values: which rule read which record, and what stood before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mapping.engine import MappingContext, Skip
from sync.fold.batch import Batch
from sync.fold.rules import uses_of, write_uses
from tieout.canonical import codec
from tieout.canonical.codec import Candidate
from tieout.core.errors import MappingError
from tieout.store.queries.answer_rules import ENDED, Shape

Read = Callable[[MappingContext], Candidate | Skip]


class Readings:
    """The records of one stream in one batch. Where no rule was ever made it costs one question a stream."""

    def __init__(self, batch: Batch, connection: str, stream: str, context: MappingContext, ids: Sequence[str]) -> None:
        self._batch, self._connection, self._stream, self._context = batch, connection, stream, context
        self._held = uses_of(batch, connection, stream, ids)
        self._now: dict[str, Sequence[Mapping[str, Any]]] = {}

    def read(self, row: Mapping[Any, Any], read: Read) -> Candidate | Skip:
        """What a record stands for: by its profile alone, else by just the rules it needs. Raises MappingError."""
        used: dict[tuple[str, str], Mapping[Any, Any]] = {}
        context = self._context
        while True:
            try:
                made = read(context)
            except MappingError as error:
                shape = Shape("unmapped_value", self._connection, self._stream, error.path, error.value)
                rule = self._batch.rules.get(shape) if error.value else None
                if rule is None or (error.path, error.value) in used:
                    raise
                used[error.path, error.value] = rule
                said = {place: one["target"] for place, one in used.items()}
                context = replace(self._context, ruled={self._stream: said})
                continue
            self._note(row, [rule["id"] for rule in used.values()])
            return made

    def without(self, key: str) -> tuple[Candidate | None, bool]:
        """Of a record that cannot be read: what counts for it now, and whether that is what counted so far.

        A record that a rule had read, and the rule is ended, is what it was before the rule.
        """
        held = self._held.get(key, [])
        if not any(use["state"] == ENDED for use in held):
            return None, True
        self._now[key] = []
        first = held[0]
        return (codec.decode(first["before_kind"], first["before"]) if first["before"] else None), False

    def forget(self, key: str) -> None:
        """The record is gone: no rule reads it any more."""
        if key in self._held:
            self._now[key] = []

    def write(self) -> None:
        """Store what was noted."""
        if self._now:
            write_uses(self._batch, self._connection, self._stream, self._now)

    def _note(self, row: Mapping[Any, Any], rules: Sequence[str]) -> None:
        key = row["external_id"]
        held = self._held.get(key, ())
        if sorted(rules) == [use["rule_id"] for use in held]:
            return
        before = held[0] if held else {"before_kind": row["candidate_kind"], "before": row["candidate"]}
        self._now[key] = [
            {
                "connection": self._connection,
                "stream": self._stream,
                "external_id": key,
                "rule_id": rule,
                "before_kind": before["before_kind"],
                "before": before["before"],
            }
            for rule in sorted(rules)
        ]
