"""Claims: what CRMs say about invoices, orders and deals. Kept with their keys, never posted (D9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from mapping.identity.numbers import number_key
from sync.fold.batch import Batch
from sync.fold.changes import Change
from sync.settle.scope import DEAL_KINDS
from tieout.canonical.documents import ClaimCandidate
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.refs import by_refs, conditions, rows_by
from tieout.store.tables import claim_keys, claims
from tieout.store.upsert import insert_ignore, upsert

_k = claim_keys.c
_CLAIM = (_k.connection, _k.stream, _k.external_id)
_KEYS = by_refs(select(claim_keys), _CLAIM)
KEY_KINDS = ("external", "number", "order")  # all there are: the index of values begins with them


def claim_keys_of(claim: ClaimCandidate) -> set[tuple[str, str]]:
    """Normalised keys of a claim, by the kind of key it holds."""
    out = {("external", number_key(value)) for value in claim.external_refs}
    out |= {("number", number_key(value)) for value in claim.numbers}
    out |= {("order", number_key(value)) for value in claim.order_numbers}
    return {(kind, value) for kind, value in out if value}


def fold_claims(batch: Batch, changes: Sequence[Change]) -> None:
    """Write claims and keys; each changed claim and those that compete with it are bound again."""
    live: list[dict[str, Any]] = []
    keys: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    gone: list[tuple[str, str, str]] = []
    for change in changes:
        if change.is_broken:
            continue
        ref = (change.connection, change.stream, change.record_id)
        claim, previous = change.candidate, change.previous
        named = {one.deal_ref for one in (claim, previous) if isinstance(one, ClaimCandidate) and one.deal_ref}
        if _counts_as(claim) != _counts_as(previous):  # won, lost or deleted: what its invoices say counts, or not
            named.add(change.record_id)
        batch.touch("deal", [f"{change.connection}/deal:{deal}" for deal in named])
        if not isinstance(claim, ClaimCandidate):
            gone.append(ref)
            keys[ref] = set()
            continue
        keys[ref] = claim_keys_of(claim) if claim.is_active else set()
        live.append(
            {
                "connection": change.connection,
                "stream": change.stream,
                "external_id": change.record_id,
                "kind": claim.kind,
                "label": claim.label,
                "party_ref": claim.party_ref,
                "currency": claim.currency,
                "amount_minor": claim.amount_minor,
                "deal_ref": claim.deal_ref,
                "is_active": claim.is_active,
                "source_seq": change.seq,
            }
        )
    for part in chunks(live):
        upsert(batch.conn, claims, part)
    c = claims.c
    for gone_part in conditions((c.connection, c.stream, c.external_id), gone):
        batch.conn.execute(delete(claims).where(gone_part))
    _replace_keys(batch, keys)
    batch.touch("claim", [f"{a}/{b}/{c_}" for a, b, c_ in keys])


def _counts_as(claim: object) -> tuple[str, str] | None:
    """Kind and currency of a deal or order whose status is decided; None for everything else."""
    if isinstance(claim, ClaimCandidate) and claim.kind in DEAL_KINDS and claim.is_active:
        return claim.kind, claim.currency
    return None


def _replace_keys(batch: Batch, keys: dict[tuple[str, str, str], set[tuple[str, str]]]) -> None:
    held: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for row in rows_by(batch.conn, _KEYS, keys):
        held.setdefault((row.connection, row.stream, row.external_id), set()).add((row.kind, row.value))
    stale = [ref for ref, wanted in sorted(keys.items()) if held.get(ref) and held[ref] != wanted]
    for stale_part in conditions(_CLAIM, stale):
        batch.conn.execute(delete(claim_keys).where(stale_part))
    fresh: list[dict[str, Any]] = []
    touched: set[tuple[str, str]] = set()
    for ref, wanted in sorted(keys.items()):
        old = held.get(ref, set())
        touched |= wanted | old
        if wanted != old:
            fresh.extend(
                {"kind": kind, "value": value, "connection": ref[0], "stream": ref[1], "external_id": ref[2]}
                for kind, value in sorted(wanted)
            )
    for rows in chunks(fresh):
        insert_ignore(batch.conn, claim_keys, rows)
    values = sorted({value for _, value in touched})
    for part in chunks(values):
        for row in batch.conn.execute(select(*_CLAIM).where(_k.kind.in_(KEY_KINDS), among(_k.value, part))):
            batch.touch("claim", [f"{row.connection}/{row.stream}/{row.external_id}"])
