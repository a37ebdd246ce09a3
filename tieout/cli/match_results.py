"""The results of `tieout match`: where they may go, and how they get there whole or not at all."""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from mapping.identity.matching import Matching, Prepared
from mapping.identity.weights import Weights, weights
from tieout.cli import csv_input
from tieout.cli.match_files import PRED, RESULTS, REVIEW, parts_of
from tieout.cli.match_words import problem
from tieout.cli.match_workers import deaf_to_ctrl_c
from tieout.core.errors import TieoutError
from tieout.reports.render.plain import guarded

Write = Callable[[TextIO], None]


def target(option: str, path: Path, inputs: Iterable[Path]) -> Path:
    """The file that `path` leads to, when a result may be put there; TieoutError says why not.

    It may replace an earlier result and an empty file, and nothing else: not what is read now, and no file of other
    content. That the folder can be written to is tried.
    """
    try:
        if path.is_dir():
            raise problem("out_is_folder", path, option=option)
        if path.exists() and not path.is_file():
            raise problem("out_is_special", path, option=option)
        if path.name.lower().endswith(".gz"):
            raise problem("out_gzip", path, option=option)
        real = path.resolve()  # a link stays and what it leads to is replaced
        if not real.parent.is_dir():
            raise problem("out_no_folder", path, option=option, folder=path.parent)
        if real.exists():
            if any(one.exists() and real.samefile(one) for one in inputs):
                raise problem("out_is_input", path, option=option)
            if real.stat().st_size and not _is_result(real):
                raise problem("out_holds_other", path, option=option)
        part = _part(real)
        part.open("wb").close()
        part.unlink()
    except (OSError, RuntimeError) as error:
        raise problem("not_writable", path, option=option, why=getattr(error, "strerror", "") or error) from None
    return real


def _is_result(path: Path) -> bool:
    try:
        return csv_input.header(path) in RESULTS
    except TieoutError:
        return False


def _part(path: Path) -> Path:
    return path.with_name(f".{zlib.crc32(path.name.encode()):08x}.{os.getpid()}.part")  # short, and not seen as a table


def put(files: Mapping[Path, Write]) -> None:
    """Write all these files; they appear whole and together, or none does. Ctrl-C waits for the last step."""
    parts = {path: _part(path) for path in files}
    try:
        for path, write in files.items():
            with parts[path].open("w", encoding="utf-8", newline="") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        with deaf_to_ctrl_c():
            for path, part in parts.items():
                part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def clusters_into(file: TextIO, matching: Matching) -> None:
    """source, source_id, cluster_id, decision: auto (linked), review (asked about, not linked), separate."""
    sizes = matching.sizes()
    asked = {one.ref for one in matching.questions}
    out = csv.writer(file, lineterminator="\n")
    out.writerow(PRED)
    for ref, cluster in sorted(matching.clusters.items()):
        linked = sizes[cluster] > 1
        decision = "auto" if linked else "review" if ref in asked else "separate"
        out.writerow((*parts_of(ref), cluster, decision))


def questions_into(file: TextIO, matching: Matching, prepared: Prepared) -> None:
    """The pairs that a person should look at, most likely first, with reasons, weights and what kept them apart."""
    weigh, at = weights(), prepared.number_of()
    out = csv.writer(file, lineterminator="\n")
    out.writerow(REVIEW)
    for one in sorted(matching.questions, key=lambda q: (-q.link.score, q.ref, q.other)):
        reasons = [_said(code, code in one.own, weigh) for code in one.link.codes]
        row: Sequence[str] = (
            *parts_of(one.mine),
            *parts_of(one.theirs),
            f"{one.link.score / 100:.1f}",
            "; ".join([*reasons, f"prior {weigh.base / 100:+.1f}", f"held by {one.why}"]),
            guarded(prepared.facts[at[one.mine]].shown_names()),
            guarded(prepared.facts[at[one.theirs]].shown_names()),
            matching.clusters[one.ref],
            matching.clusters[one.other],
        )
        out.writerow(row)


def _said(code: str, is_own: bool, weigh: Weights) -> str:
    """A finding with its weight; marked where other records of the two clusters brought it."""
    found = f"{code} {weigh.codes.get(code, 0) / 100:+.1f}"
    return found if is_own else f"{found} (by others of the cluster)"
