"""Scores labelled pairs of names, each pair alone: nothing but two names, no base around them.

    python tests/mapping/score_names.py FILE… [--errors]

A file is a CSV with name1, name2 and same or is_match (1/0, True/False). Printed: precision and recall of what is
linked without a person, and of what is linked or asked; `--errors` lists every pair that came out otherwise than its
label, with the findings and what keeps it from being linked.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mapping.identity.evidence import compare
from mapping.identity.facts import facts
from mapping.identity.link import judge
from mapping.identity.matching import Record, match
from mapping.identity.weights import held
from tieout.canonical.parties import PartyCandidate

TRUE = ("1", "true", "yes")


@dataclass(frozen=True)
class Scored:
    """One labelled pair and what became of it: auto, review or separate."""

    left: str
    right: str
    is_same: bool
    outcome: str


def outcome(left: str, right: str) -> str:
    """What becomes of two records that say nothing but a name; both ways of matching must agree on a link."""
    one, other = (PartyCandidate(ref, (name,)) for ref, name in (("a", left), ("b", right)))
    made = match([Record("a/1", "a", one), Record("b/1", "b", other)])
    is_linked = made.clusters["a/1"] == made.clusters["b/1"]
    verdict = judge(facts("a/1", one, side="a"), [facts("b/1", other, side="b")])
    assert (verdict.outcome == "link") == is_linked, (left, right, verdict)
    return "auto" if is_linked else "review" if made.questions else "separate"


def read(path: Path) -> list[Scored]:
    """The pairs of a file, scored."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Scored(row["name1"], row["name2"], truth.strip().lower() in TRUE, outcome(row["name1"], row["name2"]))
        for row in rows
        if (truth := row.get("same") or row.get("is_match") or "")
    ]


def worth(scored: list[Scored], *taken: str) -> tuple[float, float]:
    """Precision and recall when the pairs with these outcomes are taken for the same."""
    found = [one for one in scored if one.outcome in taken]
    right = sum(one.is_same for one in found)
    same = sum(one.is_same for one in scored)
    return right / len(found) if found else 1.0, right / same if same else 1.0


def told(one: Scored) -> str:
    """A pair with its findings, its sum and what keeps it from being linked."""
    left, right = (facts(ref, PartyCandidate(ref, (name,))) for ref, name in (("a", one.left), ("b", one.right)))
    found = compare(left, right)
    label = "same" if one.is_same else "different"
    findings = f"{' '.join(found.codes)} {found.points} {held(found.codes)}"
    return f"{label:9} {one.outcome:8} {one.left} | {one.right} | {findings}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--errors", action="store_true")
    asked = parser.parse_args()
    for path in asked.files:
        scored = read(path)
        counts = Counter((one.is_same, one.outcome) for one in scored)
        same = sum(one.is_same for one in scored)
        print(f"{path.parent.name}/{path.name}: {len(scored)} pairs, {same} the same, {len(scored) - same} different")
        for name, taken in (("linked", ("auto",)), ("linked or asked", ("auto", "review"))):
            precision, recall = worth(scored, *taken)
            wrong = sum(counts[False, one] for one in taken)
            print(f"  {name:16} precision {precision:.4f} ({wrong} wrong)  recall {recall:.4f}")
        if asked.errors:
            for one in scored:
                if one.outcome != ("auto" if one.is_same else "separate"):
                    print("  " + told(one))


if __name__ == "__main__":
    main()
