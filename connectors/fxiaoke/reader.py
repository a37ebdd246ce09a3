"""Reads objects page by page in the order of their ids: changes since a cursor, invalid rows, named records, all ids.

The offset ends at 10,000 and rows that are edited while pages are read would move it, so it is always 0: each page asks
for ids above the last one (the platform's own advice for deep paging), inside the time window of the cursor. The window
has no upper end: a row edited meanwhile stays in it, so nothing slips over a page edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.fxiaoke.api import FxiaokeApi
from connectors.fxiaoke.layout import Layout, Layouts
from connectors.fxiaoke.rows import DEAD, RawPage, RowReader, gone_row, id_of, is_dead, open_page
from connectors.fxiaoke.streams import FINANCE_OBJECT, FxStream
from connectors.fxiaoke.values import instant, millis
from connectors.http import Reply, chunks
from connectors.paging import LoopDetector
from tieout.core import exact_json
from tieout.core.errors import BadPayload, Rejected
from tieout.core.ports import BadRow, Cursor, Env, IdPage, JsonValue, Page, SourceRow

STATES = ("ineffective", "under_review", "normal", "in_change")
_IDS_PER_CALL = 100
Filter = dict[str, JsonValue]


def equals(name: str, operator: str, *values: str) -> Filter:
    """One filter; values travel as text."""
    return {"field_name": name, "field_values": list(values), "operator": operator}


class FxiaokeReader:
    """The reading half of the connector."""

    def __init__(self, env: Env, api: FxiaokeApi, layouts: Layouts) -> None:
        self._env, self._api, self._layouts = env, api, layouts
        self._zone = api.settings.timezone

    # ------------------------------------------------------------- one page
    def query(
        self, object_name: str, filters: Sequence[Filter], names: Sequence[str], limit: int, *, last: str = ""
    ) -> Reply:
        """One page of an object with ids above `last`, ascending."""
        after = [equals("_id", "GT", last)] if last else []
        info: dict[str, JsonValue] = {
            "limit": limit,
            "offset": 0,
            "filters": [*filters, *after],
            "orders": [{"fieldName": "_id", "isAsc": True}],
        }
        if names:
            info["fieldProjection"] = list(names)
        data = {"dataObjectApiName": object_name, "find_explicit_total_num": False, "search_query_info": info}
        return self._api.read(path_of(object_name, "query"), {"data": data})

    def _page(
        self, object_name: str, filters: Sequence[Filter], names: Sequence[str], last: str, *, sure: bool
    ) -> tuple[Reply, RawPage, bool, list[BadRow]]:
        """A page, whether it is the last one, and what of it cannot be read.

        An unreadable answer is asked for again, then in halves, at last record by record. `sure` False: an empty
        answer where more was likely is believed only the second time.
        """
        size = self._api.settings.per_page
        attempts = 0
        while True:
            try:
                reply = self.query(object_name, filters, names, size, last=last)
                page = open_page(self._api, reply, size)
            except BadPayload:
                attempts += 1
                if attempts > 1:
                    if size == 1:
                        return self._unreadable(object_name, filters, last)
                    size = max(1, size // 2)
                continue
            if not page.records and not sure:
                sure = True
                continue
            return reply, page, len(page.records) < size, []

    def _unreadable(
        self, object_name: str, filters: Sequence[Filter], last: str
    ) -> tuple[Reply, RawPage, bool, list[BadRow]]:
        """The next record's own answer cannot be read: its id is asked alone, so that the read can go on behind it."""
        reply = self.query(object_name, filters, ["_id"], 1, last=last)
        page = open_page(self._api, reply, 1)
        if not page.records:
            return reply, page, True, []
        found = id_of(page.records[0])
        if not found:
            raise BadPayload(f"{reply.what}: a record of {object_name} without readable _id")
        bad = BadRow(found, "the record's own answer cannot be read", page.records[0])
        return reply, RawPage([], page.raw), False, [bad]

    # ------------------------------------------------------------- changes
    def changes(self, stream: FxStream, cursor: Cursor, resume: Mapping[str, JsonValue] | None) -> Iterator[Page]:
        """Everything modified since the cursor, by id; customers also where only their financial record moved."""
        layout = self._layouts.of(stream, cursor.state)
        if layout.absent:
            yield Page([], [], None)
            return
        again = bool(layout.finance) and cursor.since is not None
        state = dict(resume or {})
        if state.get("leg") != "finance":
            yield from self._own(stream, cursor, str(state.get("last") or ""), again)
            state = {}
        if again:
            yield from self._by_finance(stream, cursor, str(state.get("last") or ""))

    def _own(self, stream: FxStream, cursor: Cursor, last: str, again: bool) -> Iterator[Page]:
        loop = LoopDetector(f"{self._env.connection}.{stream.name}")
        filters = _since(cursor.since)
        later = cursor.since is not None
        if later and "life_status" in self._layouts.of(stream).asked:
            # Whether invalid rows are shown unasked is not documented: they are asked for by name.
            filters.append(equals("life_status", "IN", *STATES, DEAD))
        sure = later and not last
        while True:
            started = self._env.clock.now()
            try:
                layout = self._layouts.of(stream)
                reply, raw, is_last, bad = self._page(stream.object, filters, layout.asked, last, sure=sure)
            except Rejected:
                # A field may have been switched off since it was described.
                fresh = self._layouts.again(stream)
                if fresh == layout or fresh.absent:
                    raise
                reply, raw, is_last, bad = self._page(stream.object, filters, fresh.asked, last, sure=sure)
            sure = False
            if not is_last:
                loop.page(raw.raw)
            rows, broken = self._rows(stream, raw.records, started, tell_dead=later)
            high = max((id_of(one) for one in raw.records), default=bad[0].external_id if bad else last)
            if not is_last and high <= last:
                raise BadPayload(f"{reply.what}: rows of {stream.object} do not advance beyond _id {last}")
            last = high
            resume: dict[str, JsonValue] | None = {"last": last}
            if is_last:
                resume = {"leg": "finance", "last": ""} if again else None
            if is_last and again and not (rows or bad or broken):
                return  # the financial leg's page says it
            yield Page(rows, [*bad, *broken], resume, reply.server_at)
            if is_last:
                return

    def _by_finance(self, stream: FxStream, cursor: Cursor, last: str) -> Iterator[Page]:
        """Customers whose financial records moved, invalid ones included, fetched fresh."""
        layout = self._layouts.of(stream)
        link = layout.finance["account"]
        filters = [*_since(cursor.since), equals("life_status", "IN", *STATES, DEAD)]
        while True:
            reply, raw, is_last, bad = self._page(FINANCE_OBJECT, filters, ["_id", link], last, sure=True)
            if bad:
                raise BadPayload(f"{FINANCE_OBJECT} {bad[0].external_id}: {bad[0].reason}")
            named: dict[str, None] = {}
            for one in raw.records:
                found = exact_json.loads(one)
                if isinstance(found, dict) and isinstance(found.get(link), str):
                    named[found[link]] = None
            last = max((id_of(one) for one in raw.records), default=last)
            page = self.fetch(stream, list(named)) if named else Page([], [], None, reply.server_at)
            resume = None if is_last else {"leg": "finance", "last": last}
            yield Page([row for row in page.rows if not row.is_deleted], page.bad, resume, page.server_at)
            if is_last:
                return

    def _rows(
        self, stream: FxStream, records: Sequence[bytes], started: datetime, *, tell_dead: bool = False
    ) -> tuple[list[SourceRow], list[BadRow]]:
        """Rows of a page; invalid ones are left out, or come as deleted where `tell_dead` asks for that."""
        layout = self._layouts.of(stream)
        living = [one for one in records if not is_dead(one)]
        finance = self._finance(layout, [id_of(one) for one in living]) if layout.finance else None
        reader = RowReader(layout, self._zone)
        rows: list[SourceRow] = []
        bad: list[BadRow] = []
        for one in living:
            row = reader.read(one, started, finance)
            if isinstance(row, BadRow):
                bad.append(row)
            else:
                rows.append(row)
        if tell_dead:
            rows += [_gone(one, started) for one in records if is_dead(one) and id_of(one)]
        return rows, bad

    def _finance(self, layout: Layout, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Titles and tax ids by customer: their living financial records, in the order of ids."""
        out: dict[str, list[dict[str, Any]]] = {}
        link = layout.finance["account"]
        wanted = [one for one in ids if one]
        for part in chunks(wanted, _IDS_PER_CALL):
            last = ""
            while True:
                names = ["_id", "life_status", *layout.finance.values()]
                filters = [equals(link, "IN", *part)]
                _, raw, is_last, bad = self._page(FINANCE_OBJECT, filters, names, last, sure=True)
                if bad:
                    raise BadPayload(f"{FINANCE_OBJECT} {bad[0].external_id}: {bad[0].reason}")
                for one in raw.records:
                    found = exact_json.loads(one)
                    if not isinstance(found, dict) or is_dead(one):
                        continue
                    said = {name: found[real] for name, real in layout.finance.items() if found.get(real)}
                    account = said.pop("account", None)
                    if isinstance(account, str) and said:
                        out.setdefault(account, []).append(said)
                last = max((id_of(one) for one in raw.records), default=last)
                if is_last:
                    break
        return out

    # ------------------------------------------------------------- named records
    def fetch(self, stream: FxStream, external_ids: Sequence[str]) -> Page:
        """The named records, fresh; those that are gone or invalid come as deleted rows."""
        layout = self._layouts.of(stream)
        rows: list[SourceRow] = []
        bad: list[BadRow] = []
        server_at: datetime | None = None
        for part in chunks(list(dict.fromkeys(external_ids)), _IDS_PER_CALL):
            started = self._env.clock.now()
            living: set[str] = set()
            if not layout.absent:
                reply = self.query(stream.object, [equals("_id", "IN", *part)], layout.asked, _IDS_PER_CALL)
                got, broken = self._rows(stream, open_page(self._api, reply, _IDS_PER_CALL).records, started)
                rows += got
                bad += broken
                server_at = reply.server_at or server_at
                living = {row.external_id for row in got} | {row.external_id for row in broken}
            rows += [gone_row(one, None, started) for one in part if one not in living]
        return Page(rows, bad, None, server_at)

    # ------------------------------------------------------------- deletes and sweeps
    def deleted(
        self, stream: FxStream, since: datetime | None, resume: Mapping[str, JsonValue] | None = None
    ) -> Iterator[Page]:
        """Rows made invalid since then, which `changes` tells as well; rows deleted for good leave no trace."""
        if since is None or self._layouts.of(stream).absent:
            return
        filters = [*_since(since), equals("life_status", "EQ", DEAD)]
        names, last = ["_id", "last_modified_time", "life_status"], str((resume or {}).get("last") or "")
        while True:
            started = self._env.clock.now()
            reply, raw, is_last, bad = self._page(stream.object, filters, names, last, sure=True)
            if any(not is_dead(one) or not id_of(one) for one in raw.records):
                raise BadPayload(f"{reply.what}: a living row among the invalid ones of {stream.object}")
            rows = [_gone(one, started) for one in raw.records]
            last = max((id_of(one) for one in raw.records), default=last)
            yield Page(rows, bad, None if is_last else {"last": last}, reply.server_at)
            if is_last:
                return

    def ids(self, stream: FxStream, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        """Every living id; the mark is the life status. Raises rather than ending early."""
        if self._layouts.of(stream).absent:
            return
        loop = LoopDetector(f"{self._env.connection}.{stream.name} ids")
        last = str((resume or {}).get("last") or "")
        while True:
            reply, raw, is_last, bad = self._page(stream.object, [], ["_id", "life_status"], last, sure=False)
            if bad:
                raise BadPayload(f"{reply.what}: a row of the id list of {stream.object} cannot be read")
            if not is_last:
                loop.page(raw.raw)
            found: list[tuple[str, str]] = []
            for one in raw.records:
                record = exact_json.loads(one)
                if not isinstance(record, dict) or not record.get("_id"):
                    raise BadPayload(f"{reply.what}: a record without _id in the id list of {stream.object}")
                if not is_dead(one):
                    found.append((str(record["_id"]), str(record.get("life_status") or "")))
            last = max((id_of(one) for one in raw.records), default=last)
            yield IdPage(found, None if is_last else {"last": last})
            if is_last:
                return


def _gone(raw: bytes, started: datetime) -> SourceRow:
    """The tombstone of an invalid row."""
    found = exact_json.loads(raw)
    try:
        at = instant(found.get("last_modified_time"))
    except ValueError:
        at = None
    return gone_row(id_of(raw), at, started)


def path_of(object_name: str, verb: str) -> str:
    """Preset and custom objects have paths of their own."""
    place = "custom/v2" if object_name.endswith("__c") else "v2"
    return f"/cgi/crm/{place}/data/{verb}"


def _since(since: datetime | None) -> list[Filter]:
    return [equals("last_modified_time", "GTE", str(millis(since)))] if since is not None else []
