"""`match`: which rows of several customer tables are the same customer."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.options import JsonOption
from tieout.cli.output import Out
from tieout.cli.running import reporting

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the customer tables (CSV, UTF-8).")]
OutFile = Annotated[Path, typer.Option("--out", help="Where the clusters go: source,source_id,cluster_id,decision.")]
Review = Annotated[Path | None, typer.Option("--review", help="Where the pairs go that a person should look at.")]
MustLinks = Annotated[
    Path | None,
    typer.Option("--must-links", help="What people said: source,source_id,other_source,other_source_id[,answer]."),
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
    processes: Processes = 0,
    as_json: JsonOption = False,
) -> None:
    """Match customer tables: clusters made of automatic links only, and what a person should decide.

    \b
    A table is a CSV file with source_id and name, and any of name_en, tax_id, phone, email_domain, city, address,
    country, source. Nothing is written to any system.

    \b
    --must-links names pairs of records that people decided about: `answer` is same (the default) or different. They
    come before everything else.

    \b
    Examples:
      tieout match tables/ --out clusters.csv
      tieout match tables/ --out clusters.csv --review review.csv --must-links answers.csv
    """
    from mapping.identity import matching
    from mapping.identity.weights import weights
    from tieout.cli import match_files, match_workers

    printer = Out(as_json=as_json)
    with reporting(printer):
        gc.disable()  # nothing here is cyclic, and a million records cost the collector minutes
        spread = match_workers.spread_over(processes or match_workers.usable_processors())
        prepared = matching.prepare(match_files.records(match_files.tables(folder)), spread)
        same, different = match_files.answers(must_links, prepared.refs) if must_links is not None else ([], [])
        made = matching.matched(prepared, weights(), same, different, spread)
        match_files.write_clusters(out, made)
        if review is not None:
            match_files.write_questions(review, made, prepared)
        sizes = made.sizes().values()
        printer.result(
            {
                "records": len(prepared.refs),
                "clusters": len(sizes),
                "linked_records": sum(size for size in sizes if size > 1),
                "questions": len(made.questions),
                "dropped_blocks": made.dropped_blocks,
            }
        )
