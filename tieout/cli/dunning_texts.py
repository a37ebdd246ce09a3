"""`dunning text`: the words of messages, tried on a customer, put in force, restored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.cli.options import ConfigOption, JsonOption, actor
from tieout.cli.running import run
from tieout.core.config import Config
from tieout.core.errors import ConfigError

app = typer.Typer(help="The words of messages.", no_args_is_help=True, rich_markup_mode=None, name="text")
File = Annotated[Path, typer.Argument(help="A text; its first line is the subject.")]
For = Annotated[str, typer.Option("--for", help="step:L2, level:2 or text:claim.")]
Language = Annotated[str, typer.Option("--language", help="zh-CN or en.")]
Channel = Annotated[str, typer.Option("--channel", help="email, crm_task, crm_note, wecom, dingtalk or feishu.")]
Company = Annotated[str, typer.Option("--company", help="Of which company; needed when there are several.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Its number in `dunning text list`.")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.", code="usage") from None


def _company(cfg: Config, company: str) -> str:
    names = list(cfg.companies)
    if company or len(names) == 1:
        return company or names[0]
    raise ConfigError("say which company it is for.", hint=f"--company {' or '.join(names)}", code="usage")


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the texts that are or were in force, newest first, and what a text can be for and show.

    \b
    Examples:
      tieout dunning text list
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.texts.listed())


@app.command()
def show(
    slot: For,
    language: Language = "zh-CN",
    channel: Channel = "email",
    company: Company = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the text to start from: the one in force there, or the shipped one.

    \b
    Examples:
      tieout dunning text show --for step:L2 --language en > mine.txt
    """

    def print_it(out: Any, result: Any) -> bool:
        if as_json:
            return False
        typer.echo(result["text"], nl=False)
        return True

    def call(service: Any, cfg: Config, _: object) -> dict[str, str]:
        return {"text": service.dunning.texts.start(_company(cfg, company), slot, language, channel)}

    run(config, as_json, call, show=print_it)


@app.command()
def preview(
    file: File,
    slot: For,
    customer: Annotated[str, typer.Option("--customer", help="Whose figures (cus_…).")],
    language: Language = "zh-CN",
    channel: Channel = "email",
    company: Company = "",
    currency: Annotated[str, typer.Option("--currency", help="Of several, this one.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a text and make a customer's message from it, with what that customer owes now. Nothing is stored.

    \b
    Examples:
      tieout dunning text preview mine.txt --for step:L2 --customer cus_01k9w7
    """

    def call(service: Any, cfg: Config, _: object) -> Any:
        given = {"slot": slot, "language": language, "channel": channel, "customer": customer, "currency": currency}
        return service.dunning.texts.preview(_read(file), company=_company(cfg, company), **given)

    run(config, as_json, call)


@app.command()
def activate(
    file: File,
    slot: For,
    language: Language = "zh-CN",
    channel: Channel = "email",
    company: Annotated[
        list[str] | None, typer.Option("--company", help="For these companies; all if left out.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Kept with it.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a text in force: messages made from now on get its words. A mistake is refused with its line.

    \b
    Examples:
      tieout dunning text activate mine.txt --for step:L2 --language en --company cn
    """
    place = {"slot": slot, "language": language, "channel": channel}
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.dunning.texts.use(
            _read(file), **place, actor=actor(), companies=company or [], note=note
        ),
    )


@app.command()
def restore(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Put an earlier text in force again.

    \b
    Examples:
      tieout dunning text restore 345
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.texts.restore(number, actor()))


@app.command()
def drop(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take a text out of force: a less particular one, or the shipped words, are used again.

    \b
    Examples:
      tieout dunning text drop 345
    """
    run(config, as_json, lambda service, cfg, progress: service.dunning.texts.drop(number, actor()))
