"""What a sync asked of each vendor, beside the fewest calls that could have done it.

The fewest: one call to sign in, each stream asked at least once, every page and every write call full, nothing read
twice. Sizes are the most that the vendors document: Zoho answers 200 records a page and takes 100 a write, Kingdee
answers 2,000 rows a query, Fxiaoke answers 100 records a page and takes one record a write (it has no write of many).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, func, select

from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import inputs, watermarks

PER_PAGE = {"zoho": 200, "kingdee": 2000, "fxiaoke": 100}
PER_WRITE = {"zoho": 100, "kingdee": 1, "fxiaoke": 1}


def calls(engine: Engine, world: SandboxWorld) -> Mapping[str, tuple[int, int]]:
    """Calls so far and the fewest possible, by vendor."""
    i, w = inputs.c, watermarks.c
    query = select(i.connection, i.stream, func.count(i.external_id.distinct())).where(i.kind == "landed")
    fewest: Counter[str] = Counter(dict.fromkeys(PER_PAGE, 1))
    with reading(engine) as conn:
        held = dict.fromkeys(conn.execute(select(w.connection, w.stream)), 0)
        held |= {(vendor, stream): n for vendor, stream, n in conn.execute(query.group_by(i.connection, i.stream))}
    for (vendor, _), rows in held.items():
        fewest[vendor] += max(1, -(-rows // PER_PAGE[vendor]))
    written = {(one.vendor, one.entity, one.record_id) for one in world.store.effects.since() if one.actor == "api"}
    for (vendor, _), rows in Counter((vendor, entity) for vendor, entity, _ in written).items():
        fewest[vendor] += -(-rows // PER_WRITE[vendor])
    asked = Counter(one.vendor for one in world.store.requests.since())
    return {vendor: (asked[vendor], fewest[vendor]) for vendor in PER_PAGE}
