"""The customer tables of a folder, as `tieout match` reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from mapping.identity.matching import Record
from tieout.canonical.parties import PartyCandidate
from tieout.cli import csv_input
from tieout.cli.match_words import place, problem, said
from tieout.core.config_text import nearest

NEEDED = ("source_id", "name")
KNOWN = (*NEEDED, "name_en", "tax_id", "phone", "email_domain", "city", "address", "country", "source")
PRED = ("source", "source_id", "cluster_id", "decision")
REVIEW = (
    "source", "source_id", "candidate_source", "candidate_source_id", "score", "reasons",
    "name", "candidate_name", "cluster_id", "candidate_cluster_id",
)  # fmt: skip
RESULTS = (list(PRED), list(REVIEW))
_SUFFIXES = (".csv", ".csv.gz")
_OTHER_FORMS = (
    ".tsv", ".txt", ".xls", ".xlsx", ".xlsm", ".ods", ".parquet", ".json", ".jsonl", ".zip", ".csv.bz2", ".csv.xz",
    ".csv.zst",
)  # fmt: skip

Note = Callable[[str], None]


def tables(folder: Path, note: Note = lambda _: None, besides: Collection[Path] = ()) -> list[Path]:
    """The customer tables of a folder: CSV files that have at least the columns source_id and name.

    `note` hears in a sentence of whatever looks like a table and is not used. `besides`: files that are read as
    something else. TieoutError where a column is mistyped or stands twice, or where no table is left.
    """
    usable = []
    try:
        if not folder.is_dir():
            raise problem("no_folder", folder)
        found = sorted(folder.iterdir())
    except OSError as error:
        raise problem("unreadable", folder, why=error.strerror or error) from None
    for path in found:
        if any(_is_same(path, other) for other in besides):
            continue
        if not path.name.lower().endswith(_SUFFIXES):
            if path.name.lower().endswith(_OTHER_FORMS):
                note(said("other_form", path=path))
        elif not path.is_file():
            note(said("not_a_file", path=path))
        elif _is_table(path, note):
            usable.append(path)
    if not usable:
        raise problem("no_tables", folder)
    return usable


def _is_table(path: Path, note: Note) -> bool:
    names = csv_input.header(path)
    if not names:
        note(said("empty_file", path=path))
        return False
    if names in RESULTS:
        note(said("own_result", path=path))
        return False
    csv_input.columns(path, names, KNOWN)
    missing = [column for column in NEEDED if column not in names]
    unknown = [name for name in names if name and name not in KNOWN]
    if len(missing) == 1 and (close := nearest(missing[0], unknown)):
        raise problem("column_mistyped", path, 1, column=missing[0], found=close)
    if missing:
        note(said("not_a_table", path=path, columns=", ".join(missing)))
    elif unknown:
        note(said("unused_columns", path=path, columns=", ".join(unknown)))
    return not missing


def records(paths: Iterable[Path], note: Note = lambda _: None) -> Iterator[Record]:
    """Every row of the tables; `source` is the column of that name, else the file's name."""
    paths = list(paths)
    seen: set[str] = set()
    for path, line, source, row in _rows(paths, note):
        ref = ref_of(source, row["source_id"])
        if ref in seen:
            raise problem("duplicate_record", path, line, ref=shown(ref), first=_first(paths, ref))
        seen.add(ref)
        yield Record(ref, source, _party(row))


def checked(paths: Iterable[Path], note: Note, counted: Callable[[int], None]) -> set[str]:
    """The refs of all records, each row looked at; `counted` hears how many there are so far."""
    refs: set[str] = set()
    for record in records(paths, note):
        refs.add(record.ref)
        if len(refs) % 10_000 == 0:
            counted(len(refs))
    return refs


def _rows(paths: Iterable[Path], note: Note) -> Iterator[tuple[Path, int, str, dict[str, str]]]:
    for path in paths:
        stem = path.name[: path.name.lower().rindex(".csv")]

        def skipped(count: int, path: Path = path) -> None:
            note(said("empty_rows", path=path, count=count))

        for line, row in csv_input.rows(path, KNOWN, skipped):
            require(path, line, row, ("source_id",))
            source = row.get("source", "")
            if source:
                require(path, line, row, ("source",))
            yield path, line, source or stem, row


def require(path: Path, line: int, row: Mapping[str, str], names: Iterable[str]) -> None:
    """TieoutError where one of these columns is empty in the row, or goes over several lines."""
    for name in names:
        value = row[name]
        if not value.strip():
            raise problem("empty_field", path, line, column=name)
        if "\n" in value or "\r" in value:
            raise problem("line_break", path, line, column=name)


def _first(paths: Iterable[Path], ref: str) -> str:
    return next(
        place(path, line)
        for path, line, source, row in _rows(paths, lambda _: None)
        if ref_of(source, row["source_id"]) == ref
    )


def ref_of(source: str, source_id: str) -> str:
    """The ref of a record. A slash of the source is escaped, so that the first one of a ref parts source and id."""
    return f"{source.replace('%', '%25').replace('/', '%2F')}/{source_id}"


def parts_of(ref: str) -> tuple[str, str]:
    """The source and the id of a ref, as they stand in the tables."""
    source, _, source_id = ref.partition("/")
    return source.replace("%2F", "/").replace("%25", "%"), source_id


def shown(ref: str) -> str:
    """A ref as people read it."""
    return "/".join(parts_of(ref))


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


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
