"""What the roads not taken would cost, for docs/adr: `python -m tests.flow.alternatives`.

A made-up company of 60 customers and 400 invoices; each line names the decision, our way and the other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select, text

from connectors.zoho.rows import RowReader
from sync import apply
from sync.fold.batch import BatchIds
from sync.service import Service
from tests.flow.harness import make_world, open_installation, versions
from tieout.core import exact_json
from tieout.core.clock import SystemClock
from tieout.core.ids import RandomIds
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import accounts, commits, entries, memberships, open_items, outbox, postings


@contextmanager
def installation() -> Iterator[tuple[SandboxWorld, Service]]:
    with tempfile.TemporaryDirectory(prefix="tieout-measure-") as folder:
        world = make_world(60, 400)
        with open_installation(Path(folder), world, f"sqlite:///{folder}/tieout.db") as service:
            service.prepare()
            yield world, service


def rows(service: Service, statement: Any) -> list[Any]:
    with reading(service.ctx.engine) as conn:
        return list(conn.execute(statement).all())


def echoes(by_content: bool) -> int:
    """New versions that our own writes make at the next pull."""
    whole = patch.object(RowReader, "hash", lambda self, record: exact_json.digest(record))
    with installation() as (world, service):
        if by_content:
            whole.start()
        try:
            assert service.sync().ok
            before = versions(service)
            world.clock.advance(600)
            service.pull(["zoho"])
            return versions(service) - before
        finally:
            if by_content:
                whole.stop()


def premature() -> tuple[int, int]:
    """Reminders, and changes in all, that are taken back when settling begins before the payments are read."""
    with installation() as (_, service), patch.object(apply, "ready_to_settle", lambda _: True):
        conf = service.ctx.config
        half = conf.connections["kingdee"].model_copy(update={"streams": ("customers", "invoices")})
        service.ctx.config = conf.model_copy(update={"connections": {**conf.connections, "kingdee": half}})
        service.pull()
        service.apply()
        made = dict(rows(service, select(outbox.c.id, outbox.c.version)))
        reminders = [row.id for row in rows(service, select(outbox.c.id).where(outbox.c.operation == "create"))]
        service.ctx.config = conf
        service.pull(["kingdee"])
        service.apply()
        after = {row.id: row for row in rows(service, select(outbox.c.id, outbox.c.version, outbox.c.state))}
        wrong = [
            key for key in made if after[key].version != made[key] or after[key].state in ("superseded", "cancelled")
        ]
        return len(set(wrong) & set(reminders)), len(wrong)


def random_ids() -> tuple[int, int]:
    """Facts that differ after a rebuild: ids from the log, and ids from chance."""
    found = []
    for is_random in (False, True):
        ids = RandomIds(SystemClock())
        change = patch.object(BatchIds, "new", lambda self, prefix, ids=ids: ids.new(prefix))
        with installation() as (_, service):
            if is_random:
                change.start()
            try:
                assert service.sync().ok
                found.append(len(service.rebuild_check().differences))
            finally:
                if is_random:
                    change.stop()
    return found[0], found[1]


def moved_by_merges() -> tuple[int, int, int]:
    """Rows per merge: membership events; else the postings of an account and the hash links from its first one on."""
    with installation() as (_, service):
        assert service.sync().ok
        per_account = rows(
            service,
            select(func.count(), func.min(entries.c.seq))
            .select_from(postings)
            .join(entries, entries.c.id == postings.c.entry_id)
            .group_by(postings.c.account_id),
        )
        links = [rows(service, select(func.count()).where(commits.c.seq >= first))[0][0] for _, first in per_account]
        m = memberships.c
        owners = rows(
            service, select(m.customer_id).where(m.to_seq.is_(None), m.member.like("acc%")).order_by(m.member)
        )
        before = rows(service, select(func.count(), func.count(m.to_seq)))[0]
        service.merge(owners[0].customer_id, owners[1].customer_id, "measure")
        after = rows(service, select(func.count(), func.count(m.to_seq)))[0]
        events = sum(after) - sum(before)
        return events, round(sum(n for n, _ in per_account) / len(per_account)), round(sum(links) / len(links))


def company_by_join() -> tuple[float, float]:
    """Milliseconds of "open by company and currency": from the item's own column, and through the account."""
    with installation() as (_, service):
        service.pull()
        service.apply()
        own = select(open_items.c.company_id, open_items.c.currency, func.sum(open_items.c.open_minor)).group_by(
            open_items.c.company_id, open_items.c.currency
        )
        joined = (
            select(accounts.c.company_id, open_items.c.currency, func.sum(open_items.c.open_minor))
            .join(accounts, accounts.c.id == open_items.c.account_id)
            .group_by(accounts.c.company_id, open_items.c.currency)
        )
        with reading(service.ctx.engine) as conn:
            conn.execute(text("SELECT 1"))
            return _best(conn, own), _best(conn, joined)


def _best(conn: Any, statement: Any) -> float:
    took = []
    for _ in range(60):
        began = time.perf_counter()
        conn.execute(statement).all()
        took.append(time.perf_counter() - began)
    return round(min(took) * 1000, 2)


if __name__ == "__main__":
    print(f"0005 new versions by our own writes: {echoes(False)} by mapped value, {echoes(True)} by whole content")
    print("0006 open by company, ms: {} from its own column, {} through the account".format(*company_by_join()))
    print(
        "0010 rows per merge: {} membership events; else {} postings moved, {} hash links rewritten".format(
            *moved_by_merges()
        )
    )
    print(
        "0018 facts that differ after a rebuild: {} with ids from the log, {} or more with ids from chance".format(
            *random_ids()
        )
    )
    print(
        "0019 settled before the payments were read: {} reminders and {} changes in all taken back".format(*premature())
    )
