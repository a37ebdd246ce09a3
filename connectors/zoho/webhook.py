"""Notifications from Zoho CRM: token compared in constant time, sizes capped, every id of the call kept.

There is no signature and no delivery promise (Zoho docs v8 notifications): what comes is a hint, the record itself
is fetched. Admin-made workflow webhooks send the same facts as a form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

from connectors.zoho.streams import STREAMS
from tieout.core import exact_json
from tieout.core.crypto import same
from tieout.core.errors import BadPayload, Denied
from tieout.core.ports import Hint, JsonValue

MAX_BYTES = 1_000_000
MAX_NESTING = 8
MAX_IDS = 10_000
_OPERATIONS = {
    "insert": False, "create": False, "update": False, "edit": False, "upsert": False, "restore": False,
    "delete": True,
}  # fmt: skip
_BY_MODULE = {stream.module: name for name, stream in STREAMS.items()}


class ZohoWebhook:
    """Verifies calls of one connection's channels. Several tokens are accepted while one is being replaced."""

    def __init__(self, tokens: Sequence[str]) -> None:
        if not tokens or any(len(token) < 16 for token in tokens):
            raise ValueError("a webhook needs a token of 16 characters or more")
        self._tokens = tuple(tokens)

    def verify(self, body: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> list[Hint]:
        """The hints of a call; Denied for a wrong token, BadPayload for what is too large or cannot be read."""
        if len(body) > MAX_BYTES:
            raise BadPayload("the notification is larger than 1 MB", code="too_large")
        kinds = [value for key, value in headers.items() if key.lower() == "content-type"]
        kind = kinds[0].split(";")[0].strip().lower() if kinds else ""
        facts = _form(body) if kind == "application/x-www-form-urlencoded" else _json(body)
        given = str(facts.get("token") or query.get("token") or "")
        matches = [same(given, token) for token in self._tokens]
        if not any(matches):
            raise Denied("the notification's token is not ours")
        module, operation = facts.get("module"), str(facts.get("operation") or "update").lower()
        if not isinstance(module, str) or operation not in _OPERATIONS:
            raise BadPayload("the notification names no module or an unknown operation")
        ids = _ids(facts.get("ids", facts.get("id")))
        stream = _BY_MODULE.get(module)
        if stream is None or not ids:
            return []
        sent_at = _instant(facts.get("server_time"))
        # A repeated delivery says the same in every word; two edits within one millisecond do not. A workflow's form
        # has no time: there each arrival counts, for fetching a record once more harms nothing.
        told = facts.get("server_time") or now.isoformat()
        key = exact_json.digest([told, {name: value for name, value in facts.items() if name != "token"}])
        return [Hint(stream, ids, deleted=_OPERATIONS[operation], sent_at=sent_at, message_key=key)]


def _json(body: bytes) -> dict[str, JsonValue]:
    depth = deepest = 0
    in_text = escaped = False
    for byte in body:  # before any parser recurses
        if in_text:
            in_text = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            in_text, escaped = True, False
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_NESTING:
                raise BadPayload("the notification is nested too deeply", code="too_deep")
        elif byte in b"]}":
            depth -= 1
    value = exact_json.loads(body)
    if not isinstance(value, dict):
        raise BadPayload("the notification is not a JSON object")
    return value


def _form(body: bytes) -> dict[str, JsonValue]:
    try:
        pairs = parse_qs(body.decode("utf-8"), strict_parsing=bool(body), max_num_fields=200)
    except (ValueError, UnicodeDecodeError):
        raise BadPayload("the notification is not a readable form") from None
    if any(len(values) != 1 for key, values in pairs.items() if key not in {"ids", "id"}):
        raise BadPayload("the notification names a key twice")
    return {key: values if key in {"ids", "id"} else values[0] for key, values in pairs.items()}


def _ids(value: JsonValue) -> list[str]:
    items = value if isinstance(value, list) else [value]
    out: list[str] = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise BadPayload("the notification's ids cannot be read")
        out += [part.strip(' "') for part in str(item).strip("[]").split(",")]
    ids = list(dict.fromkeys(part for part in out if part))
    if len(ids) > MAX_IDS or any(not part.isascii() or not part.isalnum() or len(part) > 40 for part in ids):
        raise BadPayload("the notification's ids cannot be read")
    return ids


def _instant(value: JsonValue) -> datetime | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 14:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)
