"""What must hold at the end, told by the loaded rows alone: nothing here asks the product's own rules."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Engine, case, func, select

from tests.e2e.company import CURRENCY, Loaded
from tests.e2e.receivables import Row
from tieout.sandbox.company.model import Bill, Doc
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import bindings, conflicts, documents, memberships, open_items, source_records


def owed(rows: Sequence[Row]) -> int:
    """What is open, summed by another database from the rows themselves."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE invoice (minor INTEGER NOT NULL, paid_on TEXT)")
    db.executemany("INSERT INTO invoice VALUES (?, ?)", [(r.minor, r.paid_on and r.paid_on.isoformat()) for r in rows])
    return int(db.execute("SELECT coalesce(sum(minor), 0) FROM invoice WHERE paid_on IS NULL").fetchone()[0])


def ledger(engine: Engine) -> Mapping[str, int]:
    """Open minor units by currency as the product holds them."""
    o = open_items.c
    with reading(engine) as conn:
        return {
            code: int(minor)
            for code, minor in conn.execute(select(o.currency, func.sum(o.open_minor)).group_by(o.currency))
        }


def open_conflicts(engine: Engine) -> tuple[int, int]:
    """How many questions wait for a person, and how many of them stand between the books and a right balance."""
    c = conflicts.c
    query = select(func.count(), func.coalesce(func.sum(case((c.blocks_balance.is_(True), 1), else_=0)), 0))
    with reading(engine) as conn:
        count, blocking = conn.execute(query.where(c.state == "open")).one()
    return int(count), int(blocking)


def records(engine: Engine) -> int:
    """Current records of all systems together."""
    with reading(engine) as conn:
        return int(conn.execute(select(func.count()).select_from(source_records)).scalar_one())


@dataclass(frozen=True, slots=True)
class Crm:
    """Where one CRM keeps its invoices and accounts, what is meant by each, and how it names our fields."""

    connection: str
    invoices: str
    accounts: str
    meant_invoices: Mapping[str, Doc]
    meant_accounts: Mapping[str, Doc]

    def shown(self, record: Mapping[str, Any], module: str, name: str) -> Any:
        """What a record shows in one of our fields; administrators of Fxiaoke make up names and option values."""
        if self.connection != "fxiaoke":
            return _plain(record.get(name))
        info = next(one for one in OWN_FIELDS[module] if one["label"] == name.replace("_", " "))
        value = record.get(info["api_name"])
        words = {one[1]: one[0] for one in info["options"] if isinstance(one, list)}
        return _plain(words.get(value, value))


def crms(loaded: Loaded) -> tuple[Crm, Crm]:
    """Both CRMs."""
    return (
        Crm("zoho", "Invoices", "Accounts", loaded.invoices, loaded.accounts),
        Crm("fxiaoke", "InvoiceApplicationObj", "AccountObj", loaded.branch_invoices, loaded.branch_accounts),
    )


def wrong_invoices(engine: Engine, world: SandboxWorld, loaded: Loaded, crm: Crm, today: date) -> tuple[int, list[str]]:
    """How many invoices of a CRM are bound, and what is wrong with them.

    Every bound one must stand for the bill it was made from and show what the rows say of it; every one that was made
    to be found must be bound.
    """
    bills = {bill.number: bill for bill in loaded.books.bills}
    b, d = bindings.c, documents.c
    with reading(engine) as conn:
        bound = dict(
            conn.execute(
                select(b.external_id, d.number)
                .join(documents, d.id == b.document_id)
                .where(b.connection == crm.connection, b.stream == "invoices", b.to_seq.is_(None))
            ).all()
        )
    wrong = [
        f"{crm.connection} {key} is bound to nothing, should be {truth['bill']}"
        for key, truth in crm.meant_invoices.items()
        if truth["expect"] == "link" and key not in bound
    ]
    for key, number in bound.items():
        meant = crm.meant_invoices[key]["meant"]
        if number != meant:
            wrong.append(f"{crm.connection} {key} is bound to {number}, should be {meant}")
        wrong += _differences(world, crm, crm.invoices, key, _of_bill(bills[meant], today))
    return len(bound), wrong


def _of_bill(bill: Bill, today: date) -> dict[str, Any]:
    row = bill.plan[0]
    open_minor = bill.minor - bill.settled_minor
    late = open_minor > 0 and row.due_on < today
    return {
        "AR_Payment_Status": "paid" if open_minor == 0 else "overdue" if late else "open",
        "AR_Invoiced_Amount": _amount(bill.minor),
        "AR_Paid_Amount": _amount(bill.settled_minor),
        "AR_Open_Amount": _amount(open_minor),
        "AR_Overdue_Amount": _amount(open_minor if late else 0),
    }


def wrong_accounts(
    engine: Engine, world: SandboxWorld, loaded: Loaded, crm: Crm, today: date, answered: Sequence[str] = ()
) -> tuple[int, list[str]]:
    """How many accounts of a CRM are linked to a customer of the books, and what is wrong with them.

    Every linked one must be with the customer it means and with no other, and show its balance; those with a tax id,
    and those that a person answered, must be linked.
    """
    open_of: dict[str, int] = defaultdict(int)
    late_of: dict[str, int] = defaultdict(int)
    for bill in loaded.books.bills:
        rest = bill.minor - bill.settled_minor
        open_of[bill.customer.number] += rest
        late_of[bill.customer.number] += rest if bill.plan[0].due_on < today else 0
    linked = _linked(engine, loaded, crm)
    wrong = [
        f"{crm.connection} {key} is linked to nobody, should be {truth['customer']}"
        for key, truth in crm.meant_accounts.items()
        if (truth["way"] == "tax_id" or key in answered) and key not in linked
    ]
    for key, found in linked.items():
        meant = crm.meant_accounts[key]["customer"]
        if found != {meant}:
            wrong.append(f"{crm.connection} {key} is linked to {sorted(found)}, should be {meant}")
            continue
        wanted = {"AR_Open_Amount": _amount(open_of[meant]), "AR_Overdue_Amount": _amount(late_of[meant])}
        wrong += _differences(world, crm, crm.accounts, key, wanted)
    return len(linked), wrong


def _linked(engine: Engine, loaded: Loaded, crm: Crm) -> dict[str, set[str]]:
    """Record id -> numbers of the customers of the books that it is one with; those that are alone are left out."""
    owner = {bill.number: bill.customer.number for bill in loaded.books.bills}
    m, d = memberships.c, documents.c
    with reading(engine) as conn:
        rows = conn.execute(select(m.customer_id, m.member).where(m.to_seq.is_(None))).all()
        of_account = {
            account: owner[number]
            for account, number in conn.execute(
                select(d.account_id, func.min(d.number)).where(d.kind == "invoice").group_by(d.account_id)
            )
        }
    together: dict[str, set[str]] = defaultdict(set)
    for customer, member in rows:
        if member in of_account:
            together[customer].add(of_account[member])
    head = f"{crm.connection}/customers/"
    return {
        member.removeprefix(head): together[customer]
        for customer, member in rows
        if member.startswith(head) and together[customer]
    }


def _differences(world: SandboxWorld, crm: Crm, module: str, key: str, wanted: Mapping[str, Any]) -> list[str]:
    record = world.store.collection(crm.connection, module).get(key) or {}
    shown = {name: crm.shown(record, module, name) for name in wanted}
    return [
        f"{crm.connection} {module} {key} {name}: {shown[name]!r}, should be {value!r}"
        for name, value in wanted.items()
        if shown[name] != value
    ]


def state(world: SandboxWorld) -> dict[str, dict[str, Any]]:
    """Our own fields of every record of both CRMs, to compare two runs by."""
    out: dict[str, dict[str, Any]] = {}
    for vendor, modules in (
        ("zoho", ("Accounts", "Deals", "Invoices")),
        ("fxiaoke", ("AccountObj", "NewOpportunityObj", "SalesOrderObj", "InvoiceApplicationObj")),
    ):
        for module in modules:
            for record in world.store.collection(vendor, module).values():
                made = {one["api_name"] for one in OWN_FIELDS.get(module, ())}
                ours = {
                    name: str(value)
                    for name, value in record.items()
                    if name in made or (vendor == "zoho" and name.startswith("AR_"))
                }
                out[f"{module} {record.get('id') or record.get('_id')}"] = ours
    return out


def _amount(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _plain(value: Any) -> Any:
    """An amount as a Decimal, whether the CRM keeps it as a number or as text; anything else as it is."""
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return value


assert CURRENCY == "USD"  # two decimal places, as `_amount` has them
