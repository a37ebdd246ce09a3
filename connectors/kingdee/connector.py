"""Kingdee K3Cloud as a connector: customers, receivables, receipts, refunds and settlements in. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from connectors.kingdee.memory import STATE_KEYS
from connectors.kingdee.query import Ask, KingdeeQuery, UnknownField
from connectors.kingdee.reader import KingdeeReader
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.streams import KingdeeStream, streams_of
from connectors.kingdee.totals import Totals
from tieout.core.dates import zone
from tieout.core.errors import ConfigError, Rejected, SourceError
from tieout.core.ports import (
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

_READ_ONLY = "Kingdee is read-only here: Tieout never writes to the book of record"


class KingdeeConnector:
    """One Kingdee account set. See docs/connectors/kingdee.md for keys, rights and limits."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._settings = KingdeeSettings.of(env.connection, env.settings)
        zone(self._settings.timezone)
        self._streams = streams_of(self._settings)
        self._query = KingdeeQuery(env, self._settings)
        self._reader = KingdeeReader(env, self._settings, self._query)
        self._totals = Totals(self._settings, self._query, self._streams)

    def check(self) -> list[Finding]:
        """Login, one row of every form, fields the profile reads and the form lacks."""
        try:
            self._query.login()
        except SourceError as error:
            return [Finding("error", error.code, error.message, error.hint)]
        findings = [Finding("ok", "login", f"logged in to account set as {self._settings.user}")]
        for stream in self._streams.values():
            findings += self._check_stream(stream)
        return findings

    def _check_stream(self, stream: KingdeeStream) -> list[Finding]:
        memory = self._reader.memory(stream)
        findings: list[Finding] = []
        while True:
            want = self._reader.wanted(stream, memory)
            try:
                found = self._query.page(Ask(stream.form, want.head, "", stream.key), 1)
                for entry, keys in want.entries.items():
                    self._query.page(Ask(stream.form, (stream.key, *keys), "", f"{stream.key},{entry}_FEntryID"), 1)
            except UnknownField as error:
                required = {key.split(".", 1)[0].lower() for key in stream.required}
                if error.key.split(".", 1)[0].lower() in required or error.key in memory.dropped:
                    if stream.advisory:
                        hint = f"{stream.name} is not read; override its profile if the field has another name."
                        return [*findings, Finding("warning", error.code, error.message, hint)]
                    return [*findings, Finding("error", error.code, error.message, error.hint)]
                memory.drop(error.key, self._env.clock.now())
                text = f"{stream.form} has no field {error.key}: it is left out"
                findings.append(Finding("warning", "field_missing", text, "Expected on builds without that field."))
                continue
            except (SourceError, ConfigError) as error:
                level = "warning" if stream.optional_form and error.code == "unknown_form" else "error"
                # the level is one of two literals, which the checker sees as plain text
                return [*findings, Finding(level, error.code, error.message, error.hint)]  # type: ignore[arg-type]
            note = "" if found.rows else "; no row is visible: check the user's data scope if there should be any"
            return [*findings, Finding("ok", "form", f"{stream.form} can be queried{note}")]

    def streams(self) -> Sequence[StreamInfo]:
        return [stream.info(self._settings.overlap_seconds) for stream in self._streams.values()]

    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Pages of everything modified or approved since the cursor, by internal id."""
        return self._reader.changes(self._stream(stream), cursor, resume)

    def next_cursor(self, stream: str, cursor: Cursor, started_at: datetime, seen: Mapping[str, JsonValue]) -> Cursor:
        """The scan's start on the server's clock less the overlap, with what was learned of the form.

        A scan that was shown no row leaves the cursor where it is: an empty list is also what a server in trouble
        gives, and asking again from there costs nothing while nothing changes.
        """
        memory = self._reader.memory(self._stream(stream), cursor.state)
        since: datetime | None = (started_at - timedelta(seconds=self._settings.overlap_seconds)).replace(microsecond=0)
        if memory.found_nothing or (cursor.since is not None and since is not None and since < cursor.since):
            since = cursor.since
        kept = {key: value for key, value in cursor.state.items() if key not in STATE_KEYS}
        return Cursor(since, {**kept, **memory.state()})

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        return self._reader.fetch(self._stream(stream), external_ids)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, JsonValue] | None = None) -> Iterator[Page]:
        """Nothing: a delete in Kingdee leaves no trace; the id sweep finds it."""
        self._stream(stream)
        return iter(())

    def ids(self, stream: str, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        return self._reader.ids(self._stream(stream), resume)

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        return self._totals.read()

    def totals_on(self, on: date) -> Iterator[Sequence[SourceTotal]]:
        """Open at the end of a day by document and settlement dates, as they stand now."""
        return self._totals.read_on(on)

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        """Every change is rejected, nothing is sent."""
        return [Receipt(change.change_id, "rejected", change.remote_id, "read_only", _READ_ONLY) for change in changes]

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        raise Rejected(_READ_ONLY, code="read_only", connection=self._env.connection)

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        return [Finding("ok", "read_only", _READ_ONLY)]

    def close(self) -> None:
        self._query.close()

    def _stream(self, name: str) -> KingdeeStream:
        try:
            return self._streams[name]
        except KeyError:
            known = ", ".join(self._streams)
            raise ConfigError(f"kingdee has no stream {name!r}", hint=f"It has {known}.") from None
