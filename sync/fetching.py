"""Named records, fetched fresh and landed: webhook hints, moved versions, sweeps, equal stamps with other content."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from sync.context import Context
from tieout.core import logging
from tieout.core.errors import ConfigError
from tieout.core.ports import Connector, StreamInfo
from tieout.store.landing import LandCounts, land
from tieout.store.session import retrying, unit
from tieout.store.tables import source_records

log = logging.get("pull")
FETCH = 100  # ids a call and a transaction


def fetch_part(
    ctx: Context, connector: Connector, connection: str, info: StreamInfo, ids: Sequence[str], run_id: str | None
) -> LandCounts:
    """Fetch and land up to `FETCH` records of a stream; what they were marked for is done then."""
    page = connector.fetch(info.name, ids)
    c = source_records.c

    def work() -> LandCounts:
        with unit(ctx.engine, "landing.commit") as conn:
            counts = land(
                conn,
                connection=connection,
                stream=info.name,
                module=info.remote,
                rows=page.rows,
                bad=page.bad,
                run_id=run_id,
                now=ctx.clock.now(),
                fetched_by_id=True,
            )
            conn.execute(
                update(source_records)
                .where(c.connection == connection, c.stream == info.name, c.external_id.in_(list(ids)))
                .values(needs_fetch=False)
            )
        return counts

    return retrying(work, sleep=ctx.clock.sleep, jitter=ctx.ids.jitter)


def fetch_and_land(
    ctx: Context,
    connection: str,
    stream: str,
    external_ids: Sequence[str],
    *,
    trigger: str,
    connector: Connector | None = None,
) -> LandCounts:
    """Fetch the named records of a stream fresh and land them."""
    own = connector or ctx.connector(connection, "fast")
    try:
        infos = {info.name: info for info in own.streams()}
        if stream not in infos:
            raise ConfigError(f"connection {connection!r} has no stream {stream!r}")
        counts = LandCounts()
        ids = list(dict.fromkeys(external_ids))
        for start in range(0, len(ids), FETCH):
            counts.add(fetch_part(ctx, own, connection, infos[stream], ids[start : start + FETCH], None))
        log.info("fetched", connection=connection, stream=stream, trigger=trigger, **counts.as_dict())
        return counts
    finally:
        if connector is None:
            own.close()
