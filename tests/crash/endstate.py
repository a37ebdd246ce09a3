"""Where an installation and its CRM ended: books, fields and writes by natural keys, so that runs can be compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import func, select

from sync.service import Service
from tests.flow.books import books
from tieout.core import exact_json
from tieout.store.session import reading
from tieout.store.tables import bindings, decisions, dirty, documents, entries, inbox, memberships, outbox, pending

State = Mapping[str, Sequence[str]]
OWN_ID = re.compile(r"\b(?:acc|cus|inv|crn|pay|ref)_[0-9a-z]{14,}\b")


class Crm(Protocol):
    """What is asked of the vendors' sandbox."""

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """Records of Zoho by module: Accounts, Deals, Invoices, Tasks, Notes."""
        ...

    def effects(self) -> list[dict[str, Any]]:
        """Every write so far, as the sandbox's oracle saw it."""
        ...


def canonical(value: Any) -> str:
    """One text for equal values."""
    return exact_json.canonical(value).decode()


def waiting(service: Service) -> dict[str, int]:
    """Work that is not done yet, by kind; empty when all is quiet."""
    o = outbox.c
    with reading(service.ctx.engine) as conn:
        found = {
            "pending": conn.execute(select(func.count()).select_from(pending)).scalar_one(),
            "dirty": conn.execute(select(func.count()).select_from(dirty)).scalar_one(),
            "inbox": conn.execute(select(func.count()).select_from(inbox).where(inbox.c.state == "new")).scalar_one(),
            **dict(
                conn.execute(
                    select(o.state, func.count())
                    .where(o.state.not_in(("done", "superseded", "cancelled")))
                    .group_by(o.state)
                ).all()
            ),
        }
    return {kind: count for kind, count in found.items() if count}


def state(service: Service, crm: Crm) -> State:
    """Books, CRM and the oracle of writes by natural keys; the books' own proofs are made on the way."""
    assert service.verify() == []
    rebuilt = service.rebuild_check()
    assert rebuilt.ok, rebuilt.differences[:5]
    out: dict[str, list[str]] = {kind: sorted(facts) for kind, facts in books(service).items()}
    out["counts"] = _counts(service)
    return out | _shown(crm, _natural_keys(service))


def _counts(service: Service) -> list[str]:
    """How many rows stand, where the books are compared as sets."""
    with reading(service.ctx.engine) as conn:
        return [
            f"{table.name} {conn.execute(select(func.count()).select_from(table).where(stands)).scalar_one()}"
            for table, stands in (
                (memberships, memberships.c.to_seq.is_(None)),
                (bindings, bindings.c.to_seq.is_(None)),
                (decisions, decisions.c.is_current.is_(True)),
                (entries, entries.c.reverses_id.is_not(None)),
                (documents, documents.c.id.is_not(None)),
            )
        ]


def _natural_keys(service: Service) -> dict[str, str]:
    m, d = memberships.c, documents.c
    with reading(service.ctx.engine) as conn:
        members: dict[str, list[str]] = {}
        for row in conn.execute(select(m.customer_id, m.member).where(m.to_seq.is_(None))):
            if row.member.startswith("zoho/"):
                members.setdefault(row.customer_id, []).append(row.member)
        names = {customer: "+".join(sorted(group)) for customer, group in members.items()}
        return names | dict(conn.execute(select(d.id, d.external_id)).all())


def _shown(crm: Crm, names: Mapping[str, str]) -> dict[str, list[str]]:
    def natural(value: Any) -> Any:
        return OWN_ID.sub(lambda found: names.get(found[0], found[0]), value) if isinstance(value, str) else value

    records = crm.records()
    tasks, notes = records.pop("Tasks"), records.pop("Notes")
    marks = [(note["Parent_Id"], note["Note_Content"].rsplit("\n", 1)[1].strip("[]")) for note in notes]
    keys = Counter([*(task["AR_Key"] for task in tasks), *(key for _, key in marks)])
    assert [key for key, count in keys.items() if count > 1] == [], "a reminder was sent twice"
    writes = [effect for effect in crm.effects() if effect["actor"] == "api"]
    assert [write for write in writes if write["kind"] == "noop"] == [], "the same content was sent twice"
    updates = [write for write in writes if write["operation"] == "update"]
    return {
        "crm fields": sorted(
            canonical([module, one["id"], {k: v for k, v in one.items() if k.startswith("AR_")}])
            for module, some in records.items()
            for one in some
        ),
        # The last parts of a key are a digest and a number of ours.
        "crm tasks": sorted(
            canonical([task["What_Id"], natural(task["AR_Key"]).rsplit("/", 2)[0], task["Subject"], task["Due_Date"]])
            for task in tasks
        ),
        "crm notes": sorted(canonical([parent, natural(key).rsplit("/", 3)[0]]) for parent, key in marks),
        "crm writes": sorted(canonical([write["entity"], write["record_id"], write["changes"]]) for write in updates),
        "crm creations": sorted(
            f"{entity} {count}"
            for entity, count in Counter(write["entity"] for write in writes if write["operation"] != "update").items()
        ),
    }


def difference(expected: State, found: State) -> list[str]:
    """Facts that stand more often in one of two states, at most a few of each kind."""
    out: list[str] = []
    for kind in expected:
        here, there = Counter(expected[kind]), Counter(found[kind])
        out += [f"{kind} missing: {fact}" for fact in list((here - there).elements())[:3]]
        out += [f"{kind} extra: {fact}" for fact in list((there - here).elements())[:3]]
    return out
