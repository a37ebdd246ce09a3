"""The canonical dump: what must not depend on faults or on when things were read, by natural keys.

Left out, because it rightly depends on when somebody looked: what was entered and deleted between two reads, since when
a hold stands, `AR_As_Of` (moves only together with something else), reminders (they depend on what was sent when; their
own invariants are checked elsewhere), documents that do not post (drafts, voided), and decisions about what has no
documents or no members any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.service import Service
from tests.flow.books import books
from tests.sim.process import nobody
from tieout.core import exact_json

if TYPE_CHECKING:
    from tests.sim.world import World

OWN = ("Accounts", "Deals", "Invoices")
_SINCE = ("hold_since", "better_since")
Dump = dict[str, list[str]]


def dump(world: World) -> Dump:
    """Facts by kind, each as one text."""
    service = Service(world.processes["web"].ctx)
    records = world.vendors.records()
    alive = {(module, str(one["id"])) for module in OWN for one in records[module]}
    with nobody():
        found = books(service)
    out: Dump = {}
    for kind, facts in found.items():
        kept = (_kept(kind, exact_json.loads_fast(fact.encode()), alive) for fact in facts)
        out[kind] = sorted(_text(fact) for fact in kept if fact is not None)
    out["crm fields"] = sorted(
        _text([module, one["id"], _fields(one)]) for module in OWN for one in records[module] if _fields(one)
    )
    return out


def _text(fact: Any) -> str:
    return exact_json.canonical(fact).decode()


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in record.items() if k.startswith("AR_") and k != "AR_As_Of" and v not in (None, "", 0)}
    if "no rate" in str(found.get("AR_Credit_Reasons")):
        found.pop("AR_Credit_Exposure", None)  # left as it was while a rate is missing
    return found


def _kept(kind: str, fact: list[Any], alive: set[tuple[str, str]]) -> Any:
    """The fact as it is compared; None = left out."""
    if kind == "records":
        return None if fact[4] else [*fact[:3], fact[5]]  # names of other records come along unasked, without a stamp
    if kind == "documents":
        return fact if fact[10] == "posted" else None
    if kind == "allocations":
        return fact[:4] if fact[4] else None
    if kind == "conflicts":
        return fact[:2]  # money and suggestions follow later, when something about it moves
    if kind == "shown":
        fields = _fields(fact[2])
        return [*fact[:2], fields] if fields and (fact[0], fact[1]) in alive else None
    if kind == "decisions":
        if fact[0] == "reminder" or fact[1].startswith("nobody") or fact[2] in ("none", "void"):
            return None
        body = {k: v for k, v in fact[3].items() if k not in _SINCE} if isinstance(fact[3], dict) else fact[3]
        return [*fact[:3], body]
    return fact


def differences(calm: Dump, rough: Dump) -> list[str]:
    """E1: facts that stand in one of two worlds only."""
    out: list[str] = []
    for kind in calm:
        here, there = set(calm[kind]), set(rough[kind])
        out += [f"E1 {kind} missing: {fact}" for fact in sorted(here - there)[:2]]
        out += [f"E1 {kind} extra: {fact}" for fact in sorted(there - here)[:2]]
    return out
