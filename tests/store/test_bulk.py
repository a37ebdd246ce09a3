"""Rows written in bulk are the rows that one statement at a time would write, on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, text

from tieout.core.dates import DateError
from tieout.store.among import among
from tieout.store.bulk import add_rows, insert_new, insert_rows, put_rows, update_rows
from tieout.store.landing import append_inputs
from tieout.store.session import reading, unit
from tieout.store.tables import balances, decisions, documents, inputs, payloads, pending, source_records

NOW = datetime(2026, 11, 24, 2, 3, 4, 56, tzinfo=UTC)


def decision(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"dec_{number}",
        "kind": "k",
        "subject": f"s{number}",
        "company_id": "cn",
        "value": "ok",
        "body": {"a": Decimal("1.10"), "nul": "\x00", "中": [1, None]},
        "reasons": [],
        "inputs": {"on": date(2026, 1, 2)},
        "rule_version": "1",
        "effective_on": date(2026, 11, 24),
        "recorded_at": NOW,
        "seq": number,
        "is_current": True,
        "next_change_on": None,
        **more,
    }


def test_what_is_written_in_bulk_reads_like_what_core_wrote(engine: Engine) -> None:
    with unit(engine, "landing.commit") as conn:
        insert_rows(conn, decisions, [decision(1), decision(2, next_change_on=date(2026, 12, 1))])
        conn.execute(insert(decisions), [decision(3), decision(4, next_change_on=date(2026, 12, 1))])
    with reading(engine) as conn:
        rows = [dict(row) for row in conn.execute(select(decisions).order_by(decisions.c.id)).mappings()]
        raw = [list(row) for row in conn.execute(text("SELECT * FROM decisions ORDER BY id"))]
    for one, other in ((0, 2), (1, 3)):
        own = {"id", "subject", "seq"}
        assert {k: v for k, v in rows[one].items() if k not in own} == {
            k: v for k, v in rows[other].items() if k not in own
        }
        assert [str(cell)[4:] for cell in raw[one] if not str(cell).startswith(("dec_", "s"))] == [
            str(cell)[4:] for cell in raw[other] if not str(cell).startswith(("dec_", "s"))
        ]
    assert rows[0]["body"] == {"a": Decimal("1.10"), "nul": "\u2400", "中": [1, None]}


def test_columns_that_are_not_named_get_their_default(engine: Engine) -> None:
    row = {
        "connection": "c", "stream": "s", "external_id": "1", "seq": 1, "source_hash": "h", "read_started_at": NOW,
    }  # fmt: skip
    with unit(engine, "landing.commit") as conn:
        put_rows(conn, source_records, [row])
        put_rows(conn, source_records, [{**row, "source_hash": "g"}])
        update_rows(
            conn,
            source_records,
            ("connection", "stream", "external_id"),
            [{"connection": "c", "stream": "s", "external_id": "1", "problem": {"skipped": "why"}}],
        )
        found = conn.execute(select(source_records)).mappings().one()
    assert (found["source_hash"], found["is_deleted"], found["needs_fetch"]) == ("g", False, False)
    assert found["problem"] == {"skipped": "why"}
    assert found["read_started_at"] == NOW


def test_a_key_that_exists_stays_and_naive_times_are_refused(engine: Engine) -> None:
    with unit(engine, "landing.commit") as conn:
        insert_new(conn, payloads, [{"hash": "a", "body": b"1", "size": 1}])
        insert_new(conn, payloads, [{"hash": "a", "body": b"2", "size": 1}, {"hash": "b", "body": b"3", "size": 1}])
        assert dict(conn.execute(select(payloads.c.hash, payloads.c.body)).all()) == {"a": b"1", "b": b"3"}
        insert_rows(conn, documents, [])
        with pytest.raises(DateError):
            insert_rows(conn, decisions, [decision(9, recorded_at=datetime(2026, 1, 1))])


def test_numbers_of_the_input_log_rise_whoever_takes_them(engine: Engine) -> None:
    record = {"kind": "landed", "at": NOW, "is_deleted": False, "is_current": True}
    mark = insert(inputs).values(kind="mark", at=NOW, is_deleted=False, is_current=False).returning(inputs.c.seq)
    with unit(engine, "landing.commit") as conn:
        first = append_inputs(conn, [record] * 3)
        alone = int(conn.execute(mark).scalar_one())
        last = append_inputs(conn, [{**record, "kind": "receipt"}] * 2)
        assert append_inputs(conn, []) == []
    with unit(engine, "landing.commit") as conn:
        conn.execute(inputs.delete())  # a number is never given again
    with unit(engine, "landing.commit") as conn:
        again = append_inputs(conn, [record])
    seqs = [*first, alone, *last, *again]
    assert seqs == sorted(set(seqs))
    with reading(engine) as conn:
        assert list(conn.execute(select(pending.c.seq).order_by(pending.c.seq)).scalars()) == [*first, *again]


def test_among_uses_the_key(engine: Engine) -> None:
    statement = select(payloads.c.size).where(among(payloads.c.hash, ["a"]))
    assert str(statement.compile(engine)).rstrip().endswith(")")
    if engine.dialect.name == "sqlite":
        with reading(engine) as conn:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.compile(engine)}", ('["a"]',)).all()
        assert any("USING INDEX" in row.detail for row in plan), plan


def test_among_finds_what_in_finds(engine: Engine) -> None:
    names = ["a", "it's", "中文", "x%s", 'q"', "0", "-"]
    with unit(engine, "landing.commit") as conn:
        insert_rows(conn, decisions, [decision(n, subject=name) for n, name in enumerate(names)])
        d = decisions.c
        for wanted in ([], ["a"], names[1:5], [*names, "none"], ["1"]):
            found = set(conn.execute(select(d.subject).where(among(d.subject, wanted), d.kind == "k")).scalars())
            assert found == set(conn.execute(select(d.subject).where(d.subject.in_(wanted))).scalars())
        numbers = set(conn.execute(select(d.seq).where(among(d.seq, [1, 3, 2**40]))).scalars())
        assert numbers == {1, 3}


def test_cells_come_back_as_they_were_given(engine: Engine) -> None:
    body = bytes(range(256)) * 3
    texts = ["", "'", '"', "\\", "%s", "中文 \U00020bb7", "null", "{1,2}", "\\x41", "a\nb\tc"]
    with unit(engine, "landing.commit") as conn:
        insert_rows(conn, payloads, [{"hash": f"{at}", "body": body[at:], "size": at} for at in range(3)])
        rows = [decision(at + 1, subject=text, seq=2**62 - at) for at, text in enumerate(texts)]
        insert_rows(conn, decisions, rows)
        held = conn.execute(select(decisions.c.subject, decisions.c.seq).order_by(decisions.c.seq.desc())).all()
        bodies = conn.execute(select(payloads.c.body).order_by(payloads.c.hash)).scalars().all()
    assert [tuple(row) for row in held] == [(text, 2**62 - at) for at, text in enumerate(texts)]
    assert [bytes(one) for one in bodies] == [body[at:] for at in range(3)]


def test_of_rows_with_one_key_the_last_stands_and_amounts_are_added(engine: Engine) -> None:
    row = {
        "connection": "c", "stream": "s", "external_id": "1", "seq": 1, "source_hash": "h", "read_started_at": NOW,
    }  # fmt: skip
    keys = ("connection", "stream", "external_id")
    with unit(engine, "landing.commit") as conn:
        put_rows(conn, source_records, [row, {**row, "seq": 2}, {**row, "external_id": "2"}])
        held = conn.execute(select(source_records.c.external_id, source_records.c.seq)).all()
        assert sorted(map(tuple, held)) == [("1", 2), ("2", 1)]
        moves = [{"connection": "c", "stream": "s", "external_id": "1", "seq": seq} for seq in (5, 6)]
        update_rows(conn, source_records, keys, [*moves, {**moves[0], "external_id": "nobody"}])
        assert conn.execute(select(source_records.c.seq).where(source_records.c.external_id == "1")).scalar() == 6
        for amounts in ((5, 7), (-6, 1)):
            sums = [
                {"account_id": f"acc_{at}", "code": "ar", "currency": "CNY", "amount_minor": amount}
                for at, amount in enumerate(amounts)
            ]
            add_rows(conn, balances, sums, "amount_minor")
        found = conn.execute(select(balances.c.account_id, balances.c.amount_minor)).all()
    assert sorted(map(tuple, found)) == [("acc_0", -1), ("acc_1", 8)]


@pytest.mark.parametrize("days", [(None, None), (None, date(2026, 12, 1)), (date(2026, 12, 1), None)])
def test_columns_that_few_or_none_of_the_rows_fill(engine: Engine, days: tuple[date | None, date | None]) -> None:
    rows = [decision(at, next_change_on=day, is_current=at == 1) for at, day in enumerate(days, 1)]
    with unit(engine, "landing.commit") as conn:
        insert_rows(conn, decisions, rows)
        conn.execute(insert(decisions), [{**row, "id": f"{row['id']}_alone"} for row in rows])
        update_rows(conn, decisions, ("id",), [{"id": row["id"], "next_change_on": None} for row in rows])
        update_rows(
            conn, decisions, ("id",), [{"id": row["id"], "next_change_on": row["next_change_on"]} for row in rows]
        )
    read = select(decisions.c.id, decisions.c.next_change_on, decisions.c.is_current).order_by(decisions.c.id)
    with reading(engine) as conn:
        found = conn.execute(read).all()
        current = list(conn.execute(text("SELECT id FROM decisions WHERE is_current ORDER BY id")).scalars())
    assert [tuple(row)[1:] for row in found] == [
        (day, at == 1) for at, day in enumerate(days, 1) for _ in ("in a set", "alone")
    ]
    assert current == ["dec_1", "dec_1_alone"]
