"""`match`: which rows of several customer tables are the same customer."""

from __future__ import annotations

import gc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tieout.cli.options import JsonOption
from tieout.cli.output import Out
from tieout.cli.running import reporting
from tieout.core.clock import SystemClock

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the customer tables (CSV, UTF-8).")]
OutFile = Annotated[Path, typer.Option("--out", help="Where the clusters go: source,source_id,cluster_id,decision.")]
Review = Annotated[Path | None, typer.Option("--review", help="Where the pairs go that a person should look at.")]
MustLinks = Annotated[
    Path | None,
    typer.Option("--must-links", help="What people said: source,source_id,other_source,other_source_id[,answer]."),
]
Previous = Annotated[
    Path | None, typer.Option("--previous", help="The --out of an earlier run, whose cluster ids are to stay.")
]
Processes = Annotated[int, typer.Option("--processes", min=0, help="Processes to use; 0: one for each processor.")]


def register(app: typer.Typer) -> None:
    """Put the command on the tree."""
    app.command()(match)


def match(
    folder: Folder,
    out: OutFile,
    review: Review = None,
    must_links: MustLinks = None,
    previous: Previous = None,
    processes: Processes = 0,
    as_json: JsonOption = False,
) -> None:
    """Match customer tables: clusters made of automatic links only, and what a person should decide.

    \b
    A table is a CSV file (or .csv.gz) with source_id and name, and any of name_en, tax_id, phone, email_domain, city,
    address, country, source; without source, the file's name is the source. Nothing is written to any system. Files
    and columns that are not used are named on standard error.

    \b
    Everything is checked before the work begins: a row that cannot be meant is an error with file and line. The
    results appear whole or not at all and replace only earlier results, never a file that is read.

    \b
    --must-links names pairs of records that people decided about: `answer` is same (the default) or different. They
    come before everything else.

    \b
    --previous keeps cluster ids. A cluster keeps the id of the earlier one that most of its records come from; ties
    go to the smaller id. When clusters merged, the others' ids end; when one was split, its largest part keeps the id
    and the rest get new ones. A new id is the smallest source/source_id of the cluster, with ~2, ~3 … after it where
    the earlier run had that id. Without --previous every id is given anew.

    \b
    Exit codes: 0 done, 1 something is wrong and nothing was written, 2 wrong usage, 130 stopped by Ctrl-C.

    \b
    Examples:
      tieout match tables/ --out clusters.csv
      tieout match tables/ --out clusters.csv --review review.csv --must-links answers.csv
      tieout match tables/ --out november.csv --previous october.csv
    """
    from tieout.cli.match_words import said

    printer = Out(as_json=as_json)
    with reporting(printer):
        try:
            counts = _match(printer, folder, out, review, must_links, previous, processes)
        except KeyboardInterrupt:
            _note(printer, said("stopped"))
            raise
        printer.result(counts)


def _match(
    printer: Out,
    folder: Path,
    out: Path,
    review: Path | None,
    must_links: Path | None,
    previous: Path | None,
    processes: int,
) -> dict[str, int]:
    from mapping.identity import matching
    from mapping.identity.kept_ids import kept_ids
    from mapping.identity.weights import weights
    from tieout.cli import match_answers, match_files, match_results, match_workers
    from tieout.cli.match_progress import Steps
    from tieout.cli.match_words import problem

    note = partial(_note, printer)
    told = [path for path in (must_links, previous) if path is not None]
    paths = match_files.tables(folder, note, besides=told)
    inputs = [*paths, *told]
    clusters_to = match_results.target("--out", out, inputs)
    review_to = match_results.target("--review", review, inputs) if review is not None else None
    if review_to == clusters_to:
        raise problem("out_twice", out)
    gc.disable()  # nothing here is cyclic, and a million records cost the collector minutes
    before = match_answers.previous_clusters(previous) if previous is not None else {}
    with Steps(printer, SystemClock()) as steps:
        refs = match_files.checked(paths, note, partial(steps.tell, "check"))
        if not refs:
            raise problem("no_records", folder)
        same, different = match_answers.answers(must_links, refs) if must_links is not None else ([], [])
        size = len(refs)
        del refs
        spread = match_workers.spread_over(processes or match_workers.usable_processors())
        counted = steps.counted(spread, ("read", "index", "compare"), matching.PART, size)
        prepared = matching.prepare(match_files.records(paths), counted)
        made = matching.matched(prepared, weights(), same, different, steps.counted(spread, ("compare", "join")))
        ids: dict[str, int] = {}
        if previous is not None:
            kept = kept_ids(made.clusters, before)
            made = replace(made, clusters={ref: kept.ids[cluster] for ref, cluster in made.clusters.items()})
            ids = {f"ids_{name}": getattr(kept, name) for name in ("kept", "merged", "split", "new", "gone")}
        steps.tell("write")
        files = {clusters_to: partial(match_results.clusters_into, matching=made)}
        if review_to is not None:
            files[review_to] = partial(match_results.questions_into, matching=made, prepared=prepared)
        match_results.put(files)
    sizes = made.sizes().values()
    return {
        "tables": len(paths),
        "records": len(prepared.refs),
        "clusters": len(sizes),
        "linked_records": sum(size for size in sizes if size > 1),
        "questions": len(made.questions),
        "dropped_blocks": made.dropped_blocks,
        **ids,
    }


def _note(printer: Out, words: str) -> None:
    printer.err.print(escape(words))
