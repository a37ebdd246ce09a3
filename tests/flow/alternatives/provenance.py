"""0007: where each field came from stored as a row per field, instead of worked out when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, func, insert, select, text

from mapping.engine import map_record
from sync.fold.changes import context_of
from sync.service import Service
from tests.flow.alternatives.place import Size, synced
from tests.flow.books import rows
from tieout.canonical import codec
from tieout.store.landing import load_payloads
from tieout.store.session import reading, unit
from tieout.store.tables import source_records

LINEAGE = Table(
    "lineage",
    MetaData(),
    Column("record", Text, primary_key=True),  # connection/stream/id
    Column("field", Text, primary_key=True),
    Column("input_seq", BigInteger, nullable=False),
    Column("source_path", Text, nullable=False),
    Column("profile_version", String(40), nullable=False),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
REFERENCES = Table("refs", MetaData(), Column("seq", Integer), Column("profile_version", String(40)))


@dataclass(frozen=True, slots=True)
class Found:
    """Records, their fields, bytes on disk of both ways, processor seconds to write them, what asking again says."""

    records: int
    fields: int
    stored_bytes: int
    reference_bytes: int
    candidate_bytes: int
    write_seconds: float
    explain_ms: float
    equal: int  # fields that mapping the stored payload again gives as they stand

    def __str__(self) -> str:
        return (
            f"provenance of {self.records} records: {self.fields} rows and {self.stored_bytes // self.records} bytes a "
            f"record stored per field ({self.write_seconds:.1f} s of processor to write), "
            f"{self.reference_bytes // self.records} bytes a record as references beside "
            f"{self.candidate_bytes // self.records} of the record itself; mapping again gives {self.equal} of "
            f"{self.fields} values, {self.explain_ms:.2f} ms a record"
        )


def run(size: Size) -> Found:
    with synced(size) as (_, service):
        c = source_records.c
        held = rows(service, select(source_records).where(c.candidate.is_not(None), c.applied_seq == c.seq))
        lineage = [line for row in held for line in _lines(service, row)]
        with unit(service.ctx.engine, "admin.commit") as conn:
            LINEAGE.create(conn)
            REFERENCES.create(conn)
            began = time.process_time()
            conn.execute(insert(LINEAGE), lineage)
            took = time.process_time() - began
            conn.execute(
                insert(REFERENCES), [{"seq": row["seq"], "profile_version": row["profile_version"]} for row in held]
            )
        again, seconds = _asked(service, held)
        stands = {(line["record"], line["field"]): line["value"] for line in lineage}
        return Found(
            records=len(held),
            fields=len(lineage),
            stored_bytes=_bytes(service, "lineage"),
            reference_bytes=_bytes(service, "refs"),
            candidate_bytes=rows(service, select(func.sum(func.length(c.candidate)).label("n")))[0]["n"],
            write_seconds=took,
            explain_ms=seconds * 1000 / len(held),
            equal=sum(again.get(key) == value for key, value in stands.items()),
        )


def _lines(service: Service, row: Any) -> Iterator[dict[str, Any]]:
    """One row per field that holds something, rows of rows one by one, with the path the profile reads it from."""
    profile = service.ctx.profiles(row["connection"])[row["stream"]]
    candidate = codec.as_dict(codec.decode(row["candidate_kind"], row["candidate"]))
    for name, value in _leaves(candidate):
        head = name.split(".", 1)[0]
        yield {
            "record": f"{row['connection']}/{row['stream']}/{row['external_id']}",
            "field": name,
            "input_seq": row["seq"],
            "source_path": profile.fields[head].path if head in profile.fields else "",
            "profile_version": row["profile_version"],
            "value": value,
        }


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for at, one in enumerate(value):
            yield from _leaves(one, f"{name}.{at}")
    elif value not in (None, ""):
        yield name, str(value)


def _asked(service: Service, held: list[Any]) -> tuple[dict[tuple[str, str], str], float]:
    """Every record explained: its stored payload mapped again; the values by field, and processor seconds."""
    out: dict[tuple[str, str], str] = {}
    with reading(service.ctx.engine) as conn:
        began = time.process_time()
        bodies = load_payloads(conn, [row["payload_hash"] for row in held])
        for row in held:
            profile = service.ctx.profiles(row["connection"])[row["stream"]]
            made = map_record(profile, bodies[row["payload_hash"]], context_of(service.ctx.config, row["connection"]))
            key = f"{row['connection']}/{row['stream']}/{row['external_id']}"
            out.update({(key, name): value for name, value in _leaves(codec.as_dict(made))})
        return out, time.process_time() - began


def _bytes(service: Service, table: str) -> int:
    with reading(service.ctx.engine) as conn:
        return int(
            conn.execute(text("SELECT SUM(pgsize) FROM dbstat WHERE name = :name"), {"name": table}).scalar_one()
        )
