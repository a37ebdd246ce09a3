"""A database that is lent again is as new: no row, no number, no table and no connection of the test before."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url

from tests.postgres import Copy, Pool

CHANGES = (
    "INSERT INTO meta (key, value) VALUES ('left', 'behind')",
    "SELECT nextval(pg_get_serial_sequence('inputs', 'seq'))",
    "DELETE FROM alembic_version",
    "ALTER TABLE meta ADD COLUMN left_behind int",
)


def _open(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def _held(url: str) -> tuple[object, ...]:
    found = Copy.of(url)
    return found.shape, found.rows, found.sequences


def test_whatever_a_test_did_is_undone(postgres_server: str, worker_id: str) -> None:
    pool = Pool(postgres_server, f"{worker_id}_lent")
    try:
        with pool.lend() as url:
            new = _held(url)
        for change in CHANGES:
            with pool.lend() as url:
                assert _held(url) == new
                stayed = _open(url)
                stayed.execute(change)
                stayed.commit()
                assert _held(url) != new, change
            with pool.lend() as again:
                assert (again, _held(again)) == (url, new), change
            with pytest.raises(psycopg.OperationalError):
                stayed.execute("SELECT 1")
    finally:
        pool.close()
