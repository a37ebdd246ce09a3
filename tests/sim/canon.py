"""The canonical dump: what must not depend on faults or on when things were read, by natural keys.

Left out, because it rightly depends on when somebody looked: what was entered and deleted between two reads, also the
question about a payment of such a bill; since when a hold stands, `AR_As_Of` (moves only together with something else),
reminders (they depend on what was sent when; their own invariants are checked elsewhere), documents that do not post
(drafts, voided), decisions about what has no documents or no members any more, and fields that people filled in on
deals of which nothing was ever decided (one that was lost before it was read with its documents is nobody's business;
once decided, they must be empty). What of credit depends on the way there, and how it is proved then: `credit.py`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sync.service import Service
from tests.flow.books import books, rows
from tests.sim.credit import Dump, levelled
from tests.sim.process import nobody
from tieout.core import exact_json
from tieout.store.tables import decisions, source_records, yardsticks

if TYPE_CHECKING:
    from tests.sim.world import World

WORD = ("currency", "paid_minor", "due_minor", "until_on")
OWN = ("Accounts", "Deals", "Invoices")


def dump(world: World) -> Dump:
    """Facts by kind, each as one text."""
    service = Service(world.processes["web"].ctx)
    records = world.vendors.records()
    alive = {(module, str(one["id"])) for module in OWN for one in records[module]}
    with nobody():
        found = books(service)
        yards = rows(service, select(yardsticks.c.company_id, yardsticks.c.review_on, yardsticks.c.body))
        unread = {
            (row["connection"], row["stream"], row["external_id"])
            for row in rows(service, select(source_records).where(source_records.c.problem.is_not(None)))
        }
        decided = {str(row["subject"]) for row in rows(service, select(decisions.c.subject).distinct())}
    alive -= {("Deals", str(one["id"])) for one in records["Deals"] if f"zoho/deal:{one['id']}" not in decided}
    out: Dump = {}
    for kind, facts in found.items():
        kept = (_kept(kind, exact_json.loads_fast(fact.encode()), alive, unread) for fact in facts)
        out[kind] = sorted(_text(fact) for fact in kept if fact is not None)
    out["crm fields"] = sorted(
        _text([module, one["id"], _fields(one)])
        for module in OWN
        for one in records[module]
        if _fields(one) and (module, str(one["id"])) in alive
    )
    out["credit"] = sorted(_text(fact) for fact in (_credit(text) for text in found["decisions"]) if fact is not None)
    out["met"] = sorted({exact_json.loads_fast(fact.encode())[1] for fact in found["documents"]})
    out["yardsticks"] = sorted(_text([yard["company_id"], yard["review_on"], yard["body"]]) for yard in yards)
    return out


def _text(fact: Any) -> str:
    return exact_json.canonical(fact).decode()


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in record.items() if k.startswith("AR_") and k != "AR_As_Of" and v not in (None, "", 0)}
    if "no rate" in str(found.get("AR_Credit_Reasons")):
        for name in ("AR_Credit_Exposure", "AR_Open_Amount", "AR_Overdue_Amount"):
            found.pop(name, None)  # left as it was while a rate is missing
    return found


def _kept(kind: str, fact: list[Any], alive: set[tuple[str, str]], unread: Container[tuple[str, str, str]] = ()) -> Any:
    """The fact as it is compared; None = left out."""
    if kind == "records" and tuple(fact[:3]) in unread:
        return [*fact[:3], "unread"]  # what was read of it before stands on, whenever that was
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
        if fact[1].startswith("nobody"):
            return None
        if fact[0] in ("promise", "plan"):  # named by an id of ours; the items are as well
            return [fact[0], fact[1].rpartition("|")[0], fact[2], *(fact[3][name] for name in WORD)]
        if fact[0] in ("reminder", "credit") or fact[2] in ("none", "void") or _is_about_nothing(fact):
            return None
        if fact[0] == "credit_alert":  # since when a limit is breached: the day on which somebody looked
            return None if fact[2] == "over" else fact[:3]
        return fact[:4]
    return fact


def _is_about_nothing(fact: list[Any]) -> bool:
    """A customer's status in a currency of which nothing is left: its only document was undone, where it was read."""
    figures = ("invoiced_minor", "paid_minor", "open_minor", "overdue_minor")
    return fact[0] == "payment_status" and fact[1].count("|") == 2 and not any(fact[3][name] for name in figures)


def _credit(text: str) -> Any:
    """[subject, value, body, reasons] of a credit decision about somebody; None for every other decision."""
    fact = exact_json.loads_fast(text.encode())
    if fact[0] != "credit" or fact[1].startswith("nobody"):
        return None
    if fact[3]["override"]:
        fact[3]["override"] = "by hand"  # an order is named by a number of ours
    return fact[1:]


_DOCUMENT = re.compile(r"AR_[A-Za-z]+:\d+")


def _is_met(conflict: str, met: Container[str]) -> bool:
    """Whether a question about a payment names only documents that both worlds have read at some time."""
    return not conflict.startswith('["payment_match"') or all(one in met for one in _DOCUMENT.findall(conflict))


def differences(calm: Dump, rough: Dump) -> list[str]:
    """E1: facts that stand in one of two worlds only."""
    calm, rough = levelled(calm, rough)
    met = set(calm.pop("met")) & set(rough.pop("met"))
    out: list[str] = []
    for kind in calm:
        here, there = set(calm[kind]), set(rough[kind])
        if kind == "conflicts":
            here, there = ({one for one in side if _is_met(one, met)} for side in (here, there))
        out += [f"E1 {kind} missing: {fact}" for fact in sorted(here - there)[:2]]
        out += [f"E1 {kind} extra: {fact}" for fact in sorted(there - here)[:2]]
    return out
