"""Zoho CRM v8 as a connector: accounts, deals and invoices in; AR fields and tasks out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.zoho.api import ZohoApi
from connectors.zoho.creates import Creates
from connectors.zoho.fields import STATE_KEYS, Fields
from connectors.zoho.notify import Channels
from connectors.zoho.push import ZohoPush
from connectors.zoho.readback import ReadBack
from connectors.zoho.reader import ZohoReader
from connectors.zoho.settings import ZohoSettings
from connectors.zoho.setup import ZohoSetup
from connectors.zoho.stated import stated_totals
from connectors.zoho.streams import STREAMS, ZohoStream
from tieout.core.errors import ConfigError, SourceError
from tieout.core.ports import (
    Channel,
    Cursor,
    Env,
    Finding,
    IdPage,
    JsonValue,
    Page,
    Receipt,
    RemoteChange,
    Seen,
    SourceTotal,
    StatedTotal,
    StreamInfo,
    WritableField,
)


class ZohoConnector:
    """One Zoho organisation. See docs/connectors/zoho.md for keys, scopes and limits."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._settings = ZohoSettings.of(env.connection, env.settings)
        self._api = ZohoApi(env, self._settings)
        self._fields = Fields(env, self._api)
        self._reader = ZohoReader(env, self._api, self._fields)
        creates = Creates(self._api, self._fields)
        self._push = ZohoPush(env, self._api, self._fields, creates)
        self._readback = ReadBack(self._api, creates)
        self._channels = Channels(self._api, env.connection, [item.module for item in STREAMS.values()])

    # ------------------------------------------------------------- facts
    def check(self) -> list[Finding]:
        """Token, every module's fields, missing own fields."""
        try:
            token = self._api.token()
        except SourceError as error:
            return [Finding("error", error.code, error.message, error.hint)]
        base = self._settings.base_url or token.extra.get("api_domain", "")
        findings = [Finding("ok", "token", f"token received, API at {base}")]
        for stream in STREAMS.values():
            try:
                present = set(self._fields.names(stream.module))
            except (SourceError, ConfigError) as error:
                findings.append(Finding("error", error.code, f"{stream.module}: {error.message}", error.hint))
                continue
            lacking = [name for name in self._fields.hashed(stream) if name not in present]
            note = f"; the profile also reads {', '.join(lacking)}, which it does not have" if lacking else ""
            findings.append(Finding("ok", "module", f"{stream.module}: {len(present)} fields{note}"))
            own = [name for name in self._fields.own(stream.module) if name not in present]
            if own:
                text = f"{stream.module} lacks {', '.join(own)}"
                hint = "Run `tieout setup` for this connection."
                findings.append(Finding("warning", "own_fields_missing", text, hint))
        return findings

    def streams(self) -> Sequence[StreamInfo]:
        return [stream.info(self._settings.overlap_seconds) for stream in STREAMS.values()]

    # ------------------------------------------------------------- in
    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Pages of everything modified since the cursor, oldest first."""
        return self._reader.changes(_stream(stream), cursor, resume)

    def next_cursor(self, stream: str, cursor: Cursor, started_at: datetime, seen: Mapping[str, JsonValue]) -> Cursor:
        """The scan's start on Zoho's clock less the overlap; never before the cursor it began with."""
        known = _stream(stream)
        since = (started_at - timedelta(seconds=self._settings.overlap_seconds)).replace(microsecond=0)
        if cursor.since is not None and since < cursor.since:
            since = cursor.since
        kept = {key: value for key, value in cursor.state.items() if key not in STATE_KEYS}
        return Cursor(since, {**kept, **self._fields.choice(known, cursor.state).state()})

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        return self._reader.fetch(_stream(stream), external_ids)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        return self._reader.deleted(_stream(stream), cursor.since, resume)

    def ids(self, stream: str, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        return self._reader.ids(_stream(stream), resume)

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        """None: a CRM knows no open amounts."""
        return iter(())

    def stated(self, stream: str, amount_field: str) -> Sequence[StatedTotal]:
        """The sum of a field per currency as Zoho adds it up itself (COQL aggregates)."""
        return stated_totals(self._api, _stream(stream).module, amount_field)

    # ------------------------------------------------------------- out
    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        return self._push.write(changes)

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        return self._readback.read(changes)

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        """Create missing write-back fields; tasks get their `AR_Key` when it is among the wanted fields."""
        return ZohoSetup(self._api, self._fields).run(fields, dry_run=dry_run)

    # ------------------------------------------------------------- notifications
    def ensure_channel(self, notify_url: str, token: str, now: datetime, current: Channel | None = None) -> Channel:
        """A live notification channel for all modules; see `Channels.ensure`."""
        return self._channels.ensure(notify_url, token, now, current)

    def channels(self) -> list[Channel]:
        return self._channels.list()

    def drop_channel(self, channel_id: str) -> None:
        self._channels.drop(channel_id)

    def close(self) -> None:
        self._api.close()


def _stream(name: str) -> ZohoStream:
    try:
        return STREAMS[name]
    except KeyError:
        raise ConfigError(f"zoho_crm has no stream {name!r}", hint=f"It has {', '.join(STREAMS)}.") from None
