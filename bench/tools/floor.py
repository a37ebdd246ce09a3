"""The bare floor: fetch pages, decode, upsert rows and lines in bulk. Nothing else is kept or checked.

`python -m bench.tools.floor SOURCE DATABASE SIZE [SINCE]`; with `--ahead` the next page is fetched while one is stored.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import psycopg

from bench.measure import cpu_now, report

COLUMNS = (
    "id Modified_Time Created_Time Subject Invoice_Number Invoice_Date Due_Date Status customer_id customer_name "
    "owner_id owner_name Currency Exchange_Rate Sub_Total Tax Grand_Total Discount Adjustment Order_No Contract_No "
    "Billing_Street Billing_City Billing_State Billing_Code Billing_Country Description"
).split()
LINES = "id invoice_id product quantity net tax".split()


def pages(source: str, size: int, since: str, is_ahead: bool) -> Iterator[dict[str, Any]]:
    """Decoded pages in order; with `is_ahead` one is on its way while the one before is worked on."""
    client = httpx.Client(timeout=60)
    decode = msgspec.json.Decoder().decode

    def fetch(page: int) -> bytes:
        params = {"size": str(size), "page": str(page)} | ({"since": since} if since else {})
        return client.get(f"{source}/rows", params=params).content

    page = 1
    if not is_ahead:
        while True:
            answer = decode(fetch(page))
            yield answer
            if not answer["more"]:
                return
            page += 1
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(fetch, page)
        while True:
            answer = decode(coming.result())
            if answer["more"]:
                page += 1
                coming = pool.submit(fetch, page)
            yield answer
            if not answer["more"]:
                return


def main(source: str, database: str, size: int, since: str, is_ahead: bool) -> None:
    if database.startswith("postgres"):
        conn: Any = psycopg.connect(database.replace("+psycopg", ""))
        mark = "%s"
    else:
        conn = sqlite3.connect(database)
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        mark = "?"
    cursor = conn.cursor()
    for table, names in (("rows", COLUMNS), ("lines", LINES)):
        cursor.execute(f"CREATE TABLE IF NOT EXISTS floor_{table} ({names[0]} text PRIMARY KEY, {_texts(names)})")
    conn.commit()
    put_row, put_line = _upsert("rows", COLUMNS, mark), _upsert("lines", LINES, mark)
    start, began = cpu_now(), time.perf_counter()
    count, newest = 0, since
    for answer in pages(source, size, since, is_ahead):
        rows, lines = [], []
        for row in answer["rows"]:
            items = row.pop("Invoiced_Items")
            customer, owner = row["Account_Name"], row["Owner"]
            row |= {"customer_id": customer["id"], "customer_name": customer["name"]}
            row |= {"owner_id": owner["id"], "owner_name": owner["name"]}
            rows.append([str(row[name]) for name in COLUMNS])
            lines += [
                [item["id"], row["id"], item["Product"], str(item["Quantity"]), str(item["Net"]), str(item["Tax"])]
                for item in items
            ]
            newest = max(newest, row["Modified_Time"])
        if rows:
            cursor.executemany(put_row, rows)
            cursor.executemany(put_line, lines)
            conn.commit()
        count += len(rows)
    report(start_cpu=start, work_wall_seconds=round(time.perf_counter() - began, 3), rows=count, newest=newest)


def _texts(names: list[str]) -> str:
    return ", ".join(f"{name} text" for name in names[1:])


def _upsert(table: str, names: list[str], mark: str) -> str:
    sets = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"INSERT INTO floor_{table} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))}) "
        f"ON CONFLICT ({names[0]}) DO UPDATE SET {sets}"
    )


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--ahead"]
    main(given[0], given[1], int(given[2]), given[3] if len(given) > 3 else "", "--ahead" in sys.argv)
