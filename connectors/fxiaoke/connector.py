"""Fxiaoke (纷享销客) as a connector: customers, deals, orders, invoice applications and receipts in; AR fields out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.creates import Creates
from connectors.fxiaoke.describe import Descriptions
from connectors.fxiaoke.layout import STATE_KEYS, Layouts
from connectors.fxiaoke.push import FxiaokePush
from connectors.fxiaoke.readback import ReadBack
from connectors.fxiaoke.reader import FxiaokeReader
from connectors.fxiaoke.settings import FxiaokeSettings
from connectors.fxiaoke.setup import FxiaokeSetup
from connectors.fxiaoke.streams import FxStream, streams_of
from tieout.core.dates import zone
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
    StreamInfo,
    WritableField,
)

_FOR_EVER = timedelta(days=3650)
# Receivable documents that some enterprises have; their field lists are not public, so they are found by label.
_BY_LABEL = ("应收单", "应收明细", "核销单", "发票")


class FxiaokeConnector:
    """One Fxiaoke enterprise. See docs/connectors/fxiaoke.md for keys, rights and limits."""

    hooks_by_hand = True  # an administrator enters the webhook's address: `tieout setup` shows it

    def __init__(self, env: Env) -> None:
        self._env = env
        self._settings = FxiaokeSettings.of(env.connection, env.settings)
        zone(self._settings.timezone)
        self._streams = streams_of(self._settings.deal_object, self._settings.invoice_object)
        self._api = FxiaokeApi(env, self._settings)
        self._descriptions = Descriptions(env, self._api)
        self._layouts = Layouts(env, self._settings, self._descriptions)
        self._reader = FxiaokeReader(env, self._api, self._layouts)
        creates = Creates(self._api, self._descriptions)
        self._readback = ReadBack(self._api, self._descriptions, self._reader, creates)
        self._push = FxiaokePush(env, self._api, self._descriptions, creates, self._readback)

    # ------------------------------------------------------------- facts
    def check(self) -> list[Finding]:
        """Token, every object, what is found by label, own fields that are missing."""
        try:
            self._api.token()
            labels = self._descriptions.labels()
        except (SourceError, ConfigError) as error:
            return [Finding("error", error.code, error.message, error.hint)]
        style = "header" if self._settings.auth_style == "header" else "in-body"
        findings = [Finding("ok", "token", f"token received ({style} convention), {len(labels)} objects")]
        for stream in self._streams.values():
            findings += self._check_stream(stream)
        findings += self._suggest(labels)
        return findings

    def _check_stream(self, stream: FxStream) -> list[Finding]:
        try:
            layout = self._layouts.again(stream)
        except (SourceError, ConfigError) as error:
            return [Finding("error", error.code, f"{stream.object}: {error.message}", error.hint)]
        if layout.absent:
            text = f"{stream.object}: not in this enterprise, the stream {stream.name} stays empty"
            return [Finding("warning", "no_object", text, f"Leave {stream.name} out of `streams` if that is right.")]
        found = ", ".join(f"{name} = {real}" for name, real in sorted(layout.aliases.items()))
        findings = [Finding("ok", "object", f"{stream.object}: {found or 'no field found by label'}")]
        unknown = sorted({alias.name for alias in stream.aliases} - set(layout.aliases))
        if unknown:
            text = f"{stream.object} shows no field for {', '.join(unknown)}"
            hint = "If it has one, name its label: labels = { " + f'"{stream.name}.{unknown[0]}" = "…"' + " }"
            findings.append(Finding("ok", "not_found_by_label", text, hint))
        if layout.missing:
            text = f"{stream.object} lacks {', '.join(layout.missing)}"
            hint = "`tieout setup` for this connection prints what to create."
            findings.append(Finding("warning", "own_fields_missing", text, hint))
        return findings

    def _suggest(self, labels: Mapping[str, str]) -> list[Finding]:
        out = []
        for name, label in sorted(labels.items()):
            if label in _BY_LABEL and name != self._settings.invoice_object:
                text = f"the enterprise has {label} ({name})"
                hint = f'If it holds its receivables, set invoice_object = "{name}" and check the mapping.'
                out.append(Finding("ok", "receivable_object", text, hint))
        return out

    def streams(self) -> Sequence[StreamInfo]:
        return [stream.info(self._settings.overlap_seconds) for stream in self._streams.values()]

    # ------------------------------------------------------------- in
    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Pages of everything modified since the cursor, by id."""
        return self._reader.changes(self._stream(stream), cursor, resume)

    def next_cursor(self, stream: str, cursor: Cursor, started_at: datetime, seen: Mapping[str, JsonValue]) -> Cursor:
        """The scan's start less the overlap, with what was learned of the object; never before where it began."""
        known = self._stream(stream)
        since = (started_at - timedelta(seconds=self._settings.overlap_seconds)).replace(microsecond=0)
        if cursor.since is not None and since < cursor.since:
            since = cursor.since
        kept = {key: value for key, value in cursor.state.items() if key not in STATE_KEYS}
        self._layouts.of(known, cursor.state)
        return Cursor(since, {**kept, **self._layouts.state(known)})

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        return self._reader.fetch(self._stream(stream), external_ids)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        return self._reader.deleted(self._stream(stream), cursor.since, resume)

    def ids(self, stream: str, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        return self._reader.ids(self._stream(stream), resume)

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        """None: everything here is a claim."""
        return iter(())

    # ------------------------------------------------------------- out
    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        return self._push.write([self._placed(change) for change in changes])

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        seen = self._readback.read([self._placed(change) for change in changes])
        return [replace(one, module=change.module) for one, change in zip(seen, changes, strict=True)]

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        """What to create by hand; nothing is created here."""
        placed = [replace(item, module=self._object(item.module)) for item in fields]
        return FxiaokeSetup(self._settings, self._descriptions).run(placed, dry_run=dry_run)

    # ------------------------------------------------------------- notifications
    def ensure_channel(self, notify_url: str, token: str, now: datetime, current: Channel | None = None) -> Channel:
        """Nothing to ask: an administrator enters the address in Fxiaoke. It stays good until it is changed here."""
        if current is not None and (current.notify_url, current.token) == (notify_url, token):
            return current
        return Channel("by-hand", token, notify_url, now + _FOR_EVER, [one.object for one in self._streams.values()])

    def close(self) -> None:
        self._api.close()

    def _placed(self, change: RemoteChange) -> RemoteChange:
        parent = self._object(change.parent_module) if change.parent_module else ""
        return replace(change, module=self._object(change.module), parent_module=parent)

    def _object(self, module: str) -> str:
        """The object that stands for a module in this tenant."""
        return next((stream.object for stream in self._streams.values() if stream.module == module), module)

    def _stream(self, name: str) -> FxStream:
        try:
            return self._streams[name]
        except KeyError:
            known = ", ".join(self._streams)
            raise ConfigError(f"fxiaoke has no stream {name!r}", hint=f"It has {known}.") from None
