"""Looking into an installation and its sandbox by what people know: bill numbers and record ids, never our own ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from sync.service import Service
from tieout.core import exact_json
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.state import Effect
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading, unit
from tieout.store.tables import (
    accounts,
    allocation_lines,
    allocations,
    balances,
    bindings,
    claims,
    conflicts,
    decisions,
    documents,
    entries,
    memberships,
    open_items,
    outbox,
    postings,
    remote_seen,
    source_records,
)

BILL, RECEIPT, LOG, CUSTOMER = "AR_receivable", "AR_RECEIVEBILL", "AR_RECMacthLog", "BD_Customer"
ZOHO_MODULES = {"customers": "Accounts", "deals": "Deals", "invoices": "Invoices"}
Row = Mapping[str, Any]
Synced = tuple[SandboxWorld, Service]  # sandboxes and an installation on them


# ------------------------------------------------------------- the database
def rows(service: Service, statement: Any) -> list[Row]:
    """What a select gives, as mappings."""
    with reading(service.ctx.engine) as conn:
        return [dict(row) for row in conn.execute(statement).mappings()]


def count(service: Service, table: Any) -> int:
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def document(service: Service, number: str) -> Row:
    """The document with that number in the books."""
    (found,) = rows(service, select(documents).where(documents.c.number == number))
    return found


def claims_bound_to(service: Service, document_id: str) -> list[Row]:
    """The CRM records that stand for a document, with their deal."""
    b, c = bindings.c, claims.c
    same = (b.connection == c.connection) & (b.stream == c.stream) & (b.external_id == c.external_id)
    return rows(
        service,
        select(claims).join(bindings, same).where(b.document_id == document_id, b.to_seq.is_(None)).order_by(c.stream),
    )


def crm_records_of_account(service: Service, account_id: str) -> list[str]:
    """Zoho Accounts ids of the customer an account belongs to."""
    m = memberships.c
    owner = select(m.customer_id).where(m.member == account_id, m.to_seq.is_(None))
    found = rows(service, select(m.member).where(m.customer_id.in_(owner), m.to_seq.is_(None)))
    return sorted(row["member"].split("/", 2)[2] for row in found if row["member"].startswith("zoho/"))


def decision(service: Service, kind: str, subject: str) -> Row:
    d = decisions.c
    (found,) = rows(service, select(decisions).where(d.kind == kind, d.subject == subject, d.is_current.is_(True)))
    return found


def open_conflicts(service: Service, kind: str) -> dict[str, Row]:
    """Open conflicts of a kind by cause."""
    c = conflicts.c
    found = rows(service, select(conflicts).where(c.kind == kind, c.state == "open"))
    return {row["cause"]: row for row in found}


def waiting(service: Service) -> list[Row]:
    """Outbox rows that a person could still stop."""
    return rows(service, select(outbox).where(outbox.c.state.in_(("planned", "parked", "ready"))).order_by(outbox.c.id))


def journal(service: Service) -> list[Row]:
    """Entries and postings in the order they were written."""
    e, p = entries.c, postings.c
    return rows(
        service,
        select(e.seq, e.position, e.id, e.kind, e.reverses_id, p.line, p.code, p.account_id, p.currency, p.amount_minor)
        .join(postings, p.entry_id == e.id)
        .order_by(e.seq, e.position, p.line),
    )


# ------------------------------------------------------------- the sandboxes
def kingdee_doc(world: SandboxWorld, form: str, key: str) -> dict[str, Any]:
    found = world.kingdee.library.find(FORMS[form], key)
    assert found is not None, f"Kingdee holds no {form} {key}"
    return found


def zoho_record(world: SandboxWorld, module: str, record_id: str) -> dict[str, Any]:
    found = world.zoho.tables[module].get(record_id)
    assert found is not None, f"Zoho holds no {module} {record_id}"
    return found


def writes_since(world: SandboxWorld, seq: int) -> list[Effect]:
    """Effective writes over HTTP after a sequence number: what we did, not what users did."""
    return [one for one in world.store.effects.since(seq) if one.actor == "api" and one.kind == "effective"]


def receive(world: SandboxWorld, bill_no: str, amount: Decimal | str, **more: Any) -> str:
    """A user enters a receipt of the bill's customer over `amount` and allocates it to the bill; its number."""
    bill = kingdee_doc(world, BILL, bill_no)
    made = world.kingdee.user_change(
        "create",
        RECEIPT,
        "",
        {
            "FCONTACTUNIT": bill["FCUSTOMERID"]["FNumber"],
            "FCURRENCYID": bill["FCURRENCYID"]["FCode"],
            "FRECAMOUNTFOR": Decimal(amount),
            "allocations": [{"bill": bill_no, "amount": Decimal(amount)}],
            **more,
        },
    )
    return str(made["FBillNo"])


def hangs_on(world: SandboxWorld, bill_no: str) -> set[tuple[str, str]]:
    """(module, record id) of every Zoho record that shows a bill's figures, by the seeded company's own answers.

    Nothing of the installation is asked: its invoices and customer by the answers, deals by the order or the invoice.
    """
    bill = kingdee_doc(world, BILL, bill_no)
    customer, (order,) = bill["FCUSTOMERID"]["FNumber"], {row["FORDERNUMBER"] for row in bill["FEntityDetail"]}
    truth = world.truth
    invoices = [k for k, one in truth["invoices"].items() if one["expect"] == "link" and one["bill"] == bill_no]
    linked = [k for k, one in truth["accounts"].items() if one["expect"] == "link" and one["customer"] == customer]
    deals = {row["id"] for row in world.zoho.tables["Deals"].rows.values() if order and row["Order_No"] == order}
    for key in invoices:
        of = zoho_record(world, "Invoices", key)["Deal_Name__s"]
        deals |= {of["id"]} if of else set()
    return {
        *(("Invoices", key) for key in invoices),
        *(("Accounts", key) for key in linked),
        *(("Deals", key) for key in deals),
    }


def match_ids(world: SandboxWorld, source_no: str, bill_no: str) -> list[str]:
    """Settlements in force between two bills, by FMATCHID."""
    rows_ = world.kingdee.library.ordered(FORMS[LOG])
    pair = {source_no, bill_no}
    return sorted(
        {str(r["FMATCHID"]) for r in rows_ if r["FISACTIVATION"] and {r["FTARGETBILLNO"], r["FSRCBILLNO"]} == pair}
    )


def undo_unnoticed(world: SandboxWorld, match_id: str) -> None:
    """A user takes a settlement back; as in the real system, no stamp moves."""
    row = next(r for r in world.kingdee.library.ordered(FORMS[LOG]) if str(r["FMATCHID"]) == match_id)
    world.kingdee.user_change("unsettle", LOG, match_id, modified_at=str(row["FModifyDate"]).replace("T", " "))


def own_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """The AR_ fields of a Zoho record that hold something."""
    return {name: value for name, value in record.items() if name.startswith("AR_") and value not in (None, "")}


# ------------------------------------------------------------- picking an example
@dataclass(frozen=True)
class Example:
    """A posted invoice that a Zoho invoice is bound to, with everything that shows its figures."""

    number: str
    document_id: str
    account_id: str
    party_ref: str
    currency: str
    open_minor: int
    invoice: str
    deals: tuple[str, ...]
    crm_accounts: tuple[str, ...]

    @property
    def dependants(self) -> set[tuple[str, str]]:
        """(module, record id) of every Zoho record whose AR fields hang on this invoice."""
        return {
            ("Invoices", self.invoice),
            *(("Deals", deal) for deal in self.deals),
            *(("Accounts", record) for record in self.crm_accounts),
        }


def examples(service: Service, *, with_account: bool = True) -> list[Example]:
    """Open invoices bound to exactly one Zoho invoice, by number; those that also hang on a linked account."""
    d, a = documents.c, accounts.c
    out = []
    found = rows(
        service,
        select(documents, a.party_ref)
        .join(accounts, a.id == d.account_id)
        .where(d.kind == "invoice", d.state == "posted", d.open_minor > 0)
        .order_by(d.number),
    )
    for row in found:
        bound = claims_bound_to(service, row["id"])
        mine = [claim for claim in bound if claim["stream"] == "invoices"]
        deals = {claim["external_id"] for claim in bound if claim["stream"] == "deals"}
        deals |= {claim["deal_ref"] for claim in mine if claim["deal_ref"]}
        linked = crm_records_of_account(service, row["account_id"])
        if len(mine) != 1 or (with_account and not linked):
            continue
        out.append(
            Example(
                row["number"], row["id"], row["account_id"], row["party_ref"], row["currency"], row["open_minor"],
                mine[0]["external_id"], tuple(sorted(deals)), tuple(linked),
            )
        )  # fmt: skip
    assert out, "the seeded world holds no open bound invoice"
    return out


def pick(service: Service, wanted: Callable[[Example], bool] = lambda one: True, **more: Any) -> Example:
    found = [one for one in examples(service, **more) if wanted(one)]
    assert found, "the seeded world holds no such invoice"
    return found[0]


@contextmanager
def tampering(service: Service) -> Iterator[Any]:
    """A transaction behind the product's back."""
    with unit(service.ctx.engine, "admin.commit") as conn:
        yield conn


# ------------------------------------------------------------- the whole state, by natural keys
def books(service: Service) -> dict[str, set[str]]:
    """Everything the installation believes, without any of our own ids, times or run numbers."""
    names = _Names(service)
    al, b, bi, c, de, s = (
        allocations.c, balances.c, bindings.c, conflicts.c, decisions.c, source_records.c
    )  # fmt: skip
    out: dict[str, list[Any]] = {
        "records": [
            [r["connection"], r["stream"], r["external_id"], r["source_hash"], r["is_deleted"], r["candidate"]]
            for r in rows(service, select(source_records).where(s.applied_seq == s.seq))
        ],
        "accounts": [
            [r["company_id"], r["connection"], r["party_ref"], r["name"], r["external_id"], r["is_provisional"]]
            for r in rows(service, select(accounts))
        ],
        "memberships": [
            [names.member(r["member"]), names.customer(r["customer_id"]), r["rule"]]
            for r in rows(service, select(memberships).where(memberships.c.to_seq.is_(None)))
        ],
        "documents": [
            [
                r["connection"], r["external_id"], names.member(r["account_id"]), r["kind"], r["number"], r["currency"],
                r["total_minor"], r["open_minor"], r["issue_on"], r["due_on"], r["state"], r["last_payment_on"],
            ]
            for r in rows(service, select(documents))
        ],
        "open items": [
            [names.item(r["id"]), names.member(r["account_id"]), r["due_on"], r["original_minor"], r["open_minor"]]
            for r in rows(service, select(open_items))
        ],
        "allocations": [
            [r["group_key"], r["from_ref"], r["to_ref"], r["amount_minor"], r["is_applied"], r["refusal"]]
            for r in rows(service, select(allocations))
        ],
        "allocation lines": [
            [r["group_key"], names.item(r["item_id"]), r["part"]]
            for r in rows(
                service,
                select(al.group_key, allocation_lines.c.item_id, allocation_lines.c.amount_minor.label("part")).join(
                    allocations, al.id == allocation_lines.c.allocation_id
                ),
            )
        ],
        "balances": [
            [names.member(r["account_id"]), r["code"], r["currency"], r["amount_minor"]]
            for r in rows(service, select(balances).where(b.amount_minor != 0))
        ],
        "bindings": [
            [r["stream"], r["external_id"], names.document(r["document_id"]), r["rule"]]
            for r in rows(service, select(bindings).where(bi.to_seq.is_(None)))
        ],
        "conflicts": [
            [r["kind"], r["cause"], r["currency"], r["money_minor"], names.suggestions(r["suggestions"])]
            for r in rows(service, select(conflicts).where(c.state == "open"))
        ],
        "decisions": [
            [r["kind"], names.subject(r["subject"]), r["value"], names.body(r["kind"], r["body"]), r["reasons"]]
            for r in rows(service, select(decisions).where(de.is_current.is_(True)))
        ],
        "shown": [
            [r["module"], r["remote_id"], {k: v for k, v in r["fields"].items() if v not in (None, "", "0")}]
            for r in rows(service, select(remote_seen).where(remote_seen.c.module != "Tasks"))
        ],
    }  # fmt: skip
    return {kind: {exact_json.canonical(fact).decode() for fact in facts} for kind, facts in out.items()}


def differences(left: Mapping[str, set[str]], right: Mapping[str, set[str]]) -> list[str]:
    """Facts that only one of two states holds."""
    out = []
    for kind in left:
        out += [f"{kind} only left: {fact}" for fact in sorted(left[kind] - right[kind])]
        out += [f"{kind} only right: {fact}" for fact in sorted(right[kind] - left[kind])]
    return out


class _Names:
    """Our ids replaced by what the vendors call things."""

    def __init__(self, service: Service) -> None:
        self._accounts = {
            r["id"]: f"account {r['connection']}:{r['party_ref']}" for r in rows(service, select(accounts))
        }
        self._documents = {r["id"]: r["external_id"] for r in rows(service, select(documents))}
        groups: dict[str, list[str]] = {}
        standing = rows(service, select(memberships).where(memberships.c.to_seq.is_(None)))
        for row in standing:
            groups.setdefault(row["customer_id"], []).append(self.member(row["member"]))
        self._customers = {key: "+".join(sorted(group)) for key, group in groups.items()}

    def member(self, key: str) -> str:
        return self._accounts.get(key, key)

    def customer(self, key: str) -> str:
        return self._customers.get(key, "nobody")

    def document(self, key: str) -> str:
        return str(self._documents[key])

    def item(self, key: str) -> str:
        head, _, line = key.partition(":")
        return f"{self._documents[head]}#{line}"

    def subject(self, key: str) -> str:
        if "|" in key:
            head, *rest = key.split("|")
            return "|".join([self.customer(head), *rest])
        return str(self._documents.get(key, key))

    def body(self, kind: str, body: Mapping[str, Any]) -> Any:
        if kind != "reminder":
            return body
        items = [[self.item(item), amount] for item, amount in body.get("items", [])]
        return [sorted(items), body.get("amount_minor")]

    def suggestions(self, found: Any) -> list[Any]:
        return [[self._documents.get(s["target"], self.member(s["target"])), s["points"]] for s in found]
