"""One new customer record against many stored ones: `python -m bench.tools.binding CONFIG FOLDER RECORDS SAMPLES`.

The store is filled with the records of a folder as folding them would leave it; then records that were held back come
one by one. Timed: keys written and who sees them found; then candidates read, judged and the outcome written.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text

from bench.firms import truth_of
from bench.measure import report
from mapping.identity.keys import link_keys
from mapping.identity.matching import Record
from mapping.identity.stored import stored_party
from sync.fold.batch import open_batch
from sync.fold.changes import Change
from sync.fold.parties import fold_parties
from sync.service import open_service
from sync.settle.parties import settle_parties
from tieout.canonical import codec
from tieout.cli.match_files import records, tables
from tieout.cli.vendors import vendor_settings
from tieout.core.config import Config, load
from tieout.store.bulk import insert_rows
from tieout.store.session import begin, commit, is_sqlite, rollback
from tieout.store.tables import accounts, customers, memberships, party_keys, source_records

BOOKS = ("books", "accounting")
PART = 5_000
WARM = 20
AT = datetime(2026, 1, 1, tzinfo=UTC)
COUNTED = """
INSERT INTO key_bearers (kind, value, persons)
SELECT s.kind, s.value, CASE WHEN count(DISTINCT t.value) < 8 THEN count(DISTINCT t.value) ELSE 8 END
FROM party_keys s JOIN party_keys t ON t.member = s.member AND t.kind = 'tax'
WHERE s.kind IN ('brand', 'word', 'domain', 'name', 'spoken')
GROUP BY s.kind, s.value HAVING count(DISTINCT t.value) > 1
"""


def main(config_path: str, folder: Path, size: int, samples: int) -> None:
    config = load(Path(config_path), vendor_settings=vendor_settings)
    truth = truth_of(folder)
    found = records([path for path in tables(folder) if not path.name.startswith("truth")])
    new: list[Record] = []
    with open_service(config) as service:
        service.migrate()
        with service.ctx.engine.connect() as conn:
            began = time.perf_counter()
            fill(conn, _held_back(islice(found, size), max(size // (samples + WARM), 1), new), truth)
            filled = time.perf_counter() - began
            outcome = bind(conn, config, new[: samples + WARM])
            keys = conn.execute(select(func.count()).select_from(party_keys)).scalar_one()
            rollback(conn)
    report(records=size, fill_seconds=round(filled, 1), keys=keys, **outcome)


def _held_back(found: Iterable[Record], every: int, new: list[Record]) -> Iterator[Record]:
    """The records without one CRM record in so many, which are kept apart."""
    since = 0
    for one in found:
        since += 1
        if since >= every and one.source not in BOOKS:
            new.append(one)
            since = 0
        else:
            yield one


def fill(conn: Connection, found: Iterable[Record], truth: dict[str, str]) -> None:
    """Stored records, their keys and counts; CRM records of a firm that the books know are its customer already."""
    lite = is_sqlite(conn)
    if lite:
        conn.exec_driver_sql("PRAGMA synchronous=OFF")
    begin(conn)
    members: dict[str, str] = {}  # by firm: the customer
    loose: list[tuple[str, str]] = []
    at = 0
    while part := list(islice(found, PART)):
        rows: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (source_records, accounts, customers, memberships, party_keys)
        }
        for one in part:
            at += 1
            _put(rows, one, at, members, loose, truth)
        for table, values in rows.items():
            insert_rows(conn, table, values)
    linked = [(member, members[firm]) for member, firm in loose if firm in members]
    for start in range(0, len(linked), PART):
        rows_now = [_membership(f"mem_c{start + n}", *pair) for n, pair in enumerate(linked[start : start + PART])]
        insert_rows(conn, memberships, rows_now)
    conn.execute(text(COUNTED))
    commit(conn)
    if lite:
        conn.exec_driver_sql("ANALYZE")
        conn.exec_driver_sql("PRAGMA synchronous=FULL")
    else:  # what autovacuum does by itself in a base that grew over days
        with conn.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
            plain.exec_driver_sql("VACUUM ANALYZE")


def _put(
    rows: dict[Any, list[dict[str, Any]]],
    one: Record,
    at: int,
    members: dict[str, str],
    loose: list[tuple[str, str]],
    truth: dict[str, str],
) -> None:
    book = one.source in BOOKS
    connection = "source" if book else one.source
    record = one.party.external_id
    member = f"acc_{at:09d}" if book else f"{connection}/customers/{record}"
    rows[source_records].append(_record(one, connection, at))
    rows[party_keys] += [
        {"kind": key.kind, "value": key.value, "member": member} for key in link_keys(one.party)
    ]  # fmt: skip
    if not book:
        loose.append((member, truth[one.ref]))
        return
    customer = f"cus_{at:09d}"
    members.setdefault(truth[one.ref], customer)
    rows[accounts].append(
        {
            "id": member,
            "company_id": "cn",
            "connection": connection,
            "party_ref": record,
            "external_id": record,
            "name": one.party.display_name,
            "is_provisional": False,
            "created_at": AT,
        }
    )
    rows[customers].append({"id": customer, "name": one.party.display_name, "created_at": AT, "created_by": "bench"})
    rows[memberships].append(_membership(f"mem_{at:09d}", member, customer))


def _membership(key: str, member: str, customer: str) -> dict[str, Any]:
    return {
        "id": key,
        "member": member,
        "customer_id": customer,
        "from_seq": 0,
        "effective_on": AT.date(),
        "recorded_at": AT,
        "rule": "bench",
        "rule_version": "1",
    }


def bind(conn: Connection, config: Config, new: list[Record]) -> dict[str, Any]:
    """Milliseconds of each record, by step, and what became of it."""
    spent: dict[str, list[float]] = {"keys": [], "decision": [], "both": [], "commit": [], "cpu": []}
    counts = {"linked": 0, "asked": 0, "touched": 0}
    for number, one in enumerate(new):
        begin(conn)
        insert_rows(conn, source_records, [_record(one, one.source, 10**9 + number)])
        commit(conn)
        change = Change(one.source, "customers", one.party.external_id, number, one.party, None, False, False)
        begin(conn)
        batch = open_batch(conn, config, {}, body={"phase": "bench"}, now=AT)
        used, began = time.process_time(), time.perf_counter()
        fold_parties(batch, [change])
        keyed = time.perf_counter()
        settle_parties(batch, [change.key])
        decided, cpu = time.perf_counter(), time.process_time()
        commit(conn)
        done = time.perf_counter()
        if number < WARM:
            continue
        spent["keys"].append(keyed - began)
        spent["decision"].append(decided - keyed)
        spent["both"].append(decided - began)
        spent["commit"].append(done - decided)
        spent["cpu"].append(cpu - used)
        counts["linked"] += batch.counts.get("linked", 0)
        counts["asked"] += batch.counts.get("conflicts_opened", 0)
        counts["touched"] += len(batch._dirty)
    times = {f"{name}_ms": _quantiles(values) for name, values in spent.items()}
    return {"samples": len(spent["both"]), **times, **counts}


def _record(one: Record, connection: str, seq: int) -> dict[str, Any]:
    return {
        "connection": connection,
        "stream": "customers",
        "external_id": one.party.external_id,
        "seq": seq,
        "source_hash": "",
        "read_started_at": AT,
        "candidate_kind": "party",
        "candidate": codec.encode(one.party),
        "facts": stored_party(one.party),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(values, n=20, method="inclusive")
    return {
        "p50": round(1000 * statistics.median(values), 2),
        "p95": round(1000 * cut[-1], 2),
        "max": round(1000 * max(values), 2),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
