"""What a sync asked of each vendor, beside the fewest calls that could have done it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, func, select

from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import inputs

PER_PAGE = {"zoho": 200, "kingdee": 2000, "fxiaoke": 100}  # most rows the vendors document for a page
PER_WRITE = {"zoho": 100, "kingdee": 1, "fxiaoke": 1}  # records a write call takes


def calls(engine: Engine, world: SandboxWorld) -> Mapping[str, tuple[int, int]]:
    """Calls so far and the fewest possible, by vendor: every page full, every write call full, nothing read twice."""
    i = inputs.c
    query = select(i.connection, i.stream, func.count()).where(i.kind == "landed").group_by(i.connection, i.stream)
    fewest: Counter[str] = Counter()
    with reading(engine) as conn:
        for vendor, _, rows in conn.execute(query):
            fewest[vendor] += -(-rows // PER_PAGE[vendor])
    writes = Counter((one.vendor, one.entity) for one in world.store.effects.since() if one.actor == "api")
    for (vendor, _), rows in writes.items():
        fewest[vendor] += -(-rows // PER_WRITE[vendor])
    asked = Counter(one.vendor for one in world.store.requests.since())
    return {vendor: (asked[vendor], fewest[vendor]) for vendor in PER_PAGE}
