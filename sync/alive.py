"""Signs of life of processes that answer no requests: what they leave in queue server and database anyway."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from tieout.store.session import make_engine, reading
from tieout.store.tables import leases

SCHEDULER = "scheduler"  # the name of the lease that the leading scheduler renews


def worker_lives(redis_url: str, queue: str, host: str) -> bool:
    """Whether a worker of this queue on this host has shown itself: its entry ends if no beat renews it.

    While it waits an entry holds 105 s (45 s, and 60 s that RQ adds), while it works as long as the job may take.
    Raises RedisError where the server is away.
    """
    from redis import Redis
    from rq import Queue, Worker

    with Redis.from_url(redis_url, socket_connect_timeout=5, socket_timeout=5) as connection:
        found = Worker.all(queue=Queue(queue, connection=connection, serializer="json"))
        return any(one.hostname == host for one in found)


def scheduler_lives(database_url: str, now: datetime) -> bool:
    """Whether a scheduler leads: the one that does renews its lease of 15 s with every sweep.

    Raises SQLAlchemyError where the database is away.
    """
    engine = make_engine(database_url)
    try:
        with reading(engine) as conn:
            held = (leases.c.name == SCHEDULER, leases.c.owner != "")  # given back, it has no owner
            until = conn.execute(select(leases.c.until_at).where(*held)).scalar()
    finally:
        engine.dispose()
    return until is not None and until > now
