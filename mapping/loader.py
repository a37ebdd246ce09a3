"""Profiles are loaded from YAML: the shipped ones, or a folder that overrides them stream by stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import Any

from mapping import grammar
from mapping.expressions import Const, Expression
from mapping.profile import Field, Profile, SkipRule
from mapping.schema import ROW_TARGETS, TARGETS, Target
from mapping.yaml_lines import Item, parse
from tieout.core import exact_json
from tieout.core.errors import ConfigError

# Part of every version: raised when the engine reads the same profile differently.
ENGINE_VERSION = 1
_TOP = ("vendor", "stream", "makes", "ask", "extends", "let", "skip", "fields")
_FIELD_OPTIONS = ("required", "negate", "absolute", "text_amount", "stamp")
_FITS = {
    "negate": ("money",),
    "absolute": ("money",),
    "text_amount": ("money", "rows", "rate"),
    "stamp": ("date",),
}


def load_profiles(vendor: str, override_dir: str | FilePath | None = None) -> dict[str, Profile]:
    """Profiles of a vendor by stream; a file in `override_dir` replaces (or extends) the shipped one of its stream.

    Raises ProfileError (a ConfigError) with file and line for the first mistake.
    """
    shipped = _shipped(vendor)
    out = dict(shipped[0])
    if override_dir:
        folder = FilePath(override_dir)
        if not folder.is_dir():
            raise ConfigError(f"the folder of mapping profiles {str(folder)!r} does not exist")
        for file in sorted(folder.glob("*.yaml")):
            item = parse(file.read_text(encoding="utf-8"), str(file))
            profile = build(item, vendor=vendor, stream=file.stem, base=shipped[1].get(file.stem))
            out[profile.stream] = profile
    return out


def vendors() -> list[str]:
    """Vendors with shipped profiles."""
    return sorted(entry.name for entry in _root().iterdir() if entry.is_dir())


def _root() -> Traversable:
    return files("mapping").joinpath("profiles")


@cache
def _shipped(vendor: str) -> tuple[dict[str, Profile], dict[str, Item]]:
    folder = _root().joinpath(vendor) if re.fullmatch(r"[a-z0-9_]+", vendor) else None
    if folder is None or not folder.is_dir():
        raise ConfigError(f"no mapping profiles for vendor {vendor!r}", hint=f"Known: {', '.join(vendors())}.")
    items = {
        entry.name.removesuffix(".yaml"): parse(entry.read_text(encoding="utf-8"), f"{vendor}/{entry.name}")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }
    return {stream: build(item, vendor=vendor, stream=stream) for stream, item in items.items()}, items


def build(item: Item, *, vendor: str, stream: str, base: Item | None = None) -> Profile:
    """A validated profile from its YAML; `base` is the shipped profile that `extends: shipped` starts from."""
    top = item.mapping()
    _known(item, _TOP)
    if "extends" in top:
        if top["extends"].text() != "shipped" or base is None:
            raise top["extends"].error("extends must be 'shipped', and a profile of this stream must be shipped")
        top = _extended(base.mapping(), top)
    for key, wanted in (("vendor", vendor), ("stream", stream)):
        if key not in top:
            raise item.error(f"{key!r} is missing")
        if top[key].text() != wanted:
            raise top[key].error(f"{key} is {top[key].value!r}, the place of this file says {wanted!r}")
    for key in ("makes", "fields"):
        if key not in top:
            raise item.error(f"{key!r} is missing")
    makes = top["makes"].text()
    if makes not in TARGETS:
        raise top["makes"].error(f"unknown record {makes!r}", hint=f"Known: {', '.join(TARGETS)}.")
    lets = _lets(top.get("let"))
    fields = _fields(top["fields"], TARGETS[makes], lets)
    skips = [_skip(part, lets) for part in top["skip"].items()] if "skip" in top else []
    content = {key: value.plain() for key, value in top.items()}
    return Profile(
        vendor=vendor,
        stream=stream,
        makes=makes,  # type: ignore[arg-type]  # checked against TARGETS above
        version=exact_json.digest({"engine": ENGINE_VERSION, "profile": content}),
        origin=item.origin,
        text=json.dumps(content, ensure_ascii=False),  # in its own order: a `let` may use those before it
        source_paths=_source_paths(_ask(top.get("ask")), fields, skips, lets),
        read_paths=_source_paths("dotted", fields, skips, lets),
        fields=fields,
        lets=lets,
        skips=skips,
    )


def restored(text: str, *, vendor: str, stream: str) -> Profile:
    """The profile that `Profile.text` was taken from, as the present engine reads it."""
    return build(parse(text, f"{vendor}/{stream} as it was"), vendor=vendor, stream=stream)


def _extended(base: Mapping[str, Item], own: Mapping[str, Item]) -> dict[str, Item]:
    out = {**base, **{key: value for key, value in own.items() if key not in ("extends", "fields", "let")}}
    for key in ("fields", "let"):
        if key in base and key in own:
            merged = {**base[key].mapping(), **own[key].mapping()}
            out[key] = Item(merged, own[key].line, own[key].origin)
        elif key in own:
            out[key] = own[key]
    return out


def _known(item: Item, known: Iterable[str]) -> None:
    known = tuple(known)
    for key, value in item.mapping().items():
        if key not in known:
            raise value.error(f"unknown key {key!r}", hint=f"Known: {', '.join(known)}.")


def _ask(item: Item | None) -> str:
    if item is None:
        return "top"
    if item.value not in ("top", "dotted"):
        raise item.error(f"ask is {item.plain()!r}", hint="Known: top, dotted.")
    return str(item.value)


def _lets(item: Item | None) -> dict[str, Expression]:
    out: dict[str, Expression] = {}
    if item is not None:
        for name, value in item.mapping().items():
            out[name] = grammar.expression(value, out)
    return out


def _skip(item: Item, lets: Mapping[str, Expression]) -> SkipRule:
    parts = item.mapping()
    if set(parts) != {"when", "reason"}:
        raise item.error("a skip rule is {when, reason}")
    return SkipRule(grammar.condition(parts["when"], lets), parts["reason"].text())


def _fields(item: Item, targets: Mapping[str, Target], lets: Mapping[str, Expression]) -> dict[str, Field]:
    _known(item, targets)
    parts = item.mapping()
    made = {name: _field(parts[name], target, lets) for name, target in targets.items() if name in parts}
    for name, target in targets.items():
        if target.required and name not in made and target.type != "company":
            raise item.error(f"required field {name!r} is missing")
    return made


def _field(item: Item, target: Target, lets: Mapping[str, Expression]) -> Field:
    if target.type == "rows":
        return _rows(item, target)
    source = grammar.expression(item, lets, options=_FIELD_OPTIONS)
    flags: dict[str, bool] = {}
    if isinstance(item.value, dict):
        for key in _FIELD_OPTIONS:
            if key in item.value:
                flags[key] = item.value[key].flag()
                if key in _FITS and target.type not in _FITS[key]:
                    raise item.value[key].error(f"{key!r} does not fit {target.name} ({target.type})")
    _check_constants(item, source, target)
    if flags.get("required") is False and target.required:
        raise item.error(f"{target.name} is required by the canonical record")
    return Field(
        target=target,
        source=source,
        path=source.label,
        required=target.required or flags.get("required", False),
        line=item.line,
        negate=flags.get("negate", False),
        absolute=flags.get("absolute", False),
        text_amount=flags.get("text_amount", False),
        stamp=flags.get("stamp", False),
    )


def _rows(item: Item, target: Target) -> Field:
    parts = dict(item.mapping())
    if "rows" not in parts:
        raise item.error(f"{target.name} needs 'rows'")
    row_path = grammar.path(parts.pop("rows"))
    text_amount = "text_amount" in parts and parts.pop("text_amount").flag()
    inner = _fields(Item(parts, item.line, item.origin), ROW_TARGETS, {})
    return Field(
        target,
        row_path,
        row_path.text,
        False,
        item.line,
        text_amount=text_amount,
        row_path=row_path.text,
        row_fields=inner,
    )


def _check_constants(item: Item, source: Expression, target: Target) -> None:
    """A constant choice that the canonical record does not know is found here, not at the first record."""
    if target.type == "choice":
        for value in _constants(source):
            if value not in target.choices:
                known = ", ".join(target.choices)
                raise item.error(f"{target.name} cannot be {value!r}", hint=f"Known: {known}.")


def _constants(source: Any) -> Iterable[Any]:
    if isinstance(source, Const):
        yield source.value
    table = getattr(source, "table", None)
    if table is not None:
        yield from table.values()
        return
    for part in getattr(source, "parts", ()):
        yield from _constants(part)
    for _, part in getattr(source, "cases", ()):
        yield from _constants(part)
    if (inner := getattr(source, "inner", None)) is not None:
        yield from _constants(inner)


def _source_paths(
    ask: str, fields: Mapping[str, Field], skips: Iterable[SkipRule], lets: Mapping[str, Expression]
) -> tuple[str, ...]:
    found: list[str] = []
    for made in fields.values():
        if made.row_fields:
            found += [f"{made.row_path}.{path}" for row in made.row_fields.values() for path in row.source.paths()]
        else:
            found += made.source.paths()
    for rule in skips:
        found += rule.condition.paths()
    for let in lets.values():
        found += let.paths()
    if ask == "dotted":
        return tuple(dict.fromkeys(path.replace("[]", "") for path in found))
    return tuple(dict.fromkeys(re.split(r"[.\[]", path, maxsplit=1)[0] for path in found))
