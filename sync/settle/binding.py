"""Binding: which posted document a CRM's invoice, order or deal stands for; what cannot be bound is a conflict (D9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from mapping.identity.bind import ClaimVerdict, DocumentFacts, bind_claim
from sync.fold.batch import Batch
from sync.fold.claims import KEY_KINDS
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from sync.settle.candidates import Ref, candidates_of
from sync.settle.scope import customers_of_accounts, deals_of
from tieout.canonical.documents import ClaimCandidate
from tieout.core.money import format_minor
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import (
    answers,
    bindings,
    claim_keys,
    document_keys,
    documents,
    memberships,
)

KIND = "unlinked_document"
SUGGESTED = 20  # documents of the same customer and amount looked at per claim
_k, _b = claim_keys.c, bindings.c
_KEYS = by_refs(select(claim_keys), (_k.connection, _k.stream, _k.external_id))
_STANDING = by_refs(select(bindings).where(_b.to_seq.is_(None)), (_b.connection, _b.stream, _b.external_id))


def settle_claims(batch: Batch, keys: Sequence[str]) -> None:
    """Bind these claims again; bindings are closed and opened, never changed."""
    refs = [_ref(key) for key in keys]
    mine = _claims(batch, refs)
    customers = _customers_of_claims(batch, mine)
    shared = _documents_by_key(batch, mine)
    rivals = _rivals(batch, mine)
    said = _said(batch, keys)
    taken = _taken(batch)
    same_money = _documents_of_customers(batch, mine, customers)
    wanted_docs = {ref for group in (*shared.values(), *same_money.values()) for ref in group}
    wanted_docs |= {target for actions in said.values() for target in actions.get("bind", [])}
    facts = _facts(batch, wanted_docs)
    verdicts: dict[Ref, ClaimVerdict] = {}
    for ref, claim in mine.items():
        key = "/".join(ref)
        answer = said.get(key, {})
        candidates = [facts[doc] for doc in sorted(shared.get(ref, set()) | same_money.get(ref, set())) if doc in facts]
        candidates += [facts[doc] for doc in answer.get("bind", []) if doc in facts and facts[doc] not in candidates]
        verdicts[ref] = bind_claim(
            claim,
            candidates,
            customer=customers.get(ref, ""),
            rivals=rivals.get(ref, ()),
            taken=[doc for doc, owner in taken.items() if owner != key and _ref(owner)[:2] == ref[:2]],
            must_link=[doc for doc in answer.get("bind", []) if doc in facts],
            must_not_link=answer.get("separate", []),
        )
    _write(batch, refs, mine, verdicts)
    # A customer that no rule links is a question once it does business, and its documents say whom it may be.
    batch.touch(
        "party",
        {
            f"{ref[0]}/customers/{claim.party_ref}"
            for ref, claim in mine.items()
            if claim.party_ref and ref not in customers
        },
    )
    _report(batch, refs, mine, verdicts, facts, said)


def _ref(key: str) -> Ref:
    connection, stream, record = key.split("/", 2)
    return connection, stream, record


def _claims(batch: Batch, refs: Sequence[Ref]) -> dict[Ref, ClaimCandidate]:
    return {ref: made for ref, made in candidates_of(batch, refs).items() if isinstance(made, ClaimCandidate)}


def _customers_of_claims(batch: Batch, claims: Mapping[Ref, ClaimCandidate]) -> dict[Ref, str]:
    members = {f"{ref[0]}/customers/{claim.party_ref}" for ref, claim in claims.items() if claim.party_ref}
    m = memberships.c
    held: dict[str, str] = {}
    for part in chunks(sorted(members)):
        held.update(
            batch.conn.execute(select(m.member, m.customer_id).where(among(m.member, part), m.to_seq.is_(None))).all()
        )
    return {ref: held[key] for ref, claim in claims.items() if (key := f"{ref[0]}/customers/{claim.party_ref}") in held}


def _documents_by_key(batch: Batch, claims: Mapping[Ref, ClaimCandidate]) -> dict[Ref, set[str]]:
    """Documents that share a key with each claim: a stored external id may be a document's id or its number."""
    d = document_keys.c
    held = list(rows_by(batch.conn, _KEYS, claims))
    plain = sorted({row.value for row in held if row.kind in ("external", "number")})
    orders = sorted({row.value for row in held if row.kind == "order"})
    found: dict[tuple[str, str], set[str]] = {}
    for kinds, values, group in ((("external", "number"), plain, "plain"), (("order",), orders, "order")):
        for values_part in chunks(values):
            for row in batch.conn.execute(
                select(d.value, d.document_id).where(d.kind.in_(kinds), among(d.value, values_part))
            ):
                found.setdefault((group, row.value), set()).add(row.document_id)
    out: dict[Ref, set[str]] = {}
    for row in held:
        group = "order" if row.kind == "order" else "plain"
        docs = found.get((group, row.value), set())
        out.setdefault((row.connection, row.stream, row.external_id), set()).update(docs)
    return out


def _rivals(batch: Batch, claims: Mapping[Ref, ClaimCandidate]) -> dict[Ref, list[ClaimCandidate]]:
    """Other claims of the same source that share a key."""
    k = claim_keys.c
    mine: dict[tuple[str, str], set[Ref]] = {}
    for row in rows_by(batch.conn, _KEYS, claims):
        mine.setdefault((row.connection, row.value), set()).add((row.connection, row.stream, row.external_id))
    block: dict[tuple[str, str], set[Ref]] = {}
    for value_part in chunks(sorted({value for _, value in mine})):
        for row in batch.conn.execute(select(claim_keys).where(k.kind.in_(KEY_KINDS), among(k.value, value_part))):
            block.setdefault((row.connection, row.value), set()).add((row.connection, row.stream, row.external_id))
    pairs: dict[Ref, set[Ref]] = {}
    for key, refs in mine.items():
        for ref in refs:
            pairs.setdefault(ref, set()).update(block.get(key, set()) - {ref})
    others = _claims(batch, sorted({ref for group in pairs.values() for ref in group}))
    return {ref: [others[one] for one in sorted(group) if one in others] for ref, group in pairs.items()}


def _said(batch: Batch, keys: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """People's standing answers by claim: bind (targets), separate (targets), leave."""
    n = answers.c
    out: dict[str, dict[str, list[str]]] = {}
    for part in chunks(keys):
        for row in batch.conn.execute(
            select(n.subject, n.action, n.target).where(among(n.subject, part), n.is_active.is_(True)).order_by(n.seq)
        ):
            out.setdefault(row.subject, {}).setdefault(row.action, []).append(row.target)
    return out


def _taken(batch: Batch) -> dict[str, str]:
    """Documents that people gave to a claim: no other of the same stream may have them, a deal beside them may."""
    n = answers.c
    return {
        row.target: row.subject
        for row in batch.conn.execute(
            select(n.subject, n.target).where(n.action == "bind", n.is_active.is_(True)).order_by(n.seq)
        )
    }


def _documents_of_customers(
    batch: Batch, claims: Mapping[Ref, ClaimCandidate], customers: Mapping[Ref, str]
) -> dict[Ref, set[str]]:
    """Documents of the claim's customer with the same amount: suggestions for people, never a rule."""
    m, d = memberships.c, documents.c
    accounts: dict[str, list[str]] = {}
    for part in chunks(sorted(set(customers.values()))):
        for customer, member in batch.conn.execute(
            select(m.customer_id, m.member).where(among(m.customer_id, part), m.to_seq.is_(None))
        ):
            if member.startswith("acc_"):
                accounts.setdefault(customer, []).append(member)
    owner = {account: customer for customer, group in accounts.items() for account in group}
    amounts = sorted({_posted_minor(claim) for claim in claims.values() if claim.amount_minor is not None})
    by_money: dict[tuple[str, str, int], list[str]] = {}
    for account_part in chunks(sorted(owner)):
        for amount_part in chunks(amounts):
            for row in batch.conn.execute(
                select(d.id, d.account_id, d.currency, d.total_minor)
                .where(among(d.account_id, account_part), among(d.total_minor, amount_part))
                .order_by(d.id)
            ):
                by_money.setdefault((owner[row.account_id], row.currency, row.total_minor), []).append(row.id)
    out: dict[Ref, set[str]] = {}
    for ref, claim in claims.items():
        if ref in customers and claim.amount_minor is not None and claim.kind in ("invoice", "payment"):
            found = by_money.get((customers[ref], claim.currency, _posted_minor(claim)), [])
            out[ref] = set(found[:SUGGESTED])
    return out


def _posted_minor(claim: ClaimCandidate) -> int:
    """A claim's amount as the ledger would sign it."""
    amount = claim.amount_minor or 0
    return -amount if claim.kind == "payment" else amount


def _facts(batch: Batch, ids: Iterable[str]) -> dict[str, DocumentFacts]:
    d, k = documents.c, document_keys.c
    wanted = sorted(set(ids))
    orders: dict[str, list[str]] = {}
    rows: list[Any] = []
    for part in chunks(wanted):
        rows.extend(batch.conn.execute(select(documents).where(among(d.id, part))).mappings())
        for row in batch.conn.execute(
            select(k.document_id, k.value).where(k.kind == "order", among(k.document_id, part)).order_by(k.value)
        ):
            orders.setdefault(row.document_id, []).append(row.value)
    owners = customers_of_accounts(batch, [row["account_id"] for row in rows])
    return {
        row["id"]: DocumentFacts(
            ref=row["id"],
            external_id=row["external_id"],
            kind=row["kind"],
            number=row["number"],
            currency=row["currency"],
            total_minor=row["total_minor"],
            state=row["state"],
            order_numbers=tuple(orders.get(row["id"], ())),
            customer=owners.get(row["account_id"], ""),
            issue_on=row["issue_on"],
        )
        for row in rows
    }


def _write(
    batch: Batch,
    refs: Sequence[Ref],
    claims: Mapping[Ref, ClaimCandidate],
    verdicts: Mapping[Ref, ClaimVerdict],
) -> None:
    b = bindings.c
    held: dict[Ref, dict[str, Mapping[Any, Any]]] = {}
    for row in rows_by(batch.conn, _STANDING, refs):
        held.setdefault((row.connection, row.stream, row.external_id), {})[row.document_id] = row._mapping
    close: list[str] = []
    fresh: list[dict[str, Any]] = []
    moved: set[Ref] = set()
    for ref in refs:
        verdict = verdicts.get(ref)
        wanted = set(verdict.refs) if verdict is not None and verdict.outcome == "bound" else set()
        old = held.get(ref, {})
        rule = verdict.rule if verdict is not None else ""
        for document_id, standing in old.items():
            if document_id not in wanted or standing["rule"] != rule:
                close.append(standing["id"])
                if document_id not in wanted:
                    moved.add(ref)
        for document_id in sorted(wanted):
            known = old.get(document_id)
            if known is not None and known["rule"] == rule:
                continue
            if known is None:
                moved.add(ref)
            assert verdict is not None
            fresh.append(
                {
                    "id": batch.ids.new("bnd"),
                    "connection": ref[0],
                    "stream": ref[1],
                    "external_id": ref[2],
                    "document_id": document_id,
                    "rule": rule,
                    "evidence": {
                        "rule_version": verdict.rule_version,
                        "flags": list(verdict.flags),
                        "reasons": [dataclasses.asdict(reason) for reason in verdict.reasons],
                    },
                    "from_seq": batch.mark_seq,
                    "to_seq": None,
                    "recorded_at": batch.now,
                }
            )
    for close_part in chunks(close):
        batch.conn.execute(update(bindings).where(among(b.id, close_part)).values(to_seq=batch.mark_seq))
    for rows in chunks(fresh):
        batch.conn.execute(insert(bindings), list(rows))
    batch.count("bound", len(fresh))
    for ref in moved:
        claim = claims.get(ref)
        batch.touch("push", ["/".join(ref)])
        if claim is not None:
            batch.touch("deal", deals_of(ref[0], ref[2], claim.kind, claim.deal_ref))


def _report(
    batch: Batch,
    refs: Sequence[Ref],
    claims: Mapping[Ref, ClaimCandidate],
    verdicts: Mapping[Ref, ClaimVerdict],
    facts: Mapping[str, DocumentFacts],
    said: Mapping[str, Mapping[str, list[str]]],
) -> None:
    calls: list[ConflictCall] = []
    closed: list[str] = []
    for ref in refs:
        key = "/".join(ref)
        claim, verdict = claims.get(ref), verdicts.get(ref)
        if claim is None or verdict is None or verdict.outcome != "review" or "leave" in said.get(key, {}):
            closed.append(key)
            continue
        calls.append(_call(ref, claim, verdict, facts))
    close_conflicts(batch, KIND, closed, state="superseded")
    open_conflicts(batch, calls)


def _call(ref: Ref, claim: ClaimCandidate, verdict: ClaimVerdict, facts: Mapping[str, DocumentFacts]) -> ConflictCall:
    suggestions = [
        {
            "target": one.ref,
            "action": "bind",
            "label": facts[one.ref].number,
            "points": one.points,
            "reasons": [dataclasses.asdict(reason) for reason in one.reasons],
            "record": _shown(facts[one.ref]),
        }
        for one in verdict.suggestions
        if one.ref in facts
    ]
    return ConflictCall(
        kind=KIND,
        cause="/".join(ref),
        connection=ref[0],
        stream=ref[1],
        external_id=ref[2],
        title=claim.label,
        evidence={
            "record": {
                "label": claim.label,
                "kind": claim.kind,
                "amount": "" if claim.amount_minor is None else format_minor(claim.amount_minor, claim.currency),
                "external_refs": list(claim.external_refs),
                "numbers": list(claim.numbers),
                "order_numbers": list(claim.order_numbers),
                "party_ref": claim.party_ref,
                "issue_on": claim.issue_on.isoformat() if claim.issue_on else "",
                "due_on": claim.due_on.isoformat() if claim.due_on else "",
            },
            "reasons": [dataclasses.asdict(reason) for reason in verdict.reasons],
            "rule_version": verdict.rule_version,
        },
        suggestions=suggestions,
        currency=claim.currency,
        money_minor=abs(claim.amount_minor or 0),
    )


def _shown(document: DocumentFacts) -> dict[str, Any]:
    """What a person compares side by side."""
    return {
        "label": document.number,
        "amount": format_minor(document.total_minor, document.currency),
        "external_refs": [document.external_id],
        "order_numbers": list(document.order_numbers),
        "customer": document.customer,
        "state": document.state,
        "issue_on": document.issue_on.isoformat() if document.issue_on else "",
    }
