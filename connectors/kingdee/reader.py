"""Reads Kingdee forms: changes since a cursor in the order of FID, named documents, all ids.

Paging is by key, not by StartRow: the filter goes on behind the last FID seen, so that rows which appear or vanish
meanwhile shift nothing. FIDs never change, so no upper bound has to be frozen; what changes during the scan is asked
again next time, because the next cursor is the scan's start less the overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from connectors.http import chunks
from connectors.kingdee.entries import EntryReader, Lines
from connectors.kingdee.memory import Memory
from connectors.kingdee.query import Ask, KingdeeQuery, RawRow, Rows, UnknownField, UnknownForm, both, quoted
from connectors.kingdee.rows import RowMaker
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.streams import KingdeeStream, Wanted, wanted
from connectors.paging import LoopDetector
from tieout.core import exact_json
from tieout.core.dates import format_local
from tieout.core.errors import BadPayload
from tieout.core.ports import BadRow, Cursor, Env, IdPage, JsonValue, Page, SourceRow
from tieout.core.versions import SourceVersion

_IDS_PER_CALL = 500


class KingdeeReader:
    """The reading half of the Kingdee connector."""

    def __init__(self, env: Env, settings: KingdeeSettings, query: KingdeeQuery) -> None:
        self._env = env
        self._settings = settings
        self._query = query
        self._memory: dict[str, Memory] = {}
        self._entries = EntryReader(query)

    def memory(self, stream: KingdeeStream, state: Mapping[str, JsonValue] | None = None) -> Memory:
        """What is known of a stream; the first state seen counts."""
        if stream.name not in self._memory:
            self._memory[stream.name] = Memory.recall(state or {}, self._env.clock.now())
        return self._memory[stream.name]

    # ------------------------------------------------------------- changes
    def changes(self, stream: KingdeeStream, cursor: Cursor, resume: Mapping[str, JsonValue] | None) -> Iterator[Page]:
        """Documents created, edited or approved since the cursor, by FID."""
        memory = self.memory(stream, cursor.state)
        last = 0
        asked_high = int(cursor.state.get("high") or 0)
        if resume:
            last = int(resume.get("last") or 0)
            memory.high = max(memory.high, int(resume.get("high") or 0))
            for key in resume.get("dropped") or ():
                memory.drop(str(key), self._env.clock.now())
        if memory.absent_at is not None:
            yield Page([], [], None)
            return
        loop = LoopDetector(f"{self._env.connection}.{stream.name}")
        while True:
            here = last

            def build(want: Wanted, here: int = here) -> Ask:
                where = both(self._changed(stream, cursor.since, asked_high, memory), f"{stream.key}>{here}")
                return Ask(stream.form, want.head, both(where, self._orgs(stream)), stream.key)

            page, rows, high = self._page(stream, memory, build)
            if rows is not None and not rows.rows and here:
                # A full page came before: that nothing follows is believed only the second time.
                page, rows, high = self._page(stream, memory, build)
            if page is None or rows is None:
                yield Page([], [], None)
                return
            memory.found_nothing = not rows.rows and not here
            loop.page(rows.body if rows.rows else b"")
            if not rows.is_last and high <= last:
                raise BadPayload(f"{stream.form}: rows do not advance beyond {stream.key} {last}", code="page_loop")
            last = high
            if stream.by_log_id:
                memory.high = max(memory.high, high)
            resume_at: dict[str, JsonValue] = {"last": last, "high": memory.high, "dropped": list(memory.dropped)}
            is_last = rows.is_last
            made = Page(page.rows, page.bad, None if is_last else resume_at, page.server_at)
            page = rows = None  # what it was made of is not held while the page is landed and the next one fetched
            yield made
            del made
            if is_last:
                return

    def _page(
        self, stream: KingdeeStream, memory: Memory, build: Callable[[Wanted], Ask]
    ) -> tuple[Page | None, Rows | None, int]:
        """One page with its entry lines, and the highest key on it; None when the optional form is absent."""
        try:
            ask, rows, broken = self._narrowing(stream, memory, build)
        except (UnknownForm, UnknownField) as error:
            if not _may_lack(stream, error):
                raise
            memory.absent_at = self._env.clock.now()
            return None, None, 0
        want = self.wanted(stream, memory)
        maker = RowMaker(stream, ask.keys, self._settings.timezone)
        keys = [maker.key(row.values) if row.values is not None else None for row in rows.rows]
        if None in keys or broken:
            keys = self._keys_alone(stream, ask, rows)
        good = {key: row.values for key, row in zip(keys, rows.rows, strict=True) if key is not None and row.values}
        lines = self._lines(stream, memory, want, maker, good, ask)
        out: list[SourceRow] = []
        bad: list[BadRow] = []
        raws = rows.raws() if lines.left_out or any(row.values is None for row in rows.rows) else []
        for at, (key, row) in enumerate(zip(keys, rows.rows, strict=True)):
            if row.values is None or key in lines.left_out:
                external_id = stream.external_id(key) if key is not None else ""
                why = row.reason if row.values is None else "the answer with its lines leaves it out"
                bad.append(BadRow(external_id, why, raws[at]))
                continue
            made = maker.make(row.values, lines.of(key), rows.started_at)
            if isinstance(made, BadRow):
                bad.append(made)
            else:
                out.append(made)
        high = max((key for key in keys if key is not None), default=0)
        return Page(out, bad, None, rows.server_at), rows, high

    def _narrowing(
        self, stream: KingdeeStream, memory: Memory, build: Callable[[Wanted], Ask]
    ) -> tuple[Ask, Rows, bool]:
        """Ask, dropping optional fields that the form lacks; `True` when only the keys could be read."""
        required = {key.split(".", 1)[0].lower() for key in stream.required}
        while True:
            ask = build(self.wanted(stream, memory))
            try:
                return ask, self._query.page(ask), False
            except UnknownField as error:
                name = error.key.split(".", 1)[0].lower()
                if name in required or error.key in memory.dropped:
                    raise
                memory.drop(error.key, self._env.clock.now())
            except BadPayload as error:
                return ask, self._one_broken(stream, ask, error), True

    def _one_broken(self, stream: KingdeeStream, ask: Ask, error: BadPayload) -> Rows:
        """A record whose own answer cannot be read: its key is asked alone, so that the stream can go on behind it."""
        found = self._query.page(Ask(ask.form, (stream.key,), ask.where, ask.order), 1)
        rows = [RawRow(None, f"the record's own answer cannot be read: {error.message}") for _ in found.rows]
        return Rows(rows, found.body, 1, found.server_at, found.started_at)

    def _keys_alone(self, stream: KingdeeStream, ask: Ask, rows: Rows) -> list[int | None]:
        """The keys of a page with unreadable rows, asked without the other fields."""
        limit = max(len(rows.rows), 1)
        found = self._query.page(Ask(ask.form, (stream.key,), ask.where, ask.order), limit)
        maker = RowMaker(stream, (stream.key,), self._settings.timezone)
        keys = [maker.key(row.values) if row.values is not None else None for row in found.rows]
        if len(keys) != len(rows.rows) or None in keys:
            raise BadPayload(f"{stream.form}: unreadable rows, and their keys cannot be told apart")
        return keys

    def _lines(
        self,
        stream: KingdeeStream,
        memory: Memory,
        want: Wanted,
        maker: RowMaker,
        good: Mapping[int, Sequence[JsonValue]],
        ask: Ask,
    ) -> Lines:
        """Entry lines of the documents of a page."""
        lines = Lines()
        if not good:
            return lines
        for entry in stream.entries:
            while entry.key in want.entries:
                try:
                    self._entries.read(stream, entry, want.entries[entry.key], good, ask.where, lines)
                    break
                except UnknownField as error:
                    if error.key in memory.dropped or error.key.lower() == entry.id_key.lower():
                        raise
                    memory.drop(error.key, self._env.clock.now())
                    want = self.wanted(stream, memory)
        return lines

    def wanted(self, stream: KingdeeStream, memory: Memory) -> Wanted:
        return wanted(stream, self._env.source_fields.get(stream.name), memory.dropped)

    def _changed(self, stream: KingdeeStream, since: datetime | None, high: int, memory: Memory) -> str:
        """The filter of an incremental ask: any stamp at or after `since`, or a log id above the highest seen."""
        if since is None:
            return ""
        gone = {key.lower() for key in memory.dropped}
        local = quoted(format_local(since, self._settings.timezone))
        tests = [f"{stamp}>={local}" for stamp in stream.stamps if stamp.lower() not in gone]
        if stream.by_log_id:
            tests.append(f"{stream.key}>{high}")
        return "(" + " or ".join(tests) + ")"

    def _orgs(self, stream: KingdeeStream) -> str:
        numbers = self._settings.org_numbers
        return f"{stream.org_key} in ({','.join(quoted(item) for item in numbers)})" if numbers else ""

    # ------------------------------------------------------------- named documents and sweeps
    def fetch(self, stream: KingdeeStream, external_ids: Sequence[str]) -> Page:
        """The named documents, fresh; those that no longer answer come as deleted rows."""
        memory = self.memory(stream)
        out: list[SourceRow] = []
        bad: list[BadRow] = []
        server_at: datetime | None = None
        for part in chunks(list(dict.fromkeys(external_ids)), _IDS_PER_CALL):
            keys = {stream.key_of(external_id): external_id for external_id in part}
            started = self._env.clock.now()
            answered: set[str] = set()
            for _ in range(2):  # what one answer leaves out is asked for once more before it counts as gone
                left = [key for key in keys if stream.external_id(key) not in answered]
                for page, rows in self._named(stream, memory, left) if left else ():
                    started = rows.started_at
                    out += page.rows
                    bad += page.bad
                    server_at = page.server_at or server_at
                answered = {row.external_id for row in out} | {row.external_id for row in bad}
            for key in keys:
                external_id = stream.external_id(key)
                if external_id not in answered:
                    payload = exact_json.dumps({stream.key: int(key)})
                    digest = exact_json.digest({"deleted": external_id})
                    version = SourceVersion(None, None, started)
                    out.append(SourceRow(external_id, version, payload, digest, is_deleted=True))
        return Page(out, bad, None, server_at)

    def _named(self, stream: KingdeeStream, memory: Memory, keys: Iterable[str]) -> Iterator[tuple[Page, Rows]]:
        """Every page of the named documents: a page may hold fewer than were named, and what it leaves is not gone."""
        named = f"{stream.key} in ({','.join(keys)})"
        last = 0
        while True:
            where = named if not last else both(named, f"{stream.key}>{last}")

            def build(want: Wanted, where: str = where) -> Ask:
                return Ask(stream.form, want.head, where, stream.key)

            page, rows, high = self._page(stream, memory, build)
            if page is None or rows is None:
                return
            yield page, rows
            if rows.is_last:
                return
            if high <= last:
                raise BadPayload(f"{stream.form}: rows do not advance beyond {stream.key} {last}", code="page_loop")
            last = high

    def ids(self, stream: KingdeeStream, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        """Every living id with its state mark (document status and cancellation; a settlement: in force or not)."""
        memory = self.memory(stream)
        last = int((resume or {}).get("last") or 0)
        while True:
            where = both(f"{stream.key}>{last}", self._orgs(stream))

            def build(want: Wanted, where: str = where) -> Ask:
                marks = tuple(key for key in want.head if key.lower() in {mark.lower() for mark in stream.marks})
                return Ask(stream.form, (stream.key, *marks), where, stream.key)

            try:
                _, rows, broken = self._narrowing(stream, memory, build)
            except (UnknownForm, UnknownField) as error:
                if not _may_lack(stream, error):
                    raise
                return
            maker = RowMaker(stream, (stream.key,), self._settings.timezone)
            found: list[tuple[str, str]] = []
            for row in rows.rows:
                key = maker.key(row.values) if row.values is not None and not broken else None
                if key is None or row.values is None:
                    raise BadPayload(f"{stream.form}: a row of the id list cannot be read")
                last = key
                found.append((stream.external_id(key), "/".join(str(value) for value in row.values[1:])))
            yield IdPage(found, None if rows.is_last else {"last": last})
            if rows.is_last:
                return


def _may_lack(stream: KingdeeStream, error: Exception) -> bool:
    """True when an account set may lack this form, or the fields without which it says nothing to us."""
    return stream.optional_form if isinstance(error, UnknownForm) else stream.advisory
