"""A mapping profile: how the records of one vendor's stream become canonical candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mapping.conditions import Condition
from mapping.expressions import Expression
from mapping.schema import Target


@dataclass(frozen=True, slots=True)
class Field:
    """One candidate field: the expression that reads it (`path` names it in messages) and how its value is taken."""

    target: Target
    source: Expression
    path: str
    required: bool
    line: int
    negate: bool = False
    absolute: bool = False
    text_amount: bool = False
    stamp: bool = False
    row_path: str = ""
    row_fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkipRule:
    """Records that this stream shows but that are not ours to map; counted under their reason."""

    condition: Condition
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A record left out on purpose by a rule of the profile: counted by reason, never a conflict."""

    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A validated profile.

    `version` is a digest of the content (comments do not count), `text` that content, from which `restored` makes the
    same profile again. `source_paths` are the source fields to ask the
    vendor for: top-level names, or dotted field keys where the vendor's query language takes them (`ask: dotted`).
    """

    vendor: str
    stream: str
    makes: Literal["party", "document", "allocation", "claim", "limit", "rate"]
    version: str
    origin: str
    source_paths: tuple[str, ...]
    fields: Mapping[str, Field]
    lets: Mapping[str, Expression]
    skips: Sequence[SkipRule]
    text: str = ""
    read_paths: tuple[str, ...] = ()  # every path that is read, in full; their content makes a version


@dataclass(frozen=True, slots=True)
class MappingContext:
    """What the connection adds to a record.

    `timezone` is the company's business zone; `default_currency` "" means none is configured; `companies` maps the
    source's organisations to company ids, key "" = the company implied when only one is configured. `ruled` holds what
    rules of people say of values that no map has: stream -> (path, value) -> ours.
    """

    timezone: str
    default_currency: str = ""
    companies: Mapping[str, str] = field(default_factory=dict)
    ruled: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
