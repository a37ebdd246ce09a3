"""ExecuteBillQuery: rows of one form, errors dug out of the result array (accounting reference, 1.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from connectors.http import RemoteHttp, Reply
from connectors.kingdee.auth import KingdeeAuth, lost_session, service_url, session_headers
from connectors.kingdee.settings import KingdeeSettings
from connectors.oauth import Credentials
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError, Rejected, SourceError
from tieout.core.ports import Env, JsonValue, Token

QUERY = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.ExecuteBillQuery"
_UNKNOWN_FIELD = re.compile(r"标识为\s*(\S+?)\s*的字段不存在")


_NESTED = frozenset({dict, list})


class UnknownField(ConfigError):
    """The form has no such field; `key` is as Kingdee names it."""

    code = "unknown_field"

    def __init__(self, form: str, key: str) -> None:
        super().__init__(
            f"Kingdee form {form} has no field {key}", hint="Check the field key in the mapping profile and settings."
        )
        self.key = key


class UnknownForm(ConfigError):
    """There is no such business object (case matters)."""

    code = "unknown_form"


@dataclass(frozen=True, slots=True)
class Ask:
    """One bill query: form, field keys in order, filter, the field that orders and pages it."""

    form: str
    keys: tuple[str, ...]
    where: str
    order: str


class RawRow(msgspec.Struct, frozen=True):
    """One row: its values in the order of the keys, or None and why it cannot be read."""

    values: Sequence[JsonValue] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """One answer. `limit` is how many rows were asked for: fewer rows than that are the last."""

    rows: list[RawRow]
    body: bytes
    limit: int
    server_at: datetime | None
    started_at: datetime

    @property
    def is_last(self) -> bool:
        return len(self.rows) < self.limit

    def raws(self) -> list[bytes]:
        """Each row as it came."""
        return exact_json.split_array(self.body)


class KingdeeQuery:
    """Asks bill queries with a live session; a lost session is opened again once."""

    def __init__(self, env: Env, settings: KingdeeSettings) -> None:
        self._env = env
        self._settings = settings
        self.http = RemoteHttp.of(env, settings)
        mint = KingdeeAuth(env, self.http, settings).mint
        self._credentials = Credentials(env, mint, self.http.redactor, early=timedelta(0))

    def login(self) -> Token:
        return self._credentials.token()

    def close(self) -> None:
        self.http.close()

    def page(self, ask: Ask, limit: int | None = None) -> Rows:
        """The first rows of a query. An unreadable answer is asked again, then in halves down to one row."""
        size = limit or self._settings.page_rows
        again = False
        while True:
            try:
                return self._once(ask, size)
            except BadPayload:
                if again and size == 1:
                    raise
                if again:
                    size = max(size // 2, 1)
                again = True

    def all(self, ask: Ask, after: Callable[[Sequence[JsonValue]], str]) -> Iterator[Rows]:
        """Every row, page by page: `after` makes the condition that continues behind a row."""
        here = ask
        while True:
            rows = self.page(here)
            yield rows
            if rows.is_last:
                return
            last = rows.rows[-1]
            if last.values is None:
                raise BadPayload(f"{ask.form}: the last row of a page cannot be read: {last.reason}")
            here = Ask(ask.form, ask.keys, both(ask.where, after(last.values)), ask.order)

    def _once(self, ask: Ask, limit: int) -> Rows:
        body = {
            "data": {
                "FormId": ask.form,
                "FieldKeys": ",".join(ask.keys),
                "FilterString": ask.where,
                "OrderString": ask.order,
                "TopRowCount": 0,
                "StartRow": 0,
                "Limit": limit,
                "SubSystemId": "",
            }
        }
        url = service_url(self.http, self._settings, QUERY)
        started = self._env.clock.now()

        def send(token: Token) -> Reply:
            return self.http.read("POST", url, headers=session_headers(token), json=body)

        reply = self._credentials.call(send, lambda answer: lost_session(answer.body), f"query {ask.form}")
        if reply.status >= 400:
            raise self._refused(ask.form, f"HTTP {reply.status} {self.http.first_bytes(reply.body)}")
        self.http.ensure_json(reply)
        if reply.body.lstrip().startswith(b"{"):
            raise self._fault(ask.form, reply, self.http.decode(reply))
        rows = _plain_rows(reply.body, len(ask.keys))
        if rows is None:
            rows = self._one_by_one(ask, reply)
        if len(rows) > limit:
            raise self.http.unreadable(reply, f"{len(rows)} rows although {limit} were asked for")
        return Rows(rows, reply.body, limit, reply.server_at, started)

    def _one_by_one(self, ask: Ask, reply: Reply) -> list[RawRow]:
        """The rows of an answer in which something is not as it should be: which of them, and why."""
        try:
            raw_rows = exact_json.split_array(reply.body)
        except BadPayload as error:
            raise self.http.unreadable(reply, error.message) from None
        if raw_rows and b"ResponseStatus" in raw_rows[0]:
            first = self.http.decode(Reply(reply.status, {}, raw_rows[0], reply.what))
            if isinstance(first, list) and first and isinstance(first[0], dict):
                raise self._fault(ask.form, reply, first[0])
        return [_row(raw, len(ask.keys)) for raw in raw_rows]

    def _fault(self, form: str, reply: Reply, value: JsonValue) -> Exception:
        message = fault_message(value)
        if not message:
            return self.http.unreadable(reply, "an object instead of rows")
        unknown = _UNKNOWN_FIELD.search(message)
        if unknown:
            return UnknownField(form, unknown.group(1))
        if "业务对象不存在" in message:
            return UnknownForm(
                f"Kingdee has no form {form}", hint="Form ids are case-sensitive; set the form's key of the connection."
            )
        return self._refused(form, message)

    def _refused(self, form: str, message: str) -> SourceError:
        text = self.http.redactor.clean(f"query {form}: {message}")[:300]
        code = "permission" if "操作权限" in message else "refused"
        hint = "Give the API user the right to query this form." if code == "permission" else ""
        return Rejected(text, code=code, hint=hint, connection=self._env.connection)


def fault_message(value: JsonValue) -> str:
    """The messages of a ResponseStatus, wherever the answer nests it; empty when there is none."""
    if not isinstance(value, dict):
        return ""
    result = value.get("Result", value)
    status = result.get("ResponseStatus") if isinstance(result, dict) else None
    if not isinstance(status, dict):
        return ""
    errors = status.get("Errors")
    texts = [str(item.get("Message") or "") for item in errors if isinstance(item, dict)] if errors else []
    return "; ".join(text for text in texts if text) or f"error {status.get('ErrorCode')}"


def both(left: str, right: str) -> str:
    """Two conditions joined by and; an empty one is left out."""
    if not left or not right:
        return left or right
    return f"{left} and ({right})"


def quoted(text: str) -> str:
    """A text literal of a FilterString."""
    return "'" + text.replace("'", "''") + "'"


def _plain_rows(body: bytes, width: int) -> list[RawRow] | None:
    """The rows of an answer in which each is what was asked for; None when one is not, or the whole cannot be read.

    Keys that stand twice need an object, which no row may hold: the fast decoder is enough.
    """
    try:
        listed = exact_json.loads_fast(body)
    except BadPayload:
        return None
    if type(listed) is not list:
        return None
    for values in listed:
        if type(values) is not list or len(values) != width or not _NESTED.isdisjoint(map(type, values)):
            return None
    return [RawRow(values) for values in listed]


def _row(raw: bytes, width: int) -> RawRow:
    try:
        values = exact_json.loads(raw)
    except BadPayload as error:
        return RawRow(None, error.message)
    if not isinstance(values, list) or len(values) != width:
        return RawRow(None, f"not {width} values")
    if not _NESTED.isdisjoint(map(type, values)):
        return RawRow(None, "a value is an object")
    return RawRow(values)
