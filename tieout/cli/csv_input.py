"""CSV files of other people, read strictly: whatever cannot be meant is said with file and line, nothing is guessed."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tieout.cli.match_words import problem

LONGEST = 5_000  # characters of a field that is used; no name or address comes near it
_LONGEST_OTHER = 10_000_000  # of any field at all
_SEPARATORS = re.compile(r"[;\t|]")
_BREAK = re.compile(r"\r\n|\r|\n")
_SPACE = re.compile(r"[ -]+")

Skipped = Callable[[int], None]


def header(path: Path) -> list[str]:
    """The column names, folded (`Source ID` is source_id); [] for an empty file."""
    with _reading(path) as file:
        cells = _next(path, csv.reader(_lines(path, file), strict=True)) or []
    return [_SPACE.sub("_", cell.strip().casefold()) for cell in cells]


def columns(path: Path, names: Sequence[str], known: Collection[str]) -> Mapping[str, int]:
    """Where the known columns stand. TieoutError for one that stands twice, and for other separators than commas."""
    if len(names) == 1 and set(_SEPARATORS.split(names[0])) & set(known) and _SEPARATORS.search(names[0]):
        raise problem("wrong_separator", path, 1)
    for name in known:
        if names.count(name) > 1:
            raise problem("column_twice", path, 1, column=name)
    return {name: names.index(name) for name in known if name in names}


def rows(path: Path, known: Collection[str], skipped: Skipped | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """(line on which it begins, known columns) of every row that holds anything; `skipped` hears how many do not."""
    names = header(path)
    found = columns(path, names, known)
    empty = 0
    with _reading(path) as file:
        reader = csv.reader(_lines(path, file), strict=True)
        _next(path, reader)
        line = reader.line_num + 1
        while (cells := _next(path, reader, line)) is not None:
            first, line = line, reader.line_num + 1
            if not any(cells):
                empty += 1
                continue
            if len(cells) < len(names) or any(cells[len(names) :]):
                raise problem("row_length", path, first, found=len(cells), wanted=len(names))
            if line - first > 1:
                _refuse_swallowed(path, first, cells, len(names))
            row = {name: cells[at] for name, at in found.items()}
            for name, value in row.items():
                if len(value) > LONGEST:
                    raise problem("too_long", path, first, column=name, found=len(value), wanted=LONGEST)
            yield first, row
    if empty and skipped is not None:
        skipped(empty)


def _refuse_swallowed(path: Path, line: int, cells: Sequence[str], width: int) -> None:
    """An address may go over two lines; a field with a line that is a row of its own lacks its closing quote."""
    for cell in cells:
        if any(part.count(",") >= width - 1 for part in _BREAK.split(cell)[1:]):
            raise problem("swallowed_rows", path, line)


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            raise problem("nul", path, number)
        yield line


def _next(path: Path, reader: Iterator[list[str]], line: int = 1) -> list[str] | None:
    """The next row, None at the end. The limit of a field is the module's and set anew: others may have changed it."""
    csv.field_size_limit(_LONGEST_OTHER)
    try:
        return next(reader, None)
    except csv.Error as error:
        raise problem("bad_csv", path, line, why=error) from None


@contextmanager
def _reading(path: Path) -> Iterator[TextIO]:
    packed = path.name.lower().endswith(".gz")
    try:
        if packed:
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                yield file
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield file
    except UnicodeDecodeError:
        raise problem("not_utf8", path, _undecodable(path, packed)) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise problem("bad_gzip", path, why=str(error).rstrip(".")) from None
    except OSError as error:
        raise problem("unreadable", path, why=error.strerror or error) from None


def _undecodable(path: Path, packed: bool) -> int:
    """The first line that is not UTF-8: the decoder reads ahead and does not know."""
    with gzip.open(path) if packed else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0
