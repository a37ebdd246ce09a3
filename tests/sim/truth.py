"""What the vendors themselves say, against the books: an oracle that owes nothing to the product's own code."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tests.sim.landed import living
from tests.sim.process import nobody
from tieout.sandbox.kingdee.forms import FORMS

if TYPE_CHECKING:
    from tests.sim.world import World

_CENTS = Decimal(100)  # every currency of these worlds has two places


def bills(world: World) -> list[str]:
    """E4: each posted bill of the book of record stands in the ledger with its total and what is open of it.

    Left out: a bill about which a question is open or was left by a person, and one that cannot be right (instalments
    that do not sum to its total). The books say so themselves.
    """
    held, asked, odd = _books(world)
    out: list[str] = []
    for bill in world.vendors.kingdee.library.ordered(FORMS["AR_receivable"]):
        key = f"AR_receivable:{bill['FID']}"
        if bill["FDOCUMENTSTATUS"] != "C" or bill["FCancelStatus"] != "A":
            if held.get(key, ("", 0, 0))[0] == "posted":
                out.append(f"E4 {key} is not posted at the source but in the ledger")
            continue
        if key in odd:
            continue
        if any(key in cause or f"/{bill['FID']}" in cause for cause in asked):
            continue
        total = Decimal(str(bill["FALLAMOUNTFOR"])) * _CENTS
        settled = sum((Decimal(str(row["FWRITTENOFFAMOUNTFOR"])) for row in bill["FEntityPlan"]), Decimal(0)) * _CENTS
        state, total_minor, open_minor = held.get(key, ("missing", 0, 0))
        if state != "posted":
            out.append(f"E4 {key} {bill['FBillNo']} is {state} in the ledger")
        elif total_minor != total:
            out.append(f"E4 {key} {bill['FBillNo']} is about {total} at the source, {total_minor} in the ledger")
        elif total > 0 and open_minor != total - settled:
            out.append(
                f"E4 {key} {bill['FBillNo']} has {total - settled} open at the source, {open_minor} in the ledger"
            )
    return out


def _books(world: World) -> tuple[dict[str, tuple[str, int, int]], list[str], set[str]]:
    with nobody(), world.database.engine.connect() as conn:
        rows = conn.execute(text("SELECT external_id, state, total_minor, open_minor FROM documents"))
        held = {row[0]: (str(row[1]), int(row[2]), int(row[3])) for row in rows}
        causes = [str(row[0]) for row in conn.execute(text("SELECT cause FROM conflicts WHERE state <> 'superseded'"))]
        problems = conn.execute(text("SELECT external_id FROM source_records WHERE problem IS NOT NULL"))
        odd = {str(row[0]) for row in problems}
        conn.rollback()
    return held, causes, odd


def alive(world: World) -> list[str]:
    """E4: what lives at the vendors lives here, and nothing else does."""
    with nobody(), world.database.engine.connect() as conn:
        out = living(world, conn)
        conn.rollback()
    return out


def echoes(world: World) -> list[str]:
    """A record has at most as many versions as people made changes to it: our own writes make none (D5)."""
    changes = Counter(
        effect.record_id
        for effect in world.vendors.store.effects.since(0)
        if effect.actor == "user" and effect.vendor == "zoho"
    )
    query = (
        "SELECT external_id, COUNT(*) FROM inputs WHERE kind = 'landed' AND connection = 'zoho' "
        "AND NOT is_deleted GROUP BY external_id"
    )
    with nobody(), world.database.engine.connect() as conn:
        rows: list[Any] = list(conn.execute(text(query)))
        conn.rollback()
    return [
        f"D5 the CRM record {key} has {count} versions, people changed it {changes[key]} times"
        for key, count in rows
        if count > 1 + changes[key]
    ]
