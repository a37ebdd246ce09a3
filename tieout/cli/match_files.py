"""Customer tables in, clusters and questions out: the files of `tieout match`."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from mapping.identity.matching import Matching, Prepared, Record, RefPair
from mapping.identity.weights import weights
from tieout.canonical.parties import PartyCandidate
from tieout.core.errors import TieoutError

NEEDED = ("source_id", "name")
PRED = ("source", "source_id", "cluster_id", "decision")
REVIEW = (
    "source", "source_id", "candidate_source", "candidate_source_id", "score", "reasons",
    "name", "candidate_name", "cluster_id", "candidate_cluster_id",
)  # fmt: skip
ANSWER = ("source", "source_id", "other_source", "other_source_id")
_SUFFIXES = (".csv", ".csv.gz")


def tables(folder: Path) -> list[Path]:
    """The customer tables of a folder: CSV files that have at least the columns source_id and name."""
    if not folder.is_dir():
        raise TieoutError(
            f"{folder} is not a folder.", hint="Name the folder that holds the customer tables.", code="no_folder"
        )
    found = sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES))
    usable = [path for path in found if set(NEEDED) <= set(_header(path))]
    if not usable:
        raise TieoutError(
            f"{folder} holds no customer table.",
            hint="A table is a CSV file (UTF-8) with the columns source_id and name, and any of name_en, tax_id, "
            "phone, email_domain, city, address, country, source.",
            code="no_tables",
        )
    return usable


def records(paths: Iterable[Path]) -> Iterator[Record]:
    """Every row of the tables; `source` is the column of that name, else the file's name."""
    seen: set[str] = set()
    for path in paths:
        stem = path.name.removesuffix(".gz").removesuffix(".csv")
        with _reading(path) as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                source = row.get("source") or stem
                ref = f"{source}/{row['source_id']}"
                if ref in seen:
                    raise TieoutError(
                        f"{path.name} line {line}: {ref} stands there twice.",
                        hint="source_id must be unique in a source.",
                        code="duplicate_record",
                    )
                seen.add(ref)
                yield Record(ref, source, _party(row))


def answers(path: Path, refs: Sequence[str]) -> tuple[list[RefPair], list[RefPair]]:
    """What people said: pairs that are one customer, and pairs that are not. `refs`: those of all records, sorted."""
    same: list[RefPair] = []
    different: list[RefPair] = []
    missing = set(ANSWER) - set(_header(path))
    if missing:
        raise TieoutError(
            f"{path.name} lacks the columns {', '.join(sorted(missing))}.",
            hint="One line a pair: source,source_id,other_source,other_source_id and answer (same or different).",
            code="no_answers",
        )
    with _reading(path) as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            pair = (f"{row['source']}/{row['source_id']}", f"{row['other_source']}/{row['other_source_id']}")
            answer = (row.get("answer") or "same").strip().casefold()
            unknown = [ref for ref in pair if not _holds(refs, ref)]
            if unknown or answer not in ("same", "different"):
                said = f"no record {unknown[0]}" if unknown else f"no answer {answer!r}"
                raise TieoutError(
                    f"{path.name} line {line}: there is {said}.",
                    hint="Name records of the tables; an answer is same or different.",
                    code="bad_answer",
                )
            (same if answer == "same" else different).append(pair)
    parent: dict[str, str] = {}
    for left, right in same:
        parent[_root(parent, left)] = _root(parent, right)
    for left, right in different:
        if _root(parent, left) == _root(parent, right):
            raise TieoutError(
                f"{path.name} says that {left} and {right} are different, and that they are the same.",
                hint="The lines that say same join them, perhaps over other records; drop one of the lines.",
                code="answers_contradict",
            )
    return same, different


def _root(parent: dict[str, str], ref: str) -> str:
    while ref in parent and parent[ref] != ref:
        ref = parent[ref]
    return ref


def _holds(refs: Sequence[str], ref: str) -> bool:
    at = bisect_left(refs, ref)
    return at < len(refs) and refs[at] == ref


def write_clusters(path: Path, matching: Matching) -> None:
    """source, source_id, cluster_id, decision: auto (linked), review (asked about, not linked), separate."""
    sizes = matching.sizes()
    asked = {one.ref for one in matching.questions}
    with _writing(path) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(PRED)
        for ref, cluster in sorted(matching.clusters.items()):
            linked = sizes[cluster] > 1
            decision = "auto" if linked else "review" if ref in asked else "separate"
            out.writerow((*ref.split("/", 1), cluster, decision))


def write_questions(path: Path, matching: Matching, prepared: Prepared) -> None:
    """The pairs that a person should look at, most likely first, with reasons and weights."""
    weigh, at = weights(), prepared.number_of()
    with _writing(path) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(REVIEW)
        for one in sorted(matching.questions, key=lambda q: (-q.link.score, q.ref, q.other)):
            codes = [f"{code} {weigh.codes.get(code, 0) / 100:+.1f}" for code in one.link.codes]
            reasons = "; ".join([*codes, f"prior {weigh.base / 100:+.1f}"])
            out.writerow(
                (
                    *one.ref.split("/", 1),
                    *one.other.split("/", 1),
                    f"{one.link.score / 100:.1f}",
                    reasons,
                    prepared.facts[at[one.ref]].shown_names(),
                    prepared.facts[at[one.other]].shown_names(),
                    matching.clusters[one.ref],
                    matching.clusters[one.other],
                )
            )


def _party(row: Mapping[str, str]) -> PartyCandidate:
    return PartyCandidate(
        external_id=row["source_id"],
        names=tuple(name for name in (row["name"], row.get("name_en") or "") if name.strip()),
        tax_ids=(row["tax_id"],) if row.get("tax_id") else (),
        phone=row.get("phone") or "",
        website=row.get("email_domain") or "",
        country=row.get("country") or "",
        city=row.get("city") or "",
        address=row.get("address") or "",
    )


def _header(path: Path) -> list[str]:
    with _reading(path) as file:
        return next(csv.reader(file), [])


@contextmanager
def _reading(path: Path) -> Iterator[TextIO]:
    with ExitStack() as stack:
        if path.suffix == ".gz":
            file: TextIO = stack.enter_context(gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
        else:
            file = stack.enter_context(path.open(encoding="utf-8-sig", newline=""))
        try:
            yield file
        except UnicodeDecodeError:
            raise TieoutError(
                f"{path.name} is not UTF-8.", hint="Save the table as UTF-8 (CSV UTF-8 in Excel).", code="not_utf8"
            ) from None


@contextmanager
def _writing(path: Path) -> Iterator[TextIO]:
    """A file that appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        yield file
    part.replace(path)
