"""Cluster ids that stay: a new cluster goes on under the id of the old one that most of it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeptIds:
    """`ids`: the id of each new cluster; the rest counts ids.

    `kept` go on; `merged` ended, for their records are now in clusters of other ids; `split` are new and hold records
    that stood under an old id; `new` hold new records only; `gone` ended with the last of their records.
    """

    ids: Mapping[str, str]
    kept: int
    merged: int
    split: int
    new: int
    gone: int


def kept_ids(clusters: Mapping[str, str], previous: Mapping[str, str]) -> KeptIds:
    """Ids for new clusters out of those of an earlier run; the order of records does not matter.

    `clusters`: the new cluster of each record, named by the smallest ref in it. `previous`: the old id of each record.
    Pairs of an old and a new cluster that share records are taken by how many they share, most first; ties by the
    smaller old id, then by the smaller ref. The new one gets the old id where neither was taken before. So a merged
    cluster keeps the id of the old one that brings most, and of a split one the largest part keeps the id. Any other
    cluster is named by its smallest ref, with ~2, ~3 … where that already was an id in the earlier run.
    """
    shared: Counter[tuple[str, str]] = Counter()
    for ref, cluster in clusters.items():
        if (old := previous.get(ref)) is not None:
            shared[old, cluster] += 1
    ids: dict[str, str] = {}
    used: set[str] = set()
    for (old, cluster), _ in sorted(shared.items(), key=lambda one: (-one[1], one[0])):
        if cluster not in ids and old not in used:
            ids[cluster] = old
            used.add(old)
    kept = len(ids)
    every = set(previous.values())
    present, touched = {old for old, _ in shared}, {cluster for _, cluster in shared}
    taken = set(every)
    split = new = 0
    for cluster in sorted(set(clusters.values()) - ids.keys()):
        ids[cluster] = _free(cluster, taken)
        taken.add(ids[cluster])
        split += cluster in touched
        new += cluster not in touched
    return KeptIds(ids, kept, len(present - used), split, new, len(every - present))


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}~{number}"
    return found
