"""Fits the weights of identity findings on labelled customer tables and shows what they are worth on names unseen.

    python tests/mapping/fit_identity.py FOLDER [--write mapping/identity/data/weights.yaml]

FOLDER holds customer tables and truth.csv (source, source_id, entity_id). Weights are a logistic regression with a
ridge, by Newton steps, on the pairs that blocking brings. Thresholds are tried by 5-fold cross-validation over groups
of entities that share a brand, so that no fold has seen a relative: each fold is clustered with weights fitted on the
other four. Printed: precision and recall of pairs in clusters over a grid of thresholds, the curve of the scores alone,
and the review queue.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from mapping.identity import matching
from mapping.identity.cluster import Clusters
from mapping.identity.scored import Scored, score_pairs
from mapping.identity.weights import Weights
from tieout.cli.match_files import records, tables

FOLDS = 5
RIDGE = 1.0
STEPS = 12
# Firms have several phones and domains; labelled tables made by rule have one, and would call that decisive.
LEAST = {"phone_differs": -200, "domain_differs": -200}
# That others bear the name, or that names do not confirm an id, speaks for nobody, whatever few pairs say.
NOTED = (
    "brand_contested", "brand_crowded", "domain_contested", "name_contested", "sound_crowded", "names_share_nothing",
    "names_unconfirmed", "reach_differs", "nobody_named", "person_named", "sole_trader", "domain_branded",
)  # fmt: skip
# Listed firms bear names of their own, and their brands are rarely their groups': elsewhere these say less than fitted.
MOST = {"brand_common": -100, "brand_alone": -50}
# No labelled table tells what people answered: a name they gave one customer links where nothing contradicts.
SAID = {"alias_equal": 350, "alias_shared": 150}
THRESHOLDS = {"margin": 200, "floor": -300, "review": -70}
CHOSEN = (250, 350)
SEEDS = (5, 6, 7)  # of the folds: what is chosen must not hang on how they fall
GRID = ((500, 600), (450, 550), (400, 500), (350, 450), (300, 400), (250, 350), (200, 300), (150, 250))


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of a linear system by elimination with pivots."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        best = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for r in range(i + 1, size):
            if factor := rows[r][i] / rows[i][i]:
                for c in range(i, size + 1):
                    rows[r][c] -= factor * rows[i][c]
    out = [0.0] * size
    for i in range(size - 1, -1, -1):
        out[i] = (rows[i][size] - sum(rows[i][c] * out[c] for c in range(i + 1, size))) / rows[i][i]
    return out


def fit(rows: Sequence[tuple[str, ...]], same: Sequence[bool]) -> tuple[int, dict[str, int]]:
    """Base and weights in hundredths of a natural unit of log-odds."""
    codes = sorted({code for row in rows for code in row})
    at = {code: i + 1 for i, code in enumerate(codes)}
    data = [([0, *(at[code] for code in row)], y, n) for (row, y), n in Counter(zip(rows, same, strict=True)).items()]
    size = len(codes) + 1
    w = [0.0] * size
    for _ in range(STEPS):
        slope = [-RIDGE * one if i else 0.0 for i, one in enumerate(w)]
        curve = [[RIDGE if i == j and i else 0.0 for j in range(size)] for i in range(size)]
        for places, y, n in data:
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, sum(w[i] for i in places)))))
            q, e = p * (1 - p) * n, (y - p) * n
            for i in places:
                slope[i] += e
                row = curve[i]
                for j in places:
                    row[j] += q
        step = solve(curve, slope)
        w = [one + max(-3.0, min(3.0, move)) for one, move in zip(w, step, strict=True)]
        if max(map(abs, step)) < 1e-3:
            break
    made = {code: max(round(100 * w[at[code]]), LEAST.get(code, -9999)) for code in codes}
    made |= {code: min(made[code], 0) for code in NOTED if code in made}
    made |= {code: min(made[code], most) for code, most in MOST.items() if code in made}
    return round(100 * w[0]), made | SAID


def groups(truth: Mapping[str, str], prepared: matching.Prepared) -> dict[str, str]:
    """The name-stem group of each record: entities that share a brand are one group."""
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        while parent.setdefault(one, one) != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    bearers: dict[str, list[str]] = defaultdict(list)
    for number, ref in enumerate(prepared.refs):
        for name in prepared.facts[number].names:
            if name.has_brand:
                bearers[name.brand].append(ref)
    for _, block in sorted(bearers.items()):
        for other in block[1:] if len(block) <= 40 else ():
            parent[root(truth[other])] = root(truth[block[0]])
    return {ref: root(entity) for ref, entity in truth.items()}


def worth(everything: Scored, chosen: Weights) -> Scored:
    """The pairs that these weights would have kept."""
    out = Scored()
    good = [chosen.score(codes) >= chosen.floor or "tax_id_equal" in codes for codes in everything.table]
    for left, right, place in zip(everything.lefts, everything.rights, everything.found, strict=True):
        if good[place]:
            out.add(left, right, out.index(everything.table[place]))
    return out


def counted(clusters: Clusters, truth: Mapping[str, str], kept: set[str]) -> tuple[int, int]:
    """Pairs in clusters whose first record is kept, and how many of them are true."""
    refs = clusters.facts.refs
    found = (tuple(refs[number] for number in group) for group in clusters.groups())
    pairs = [pair for group in found for pair in combinations(group, 2) if pair[0] in kept]
    return len(pairs), sum(truth[a] == truth[b] for a, b in pairs)


class Folded:
    """Groups of names cut into folds, with weights fitted without each of them."""

    def __init__(
        self,
        seed: int,
        names: Sequence[str],
        group: Mapping[str, str],
        pairs: Sequence[tuple[str, str]],
        rows: Sequence[tuple[str, ...]],
        same: Sequence[bool],
    ) -> None:
        order = list(names)
        random.Random(seed).shuffle(order)
        self.fold = {name: i % FOLDS for i, name in enumerate(order)}
        self.fitted = []
        for k in range(FOLDS):
            use = [i for i, (a, b) in enumerate(pairs) if k not in (self.fold[group[a]], self.fold[group[b]])]
            self.fitted.append(fit([rows[i] for i in use], [same[i] for i in use]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    with (asked.folder / "truth.csv").open(encoding="utf-8-sig", newline="") as file:
        truth = {f"{row['source']}/{row['source_id']}": row["entity_id"] for row in csv.DictReader(file)}
    prepared = matching.prepare(records(tables(asked.folder)))
    true_pairs = sum(n * (n - 1) // 2 for n in Counter(truth.values()).values())
    numbered = sorted(prepared.blocks.pairs(range(len(prepared.refs))))
    everything = score_pairs(prepared.facts, prepared.blocks, numbered, Weights(0, {}, 1, 1, 1, 0, -1))
    kept_pairs = list(zip(everything.lefts, everything.rights, strict=True))
    pairs = [(prepared.refs[a], prepared.refs[b]) for a, b in kept_pairs]
    rows = [everything.table[place] for place in everything.found]
    same = [truth[a] == truth[b] for a, b in pairs]
    print(
        f"{len(truth)} records, {true_pairs} true pairs; blocking brings {len(numbered)} pairs, {len(pairs)} without "
        f"two valid tax ids that differ, {sum(same)} of them true"
    )
    base, codes = fit(rows, same)
    if asked.write:
        auto, joint = CHOSEN
        text = "# Made by tests/mapping/fit_identity.py; hundredths of a natural unit of log-odds.\n"
        text += f"base: {base}\nauto: {auto}\njoint: {joint}\n"
        text += "".join(f"{name}: {value}\n" for name, value in sorted(THRESHOLDS.items()))
        text += "codes:\n" + "".join(f"  {code}: {w}\n" for code, w in sorted(codes.items(), key=lambda c: (-c[1], c)))
        asked.write.write_text(text, encoding="utf-8")
        print(f"wrote {asked.write}")
    group = groups(truth, prepared)
    names = sorted(set(group.values()))
    folded = [Folded(seed, names, group, pairs, rows, same) for seed in SEEDS]
    print("\nscores alone, each pair scored by weights that never saw its group")
    scored = []
    for i, (a, _) in enumerate(pairs):
        b, w = folded[0].fitted[folded[0].fold[group[a]]]
        scored.append((b + sum(w.get(code, 0) for code in rows[i]), same[i]))
    scored.sort(reverse=True)
    good = 0
    for n, (score, right) in enumerate(scored, 1):
        good += right
        if n % 500 == 0 and n <= 10000:
            print(f"  score >= {score:5d}  pairs {n:6d}  precision {good / n:.4f}  recall {good / true_pairs:.4f}")
    print(f"\nclusters of automatic links, cross-validated with folds cut in {len(SEEDS)} ways")
    for auto, joint in GRID:
        wrong: list[int] = []
        recalls: list[float] = []
        made = right_ones = 0
        for one in folded:
            n, right = 0, 0
            for k in range(FOLDS):
                b, w = one.fitted[k]
                chosen = Weights(b, w, auto=auto, joint=joint, **THRESHOLDS)
                clusters = Clusters(prepared.facts, prepared.blocks, worth(everything, chosen), chosen)
                clusters.run()
                kept = {ref for ref in truth if one.fold[group[ref]] == k}
                found, true_ones = counted(clusters, truth, kept)
                n, right = n + found, right + true_ones
            wrong.append(n - right)
            recalls.append(right / true_pairs)
            made, right_ones = made + n, right_ones + right
        mark = "  <- chosen" if (auto, joint) == CHOSEN else ""
        print(
            f"  auto {auto} joint {joint}  precision {right_ones / made:.5f}  wrong {wrong}  "
            f"recall {min(recalls):.4f} to {max(recalls):.4f}{mark}",
            flush=True,
        )
    review(prepared, truth, Weights(base, codes, *CHOSEN, **THRESHOLDS), true_pairs)


def review(prepared: matching.Prepared, truth: Mapping[str, str], chosen: Weights, true_pairs: int) -> None:
    """What the review queue holds when right candidates are accepted (weights fitted on all)."""
    print("\nreview queue, right candidates accepted (weights fitted on everything)")
    for least in (300, 200, 100, 50, 0, -50, -100):
        made = matching.matched(prepared, Weights(chosen.base, chosen.codes, *CHOSEN, least, 200, -300))
        home = dict(made.clusters)
        parent: dict[str, str] = {}

        def root(one: str, parent: dict[str, str] = parent) -> str:
            while parent.setdefault(one, one) != one:
                parent[one] = parent[parent[one]]
                one = parent[one]
            return one

        good = [one for one in made.questions if truth[one.ref] == truth[one.other]]
        for one in good:
            parent[root(home[one.ref])] = root(home[one.other])
        cells = Counter((root(home[ref]), truth[ref]) for ref in truth)
        found, entities = defaultdict(int), Counter(truth.values())
        for (cluster, _), n in cells.items():
            found[cluster] += n
        bp = sum(n * n / found[c] for (c, _), n in cells.items()) / len(truth)
        br = sum(n * n / entities[e] for (_, e), n in cells.items()) / len(truth)
        recall = sum(n * (n - 1) // 2 for n in cells.values()) / true_pairs
        queue = len({one.ref for one in made.questions})
        print(
            f"  score >= {least:4d}  questions {len(made.questions):5d} ({len(good) / max(1, len(made.questions)):.3f} "
            f"right)  records in the queue {queue:5d} ({queue / len(truth):.3f})  recall {recall:.4f}  "
            f"B-cubed F1 {2 * bp * br / (bp + br):.4f}"
        )


if __name__ == "__main__":
    main()
