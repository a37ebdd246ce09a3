"""Reads modules page by page: changes since a cursor, the delete feed, named records, all ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.http import Reply, chunks
from connectors.paging import LoopDetector
from connectors.zoho.api import ZohoApi
from connectors.zoho.fields import FieldChoice, Fields
from connectors.zoho.leg import Leg, zoho_time
from connectors.zoho.rows import RawPage, RowReader, gone_row, open_page
from connectors.zoho.streams import ZohoStream
from tieout.core import exact_json
from tieout.core.dates import DateError, iso_utc, parse_at
from tieout.core.errors import BadPayload, Rejected
from tieout.core.ports import BadRow, Cursor, Env, IdPage, JsonValue, Page, SourceRow

_TOKEN_ERRORS = frozenset({"EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH"})
_NOT_FIELDS = _TOKEN_ERRORS | {
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
    "PAGINATION_LIMIT_EXCEEDED",
    "AMBIGUITY_DURING_PROCESSING",
    "NO_PERMISSION",
}
_IDS_PER_CALL = 100


class ZohoReader:
    """The reading half of the Zoho connector."""

    def __init__(self, env: Env, api: ZohoApi, fields: Fields) -> None:
        self._env = env
        self._api = api
        self._fields = fields

    # ------------------------------------------------------------- changes
    def changes(self, stream: ZohoStream, cursor: Cursor, resume: Mapping[str, JsonValue] | None) -> Iterator[Page]:
        """Everything modified since the cursor, oldest first; see `Leg` for how pages stay complete."""
        leg = Leg.load(resume) if resume else Leg(cursor.since)
        self._fields.choice(stream, cursor.state)
        what = f"{self._env.connection}.{stream.name}"
        loop, guarded = LoopDetector(what), (leg.order, leg.restarts)
        while True:
            if guarded != (leg.order, leg.restarts):  # another order shows the same records again, rightly
                loop, guarded = LoopDetector(what), (leg.order, leg.restarts)
            started = self._env.clock.now()
            try:
                reply, raw, size = self._list(stream, leg)
            except Rejected as error:
                if leg.token and error.code in (_TOKEN_ERRORS | {"INVALID_DATA"}) and leg.restarts < 3:
                    leg = Leg(leg.since, "id", begun=leg.begun, restarts=leg.restarts + 1)
                    continue
                raise
            except BadPayload:
                if leg.token:
                    raise  # a token is bound to its parameters: nothing smaller can be asked
                reply, raw, size, rows, bad = self._one_by_one(stream, leg)
            else:
                rows, bad = self._rows(stream, raw.records, started)
            loop.page(raw.raw)
            stamps = {row.external_id: row.version.modified_at for row in rows}
            following: Leg | None = None
            if raw.more:
                following = leg.after(stamps, size, raw.next_token)
                if following is None:
                    raise BadPayload(f"{reply.what}: more records follow but no page token was given")
                if following.token:
                    loop.token(following.token)
            fresh = [row for row in rows if not _came_before(row, leg.seen)]
            yield Page(fresh, bad, following.dump() if following else None, reply.server_at)
            if following is None:
                return
            leg = following

    def _list(self, stream: ZohoStream, leg: Leg) -> tuple[Reply, RawPage, int]:
        """One page; an unreadable one is asked again, then in halves while the offset allows it."""
        size = leg.page_size(self._api.settings.per_page)
        attempts = 0
        while True:
            try:
                reply = self._ask(stream, leg, size)
                raw = open_page(self._api, reply)
            except BadPayload:
                attempts += 1
                if attempts == 1:
                    continue
                if leg.token or size % 2 or size <= 1:
                    raise
                size //= 2
                continue
            if not raw.records and leg.begun and attempts == 0:
                attempts += 1  # more was promised: an empty answer is believed only the second time
                continue
            return reply, raw, size

    def _ask(self, stream: ZohoStream, leg: Leg, size: int) -> Reply:
        choice = self._fields.choice(stream, {})
        path = f"/{stream.module}"
        try:
            return self._api.read("GET", path, params=leg.params(_joined(choice), size), headers=leg.headers())
        except Rejected as error:
            if leg.token or choice.checked_at is not None or error.code in _NOT_FIELDS:
                raise
            narrowed = self._fields.narrow(stream)
            return self._api.read("GET", path, params=leg.params(_joined(narrowed), size), headers=leg.headers())

    def _one_by_one(self, stream: ZohoStream, leg: Leg) -> tuple[Reply, RawPage, int, list[SourceRow], list[BadRow]]:
        """The last resort for a page: list its ids, read each record alone, quarantine the unreadable ones."""
        size = leg.page_size(self._api.settings.per_page)
        query, headers = leg.params("Modified_Time", size), leg.headers()
        reply = self._api.read("GET", f"/{stream.module}", params=query, headers=headers)
        listed = open_page(self._api, reply)
        rows: list[SourceRow] = []
        bad: list[BadRow] = []
        last: BadPayload | None = None
        for item in listed.records:
            external_id = str(exact_json.loads(item).get("id") or "")
            started = self._env.clock.now()
            try:
                one = open_page(self._api, self._by_ids(stream, [external_id]))
            except BadPayload as error:
                last = error
                bad.append(BadRow(external_id, f"the record's own answer cannot be read: {error.message}", item))
                continue
            got, broken = self._rows(stream, one.records, started)
            rows += got
            bad += broken
        if last is not None and not rows:
            raise last
        return reply, listed, size, rows, bad

    def _rows(
        self, stream: ZohoStream, records: Sequence[bytes], started: datetime
    ) -> tuple[list[SourceRow], list[BadRow]]:
        reader = RowReader(
            self._fields.hashed(stream), self._fields.own(stream.module), self._fields.hashed_paths(stream)
        )
        rows: list[SourceRow] = []
        bad: list[BadRow] = []
        for record in records:
            row = reader.read(record, started)
            if isinstance(row, BadRow):
                bad.append(row)
            else:
                rows.append(row)
        return rows, bad

    # ------------------------------------------------------------- named records
    def fetch(self, stream: ZohoStream, external_ids: Sequence[str]) -> Page:
        """The named records, fresh; ids that no longer answer come as deleted rows."""
        rows: list[SourceRow] = []
        bad: list[BadRow] = []
        server_at: datetime | None = None
        wanted = list(dict.fromkeys(external_ids))
        for part in chunks(wanted, _IDS_PER_CALL):
            started = self._env.clock.now()
            reply = self._by_ids(stream, part)
            got, broken = self._rows(stream, open_page(self._api, reply).records, started)
            answered = {row.external_id for row in got} | {row.external_id for row in broken}
            rows += got
            bad += broken
            rows += [
                gone_row(gone, exact_json.dumps({"id": gone}), None, started) for gone in part if gone not in answered
            ]
            server_at = reply.server_at or server_at
        return Page(rows, bad, None, server_at)

    def _by_ids(self, stream: ZohoStream, ids: Sequence[str]) -> Reply:
        choice = self._fields.choice(stream, {})
        query = {"ids": ",".join(ids), "fields": _joined(choice), "per_page": str(max(len(ids), 1))}
        try:
            return self._api.read("GET", f"/{stream.module}", params=query)
        except Rejected as error:
            if choice.checked_at is None and error.code not in _NOT_FIELDS:
                choice = self._fields.narrow(stream)
                try:
                    return self._api.read("GET", f"/{stream.module}", params={**query, "fields": _joined(choice)})
                except Rejected as again:
                    error = again
            if error.code == "INVALID_DATA" and len(ids) == 1:  # an id that never was, or is gone for good
                return Reply(204, {}, b"", f"GET /{stream.module}")
            raise error

    # ------------------------------------------------------------- deletes and sweeps
    def deleted(
        self, stream: ZohoStream, since: datetime | None, resume: Mapping[str, JsonValue] | None = None
    ) -> Iterator[Page]:
        """The delete feed (recycle bin 60 days, permanent 120 days; Zoho docs v8 get-deleted-records)."""
        loop = LoopDetector(f"{self._env.connection}.{stream.name} deletes")
        headers = {"If-Modified-Since": zoho_time(since)} if since else {}
        number = int((resume or {}).get("page") or 1)
        while True:
            started = self._env.clock.now()
            query = {"type": "all", "page": str(number), "per_page": "200"}
            reply = self._api.read("GET", f"/{stream.module}/deleted", params=query, headers=headers, cost=2)
            raw = open_page(self._api, reply)
            loop.page(raw.raw)
            rows: list[SourceRow] = []
            bad: list[BadRow] = []
            for record in raw.records:
                try:
                    rows.append(_gone(record, started))
                except (BadPayload, DateError) as error:
                    bad.append(BadRow("", f"unreadable line of the delete feed: {error.message}", record))
            yield Page(rows, bad, {"page": number + 1} if raw.more else None, reply.server_at)
            if not raw.more:
                return
            number += 1

    def ids(self, stream: ZohoStream, resume: Mapping[str, JsonValue] | None = None) -> Iterator[IdPage]:
        """Every living id, ordered by id; the mark is empty: what changes here also moves Modified_Time."""
        loop = LoopDetector(f"{self._env.connection}.{stream.name} ids")
        leg = replace(Leg.load(resume), begun=False) if resume else Leg(None, order="id")
        while True:
            size = leg.page_size(self._api.settings.per_page)
            reply = self._api.read("GET", f"/{stream.module}", params=leg.params("id", size))
            raw = open_page(self._api, reply)
            if not raw.records and leg.offset:
                raise BadPayload(f"{reply.what}: the id list ended although more was promised")
            loop.page(raw.raw)
            found: list[tuple[str, str]] = []
            for record in raw.records:
                value = exact_json.loads(record)
                if not isinstance(value, dict) or not value.get("id"):
                    raise BadPayload(f"{reply.what}: a record without id in the id list")
                found.append((str(value["id"]), ""))
            if not raw.more:
                yield IdPage(found)
                return
            following = leg.after({}, size, raw.next_token)
            if following is None:
                raise BadPayload(f"{reply.what}: more records follow but no page token was given")
            if following.token:
                loop.token(following.token)
            yield IdPage(found, following.dump())
            leg = replace(following, begun=False)


def _gone(record: bytes, started: datetime) -> SourceRow:
    value = exact_json.loads(record)
    if not isinstance(value, dict) or not value.get("id"):
        raise BadPayload("no id")
    at = value.get("deleted_time")
    return gone_row(str(value["id"]), record, parse_at(at) if isinstance(at, str) else None, started)


def _joined(choice: FieldChoice) -> str:
    return ",".join(choice.asked)


def _came_before(row: SourceRow, seen: Mapping[str, str]) -> bool:
    at = row.version.modified_at
    return at is not None and seen.get(row.external_id) == iso_utc(at)
