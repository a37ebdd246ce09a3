"""0006: the company of an open item found through its account instead of in a column of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

from tests.flow.alternatives.place import Size, synced
from tieout.store.session import reading
from tieout.store.tables import accounts, open_items


@dataclass(frozen=True, slots=True)
class Found:
    """Milliseconds of "open by company and currency", the best of many, and whether both ways say the same."""

    own_ms: float
    joined_ms: float
    is_equal: bool

    def __str__(self) -> str:
        return f"open by company, ms: {self.own_ms} from its own column, {self.joined_ms} through the account"


def run(size: Size) -> Found:
    total = func.sum(open_items.c.open_minor)
    own = select(open_items.c.company_id, open_items.c.currency, total).group_by(
        open_items.c.company_id, open_items.c.currency
    )
    joined = (
        select(accounts.c.company_id, open_items.c.currency, total)
        .join(accounts, accounts.c.id == open_items.c.account_id)
        .group_by(accounts.c.company_id, open_items.c.currency)
    )
    with synced(size) as (_, service), reading(service.ctx.engine) as conn:
        conn.execute(text("SELECT 1"))
        same = sorted(map(tuple, conn.execute(own))) == sorted(map(tuple, conn.execute(joined)))
        return Found(_best(conn, own), _best(conn, joined), same)


def _best(conn: Any, statement: Any) -> float:
    took = []
    for _ in range(60):
        began = time.perf_counter()
        conn.execute(statement).all()
        took.append(time.perf_counter() - began)
    return round(min(took) * 1000, 2)
