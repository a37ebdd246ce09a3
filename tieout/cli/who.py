"""`customers`: who is one customer and who is not: merged, parted again, put elsewhere; what people said is listed."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, CursorOption, JsonOption, actor
from tieout.cli.running import run

app = typer.Typer(help="Who is one customer and who is not.", no_args_is_help=True, rich_markup_mode=None)
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer (cus_…).")]
Member = Annotated[
    str, typer.Argument(metavar="MEMBER", help="A record CONNECTION/customers/ID, or an account (acc_…).")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit trail.")]
OverruleOption = Annotated[bool, typer.Option("--overrule", help="Although a person said that they are not the same.")]


@app.command()
def merge(
    customer: Customer,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The customer that becomes a part of it.")],
    reason: ReasonOption = "",
    overrule: OverruleOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make two customers one; no journal row moves.

    \b
    Examples:
      tieout customers merge cus_0000009vn0003h cus_0000009vn0004j --reason "one firm, two numbers"
    """
    run(config, as_json, lambda service, cfg, progress: service.merge(customer, other, actor(), reason, overrule))


@app.command()
def unmerge(
    customer: Customer,
    members: Annotated[
        list[str] | None, typer.Argument(metavar="MEMBER…", help="Those of the last act if none.")
    ] = None,
    reason: ReasonOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a merge or relink back; members return to where they stood.

    \b
    Examples:
      tieout customers unmerge cus_0000009vn0003h --reason "two firms after all"
      tieout customers unmerge cus_0000009vn0003h acc_0000009vn0004j
    """
    run(config, as_json, lambda service, cfg, progress: service.unmerge(customer, members or [], actor(), reason))


@app.command()
def relink(
    customer: Customer,
    member: Member,
    reason: ReasonOption = "",
    overrule: OverruleOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a record or an account into this customer, wherever it stood.

    \b
    Examples:
      tieout customers relink cus_0000009vn0003h zoho/customers/5725767000001000007
    """
    run(config, as_json, lambda service, cfg, progress: service.relink(customer, [member], actor(), reason, overrule))


@app.command()
def separate(
    customer: Customer,
    member: Member,
    reason: ReasonOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a record which a rule linked is not this customer; no rule brings it back.

    \b
    Examples:
      tieout customers separate cus_0000009vn0003h zoho/customers/5725767000001000007 --reason "another firm"
    """
    run(config, as_json, lambda service, cfg, progress: service.answers.separate(customer, [member], actor(), reason))


@app.command()
def answers(
    about: Annotated[str, typer.Option("--about", help="Only those that name this member or customer.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many.")] = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what people said of who is who, newest first.

    \b
    Examples:
      tieout customers answers
      tieout customers answers --about zoho/customers/5725767000001000007 --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.answers.listed(about=about, limit=limit, cursor=cursor),
    )


@app.command()
def undo(
    seq: Annotated[int, typer.Argument(metavar="SEQ", help="The number of the answer.")],
    reason: ReasonOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back an answer given by hand, with all of its act.

    \b
    Examples:
      tieout customers undo 4711 --reason "it was the same after all"
    """
    run(config, as_json, lambda service, cfg, progress: service.answers.undo(seq, actor(), reason))
