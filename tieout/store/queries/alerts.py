"""What is wrong now, as it was last looked at."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from tieout.store.tables import alerts


def standing(conn: Connection) -> Sequence[RowMapping]:
    """Open alerts: what the whole house hangs on first, customers over their limit last, then by age."""
    query = select(alerts).where(alerts.c.state == "open")
    return (
        conn.execute(query.order_by(alerts.c.kind == "credit_limit", alerts.c.since_at, alerts.c.key)).mappings().all()
    )
