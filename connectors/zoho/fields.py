"""Which fields a list call asks for: what the profile reads plus our own, less what the organisation lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from connectors.zoho.api import ZohoApi
from connectors.zoho.streams import MAX_FIELDS, STAMPS, ZohoStream, top_names
from tieout.core import exact_json
from tieout.core.dates import DateError, iso_utc, parse_at
from tieout.core.errors import ConfigError
from tieout.core.ports import Env, JsonValue

STATE_KEYS = ("fields", "missing", "wanted", "checked_at")
_KEEP = timedelta(hours=1)
# Fields by (connection, addresses, module), kept by this process because connectors live for one slice of work only.
# One such table per network: worlds in process each have their own.
_NETWORK = type("_Network", (), {})()
_KNOWN: WeakKeyDictionary[Any, dict[tuple[str, ...], tuple[datetime, dict[str, bool]]]] = WeakKeyDictionary()
_RECHECK_OWN = timedelta(minutes=15)  # `tieout setup` may have created them since
_RECHECK_SOURCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """The fields to ask for. `checked_at` None = asked without looking first, the organisation has not refused them."""

    asked: tuple[str, ...]
    wanted: str
    checked_at: datetime | None = None
    missing: tuple[str, ...] = ()

    def state(self) -> dict[str, JsonValue]:
        """What a cursor keeps, so that the next sync need not ask for metadata."""
        if self.checked_at is None:
            return {}
        return {
            "fields": list(self.asked),
            "missing": list(self.missing),
            "wanted": self.wanted,
            "checked_at": iso_utc(self.checked_at),
        }


class Fields:
    """Metadata of the modules of one connection, asked at most once per instance and only when needed.

    A list call names the wanted fields straight away; only when Zoho refuses them is `/settings/fields` asked and
    the choice narrowed to what exists. The narrowed choice lives in the cursor, and is looked at again after 15
    minutes while own fields are missing, after a day while only source fields are.
    """

    def __init__(self, env: Env, api: ZohoApi) -> None:
        self._env = env
        self._api = api
        self._known: dict[str, list[dict[str, Any]]] = {}
        self._choices: dict[str, FieldChoice] = {}

    def own(self, module: str) -> list[str]:
        return list(self._env.own_fields.get(module, ()))

    def hashed(self, stream: ZohoStream) -> list[str]:
        """The field names whose content makes a version."""
        paths = self._env.source_fields.get(stream.name)
        return top_names(paths) if paths else list(stream.default_fields)

    def hashed_paths(self, stream: ZohoStream) -> Sequence[str]:
        """The paths whose content makes a version; a lookup that is read by id only is named by `Field.id`."""
        return self._env.read_paths.get(stream.name) or self._env.source_fields.get(stream.name) or ()

    def choice(self, stream: ZohoStream, state: Mapping[str, JsonValue]) -> FieldChoice:
        """The fields to ask of this stream now."""
        known = self._choices.get(stream.name)
        if known is None:
            known = self._from_state(stream, state)
            self._choices[stream.name] = known
        return known

    def narrow(self, stream: ZohoStream) -> FieldChoice:
        """Zoho refused the fields: ask which exist and keep to those."""
        self._known.pop(stream.module, None)
        present = set(self.names(stream.module))
        wanted = self._wanted(stream)
        asked = tuple(name for name in wanted if name in present or name in STAMPS)
        missing = tuple(name for name in wanted if name not in asked)
        self._choices[stream.name] = FieldChoice(asked, _mark(wanted), self._env.clock.now(), missing)
        return self._choices[stream.name]

    def names(self, module: str) -> list[str]:
        return [str(item.get("api_name")) for item in self.metadata(module)]

    def metadata(self, module: str) -> list[dict[str, Any]]:
        """`GET /settings/fields?module=`: the fields of a module, once per instance."""
        if module not in self._known:
            reply = self._api.read("GET", "/settings/fields", params={"module": module})
            found = self._api.object(reply).get("fields")
            if not isinstance(found, list) or not found:
                raise self._api.http.unreadable(reply, "no list of fields")
            self._known[module] = [item for item in found if isinstance(item, dict)]
        return self._known[module]

    def known(self, module: str, needed: Iterable[str]) -> dict[str, bool]:
        """The module's fields and whether each is unique, at most an hour old; asked again when one is missing.

        Zoho answers SUCCESS to a write of a field it does not have and ignores it: so it is looked up before.
        """
        table = _KNOWN.setdefault(self._env.transport or _NETWORK, {})
        settings = self._api.settings
        place = (self._env.connection, settings.auth_url, settings.base_url, settings.client_id, module)
        now = self._env.clock.now()
        kept = table.get(place)
        if kept is not None and now - kept[0] < _KEEP and all(name in kept[1] for name in needed):
            return kept[1]
        self._known.pop(module, None)
        found = {str(item.get("api_name")): bool(item.get("unique")) for item in self.metadata(module)}
        table[place] = (now, found)
        return found

    def forget(self, module: str) -> None:
        """Fields were created: look again at the next use."""
        self._known.pop(module, None)
        self._choices.clear()

    def _wanted(self, stream: ZohoStream) -> list[str]:
        names = list(dict.fromkeys([*STAMPS, *self.own(stream.module), *self.hashed(stream)]))
        if len(names) > MAX_FIELDS:
            raise ConfigError(
                f"stream {stream.name}: {len(names)} fields are read, Zoho lists at most {MAX_FIELDS}",
                hint="Read fewer fields in the mapping profile.",
            )
        return names

    def _from_state(self, stream: ZohoStream, state: Mapping[str, JsonValue]) -> FieldChoice:
        wanted = self._wanted(stream)
        optimistic = FieldChoice(tuple(wanted), _mark(wanted))
        fields, missing = state.get("fields"), state.get("missing")
        if state.get("wanted") != optimistic.wanted or not isinstance(fields, list) or not isinstance(missing, list):
            return optimistic
        try:
            checked_at = parse_at(str(state.get("checked_at")))
        except DateError:
            return optimistic
        own = set(self.own(stream.module))
        recheck = _RECHECK_OWN if own & set(missing) else _RECHECK_SOURCE
        if missing and self._env.clock.now() - checked_at > recheck:
            return optimistic
        return FieldChoice(tuple(fields), optimistic.wanted, checked_at, tuple(missing))


def _mark(names: Sequence[str]) -> str:
    return exact_json.digest(sorted(names))
