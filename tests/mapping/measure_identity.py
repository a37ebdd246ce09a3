"""Precision and recall of automatic links on labelled customer tables.

    python tests/mapping/measure_identity.py FOLDER     (or the folder in TIEOUT_MATCHING_DATA)

FOLDER holds four customer tables (crm_zoho, crm_fxiaoke, crm_salesforce, accounting) and truth.csv. Every table is
judged against every other one, as two connections would be; the pairs that are linked are compared with the truth.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import defaultdict
from itertools import permutations
from pathlib import Path

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import RULE_KINDS, link_keys
from mapping.identity.link import judge
from tieout.canonical.parties import PartyCandidate

SOURCES = ("accounting", "crm_zoho", "crm_fxiaoke", "crm_salesforce")
BLOCK_CAP = 60


def load(folder: Path, source: str) -> list[PartyCandidate]:
    with (folder / f"{source}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            PartyCandidate(
                external_id=row["source_id"],
                names=tuple(name for name in (row["name"], row["name_en"]) if name),
                tax_ids=(row["tax_id"],) if row["tax_id"] else (),
                phone=row["phone"],
                website=row["email_domain"],
                country=row["country"],
            )
            for row in csv.DictReader(file)
        ]


def main(folder: Path) -> None:
    started = time.perf_counter()
    truth: dict[str, str] = {}
    with (folder / "truth.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            truth[row["source_id"]] = row["entity_id"]
    known: dict[str, PartyFacts] = {}
    side: dict[str, list[str]] = {}
    index: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    keys: dict[str, list[tuple[str, str]]] = {}
    for source in SOURCES:
        parties = load(folder, source)
        side[source] = [party.external_id for party in parties]
        for party in parties:
            ref = party.external_id
            known[ref] = facts(ref, party, side=source)
            keys[ref] = [(key.kind, key.value) for key in link_keys(party)]
            for kind, value in keys[ref]:
                index[source, kind, value].append(ref)
    read = time.perf_counter() - started
    linked: dict[frozenset[str], str] = {}
    outcomes: dict[tuple[str, str], dict[str, int]] = {}
    for mine, other in permutations(SOURCES, 2):
        counts = outcomes[mine, other] = defaultdict(int)
        for ref in side[mine]:
            near: set[str] = set()
            for kind, value in keys[ref]:
                block = index[other, kind, value]
                if kind in RULE_KINDS or len(block) <= BLOCK_CAP:
                    near.update(block)
                if kind in RULE_KINDS:
                    near.update(index[mine, kind, value])
            verdict = judge(known[ref], [known[one] for one in near])
            counts[verdict.outcome] += 1
            for target in verdict.refs:
                linked[frozenset((ref, target))] = verdict.rule
    members: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for source, refs in side.items():
        for ref in refs:
            members[truth[ref]][source] += 1
    true_pairs = sum(counts[a] * counts[b] for counts in members.values() for a in SOURCES for b in SOURCES if a < b)
    for rule in ("tax_id", "legal_name", ""):
        pairs = [pair for pair, by in linked.items() if rule in ("", by)]
        wrong = [sorted(pair) for pair in pairs if len({truth[ref] for ref in pair}) > 1]
        good = len(pairs) - len(wrong)
        precision = good / len(pairs) if pairs else 1.0
        print(
            f"{rule or 'all rules':12s} links {len(pairs):6d}  wrong {len(wrong):3d}  precision {precision:.5f}  "
            f"recall {good / true_pairs:.4f} of {true_pairs} true pairs between tables"
        )
        for left, right in wrong[:20] if not rule else ():
            print(
                f"   wrong: {known[left].shown_names()} [{known[left].shown_tax_ids()}] = "
                f"{known[right].shown_names()} [{known[right].shown_tax_ids()}]"
            )
    for (mine, other), counts in outcomes.items():
        if other == "accounting":
            print(f"{mine:15s} against accounting: {dict(sorted(counts.items()))}")
    print(f"{len(known)} records read in {read:.1f} s, all judged in {time.perf_counter() - started - read:.1f} s")


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIEOUT_MATCHING_DATA", "")
    if not given:
        sys.exit(__doc__)
    main(Path(given))
