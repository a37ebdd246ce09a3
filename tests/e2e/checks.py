"""What must hold at the end, told by the loaded rows alone: nothing here asks the product's own rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, case, func, select

from tests.e2e.company import CURRENCY, Loaded
from tests.e2e.crms import Crm
from tests.e2e.expected import Expected
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import bindings, conflicts, documents, inputs, memberships, open_items, source_records


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


def recorded(engine: Engine) -> tuple[datetime, datetime]:
    """The first and the last moment at which the product recorded an input."""
    with reading(engine) as conn:
        first, last = conn.execute(select(func.min(inputs.c.at), func.max(inputs.c.at))).one()
    return first, last


def sure_names(world: SandboxWorld, loaded: Loaded, crm: Crm) -> tuple[int, int]:
    """How many accounts of customers a CRM holds under the exact legal name or with the tax id, and how many in all."""
    legal = {customer.number: customer.name.legal for customer in loaded.books.customers}
    tax = {customer.number: customer.tax_id for customer in loaded.books.customers}
    told: dict[str, set[Any]] = defaultdict(set)
    for key, record in world.store.collection(crm.connection, crm.accounts).items():
        told[key] |= {value for value in record.values() if isinstance(value, str)}
    if crm.connection == "fxiaoke":
        for record in world.store.collection(crm.connection, "AccountFinInfoObj").values():
            told[record["account_id"]].add(record.get("tax_no"))
    meant = {key: truth["customer"] for key, truth in crm.meant_accounts.items() if truth["customer"]}
    name = "name" if crm.connection == "fxiaoke" else "Account_Name"
    accounts = world.store.collection(crm.connection, crm.accounts)
    sure = [
        key for key, who in meant.items() if (accounts.get(key) or {}).get(name) == legal[who] or tax[who] in told[key]
    ]
    return len(sure), len(meant)


def wrong_invoices(
    engine: Engine, world: SandboxWorld, expected: Expected, crm: Crm, answered: Sequence[str]
) -> tuple[int, list[str]]:
    """How many invoices of a CRM are bound, and what is wrong with them.

    Every bound one must stand for the bill it was made from and show all that the rows say of it; every one that was
    made to be found, and every one that a person answered, must be bound; one that is not bound shows nothing.
    """
    b, d = bindings.c, documents.c
    with reading(engine) as conn:
        bound = dict(
            conn.execute(
                select(b.external_id, d.number)
                .join(documents, d.id == b.document_id)
                .where(b.connection == crm.connection, b.stream == "invoices", b.to_seq.is_(None))
            ).all()
        )
    wrong = []
    for key, truth in crm.meant_invoices.items():
        number, meant = bound.get(key), truth["meant"]
        if number is None and (truth["expect"] == "link" or key in answered):
            wrong.append(f"{crm.connection} {key} is bound to nothing, should be {meant}")
        elif number is not None and number != meant:
            wrong.append(f"{crm.connection} {key} is bound to {number}, should be {meant}")
        else:
            wanted = expected.invoice(meant)
            wrong += _differences(world, crm, crm.invoices, key, wanted if number else dict.fromkeys(wanted))
    return len(bound), wrong


def wrong_accounts(
    engine: Engine, world: SandboxWorld, loaded: Loaded, expected: Expected, crm: Crm, answered: Sequence[str]
) -> tuple[int, list[str]]:
    """How many accounts of a CRM are linked to a customer of the books, and what is wrong with them.

    Every linked one must be with the customer it means and with no other, and show all that follows from its rows;
    those that a person answered must be linked, those with a tax id too or be asked about (a firm that is named like
    its town is, whatever its number), not more than one in a hundred; one that is not linked shows nothing.
    """
    linked = _linked(engine, loaded, crm)
    asked, numbered = _asked(engine, crm), [k for k, truth in crm.meant_accounts.items() if truth["way"] == "tax_id"]
    wrong = []
    if len([key for key in numbered if key not in linked]) * 100 > len(numbered):
        wrong.append(f"{crm.connection}: too many with a tax id are linked to nobody")
    for key, truth in crm.meant_accounts.items():
        found, meant = linked.get(key), truth["customer"]
        if found is None and (key in answered or (truth["way"] == "tax_id" and key not in asked)):
            wrong.append(f"{crm.connection} {key} is linked to nobody, should be {meant}")
        elif found is not None and found != {meant}:
            wrong.append(f"{crm.connection} {key} is linked to {sorted(found)}, should be {meant}")
        else:
            wanted = expected.account(meant or loaded.books.customers[0].number)
            wrong += _differences(world, crm, crm.accounts, key, wanted if found else dict.fromkeys(wanted))
    return len(linked), wrong


def _asked(engine: Engine, crm: Crm) -> set[str]:
    """Records of which people are asked who they are."""
    c = conflicts.c
    query = select(c.external_id).where(c.kind == "identity", c.connection == crm.connection, c.state == "open")
    with reading(engine) as conn:
        return set(conn.execute(query).scalars())


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
    shown = {name: crm.shown(world, module, key, name) for name in wanted}
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


assert CURRENCY == "USD"  # two decimal places, as the expected amounts have them
