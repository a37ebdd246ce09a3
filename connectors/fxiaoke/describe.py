"""What an object looks like in this tenant: `object/describe`, and the search for fields by name, label and target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.streams import Alias
from tieout.core.errors import Rejected
from tieout.core.ports import Env, JsonValue

NUMERIC = frozenset({"currency", "number", "percentile"})
_KEEP = timedelta(hours=1)
# Descriptions by (connection, addresses, object), kept by this process because connectors live for one slice of work
# only. One such table per network: worlds in process each have their own.
_NETWORK = type("_Network", (), {})()
_KNOWN: WeakKeyDictionary[Any, dict[tuple[str, ...], tuple[datetime, dict[str, FieldInfo] | None]]]
_KNOWN = WeakKeyDictionary()
_BLANKS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of an object; `options` are (label, value)."""

    name: str
    label: str
    type: str
    target: str = ""
    is_unique: bool = False
    is_custom: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def dump(self) -> dict[str, JsonValue]:
        return {"name": self.name, "type": self.type, "options": [list(one) for one in self.options]}

    @classmethod
    def load(cls, state: dict[str, JsonValue]) -> FieldInfo:
        options = tuple((str(label), str(value)) for label, value in state.get("options") or ())
        return cls(str(state["name"]), "", str(state.get("type") or "text"), options=options)


class Descriptions:
    """The fields of objects, asked at most once an hour and only when needed."""

    def __init__(self, env: Env, api: FxiaokeApi) -> None:
        self._env, self._api = env, api
        self._objects: dict[str, str] | None = None

    def fields(self, object_name: str, *, fresh: bool = False) -> dict[str, FieldInfo] | None:
        """Active fields by name; None when the tenant has no such object, or it is switched off."""
        settings = self._api.settings
        table = _KNOWN.setdefault(self._env.transport or _NETWORK, {})
        place = (self._env.connection, settings.base_url, settings.app_id, settings.user_id, object_name)
        now = self._env.clock.now()
        kept = table.get(place)
        if kept is not None and not fresh and now - kept[0] < _KEEP:
            return kept[1]
        found = self._ask(object_name)
        table[place] = (now, found)
        return found

    def labels(self) -> dict[str, str]:
        """Active objects of the tenant: name -> display name."""
        if self._objects is None:
            reply = self._api.read("/cgi/crm/v2/object/list", {})
            body = self._api.http.decode(reply)
            data = body.get("data") if isinstance(body, dict) else None
            listed = data.get("objects") if isinstance(data, dict) else None
            if not isinstance(listed, list):
                raise self._api.http.unreadable(reply, "no list of objects")
            self._objects = {
                str(one.get("describeApiName") or one.get("api_name")): str(
                    one.get("describeDisplayName") or one.get("display_name") or ""
                )
                for one in listed
                if isinstance(one, dict) and one.get("isActive") is not False
            }
        return self._objects

    def _ask(self, object_name: str) -> dict[str, FieldInfo] | None:
        # The name stands where the new pages and where the old ones want it.
        body = {"includeDetail": False, "apiName": object_name, "data": {"apiName": object_name}}
        try:
            reply = self._api.read("/cgi/crm/v2/object/describe", body)
        except Rejected:
            if object_name not in self.labels():  # whatever the refusal is called: the list says it is not there
                return None
            raise
        answer = self._api.http.decode(reply)
        data = answer.get("data") if isinstance(answer, dict) else None
        described = data.get("describe") if isinstance(data, dict) else None
        fields = described.get("fields") if isinstance(described, dict) else None
        if not isinstance(fields, dict) or not fields:
            raise self._api.http.unreadable(reply, "no description of fields")
        return {
            str(name): _info(str(name), one)
            for name, one in fields.items()
            if isinstance(one, dict) and one.get("is_active") is not False
        }


def _info(name: str, one: dict[str, Any]) -> FieldInfo:
    options = one.get("options")
    return FieldInfo(
        name=name,
        label=str(one.get("label") or ""),
        type=str(one.get("type") or "text"),
        target=str(one.get("target_api_name") or ""),
        is_unique=one.get("is_unique") is True,
        is_custom=one.get("define_type") == "custom" or name.endswith("__c"),
        options=tuple(
            (str(item.get("label") or ""), str(item.get("value")))
            for item in (options if isinstance(options, list) else [])
            if isinstance(item, dict) and item.get("value") is not None
        ),
    )


def plain_label(text: str) -> str:
    """A label as compared: no case, `_`, `-` and blanks alike, without the ending of custom names."""
    return _BLANKS.sub(" ", text.strip().removesuffix("__c")).strip().casefold()


def by_alias(fields: dict[str, FieldInfo], alias: Alias, label: str = "") -> FieldInfo | None:
    """The field of this meaning; `label` is the tenant's own word for it and goes before ours."""
    if label:
        return by_label(fields, [label])
    for name in alias.names:
        if name in fields:
            return fields[name]
    found = by_label(fields, alias.labels)
    if found is None and alias.target:
        fits = [one for one in fields.values() if one.target == alias.target]
        found = fits[0] if len(fits) == 1 else None
    return found


def by_label(fields: dict[str, FieldInfo], labels: Sequence[str]) -> FieldInfo | None:
    """The one field with the first of these labels that any has; None when several share it."""
    for label in labels:
        fits = [one for one in fields.values() if plain_label(one.label) == plain_label(label)]
        if len(fits) == 1:
            return fits[0]
        if fits:
            return None
    return None


def own_field(fields: dict[str, FieldInfo], name: str, label: str = "") -> FieldInfo | None:
    """One of our write-back fields: by its name, else by its label (`ar_open_amount__c` = `AR Open Amount`)."""
    if name in fields:
        return fields[name]
    return by_label(fields, [label or name])
