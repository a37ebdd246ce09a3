"""Keys every connection has for its transport and its limits; each vendor adds its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tieout.core.errors import ConfigError


class ConnectionSettings(BaseModel):
    """The transport keys of a connection; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sandbox: bool = False
    timeout_seconds: float = Field(60.0, gt=0, le=600)
    attempts: int = Field(5, ge=1, le=10)
    max_wait_seconds: float = Field(30.0, ge=0, le=600)
    ca_file: str = ""

    @classmethod
    def strict(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All keys with their defaults (without `sandbox`, a common key); an unknown or bad key is a ConfigError."""
        unknown = sorted(set(settings) - set(cls.model_fields))
        if unknown:
            near = difflib.get_close_matches(unknown[0], cls.model_fields, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(cls.model_fields))}."
            raise ConfigError(f"unknown key {unknown[0]!r}", hint=hint)
        return cls._validated(settings, "").model_dump(exclude={"sandbox"})

    @classmethod
    def of(cls, connection: str, settings: Mapping[str, Any]) -> Self:
        """Validate the vendor's keys among `settings`; keys that other rooms own (streams, push …) are ignored."""
        known = {key: value for key, value in settings.items() if key in cls.model_fields}
        return cls._validated(known, f"connections.{connection}.")

    @classmethod
    def _validated(cls, settings: Mapping[str, Any], place: str) -> Self:
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ConfigError(
                f"{place}{key}: {first['msg']}",
                hint="See docs/connectors for the keys of this vendor.",
            ) from None

    def limits(self) -> Limits:
        """The limits a budget holds this connection to; a vendor without published ones keeps two calls at a time."""
        return Limits(0, 0, 2, 1, 10, 600)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a budget must hold a connection to, in the vendor's own units.

    `window_cost` units per rolling `window_seconds` (0 = no published limit), concurrent calls, concurrent heavy
    calls, and tokens or sessions minted per `mint_seconds`. `day_cost` units per calendar day of `day_zone` where a
    vendor has such a limit beside the window (0 = none). `write_rows` is how many changes one slice of pushing takes:
    few where each is a call of its own.
    """

    window_seconds: int
    window_cost: int
    concurrency: int
    heavy_concurrency: int
    mints: int
    mint_seconds: int
    day_cost: int = 0
    day_zone: str = "UTC"
    write_rows: int = 100
