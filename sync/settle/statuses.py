"""Payment status of documents and of the deals they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, current, day, put
from sync.settle.scope import (
    claims_of_documents,
    company_of_documents,
    customers_of_accounts,
    deal_key,
    documents_of_deals,
    push_keys_of_deals,
)
from tieout.core.dates import business_on
from tieout.receivables.combine import combine
from tieout.receivables.status import ItemState, StatusDecision, invoice_status
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import allocations, documents, open_items

KIND = "payment_status"
WITH_STATUS = ("invoice", "credit_note")


def decide_documents(batch: Batch, ids: Sequence[str]) -> None:
    """Decide these documents again; what hangs on a changed one (claims, deals, customers) is touched."""
    docs = _documents(batch, ids)
    items = _items(batch, ids)
    credited = _credited(batch, ids)
    verdicts = []
    for key, doc in sorted(docs.items()):
        if doc["kind"] not in WITH_STATUS:
            continue
        on = batch.on[doc["company_id"]]
        decision = invoice_status(
            doc["state"],
            doc["kind"],
            items.get(key, []),
            on,
            doc["last_payment_on"],
            doc["currency"],
            credited_minor=credited.get(key, 0),
        )
        verdicts.append(_verdict(key, doc["company_id"], decision, on))
    changed = put(batch, KIND, verdicts)
    accounts = {doc["account_id"]: doc["company_id"] for doc in docs.values()}
    owners = customers_of_accounts(batch, accounts)
    batch.touch("customer", {f"{owners[acc]}|{company}" for acc, company in accounts.items() if acc in owners})
    if changed:
        bound = claims_of_documents(batch, changed)
        batch.touch("push", [row.key for row in bound if row.kind == "invoice"])
        batch.touch("deal", [deal for row in bound for deal in row.deals])


def decide_deals(batch: Batch, keys: Sequence[str]) -> None:
    """A deal's status is that of its documents: bound to it, or bound to the invoices that name it."""
    members = documents_of_deals(batch, keys)
    every = {doc for docs in members.values() for doc in docs.documents}
    standing = current(batch, KIND, every)
    companies = company_of_documents(batch, every)
    held = current(batch, KIND, keys)
    verdicts = []
    for key, deal in sorted(members.items()):
        statuses = {
            doc: status_of(standing[doc]["body"], standing[doc]) for doc in sorted(deal.documents) if doc in standing
        }
        company = next((companies[doc] for doc in sorted(deal.documents) if doc in companies), "")
        on = batch.on[company] if company else business_on(batch.now, "UTC")
        if not statuses and key not in held:
            continue  # a deal without documents has nothing to say
        decision = combine(statuses, deal.currency)
        verdicts.append(_verdict(key, company, decision, on, stands_on(statuses, standing)))
    for key, row in sorted(held.items()):
        if key not in members:  # lost or deleted: it has nothing to say any more
            on = batch.on.get(row["company_id"]) or business_on(batch.now, "UTC")
            verdicts.append(_verdict(key, row["company_id"], combine({}, row["body"]["currency"]), on, {}))
    changed = put(batch, KIND, verdicts)
    batch.touch("push", push_keys_of_deals(batch, changed))


def stands_on(documents: Iterable[str], standing: Mapping[str, Mapping[Any, Any]]) -> dict[str, str]:
    """Decision ids by document: what a decision over several documents was made from, to be judged again by it."""
    return {key: standing[key]["id"] for key in documents}


def _verdict(
    subject: str, company: str, decision: StatusDecision, on: Any, members: Mapping[str, str] | None = None
) -> Verdict:
    return Verdict(
        subject=subject,
        company=company,
        value=decision.value or "none",
        body=dict(decision.pushed()),
        reasons=decision.reasons,
        inputs=decision.inputs if members is None else {**decision.inputs, "decisions": members},
        rule_version=decision.rule_version,
        effective_on=on,
        next_change_on=decision.next_change_on,
    )


def status_of(body: Mapping[Any, Any], row: Mapping[Any, Any]) -> StatusDecision:
    """A stored decision as the rules know it."""
    return StatusDecision(
        value="" if row["value"] == "none" else row["value"],
        currency=body["currency"],
        invoiced_minor=body["invoiced_minor"],
        paid_minor=body["paid_minor"],
        open_minor=body["open_minor"],
        overdue_minor=body["overdue_minor"],
        overdue_since=day(body["overdue_since"]),
        aging_bucket=body["aging_bucket"],
        next_due_on=day(body["next_due_on"]),
        last_payment_on=day(body["last_payment_on"]),
        reasons=(),
        inputs={},
        rule_version=row["rule_version"],
        next_change_on=row["next_change_on"],
    )


def _documents(batch: Batch, ids: Sequence[str]) -> dict[str, Mapping[Any, Any]]:
    d = documents.c
    out: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(ids):
        for row in batch.conn.execute(
            select(d.id, d.kind, d.state, d.currency, d.company_id, d.account_id, d.last_payment_on).where(
                among(d.id, part)
            )
        ).mappings():
            out[row["id"]] = row
    return out


def _items(batch: Batch, ids: Sequence[str]) -> dict[str, list[ItemState]]:
    o = open_items.c
    out: dict[str, list[ItemState]] = {}
    for part in chunks(ids):
        for row in batch.conn.execute(
            select(o.document_id, o.due_on, o.original_minor, o.open_minor)
            .where(among(o.document_id, part))
            .order_by(o.due_on, o.id)
        ):
            out.setdefault(row.document_id, []).append(ItemState(row.due_on, row.original_minor, row.open_minor))
    return out


def _credited(batch: Batch, ids: Sequence[str]) -> dict[str, int]:
    a = allocations.c
    out: dict[str, int] = {}
    for part in chunks(ids):
        for key, total in batch.conn.execute(
            select(a.to_document_id, func.sum(a.amount_minor))
            .join(documents, documents.c.id == a.from_document_id)
            .where(among(a.to_document_id, part), a.is_applied.is_(True), documents.c.kind == "credit_note")
            .group_by(a.to_document_id)
        ):
            out[key] = int(total)
    return out


__all__ = ["KIND", "deal_key", "decide_deals", "decide_documents", "stands_on", "status_of"]
