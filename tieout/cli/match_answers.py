"""What a run of `tieout match` is told besides the tables: people's answers, and the clusters of an earlier run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mapping.identity.matching import RefPair
from tieout.cli import csv_input
from tieout.cli.match_files import PRED, ref_of, require, shown
from tieout.cli.match_words import place, problem

ANSWER = ("source", "source_id", "other_source", "other_source_id")
CLUSTER = PRED[:3]


def answers(path: Path, refs: Collection[str]) -> tuple[list[RefPair], list[RefPair]]:
    """What people said: pairs that are one customer, and pairs that are not. `refs`: those of all records."""
    same: list[RefPair] = []
    different: list[tuple[int, RefPair]] = []
    _need(path, ANSWER, (*ANSWER, "answer"))
    for line, row in csv_input.rows(path, (*ANSWER, "answer")):
        require(path, line, row, ANSWER)
        pair = (ref_of(row["source"], row["source_id"]), ref_of(row["other_source"], row["other_source_id"]))
        for ref in pair:
            if ref not in refs:
                raise problem("unknown_record", path, line, ref=shown(ref))
        answer = row.get("answer", "").strip().casefold() or "same"
        if answer not in ("same", "different"):
            raise problem("unknown_answer", path, line, found=repr(answer))
        if answer == "same":
            same.append(pair)
        else:
            different.append((line, pair))
    parent: dict[str, str] = {}
    for left, right in same:
        parent[_root(parent, left)] = _root(parent, right)
    for line, (left, right) in different:
        if _root(parent, left) == _root(parent, right):
            raise problem("answers_contradict", path, line, left=shown(left), right=shown(right))
    return same, [pair for _, pair in different]


def previous_clusters(path: Path) -> dict[str, str]:
    """The cluster id of each record in the result of an earlier run; of records that are gone since, too."""
    out: dict[str, str] = {}
    lines: dict[str, int] = {}
    _need(path, CLUSTER, PRED)
    for line, row in csv_input.rows(path, CLUSTER):
        require(path, line, row, CLUSTER)
        ref = ref_of(row["source"], row["source_id"])
        if ref in out:
            raise problem("duplicate_record", path, line, ref=shown(ref), first=place(path, lines[ref]))
        out[ref], lines[ref] = row["cluster_id"], line
    return out


def _need(path: Path, needed: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    names = csv_input.header(path)
    csv_input.columns(path, names, wanted)
    missing = [name for name in needed if name not in names]
    if missing:
        raise problem("columns_missing", path, 1, columns=", ".join(missing), wanted=", ".join(wanted))


def _root(parent: dict[str, str], ref: str) -> str:
    while (above := parent.get(ref, ref)) != ref:
        parent[ref] = parent.get(above, above)  # halves the way for the next one who asks
        ref = parent[ref]
    return ref
