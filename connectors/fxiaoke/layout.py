"""What a stream asks of its object, kept in the cursor so that the next sync need not ask for the description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.fxiaoke.describe import Descriptions, FieldInfo, by_alias, own_field
from connectors.fxiaoke.settings import FxiaokeSettings
from connectors.fxiaoke.streams import FINANCE, FINANCE_OBJECT, STAMPS, FxStream, top_names
from tieout.core import exact_json
from tieout.core.dates import DateError, iso_utc, parse_at
from tieout.core.errors import ConfigError
from tieout.core.ports import Env, JsonValue

STATE_KEYS = ("layout", "wanted", "checked_at")
_DATES = frozenset({"date", "date_time"})
_RECHECK_OWN = timedelta(minutes=15)  # an administrator may have created them since
_RECHECK_SOURCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of one object that matter here. `absent`: the tenant has no such object.

    `asked` are sent as projection, `aliases` and `own` map our names to the tenant's fields, `days` are fields that
    hold an instant in milliseconds, `missing` are own fields that do not exist yet.
    """

    absent: bool = False
    asked: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, FieldInfo] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    finance: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> dict[str, JsonValue]:
        return {
            "absent": self.absent,
            "asked": list(self.asked),
            "hashed": list(self.hashed),
            "days": list(self.days),
            "aliases": dict(self.aliases),
            "own": {name: one.dump() for name, one in self.own.items()},
            "missing": list(self.missing),
            "finance": dict(self.finance),
        }

    @classmethod
    def load(cls, state: Mapping[str, JsonValue]) -> Layout:
        return cls(
            absent=bool(state.get("absent")),
            asked=tuple(state.get("asked") or ()),
            hashed=tuple(state.get("hashed") or ()),
            days=tuple(state.get("days") or ()),
            aliases=dict(state.get("aliases") or {}),
            own={name: FieldInfo.load(one) for name, one in (state.get("own") or {}).items()},
            missing=tuple(state.get("missing") or ()),
            finance=dict(state.get("finance") or {}),
        )


class Layouts:
    """One layout per stream and connector."""

    def __init__(self, env: Env, settings: FxiaokeSettings, descriptions: Descriptions) -> None:
        self._env, self._settings, self._descriptions = env, settings, descriptions
        self._known: dict[str, tuple[Layout, datetime]] = {}

    def own_names(self, stream: FxStream) -> list[str]:
        return list(self._env.own_fields.get(stream.module, ()))

    def of(self, stream: FxStream, state: Mapping[str, JsonValue] | None = None) -> Layout:
        """The layout in force: this connector's, the cursor's while it is fresh, else made from the description."""
        known = self._known.get(stream.name)
        if known is None:
            known = self._from_state(stream, state or {}) or (self._made(stream), self._env.clock.now())
            self._known[stream.name] = known
        return known[0]

    def again(self, stream: FxStream) -> Layout:
        """The object refused a field: look afresh."""
        self._known[stream.name] = (self._made(stream, fresh=True), self._env.clock.now())
        return self._known[stream.name][0]

    def state(self, stream: FxStream) -> dict[str, JsonValue]:
        """What the cursor keeps."""
        known = self._known.get(stream.name)
        if known is None:
            return {}
        return {"layout": known[0].dump(), "wanted": self._mark(stream), "checked_at": iso_utc(known[1])}

    def _from_state(self, stream: FxStream, state: Mapping[str, JsonValue]) -> tuple[Layout, datetime] | None:
        if state.get("wanted") != self._mark(stream) or not isinstance(state.get("layout"), dict):
            return None
        try:
            checked_at = parse_at(str(state.get("checked_at")))
        except DateError:
            return None
        layout = Layout.load(state["layout"])
        recheck = _RECHECK_OWN if layout.missing or layout.absent else _RECHECK_SOURCE
        return None if self._env.clock.now() - checked_at > recheck else (layout, checked_at)

    def _made(self, stream: FxStream, *, fresh: bool = False) -> Layout:
        fields = self._descriptions.fields(stream.object, fresh=fresh)
        if fields is None:
            if stream.optional:
                return Layout(absent=True)
            raise ConfigError(
                f"connection {self._env.connection}: the enterprise has no object {stream.object}",
                hint="Activate it in the administration, or name another object in the configuration.",
            )
        names, wanted = self._wanted(stream)
        labels = self._settings.labels
        aliases: dict[str, str] = {}
        for alias in stream.aliases:
            if alias.name in wanted:
                found = by_alias(fields, alias, labels.get(f"{stream.name}.{alias.name}", labels.get(alias.name, "")))
                if found is not None:
                    aliases[alias.name] = found.name
        own: dict[str, FieldInfo] = {}
        missing = []
        for name in self.own_names(stream):
            mine = own_field(fields, name, labels.get(name, ""))
            if mine is None:
                missing.append(name)
            else:
                own[name] = mine
        hashed = [name for name in dict.fromkeys([*names, *aliases.values()]) if name in fields]
        asked = dict.fromkeys(["_id", *STAMPS, "life_status", *hashed, *(one.name for one in own.values())])
        return Layout(
            asked=tuple(name for name in asked if name in fields or name == "_id"),
            hashed=tuple(hashed),
            days=tuple(name for name in hashed if fields[name].type in _DATES),
            aliases=aliases,
            own=own,
            missing=tuple(missing),
            finance=self._finance(fresh) if stream.name == "customers" else {},
        )

    def _finance(self, fresh: bool) -> dict[str, str]:
        """Where titles and tax ids of customers stand; empty in an enterprise without that object."""
        fields = self._descriptions.fields(FINANCE_OBJECT, fresh=fresh)
        if fields is None:
            return {}
        labels = self._settings.labels
        found = {one.name: by_alias(fields, one, labels.get(f"finance.{one.name}", "")) for one in FINANCE}
        made = {name: one.name for name, one in found.items() if one is not None}
        return made if "account" in made else {}

    def _wanted(self, stream: FxStream) -> tuple[list[str], list[str]]:
        paths = self._env.source_fields.get(stream.name)
        if paths:
            return top_names(paths)
        return list(stream.default_fields), [alias.name for alias in stream.aliases]

    def _mark(self, stream: FxStream) -> str:
        names, aliases = self._wanted(stream)
        own = self.own_names(stream)
        return exact_json.digest([stream.object, sorted(names), sorted(aliases), sorted(own), self._settings.labels])
