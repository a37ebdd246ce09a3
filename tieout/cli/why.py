"""`why`: why two records are one customer, or are not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tieout.cli.options import ConfigOption, JsonOption
from tieout.cli.output import Out
from tieout.cli.running import run

Record = Annotated[str, typer.Argument(help="An account (acc_…), or CONNECTION/customers/ID of a CRM or the books.")]


def register(app: typer.Typer) -> None:
    """Put the command on the tree."""
    app.command()(why)


def why(left: Record, right: Record, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show why two records are one customer, or are not: evidence with its weight, vetoes, what people decided.

    \b
    Examples:
      tieout why zoho/customers/5725767000001000007 kingdee/customers/C0007
      tieout why acc_0000009vn0003h acc_0000009vn0004j --json
    """
    run(config, as_json, lambda service, cfg, progress: service.why(left, right), show=show)


def show(out: Out, found: Any) -> bool:
    """The verdict in one sentence, then what it stands on; False where nothing was found to show."""
    from tieout.web.i18n import words_of

    if not isinstance(found, dict) or "outcome" not in found:
        return False
    words = words_of(out.language)

    def word(family: str, code: str) -> str:
        return words.get(f"{family}.{code}", code.replace("_", " "))

    names = {found[side]["member"]: found[side]["name"] for side in ("left", "right")}
    reasons = dict.fromkeys(word("reason", one["code"]) for one in found["because"])
    comma = "，" if out.language == "zh-CN" else ", "
    because = f"{words['why.because']}{words['why.and'].join(reasons)}{words['why.stop']}"
    out.line(f"{word('outcome', found['outcome'])}{comma}{because}")
    if not found["is_current"]:
        out.line(words["why.moved"])
    out.line("")
    out.line(f"{_number(found['prior'])}  {words['why.prior']}")
    for one in found["reasons"]:
        veto = f" [{words['why.veto']}]" if one["code"] in found["vetoes"] else ""
        values = " | ".join(dict.fromkeys(value for value in (one["mine"], one["theirs"]) if value))
        out.line(f"{_number(one['weight'])}  {word('reason', one['code'])}{veto}  {values}".rstrip())
    lines = {name: f"{value / 100:+.2f}" for name, value in found["thresholds"].items()}
    told = words["why.lines"].format(auto=lines["auto"], review=lines["review"], margin=lines["margin"].lstrip("+"))
    out.line(f"{_number(found['score'])}  {words['why.sum']}  ({told})")
    for one in found["answers"]:
        state = "" if one["is_active"] else f" ({words['why.withdrawn']})"
        subject, target = (names.get(one[key], one[key]) for key in ("subject", "target"))
        out.line(
            f"{one['at']:%Y-%m-%d %H:%M} {one['actor']}: {word('action', one['action'])} {subject} {target}{state}"
        )
    for one in found["relations"]:
        member, target = (names.get(one[key], one[key]) for key in ("member", "target"))
        out.line(f"{member} {word('relation_to', one['kind'])} {target}")
    for one in found["events"]:
        until = f" – {one['to_at']:%Y-%m-%d %H:%M}" if one["to_at"] else ""
        out.line(
            f"{one['from_at']:%Y-%m-%d %H:%M}{until}  {names[one['member']]} → {one['customer_name']}"
            f"  ({word('rule', one['rule'])})"
        )
    return True


def _number(weight: int) -> str:
    return f"{weight / 100:+7.2f}"
