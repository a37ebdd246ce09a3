"""Payment status of documents and of the deals they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import func, select

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, current, day, figures, put
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
from tieout.receivables.status import ItemState, StatusDecision, StatusValue, invoice_status
from tieout.store.among import among_given
from tieout.store.tables import allocations, documents, open_items

KIND = "payment_status"
WITH_STATUS = ("invoice", "credit_note")
_DOCUMENTS = select(
    documents.c.id,
    documents.c.kind,
    documents.c.state,
    documents.c.currency,
    documents.c.company_id,
    documents.c.account_id,
    documents.c.last_payment_on,
).where(among_given(documents.c.id, "ids"))
_ITEMS = (
    select(open_items.c.document_id, open_items.c.due_on, open_items.c.original_minor, open_items.c.open_minor)
    .where(among_given(open_items.c.document_id, "ids"))
    .order_by(open_items.c.due_on, open_items.c.id)
)
_CREDITED = (
    select(allocations.c.to_document_id, func.sum(allocations.c.amount_minor))
    .join(documents, documents.c.id == allocations.c.from_document_id)
    .where(
        among_given(allocations.c.to_document_id, "ids"),
        allocations.c.is_applied.is_(True),
        documents.c.kind == "credit_note",
    )
    .group_by(allocations.c.to_document_id)
)


def decide_documents(batch: Batch, ids: Sequence[str]) -> None:
    """Decide these documents again; what hangs on a changed one (claims, deals, customers) is touched."""
    of = {"ids": list(ids)}
    docs = {row.id: row for row in batch.conn.execute(_DOCUMENTS, of).all()}
    items: dict[str, list[ItemState]] = {}
    for document, due_on, original, still_open in batch.conn.execute(_ITEMS, of).all():
        items.setdefault(document, []).append(ItemState(due_on, original, still_open))
    credited = {document: int(total) for document, total in batch.conn.execute(_CREDITED, of)}
    verdicts = []
    for key, doc in sorted(docs.items()):
        if doc.kind not in WITH_STATUS:
            continue
        on = batch.on[doc.company_id]
        decision = invoice_status(
            doc.state,
            doc.kind,
            items.get(key, []),
            on,
            doc.last_payment_on,
            doc.currency,
            credited_minor=credited.get(key, 0),
        )
        verdicts.append(_verdict(key, doc.company_id, decision, on))
    changed = put(batch, KIND, verdicts)
    accounts = {doc.account_id: doc.company_id for doc in docs.values()}
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
    standing = standing_of(batch, every)
    companies = company_of_documents(batch, every)
    held = current(batch, KIND, keys)
    verdicts = []
    for key, deal in sorted(members.items()):
        statuses = {doc: standing[doc] for doc in sorted(deal.documents) if doc in standing}
        company = next((companies[doc] for doc in sorted(deal.documents) if doc in companies), "")
        on = batch.on[company] if company else business_on(batch.now, "UTC")
        if not statuses and key not in held:
            continue  # a deal without documents has nothing to say
        decision = combine(statuses, deal.currency)
        verdicts.append(_verdict(key, company, decision, on, stands_on(statuses)))
    for key, row in sorted(held.items()):
        if key not in members:  # lost or deleted: it has nothing to say any more
            on = batch.on.get(row["company_id"]) or business_on(batch.now, "UTC")
            verdicts.append(_verdict(key, row["company_id"], combine({}, row["body"]["currency"]), on, {}))
    changed = put(batch, KIND, verdicts)
    batch.touch("push", push_keys_of_deals(batch, changed))


def stands_on(documents: Mapping[str, Standing]) -> dict[str, str]:
    """Decision ids by document: what a decision over several documents was made from, to be judged again by it."""
    return {key: one.decision for key, one in documents.items()}


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


class Standing(msgspec.Struct):
    """A standing payment status as the rules combine it, decoded from what is stored."""

    value: StatusValue = msgspec.field(name="payment_status")
    currency: str
    invoiced_minor: int
    open_minor: int
    overdue_minor: int
    overdue_since: date | None
    aging_bucket: str
    next_due_on: date | None
    last_payment_on: date | None
    next_change_on: date | None = None
    decision: str = ""


_decode = msgspec.json.Decoder(Standing).decode


def standing_of(batch: Batch, documents: Iterable[str]) -> dict[str, Standing]:
    """The standing payment status of documents, by document."""
    out: dict[str, Standing] = {}
    for document, decision, next_on, body in figures(batch, KIND, documents):
        one = out[document] = _decode(body)
        one.decision, one.next_change_on = decision, next_on
    return out


__all__ = ["KIND", "deal_key", "decide_deals", "decide_documents", "stands_on", "status_of"]
