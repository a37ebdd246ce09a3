"""Rebuild: fold the input log again into an empty database and compare with what stands (D1)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from mapping.loader import restored
from sync.activation import TEXT_KEY
from sync.apply import backlog, spread
from sync.context import Context
from sync.fold.batch import open_batch
from sync.fold.conflicts import answer_one
from sync.fold.run import fold
from sync.settle.run import settle
from sync.settle.waiting import recall_messages
from tieout.core.errors import TieoutError
from tieout.store.landing import chunks
from tieout.store.session import make_engine, reading, unit
from tieout.store.tables import (
    accounts,
    allocations,
    answer_rules,
    balances,
    bindings,
    cases,
    conflicts,
    credit_limits,
    credit_terms,
    decisions,
    documents,
    dunning_policies,
    dunning_texts,
    inputs,
    links,
    memberships,
    meta,
    metadata,
    open_items,
    opening_items,
    openings,
    outbox,
    payloads,
    pending,
    rate_needs,
    rates,
    relations,
    rule_uses,
    source_records,
)
from tieout.store.upsert import upsert

LIMIT = 50  # differences shown per kind


@dataclass
class RebuildView:
    """How many facts of each kind were compared and which differ."""

    compared: dict[str, int] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    inputs: int = 0

    @property
    def ok(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "inputs": self.inputs, "compared": self.compared, "differences": self.differences}


def run_rebuild_check(ctx: Context) -> RebuildView:
    """Fold all inputs again, in the batches their marks recorded, and compare by natural key.

    Compared: current source records, accounts, memberships, documents, open items, allocations, links, balances,
    bindings, open conflicts, and standing decisions (value, figures, reasons, inputs, effective date).
    """
    waiting = backlog(ctx)["pending"]
    if waiting:
        raise TieoutError(f"{waiting} inputs are not folded yet", hint="Run `tieout apply` first.", code="pending")
    view = RebuildView()
    with tempfile.TemporaryDirectory(prefix="tieout-rebuild-") as folder:
        fresh = make_engine(f"sqlite:///{Path(folder) / 'rebuild.db'}")
        try:
            metadata.create_all(fresh)
            with reading(ctx.engine) as source:
                view.inputs = _replay(ctx, source, fresh)
                with reading(fresh) as made:
                    for name, statement in _facts().items():
                        _compare(view, name, _rows(source, statement), _rows(made, statement))
        finally:
            fresh.dispose()
    return view


def _replay(ctx: Context, source: Connection, fresh: Engine) -> int:
    profiles = _InForce(ctx, source)
    count = 0
    landed: dict[int, Mapping[Any, Any]] = {}
    for row in _inputs(source):
        count += 1
        if row["kind"] == "mark":
            _replay_mark(ctx, source, fresh, row, landed, profiles.now)
        elif row["kind"] == "receipt":
            _replay_receipt(fresh, row)
        else:
            profiles.note(row)
            landed[row["seq"]] = row
            if row["kind"] == "answer":
                with unit(fresh, "answer.commit") as conn:  # a record read before it is folded finds it answered
                    answer_one(conn, row)
    return count


class _InForce:
    """The mapping profiles in force at each point of the log, from the texts that are kept by version."""

    def __init__(self, ctx: Context, source: Connection) -> None:
        self.now = {name: dict(ctx.profiles(name)) for name in ctx.config.connections}
        self._vendors = {name: one.vendor for name, one in ctx.config.connections.items()}
        m, i = meta.c, inputs.c
        rows = source.execute(select(m.key, m.value).where(m.key.like(f"{TEXT_KEY}%"))).all()
        self._texts = {row.key.removeprefix(TEXT_KEY): row.value for row in rows}
        changes = select(i.body).where(i.kind == "activation", i.stream.is_not(None)).order_by(i.seq.desc())
        for body in source.execute(changes).scalars():  # the last that is set is what stood before the first change
            self._set(body["connection"], body["stream"], body["before"])

    def note(self, row: Mapping[Any, Any]) -> None:
        """Take over what an activation says; other inputs change nothing."""
        if row["kind"] == "activation" and row["stream"]:
            self._set(row["connection"], row["stream"], row["body"]["version"])

    def _set(self, connection: str, stream: str, version: str) -> None:
        # Versions of before their texts were kept are mapped as the present profile does.
        if connection in self.now and (text := self._texts.get(version)) is not None:
            self.now[connection][stream] = restored(text, vendor=self._vendors[connection], stream=stream)


def _inputs(source: Connection) -> Iterator[Mapping[Any, Any]]:
    last = 0
    while True:
        rows = (
            source.execute(select(inputs).where(inputs.c.seq > last).order_by(inputs.c.seq).limit(2000))
            .mappings()
            .all()
        )
        if not rows:
            return
        yield from rows
        last = rows[-1]["seq"]


def _replay_mark(
    ctx: Context,
    source: Connection,
    fresh: Engine,
    mark: Mapping[Any, Any],
    landed: dict[int, Mapping[Any, Any]],
    profiles: Mapping[str, Mapping[Any, Any]],
) -> None:
    body = mark["body"]
    with unit(fresh, "apply.commit") as conn:
        on = {company: date.fromisoformat(day) for company, day in body["on"].items()}
        batch = open_batch(conn, ctx.config, profiles, body=body, now=mark["at"], on=on, mark_seq=mark["seq"])
        if body["phase"] == "fold":
            seqs = spread(body["seqs"])
            _land_again(source, conn, [landed.pop(seq) for seq in seqs if seq in landed])
            fold(batch, seqs)
            for part in chunks(seqs):  # a changed profile makes records wait a second time, long after they landed
                conn.execute(delete(pending).where(pending.c.seq.in_(part)))
        else:
            if "messages" in body:  # marks of older versions lack it; there receipts alone tell
                recall_messages(conn, body["limit"], body["messages"])
            settle(batch, body["stage"], body["limit"])
        batch.flush()


def _land_again(source: Connection, conn: Connection, rows: Sequence[Mapping[Any, Any]]) -> None:
    for part in chunks([dict(row) for row in rows]):
        conn.execute(insert(inputs), part)
    current = [row for row in rows if row["kind"] == "landed" and row["is_current"]]
    hashes = sorted({row["payload_hash"] for row in current if row["payload_hash"]})
    for hash_part in chunks(hashes):
        bodies = source.execute(select(payloads).where(payloads.c.hash.in_(hash_part))).mappings().all()
        upsert(conn, payloads, [dict(body) for body in bodies])
    records = [
        {
            "connection": row["connection"],
            "stream": row["stream"],
            "external_id": row["external_id"],
            "seq": row["seq"],
            "source_hash": row["source_hash"],
            "payload_hash": row["payload_hash"],
            "modified_at": row["modified_at"],
            "counter": row["counter"],
            "read_started_at": row["read_started_at"],
            "is_deleted": row["is_deleted"],
            "needs_fetch": False,
        }
        for row in current
    ]
    for part in chunks(records):
        upsert(conn, source_records, part)


def _replay_receipt(fresh: Engine, row: Mapping[Any, Any]) -> None:
    """What became of an effect decides whether a waiting reminder may still be taken back."""
    body = row["body"] or {}
    row_id, state = body.get("outbox"), body.get("outcome")
    if not row_id or not state:
        return
    with unit(fresh, "receipt.commit") as conn:
        conn.execute(update(outbox).where(outbox.c.id == row_id).values(state=state))


def _facts() -> dict[str, Any]:
    s, a, m, d, o = source_records.c, accounts.c, memberships.c, documents.c, open_items.c
    cl, ct, rt, rn = credit_limits.c, credit_terms.c, rates.c, rate_needs.c
    al, b, bi, c, de = allocations.c, balances.c, bindings.c, conflicts.c, decisions.c
    rl, li = relations.c, links.c
    ca, po, op, oi = cases.c, dunning_policies.c, openings.c, opening_items.c
    ar, ru, dt = answer_rules.c, rule_uses.c, dunning_texts.c
    return {
        "source records": select(s.connection, s.stream, s.external_id, s.source_hash, s.is_deleted, s.candidate).where(
            s.applied_seq == s.seq
        ),
        "accounts": select(a.company_id, a.connection, a.party_ref, a.name, a.is_provisional),
        "memberships": select(m.member, m.customer_id, m.rule, m.effective_on).where(m.to_seq.is_(None)),
        "relations": select(rl.member, rl.kind, rl.target, rl.name, rl.rule, rl.effective_on).where(
            rl.to_seq.is_(None)
        ),
        "documents": select(d.connection, d.external_id, d.account_id, d.total_minor, d.open_minor, d.state),
        "open items": select(o.id, o.account_id, o.currency, o.due_on, o.original_minor, o.open_minor),
        "allocations": select(al.connection, al.group_key, al.is_applied, al.refusal, al.amount_minor),
        "links": select(
            li.allocation_id, li.from_document_id, li.to_document_id, li.to_line, li.amount_minor, li.effective_on
        ).where(li.to_seq.is_(None)),
        "balances": select(b.account_id, b.code, b.currency, b.amount_minor).where(b.amount_minor != 0),
        "bindings": select(bi.connection, bi.stream, bi.external_id, bi.document_id, bi.rule).where(
            bi.to_seq.is_(None)
        ),
        "cases": select(ca.id, ca.kind, ca.amount_minor, ca.from_on, ca.until_on, ca.outcome, ca.closed_on),
        "dunning policies": select(po.company_id, po.version, po.is_active),
        "dunning texts": select(dt.seq, dt.company_id, dt.slot, dt.language, dt.channel, dt.version, dt.is_active),
        "openings": select(op.connection, op.start_on, op.before_on, op.totals).where(op.is_current.is_(True)),
        "opening items": select(oi.document_id, oi.start_on, oi.amount_minor, oi.opening_seq),
        "open conflicts": select(c.kind, c.cause, c.money_minor, c.title).where(c.state == "open"),
        "answer rules": select(ar.id, ar.kind, ar.connection, ar.stream, ar.field, ar.value, ar.target, ar.state),
        "read by rules": select(ru.connection, ru.stream, ru.external_id, ru.rule_id, ru.before),
        "answered by rules": select(c.kind, c.cause, c.rule_id, c.answer).where(c.rule_id.is_not(None)),
        "credit limits": select(
            cl.connection, cl.stream, cl.external_id, cl.party_ref, cl.currency, cl.amount_minor, cl.temporary_minor
        ),
        "credit orders": select(ct.id, ct.account_id, ct.kind, ct.amount_minor, ct.status, ct.state, ct.valid_until),
        "rates": select(rt.id, rt.base, rt.quote, rt.rate, rt.rate_on, rt.until_on, rt.is_active),
        "rate needs": select(rn.subject, rn.currency, rn.is_missing),
        "decisions": select(de.kind, de.subject, de.value, de.body, de.reasons, de.inputs, de.effective_on).where(
            de.is_current.is_(True)
        ),
    }


def _rows(conn: Connection, statement: Any) -> dict[str, int]:
    out: dict[str, int] = {}
    for row in conn.execute(statement):
        text = " | ".join(str(value) for value in row)
        out[text] = out.get(text, 0) + 1
    return out


def _compare(view: RebuildView, name: str, stands: dict[str, int], again: dict[str, int]) -> None:
    view.compared[name] = sum(stands.values())
    shown = 0
    for text in sorted(stands.keys() | again.keys()):
        if stands.get(text, 0) == again.get(text, 0):
            continue
        if shown < LIMIT:
            side = "only in the database" if stands.get(text, 0) > again.get(text, 0) else "only in the rebuild"
            view.differences.append({"kind": name, "side": side, "fact": text[:500]})
        shown += 1
