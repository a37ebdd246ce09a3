"""Customer tables in, clusters and questions out: the files of `tieout match`."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from mapping.identity.facts import PartyFacts
from mapping.identity.matching import Matching, Record
from mapping.identity.weights import weights
from tieout.canonical.parties import PartyCandidate
from tieout.core.errors import TieoutError

NEEDED = ("source_id", "name")
PRED = ("source", "source_id", "cluster_id", "decision")
REVIEW = (
    "source", "source_id", "candidate_source", "candidate_source_id", "score", "reasons",
    "name", "candidate_name", "cluster_id", "candidate_cluster_id",
)  # fmt: skip
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


def write_questions(path: Path, matching: Matching, known: Mapping[str, PartyFacts]) -> None:
    """The pairs that a person should look at, most likely first, with reasons and weights."""
    weigh = weights()
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
                    known[one.ref].shown_names(),
                    known[one.other].shown_names(),
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
