"""`dunning` and `cases`: who is reminded and why not, policies, disputes, promises and pauses."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.cli import dunning_texts
from tieout.cli.options import ConfigOption, CursorOption, JsonOption, LimitOption, Service, actor, on_option
from tieout.cli.running import run
from tieout.core.dates import parse_on
from tieout.core.errors import ConfigError
from tieout.core.typed_money import typed_minor

app = typer.Typer(help="Who is reminded, who is not and why.", no_args_is_help=True, rich_markup_mode=None)
policy_app = typer.Typer(help="Dunning policies.", no_args_is_help=True, rich_markup_mode=None)
cases_app = typer.Typer(
    help="Disputes, promises, plans, pauses and contacts.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(policy_app, name="policy")
app.add_typer(dunning_texts.app)
Company = Annotated[str, typer.Option("--company", help="For which company; all (or the only one) if left out.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id (cus_…).")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id (dsp_…, prm_…, pse_…).")]
OnOption = Annotated[str | None, typer.Option("--on", help="As of which day (2026-12-01).")]
Note = Annotated[str, typer.Option("--note", help="Kept with it.")]
ItemsOption = Annotated[list[str] | None, typer.Option("--item", help="Only these invoices or items; repeatable.")]


def register(root: typer.Typer) -> None:
    """Hang the groups into the command tree."""
    root.add_typer(app, name="dunning")
    root.add_typer(cases_app, name="cases")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.", code="usage") from None


@app.command()
def preview(
    policy: Annotated[
        Path | None, typer.Option("--policy", help="A policy to try: shows what it would change.")
    ] = None,
    company: Company = "",
    customer: Annotated[str, typer.Option("--customer", help="Only this one, with every item.")] = "",
    on: OnOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who would be reminded, without storing or sending anything.

    \b
    Examples:
      tieout dunning preview
      tieout dunning preview --on 2026-12-01 --customer cus_01k9w7
      tieout dunning preview --policy strict.yaml --company cn
    """
    text, origin = (_text(policy), policy.name) if policy is not None else ("", "")
    given = {"company": company, "customer": customer, "on": on_option(on), "policy_text": text, "origin": origin}
    run(config, as_json, lambda service, cfg, progress: service.dunning.preview(**given))


@app.command()
def why(customer: Customer, on: OnOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what was decided about a customer, per currency and item: sent, or why not.

    \b
    Examples:
      tieout dunning why cus_01k9w7
      tieout dunning why cus_01k9w7 --on 2026-11-20
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.why(customer, on_option(on)))


@policy_app.command("show")
def show_policy(
    company: Company = "",
    version: Annotated[str, typer.Option("--version", help="An earlier version.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the policy in force, as YAML to start from.

    \b
    Examples:
      tieout dunning policy show > mine.yaml
    """

    def show(out: Any, result: Any) -> bool:
        if as_json:
            return False
        typer.echo(result["text"], nl=False)
        return True

    def call(service: Any, cfg: Any, progress: Any) -> dict[str, str]:
        return {"text": service.dunning.policy_text(company, version)}

    run(config, as_json, call, show=show)


@policy_app.command("list")
def list_policies(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the policies in force and all that were.

    \b
    Examples:
      tieout dunning policy list --json
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.policies())


@policy_app.command("activate")
def activate_policy(
    file: Annotated[Path, typer.Argument(help="A policy (YAML).")],
    company: Annotated[
        list[str] | None, typer.Option("--company", help="For these companies; all if left out.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a policy in force; prints what it changes today. `dunning preview --policy FILE` shows that before.

    \b
    Examples:
      tieout dunning policy activate mine.yaml --company cn
    """
    text = _text(file)
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.dunning.activate(text, actor(), company or [], origin=file.name),
    )


@cases_app.command("list")
def list_cases(
    kind: Annotated[str | None, typer.Option("--kind", help="dispute, promise, plan, pause or contact.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Of this customer.")] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only those nobody has closed.")] = False,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List disputes, promises, plans, pauses and contacts, newest first.

    \b
    Examples:
      tieout cases list --kind dispute --open
    """
    given = {"kind": kind, "customer": customer, "is_open": True if is_open else None, "limit": limit, "cursor": cursor}
    run(config, as_json, lambda service, cfg, progress: service.dunning.cases(**given))


@cases_app.command()
def dispute(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="The invoice's id (inv_…).")],
    reason: Annotated[str, typer.Option("--reason", help="pricing, quantity, quality, not_received, other …")],
    amount: Annotated[str, typer.Option("--amount", help="How much of it (2000.00); all if left out.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Of the amount.")] = "CNY",
    item: Annotated[
        list[str] | None, typer.Option("--item", help="Which instalment, where there are several; repeatable.")
    ] = None,
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an invoice, or a part of it, in dispute: only the rest is asked for.

    \b
    Examples:
      tieout cases dispute inv_01k9w7 --reason quality --amount 2000.00
    """
    minor = typed_minor(amount, currency) if amount else None
    given = {"reason": reason, "amount_minor": minor, "items": item or [], "note": note}
    run(config, as_json, lambda service, cfg, progress: service.dunning.open_dispute(invoice, actor(), **given))


@cases_app.command()
def promise(
    customer: Customer,
    on: Annotated[str, typer.Option("--on", help="The day it was promised for (2026-12-05).")],
    item: ItemsOption = None,
    amount: Annotated[str, typer.Option("--amount", help="How much (2000.00); all that is open if left out.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Of the amount.")] = "CNY",
    by: Annotated[str, typer.Option("--by", help="Who promised.")] = "",
    company: Company = "",
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note a promise to pay: nothing is asked for until its day and tolerance have passed.

    \b
    Examples:
      tieout cases promise cus_01k9w7 --on 2026-12-05 --item inv_01k9w7 --by "Ms Zhao"
    """
    given: dict[str, Any] = {"promised_on": on_option(on), "items": item or [], "by": by, "company": company}
    if amount:
        given |= {"amount_minor": typed_minor(amount, currency), "currency": currency}
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.dunning.open_promise(customer, actor(), note=note, **given),
    )


@cases_app.command()
def plan(
    customer: Customer,
    row: Annotated[list[str], typer.Option("--row", metavar="DAY=AMOUNT", help="An instalment; repeatable.")],
    currency: Annotated[str, typer.Option("--currency", help="Of the amounts.")] = "CNY",
    item: ItemsOption = None,
    company: Company = "",
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Agree on instalments that sum to what is open: dunning waits while they are kept.

    \b
    Examples:
      tieout cases plan cus_01k9w7 --row 2026-12-31=5000.00 --row 2027-01-31=5000.00
    """
    given = {"rows": [_instalment(one, currency) for one in row], "currency": currency, "items": item or []}
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.dunning.open_plan(
            customer, actor(), company=company, note=note, **given
        ),
    )


def _instalment(words: str, currency: str) -> tuple[date, int]:
    day, equals, amount = words.partition("=")
    if not equals:
        raise ConfigError(
            f"{words!r} is no instalment: write DAY=AMOUNT.", hint="For example 2026-12-31=5000.00", code="usage"
        )
    return parse_on(day.strip()), typed_minor(amount, currency)


@cases_app.command()
def pause(
    customer: Customer,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with it.")],
    until: Annotated[str | None, typer.Option("--until", help="Last day of the pause (2026-12-31).")] = None,
    legal: Annotated[bool, typer.Option("--legal", help="A lawyer has it: may have no end.")] = False,
    item: ItemsOption = None,
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop dunning a customer, or some of its items, for a while.

    \b
    Examples:
      tieout cases pause cus_01k9w7 --until 2026-12-31 --reason "new contact being sought"
    """
    given = {"reason": reason, "until_on": on_option(until), "legal": legal, "items": item or [], "company": company}
    run(config, as_json, lambda service, cfg, progress: service.dunning.open_pause(customer, actor(), **given))


@cases_app.command()
def contact(
    customer: Customer,
    email: Annotated[list[str] | None, typer.Option("--email", help="Whom to write to; repeatable.")] = None,
    language: Annotated[str, typer.Option("--language", help="zh-CN or en.")] = "",
    never: Annotated[bool, typer.Option("--never", help="Nobody at this customer may be written to.")] = False,
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whom to write to at a customer, and in which language; the newest contact counts.

    \b
    Examples:
      tieout cases contact cus_01k9w7 --email ap@example.com --language en
    """
    given = {"emails": email or [], "language": language, "may_write": not never, "company": company}
    run(config, as_json, lambda service, cfg, progress: service.dunning.set_contact(customer, actor(), **given))


@cases_app.command()
def close(
    case: CaseArgument,
    outcome: Annotated[str, typer.Argument(help="accepted, rejected, partial, withdrawn (disputes) or cancelled.")],
    root_cause: Annotated[str, typer.Option("--root-cause", help="Of a dispute.")] = "",
    team: Annotated[str, typer.Option("--team", help="Who is responsible.")] = "",
    accepted: Annotated[
        str, typer.Option("--accepted", help="How much is accepted (1500.00), of a dispute that ends as partial.")
    ] = "",
    pay_by: Annotated[str | None, typer.Option("--pay-by", help="New pay-by date of what is rejected.")] = None,
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle a dispute, or end a promise, plan, pause or contact.

    \b
    Examples:
      tieout cases close dsp_01k9w7 rejected --root-cause "none found" --team quality
      tieout cases close dsp_01k9w7 partial --accepted 1500.00 --root-cause "two boxes" --team logistics
    """
    given: dict[str, Any] = {"root_cause": root_cause, "team": team, "pay_by_on": on_option(pay_by), "note": note}

    def call(service: Service, cfg: Any, progress: Any) -> Any:
        if accepted:
            given["accepted_minor"] = typed_minor(accepted, str(service.dunning.case(case)["currency"]))
        return service.dunning.close(case, outcome, actor(), **given)

    run(config, as_json, call)


@cases_app.command()
def undo(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take the last step of a case back.

    \b
    Examples:
      tieout cases undo dsp_01k9w7
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.undo(case, actor()))
