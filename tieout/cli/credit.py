"""`credit`: limits and overrides that people order; `rates` and `import`: dated exchange rates."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.cli.options import ConfigOption, CursorOption, JsonOption, LimitOption, Service, actor, on_option
from tieout.cli.running import run
from tieout.core.config import Config
from tieout.core.errors import ConfigError
from tieout.core.typed_money import typed_minor

app = typer.Typer(help="Credit limits and overrides.", no_args_is_help=True, rich_markup_mode=None)
rates_app = typer.Typer(help="Dated exchange rates.", no_args_is_help=True, rich_markup_mode=None)
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id (cus_…).")]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id (ctm_…).")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]
Company = Annotated[str, typer.Option("--company", help="For which company; needed when there are several.")]
Until = Annotated[str | None, typer.Option("--until", help="Last day on which it counts (2027-03-31).")]


class Status(StrEnum):
    """Credit statuses."""

    ok = "ok"
    watch = "watch"
    hold = "hold"


class State(StrEnum):
    """States of an order."""

    waiting = "waiting"
    active = "active"
    withdrawn = "withdrawn"


class Kind(StrEnum):
    """What a file can be imported as."""

    rates = "rates"


@app.command()
def show(customer: Customer, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a customer's credit: status with reasons, limits of the books, orders of people.

    \b
    Examples:
      tieout credit show cus_01k9w7
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.show(customer))


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option("--state", help="Which orders; all when left out.")] = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List limits and overrides that people ordered, newest first.

    \b
    Examples:
      tieout credit list --state waiting
    """
    wanted = state.value if state is not None else None
    run(config, as_json, lambda service, cfg, progress: service.credit.terms(wanted, limit, cursor))


@app.command()
def limit(
    customer: Customer,
    amount: Annotated[str, typer.Argument(help="The limit in major units (500000.00); 0 = nothing on credit.")],
    reason: Reason,
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217; the company's own when left out.")] = "",
    since: Annotated[
        str | None, typer.Option("--from", help="First day on which it counts; at once if left out.")
    ] = None,
    until: Until = None,
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a credit limit. It counts once another person has approved it, and goes before the books' limit.

    \b
    Examples:
      tieout credit limit cus_01k9w7 500000 --reason "new frame contract"
      tieout credit limit cus_01k9w7 80000 --currency USD --until 2027-03-31 --reason "season"
    """

    def call(service: Service, cfg: Config, _: object) -> Any:
        code = currency or _home(cfg, company)
        wanted = {
            "amount_minor": typed_minor(amount, code),
            "currency": code,
            "reason": reason,
            "company": company,
            "valid_from": on_option(since),
            "valid_until": on_option(until),
        }
        return service.credit.ask_limit(customer, wanted, actor())

    run(config, as_json, call)


@app.command()
def override(
    customer: Customer,
    status: Annotated[Status, typer.Argument(help="ok, watch or hold.")],
    until: Annotated[str, typer.Option("--until", help="Last day on which it counts, at most 92 days ahead.")],
    reason: Reason,
    up_to: Annotated[
        str, typer.Option("--up-to", help="Exposure up to which it counts; needed for ok and watch.")
    ] = "",
    currency: Annotated[str, typer.Option("--currency", help="Of --up-to; the company's own when left out.")] = "",
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the credit status by hand until a day. Hold counts at once; ok and watch need another person's approval.

    \b
    Examples:
      tieout credit override cus_01k9w7 hold --until 2026-12-31 --reason "insolvency filed"
      tieout credit override cus_01k9w7 ok --up-to 600000 --until 2026-12-15 --reason "payment is on its way"
    """

    def call(service: Service, cfg: Config, _: object) -> Any:
        code = currency or (_home(cfg, company) if up_to else "")
        wanted = {
            "status": status.value,
            "amount_minor": typed_minor(up_to, code) if up_to else None,
            "currency": code,
            "reason": reason,
            "company": company,
            "valid_until": on_option(until),
        }
        return service.credit.ask_override(customer, wanted, actor())

    run(config, as_json, call)


@app.command()
def approve(order: Order, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Approve what another person asked for.

    \b
    Examples:
      tieout credit approve ctm_0000001z4
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.approve(order, actor()))


@app.command()
def withdraw(
    order: Order,
    reason: Annotated[str, typer.Option("--reason", help="Why it is taken back.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a limit or an override back; what stood before it counts again.

    \b
    Examples:
      tieout credit withdraw ctm_0000001z4 --reason "typing error"
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.withdraw(order, reason, actor()))


@app.command()
def policy(
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE…", help="Thresholds that differ from the shipped ones.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; needed to ask for another policy.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show whose status would change.")] = False,
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the thresholds of credit, or ask for others. They count once another person has approved them.

    \b
    Examples:
      tieout credit policy
      tieout credit policy hold_days=45 watch_above_percent=80 --preview
      tieout credit policy hold_days=45 min_overdue_minor.CNY=50000 --reason "agreed with sales"
    """
    if not pairs:
        run(config, as_json, lambda service, cfg, progress: service.credit.policy(company))
        return
    wanted = {"values": _thresholds(pairs), "reason": reason or "preview", "company": company, "dry_run": preview}
    if not reason and not preview:
        raise typer.BadParameter("say why with --reason, or look first with --preview.")
    run(config, as_json, lambda service, cfg, progress: service.credit.ask_policy(wanted, actor()))


def _thresholds(pairs: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        is_none = text.lower() in ("none", "off")
        if not equals or not (is_none or (text.isascii() and text.isdigit())):
            raise typer.BadParameter(f"{pair!r} is not NAME=NUMBER; for example hold_days=45.")
        value = None if is_none else int(text)
        head, _, code = name.partition(".")
        if code:
            out.setdefault(head, {})[code] = value
        else:
            out[head] = value
    return out


@rates_app.command("list")
def list_rates(
    base: Annotated[str | None, typer.Option("--base", help="Only rates of this currency.")] = None,
    current: Annotated[bool, typer.Option("--current", help="Only those begun and not ended today.")] = False,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the exchange rates that stand, the latest date first.

    \b
    Examples:
      tieout rates list --base USD --current
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.rates(limit, cursor, base=base, current=current))


@rates_app.command("withdraw")
def withdraw_rate(
    rate: Annotated[str, typer.Argument(metavar="RATE", help="The rate's id, as `rates list` shows it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a stated rate back; decisions that used it are made again.

    \b
    Examples:
      tieout rates withdraw _all.USD.CNY.2026-11-01
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.withdraw_rate(rate, actor()))


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file.")],
    kind: Annotated[Kind, typer.Option("--as", help="What it holds: rates.")],
    company: Annotated[str, typer.Option("--company", help="For one company only; all when left out.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a file of dated exchange rates, all lines or none.

    The first line names the columns: base,quote,rate,on and, where wanted, until,source. One unit of base is `rate`
    units of quote from that day on, until the next rate, the day in `until`, or for 31 days.

    \b
    Examples:
      tieout import rates.csv --as rates
    """
    run(config, as_json, lambda service, cfg, progress: service.credit.import_rates(file, actor(), company))


def _home(cfg: Config, company: str) -> str:
    names = list(cfg.companies)
    name = company or (names[0] if len(names) == 1 else "")
    if name not in cfg.companies:
        raise ConfigError("say which company it is for.", hint=f"--company {'|'.join(names)}", code="usage")
    return str(cfg.companies[name].functional_currency)


def register(tree: typer.Typer) -> None:
    """Add these commands to the tree."""
    tree.add_typer(app, name="credit")
    tree.add_typer(rates_app, name="rates")
    tree.command("import")(import_)
