"""A source of static speed on loopback: `python -m bench.server ROWS [MILLISECONDS]`. It prints its port and lives
until killed; each answer leaves so many milliseconds after it was asked for, as if the source were far away.

Three dialects over the same invented records: `/rows` (plain numbered pages), a CRM list with page numbers and
`If-Modified-Since`, and bill queries of an accounting system. `POST /_change` changes 1 % of the records now,
`POST /_change?number=N` one.
"""

from __future__ import annotations

import asyncio
import bisect
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from bench import dataset

_SINCE = re.compile(r"FModifyDate>='([^']+)'", re.IGNORECASE)
_FLOOR = re.compile(r"\bF(?:ID|CUSTID)>(\d+)")
_FROM = re.compile(r"\bFID>=(\d+)")
_TO = re.compile(r"\bFID<=(\d+)")
_IN = re.compile(r"\bFID in \(([\d,]*)\)")
_SAME = re.compile(r"\(FID=(\d+) and \w+_FEntryID>(\d+)\)")


class Records:
    """The records: which are changed, in which order their stamps stand, and each one's bytes."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.changed: dict[int, datetime] = {}
        self.objects: list[bytes] = [self._encode(number) for number in range(1, rows + 1)]
        self._order()

    def _encode(self, number: int) -> bytes:
        return msgspec.json.encode(dataset.as_object(number, self.stamp(number), number in self.changed))

    def _order(self) -> None:
        self.order = sorted((self.stamp(number), number) for number in range(1, self.rows + 1))
        self.stamps = [stamp for stamp, _ in self.order]

    def stamp(self, number: int) -> datetime:
        return self.changed.get(number) or dataset.stamp_of(number)

    def change(self) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        for place, number in enumerate(range(1, self.rows + 1, dataset.CHANGED_EVERY)):
            self.changed[number] = now - timedelta(seconds=place % 100)
            self.objects[number - 1] = self._encode(number)
        self._order()

    def change_one(self, number: int) -> None:
        self.changed[number] = datetime.now(UTC).replace(microsecond=0)
        self.objects[number - 1] = self._encode(number)
        self._order()

    def after(self, since: datetime | None, offset: int, size: int) -> tuple[list[bytes], bool]:
        first = bisect.bisect_left(self.stamps, since) if since else 0
        part = self.order[first + offset : first + offset + size]
        return [self.objects[number - 1] for _, number in part], first + offset + size < self.rows


def bills(records: Records, body: dict[str, Any]) -> bytes:
    """Answer a bill query."""
    form, where = body["FormId"], body["FilterString"]
    keys, limit = body["FieldKeys"].split(","), body["Limit"]
    floor = max((int(found) for found in _FLOOR.findall(where)), default=0)
    if form == "BD_Customer":
        last = records.rows // dataset.PER_CUSTOMER + 1
        wanted = range(floor, last if _SINCE.search(where) is None else floor)
        return msgspec.json.encode([dataset.customer_cells(number, keys) for number in wanted[:limit]])
    if form != "AR_receivable":
        return b"[]"
    entry = next((key.rpartition("_")[0] for key in keys if key.endswith("_FEntryID")), "")
    numbers = _numbers(records, where, floor, entry)
    out = []
    if not entry:
        for number in numbers[:limit]:
            out.append(dataset.bill_cells(number, records.stamp(number), number in records.changed, keys))
        return msgspec.json.encode(out)
    behind = _SAME.findall(where)
    doc, line_id = (int(behind[-1][0]), int(behind[-1][1])) if behind else (0, 0)
    for number in numbers:
        for line in range(3 if entry == "FEntityDetail" else 1):
            if number < doc or (number == doc and number * 10 + line <= line_id):
                continue
            out.append(dataset.line_cells(entry, number, line, number in records.changed, keys))
        if len(out) >= limit:
            break
    return msgspec.json.encode(out[:limit])


def _numbers(records: Records, where: str, floor: int, entry: str) -> Any:
    listed = _IN.search(where)
    if listed:
        return [int(number) for number in listed.group(1).split(",")]
    behind = _SAME.findall(where)
    first = max((int(found) for found in _FROM.findall(where)), default=1)
    last = min((int(found) for found in _TO.findall(where)), default=records.rows)
    if behind:
        first = max(first, int(behind[-1][0]))
    elif entry and floor:
        first = max(first, floor + 1 if floor >= first else first)
    elif not entry:
        first = max(first, floor + 1)
    since = _SINCE.search(where)
    if since:
        at = datetime.fromisoformat(since.group(1)).replace(tzinfo=UTC) - dataset.SHANGHAI
        found = records.order[bisect.bisect_left(records.stamps, at) :]
        return sorted(number for _, number in found if first <= number <= last)
    return range(first, last + 1)


class Talk(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, records: Records, delay: float = 0.0) -> None:
        self.records, self.delay = records, delay
        self.data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, rest = self.data.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            size = int(headers.get("content-length", 0))
            if len(rest) < size:
                return
            self.data = rest[size:]
            answer = self.answer(lines[0].split(" ")[1], headers, rest[:size])
            status = b"200 OK" if answer else b"204 No Content"
            head_out = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            whole = head_out % (status, len(answer)) + answer
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.transport.write, whole)
            else:
                self.transport.write(whole)

    def answer(self, target: str, headers: dict[str, str], body: bytes) -> bytes:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/rows":
            since = query.get("since")
            at = datetime.fromisoformat(since) if since else None
            size = int(query.get("size", 1000))
            rows, more = self.records.after(at, (int(query.get("page", 1)) - 1) * size, size)
            return b'{"rows":[' + b",".join(rows) + b'],"more":' + (b"true" if more else b"false") + b"}"
        if parts.path.endswith("ExecuteBillQuery.common.kdsvc"):
            return bills(self.records, msgspec.json.decode(body)["data"])
        if parts.path.endswith(".common.kdsvc"):
            return b'{"LoginResultType":1,"KDSVCSessionId":"a-session-of-the-bench"}'
        if parts.path == "/oauth/v2/token":
            host = headers["host"]
            return msgspec.json.encode(
                {"access_token": "a-token-of-the-bench", "expires_in": 3600, "api_domain": f"http://{host}"}
            )
        if parts.path == "/_change":
            number = int(query.get("number", 0))
            self.records.change_one(number) if number else self.records.change()
            return b"{}"
        if parts.path.startswith("/crm/v8/Invoices") and not parts.path.endswith("deleted"):
            size, page = int(query.get("per_page", 200)), int(query.get("page", 1))
            since = headers.get("if-modified-since")
            at = datetime.fromisoformat(since) if since else None
            rows, more = self.records.after(at, (page - 1) * size, size)
            if not rows:
                return b""
            info = b'{"more_records":%s,"next_page_token":null}' % (b"true" if more else b"false")
            return b'{"data":[' + b",".join(rows) + b'],"info":' + info + b"}"
        return b""


async def serve(rows: int, delay: float) -> None:
    records = Records(rows)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talk(records, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0))
