"""The text of a configuration file: TOML, `env:NAME` and `file:PATH` references, and where a key stands in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tieout.core.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


class Given(str):
    """Text that came from the environment or a file; a field that is not text reads it as a TOML value."""

    __slots__ = ()


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text; a syntax error becomes one line with its place."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{name} is not valid TOML: it is nested too deeply.") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
        raise ConfigError(f"{name} is not valid TOML: {error}.", hint="Correct that line and start again.") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """The known key that looks most like the word, or an empty text when none is close."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.55)
    return found[0] if found else ""


def unknown_key(key: str, place: str, known: Iterable[str], *, line: int = 0) -> ConfigError:
    """The error for a key nobody knows: the key, its place, and the nearest known one."""
    names = sorted(known)
    where = f"{place} (line {line})" if line else place
    close = nearest(key, names)
    hint = f'Did you mean "{close}"?' if close else f"Known keys: {', '.join(names)}."
    return ConfigError(f'unknown key "{key}" in {where}.', hint=hint)


def line_of(text: str, table: str, key: str) -> int:
    """The line on which a key of a table stands, counted from 1; 0 when it cannot be told (inline tables)."""
    inside = not table
    header = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
    wanted = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
    for number, line in enumerate(text.splitlines(), 1):
        found = header.match(line)
        if found:
            name = found.group(1).replace('"', "").replace("'", "").replace(" ", "")
            if name == (f"{table}.{key}" if table else key):
                return number
            inside = name == table
        elif inside and wanted.match(line):
            return number
    return 0


def resolve(value: Any, place: str, *, base: Path, environ: Mapping[str, str]) -> Any:
    """The value with every `env:NAME` and `file:PATH` replaced; relative paths start at the configuration file.

    A variable that is not set or a file that cannot be read raises ConfigError naming the key.
    """
    if isinstance(value, dict):
        return {
            key: resolve(item, f"{place}.{key}" if place else key, base=base, environ=environ)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [resolve(item, place, base=base, environ=environ) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value[4:].strip()
        if name not in environ:
            raise ConfigError(
                f"{place}: the environment variable {name} is not set.", hint=f"Set {name} and try again."
            )
        return Given(environ[name])
    if value.startswith("file:"):
        path = base / Path(value[5:].strip()).expanduser()
        try:
            return Given(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(f"{place}: cannot read {path}: {reason}.") from None
    return value


def _wants_text(annotation: Any) -> bool:
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return True
    return annotation is str or (kind in (Union, UnionType) and any(_wants_text(item) for item in inner))


def _read_given(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in data.items():
        field = model.model_fields.get(key)
        if isinstance(value, Given) and field is not None and not _wants_text(field.annotation):
            try:
                out[key] = tomllib.loads(f"value = {value}")["value"]
                continue
            except tomllib.TOMLDecodeError:
                pass
        out[key] = str(value) if isinstance(value, Given) else value
    return out


def validated(model: type[Model], data: Any, table: str, *, text: str = "") -> Model:
    """The table as its model; the first thing wrong becomes one line that names the key and its place.

    `table` is the dotted table name (`connections.zoho`), `text` the file's text, used to tell the line.
    """
    place = f"[{table}]"
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place} must be a table of keys.")
    for key in data:
        if key not in model.model_fields:
            raise unknown_key(key, place, model.model_fields, line=line_of(text, table, key))
    try:
        return model.model_validate(_read_given(model, data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        names = [str(part) for part in first["loc"] if not isinstance(part, int)]
        line = line_of(text, table, names[0]) if names else 0
        where = f"{'.'.join([table, *names])}" + (f" (line {line})" if line else "")
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            raise ConfigError(f"{where} is missing.", hint="Add it to the configuration.") from None
        raise ConfigError(f"{where}: {said[:1].lower()}{said[1:]}.".replace("..", ".")) from None
