"""The answers of `tieout init`: from options, from a person at a terminal, or as they are by default; checked alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import typer

from tieout.cli.init_words import say
from tieout.cli.vendors import STARTERS, vendor_settings
from tieout.cli.write_config import toml
from tieout.core.config import parse
from tieout.core.dates import DateError, parse_on, zone
from tieout.core.errors import ConfigError
from tieout.core.money import is_currency

BOOKS = ("kingdee",)  # vendors whose documents can post
CRMS = tuple(vendor for vendor in STARTERS if vendor not in BOOKS)
FOLDER = "secrets"
_HIDDEN = re.compile(r"secret|token|code")
_SHORT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
Check = Callable[[str, str], str]  # (value, language) -> what is wrong, "" if nothing


@dataclass
class Answers:
    """What a first configuration is made from. `secrets` are file names with what goes into them."""

    language: str = "en"
    name: str = ""
    company: str = ""
    currency: str = ""
    timezone: str = ""
    crm: str = ""
    accounting: str = ""
    book_of_record: str = ""
    start_on: date | None = None
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def connections(self) -> dict[str, str]:
        """Connection names with their vendors: the CRM first."""
        return {self.crm.removesuffix("_crm"): self.crm, self.accounting: self.accounting}


def gather(given: Mapping[str, str | None], pairs: Sequence[str], *, defaults: Mapping[str, str], ask: bool) -> Answers:
    """The answers: an option that was given, else what a person says (`ask`), else the default.

    Raises ConfigError for an option that cannot be used; a person is asked again. typer.Abort when they stop.
    """
    out = Answers(language=given.get("language") or defaults["language"])
    one = _One(out, given, defaults, ask)
    if ask:
        typer.echo(say(out.language, "intro"))
    out.language = one("language", _language)
    for name, check in (("name", _name), ("company", _short), ("currency", _currency), ("timezone", _zone)):
        setattr(out, name, one(name, check))
    out.crm = one("crm", _one_of(CRMS), known=", ".join(CRMS))
    out.accounting = one("accounting", _one_of(BOOKS), known=", ".join(BOOKS))
    books = tuple(name for name, vendor in out.connections.items() if vendor in BOOKS)
    out.book_of_record = one("book_of_record", _one_of(books), words="book", default=books[0], known=", ".join(books))
    out.start_on = parse_on(one("start_on", _day))
    _access(out, _pairs(out, pairs), ask)
    return out


@dataclass
class _One:
    """Asks for one answer."""

    answers: Answers
    given: Mapping[str, str | None]
    defaults: Mapping[str, str]
    ask: bool

    def __call__(self, name: str, check: Check, *, words: str = "", default: str = "", known: str = "") -> str:
        language = self.answers.language
        stated = self.given.get(name)
        if stated is not None:
            if problem := check(stated.strip(), language):
                raise ConfigError(f"--{name.replace('_', '-')}: {problem}.", code="usage")
            return stated.strip()
        default = default or self.defaults[name]
        if not self.ask:
            return default
        while True:
            value = str(typer.prompt(say(language, words or name, known=known), default=default)).strip()
            if not (problem := check(value, language)):
                return value
            typer.echo(f"  {problem}")


def _access(out: Answers, stated: Mapping[tuple[str, str], str], ask: bool) -> None:
    """Each connection's own keys. A secret that is typed goes into a file of its own, never into the configuration."""
    for name, vendor in out.connections.items():
        if ask:
            page = vendor.removesuffix("_crm")
            typer.echo(say(out.language, "keys", name=name, vendor=vendor, page=page))
        mine = out.settings[name] = {}
        for key, default in STARTERS[vendor].items():
            mine[key] = stated.get((name, key), default)
            if (name, key) in stated or not ask:
                continue
            mine[key] = (
                _typed(out, name, key, default) if default.startswith("env:") else _plain(out, name, key, default)
            )


def _plain(out: Answers, name: str, key: str, default: str) -> str:
    """A key that is no secret, asked until a configuration with it can be read."""
    others = {one: dict(STARTERS[vendor]) for one, vendor in out.connections.items()}
    while True:
        value = str(typer.prompt(say(out.language, "plain", field=key), default=default)).strip()
        try:
            check_draft(out, {**others, name: {**others[name], key: value}}, Path("tieout.toml").absolute())
        except ConfigError as error:
            typer.echo(f"  {error}")
            continue
        return value


def _typed(out: Answers, name: str, key: str, default: str) -> str:
    words = say(out.language, "secret", field=key, variable=default.removeprefix("env:"))
    value = str(typer.prompt(words, default="", show_default=False, hide_input=True)).strip()
    if not value:
        return default
    if value.startswith(("env:", "file:")):
        return value
    file = f"{FOLDER}/{name}_{key}"
    out.secrets[file] = value
    return f"file:{file}"


def _pairs(out: Answers, pairs: Sequence[str]) -> dict[tuple[str, str], str]:
    """`--set zoho.base_url=…` as (connection, key) -> value."""
    found: dict[tuple[str, str], str] = {}
    for pair in pairs:
        place, equals, value = pair.partition("=")
        name, _, key = place.partition(".")
        vendor = out.connections.get(name)
        if not equals or vendor is None or key not in STARTERS[vendor]:
            known = ", ".join(f"{one}.{key}" for one, vendor in out.connections.items() for key in STARTERS[vendor])
            raise ConfigError(f"--set: {pair!r} names no key.", hint=f"Known: {known}.", code="usage")
        if STARTERS[vendor][key].startswith("env:") and _HIDDEN.search(key) and not value.startswith(("env:", "file:")):
            raise ConfigError(
                f"--set: {place} is a secret: others can read the command line.",
                hint="Give env:NAME or file:PATH, or type it when you are asked.",
                code="usage",
            )
        found[name, key] = value
    return found


def _language(value: str, language: str) -> str:
    return "" if value in ("zh-CN", "en") else say(language, "not_language")


def _name(value: str, language: str) -> str:
    return "" if value else say(language, "not_name")


def _short(value: str, language: str) -> str:
    return "" if _SHORT.fullmatch(value) else say(language, "not_short")


def _currency(value: str, language: str) -> str:
    return "" if is_currency(value) else say(language, "not_currency", value=value)


def _zone(value: str, language: str) -> str:
    try:
        zone(value)
    except (DateError, ConfigError, ValueError):
        return say(language, "not_zone", value=value)
    return ""


def _day(value: str, language: str) -> str:
    try:
        parse_on(value)
    except DateError:
        return say(language, "not_day")
    return ""


def _one_of(known: Sequence[str]) -> Check:
    def check(value: str, language: str) -> str:
        return "" if value in known else say(language, "not_known", known=", ".join(known))

    return check


class _AnyVariable(dict[str, str]):
    """An environment in which every variable is set: to check a file whose secrets are not there yet."""

    def __contains__(self, key: object) -> bool:
        return not str(key).startswith("TIEOUT_")

    def __missing__(self, key: str) -> str:
        return "x"


def check_draft(answers: Answers, settings: Mapping[str, Mapping[str, str]], path: Path) -> None:
    """ConfigError unless these answers make a configuration that can be read; every variable counts as set."""
    text = toml(as_tables(answers, settings))
    parse(text, path, environ=_AnyVariable(), vendor_settings=vendor_settings)


def as_tables(answers: Answers, settings: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """The tables of the configuration, with these settings of its connections."""
    crm = answers.crm.removesuffix("_crm")
    return {
        "tieout": {"home": "var", "language": answers.language},
        f"companies.{answers.company}": {
            "name": answers.name,
            "functional_currency": answers.currency,
            "timezone": answers.timezone,
            "book_of_record": answers.book_of_record,
            "cash_application": "source",
        },
        f"connections.{crm}": {
            "vendor": answers.crm,
            **settings[crm],
            "push": ["payment_status", "credit", "reminders"],
            "push_mode": "plan",
        },
        f"connections.{answers.accounting}": {
            "vendor": answers.accounting,
            **settings[answers.accounting],
            "start_on": answers.start_on,
        },
    }
