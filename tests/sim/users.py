"""People at the vendors: they enter, correct, back-date, settle, delete and merge, whatever the sync is doing.

What a person does depends on the vendors' records and the step's own randomness alone, never on what the product
wrote, so that a world with faults and one without have the same people.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from tieout.sandbox.kingdee.errors import KingdeeError
from tieout.sandbox.kingdee.forms import FORMS

if TYPE_CHECKING:
    from tests.sim.plan import Plan
    from tests.sim.world import World

BILL, RECEIPT, LOG, CUSTOMER = "AR_receivable", "AR_RECEIVEBILL", "AR_RECMacthLog", "BD_Customer"
ODD_TEXTS = (
    "Ａｃｍｅ　Ｌｔｄ",
    "Zoë & Söhne GmbH",
    "Zoe\u0308 & So\u0308hne GmbH",
    "示例\u202e科技有限公司",
    "宏達電子有限公司 ",
    "=1+1 Trading",
    "Emoji 🧾 Ltd",
    'O\'Neill "Quotes" Co',
    "Аcme Ltd",  # a Cyrillic letter
    "Nul\x00 Ltd",
    "Long " * 600,
)
ODD_STATES = ("已开票", "待确认", "Created", "Delivered")  # the first two are words no profile knows
ODD_TOTALS = ("1.234,56", "１２３４", "1e3", "-0", "", None, "12.345", "NaN")  # as people and imports leave them
ODD_AMOUNTS = ("0.01", "1.10", "999999999.99", "0.1", "100", "12345678.90", "33.33")
LATER = {"slip": 1}  # act -> the number that plans have which may draw it
Act = Callable[["World", Random, int], object]


def books(world: World, rng: Random, number: int) -> None:
    """One act of a person in the accounting system; what the system refuses is left."""
    _one_of(BOOKS, world, rng, number)


def crm(world: World, rng: Random, number: int) -> None:
    """One act of a person in the CRM."""
    _one_of(CRM, world, rng, number)


def known(acts: dict[str, tuple[float, Act]], plan: Plan) -> dict[str, float]:
    """The weight of each act that people knew when a plan was drawn."""
    return {name: weight for name, (weight, _) in acts.items() if LATER.get(name, 0) <= plan.acts}


def _one_of(acts: dict[str, tuple[float, Act]], world: World, rng: Random, number: int) -> None:
    weights = known(acts, world.plan)
    name = rng.choices(list(weights), list(weights.values()))[0]
    try:
        acts[name][1](world, rng, number)
    except (KingdeeError, KeyError, ValueError, IndexError) as error:
        world.note(f"{name} refused: {error}")
    else:
        world.note(name)


# ------------------------------------------------------------- the books
def _docs(world: World, form: str) -> list[dict[str, Any]]:
    return sorted(world.vendors.kingdee.library.ordered(FORMS[form]), key=lambda doc: str(doc[FORMS[form].pk]))


def _pick(world: World, rng: Random, form: str) -> dict[str, Any]:
    found = _docs(world, form)
    if not found:
        raise ValueError(f"no {form}")
    return rng.choice(found)


def _amount(rng: Random) -> Decimal:
    if rng.random() < 0.2:
        return Decimal(rng.choice(ODD_AMOUNTS))
    return Decimal(rng.randrange(100, 9_000_000)) / 100


def _late_stamp(world: World, rng: Random) -> Any:
    """Now, or an instant within the overlap that the product reads again: a row that shows up late."""
    if rng.random() < 0.7:
        return None
    return world.vendors.now("kingdee") - timedelta(seconds=rng.choice((5, 60, 150)))


def _day(world: World, rng: Random) -> str:
    """A day around the planned one, so that it is the same with faults and without."""
    day = world.planned_now().date() + timedelta(days=rng.choice((0, 0, 0, -1, -31, -60, 1, 15, 30)))
    return f"{day}T00:00:00"


def _new_bill(world: World, rng: Random, number: int) -> None:
    customer = _pick(world, rng, CUSTOMER)
    day = _day(world, rng)
    fields = {
        "FBillNo": f"SIM{number:08d}",
        "FCUSTOMERID": customer["FNumber"],
        "FALLAMOUNTFOR": _amount(rng),
        "FDATE": day,
        "FENDDATE_H": _day(world, rng),
    }
    if rng.random() < 0.3:
        fields["FCURRENCYID"] = rng.choice(("USD", "EUR", "CNY"))
    made = world.vendors.kingdee.user_change("create", BILL, "", fields, _late_stamp(world, rng))
    if rng.random() < 0.8:
        world.vendors.kingdee.user_change("audit", BILL, str(made["FBillNo"]))


def _bill_left(bill: dict[str, Any]) -> Decimal:
    done = sum((Decimal(str(row.get("FWRITTENOFFAMOUNTFOR") or 0)) for row in bill["FEntityPlan"]), Decimal(0))
    return Decimal(str(bill["FALLAMOUNTFOR"])) - done


def _new_receipt(world: World, rng: Random, number: int) -> None:
    bills = [bill for bill in _docs(world, BILL) if bill["FDOCUMENTSTATUS"] == "C" and _bill_left(bill) > 0]
    if not bills:
        raise ValueError("nothing is owed")
    bill = rng.choice(bills)
    left = _bill_left(bill)
    part = left if rng.random() < 0.6 else (left * rng.randrange(1, 10) / 10).quantize(Decimal("0.01"))
    over = Decimal(rng.choice((0, 0, 0, 100)))
    fields = {
        "FBillNo": f"SIMR{number:07d}",
        "FCONTACTUNIT": bill["FCUSTOMERID"]["FNumber"],
        "FCURRENCYID": bill["FCURRENCYID"]["FCode"],
        "FRECAMOUNTFOR": part + over,
        "FDATE": _day(world, rng),
    }
    if rng.random() < 0.8:
        fields["allocations"] = [{"bill": bill["FBillNo"], "amount": part}]
    made = world.vendors.kingdee.user_change("create", RECEIPT, "", fields, _late_stamp(world, rng))
    if made.get("FDOCUMENTSTATUS") != "C" and rng.random() < 0.8:
        world.vendors.kingdee.user_change("audit", RECEIPT, str(made["FBillNo"]))


def _pay_overdue(world: World, rng: Random, number: int) -> None:
    """The customer pays what reminders ask for: a bill that is due, in full."""
    today = f"{world.planned_now().date()}"
    due = [
        bill
        for bill in _docs(world, BILL)
        if bill["FDOCUMENTSTATUS"] == "C" and _bill_left(bill) > 0 and str(bill["FENDDATE_H"])[:10] < today
    ]
    if not due:
        raise ValueError("nothing is overdue")
    bill = rng.choice(due)
    fields = {
        "FBillNo": f"SIMP{number:07d}",
        "FCONTACTUNIT": bill["FCUSTOMERID"]["FNumber"],
        "FCURRENCYID": bill["FCURRENCYID"]["FCode"],
        "FRECAMOUNTFOR": _bill_left(bill),
        "FDATE": f"{today}T00:00:00",
        "allocations": [{"bill": bill["FBillNo"], "amount": _bill_left(bill)}],
    }
    made = world.vendors.kingdee.user_change("create", RECEIPT, "", fields)
    if made.get("FDOCUMENTSTATUS") != "C":
        world.vendors.kingdee.user_change("audit", RECEIPT, str(made["FBillNo"]))


def _import_bills(world: World, rng: Random, number: int) -> None:
    """Several bills in the same second: more with one stamp than a page may hold."""
    customer = _pick(world, rng, CUSTOMER)
    for part in range(rng.choice((4, 7))):
        fields = {
            "FBillNo": f"SIMI{number:06d}{part}",
            "FCUSTOMERID": customer["FNumber"],
            "FALLAMOUNTFOR": _amount(rng),
            "FDATE": _day(world, rng),
            "FENDDATE_H": _day(world, rng),
        }
        world.vendors.kingdee.user_change("create", BILL, "", fields)
        world.vendors.kingdee.user_change("audit", BILL, str(fields["FBillNo"]))


def _settle(world: World, rng: Random, _: int) -> None:
    receipts = _docs(world, RECEIPT)
    bills = _docs(world, BILL)
    receipt, bill = rng.choice(receipts), rng.choice(bills)
    mine = [one for one in bills if one["FCUSTOMERID"]["FNumber"] == receipt["FCONTACTUNIT"]["FNumber"]]
    bill = rng.choice(mine) if mine else bill
    amount = min(_bill_left(bill), Decimal(str(receipt["FRECAMOUNTFOR"])))
    world.vendors.kingdee.settle(str(receipt["FBillNo"]), str(bill["FBillNo"]), amount)


def _unsettle(world: World, rng: Random, _: int) -> None:
    active = [row for row in _docs(world, LOG) if row["FISACTIVATION"]]
    if not active:
        raise ValueError("nothing is settled")
    world.vendors.kingdee.user_change("unsettle", LOG, str(rng.choice(active)["FMATCHID"]))


def _unsettle_many(world: World, rng: Random, _: int) -> None:
    """A month's matching is taken back. No stamp moves: only the next listing shows it, and all are asked for by id."""
    active = {str(row["FMATCHID"]): str(row["FModifyDate"]) for row in _docs(world, LOG) if row["FISACTIVATION"]}
    if not active:
        raise ValueError("nothing is settled")
    for key in rng.sample(sorted(active), min(rng.choice((3, 5, 9)), len(active))):
        world.vendors.kingdee.user_change("unsettle", LOG, key, modified_at=active[key].replace("T", " "))


def _edit_amount(world: World, rng: Random, _: int) -> None:
    """Of bills with one line and one instalment, which follow.

    One whose instalments no longer sum to its total keeps what was read of it before, which depends on when that was.
    """
    whole = [bill for bill in _docs(world, BILL) if len(bill["FEntityPlan"]) == len(bill["FEntityDetail"]) == 1]
    bill = rng.choice(whole)
    world.vendors.kingdee.user_change("update", BILL, str(bill["FBillNo"]), {"FALLAMOUNTFOR": _amount(rng)})


def _edit_due(world: World, rng: Random, _: int) -> None:
    bill = _pick(world, rng, BILL)
    stamp = _late_stamp(world, rng)
    world.vendors.kingdee.user_change("update", BILL, str(bill["FBillNo"]), {"FENDDATE_H": _day(world, rng)}, stamp)


def _life(form: str, *operations: str) -> Act:
    def act(world: World, rng: Random, _: int) -> None:
        doc = _pick(world, rng, form)
        world.vendors.kingdee.user_change(rng.choice(operations), form, str(doc[FORMS[form].number]))

    return act


def _undelete(world: World, rng: Random, _: int) -> None:
    deleted = sorted(key for key, _ in world.vendors.store.collection("kingdee", "_deleted").items())
    if not deleted:
        raise ValueError("nothing was deleted")
    form, _, number = rng.choice(deleted).partition("/")
    world.vendors.kingdee.user_change("undelete", form, number)
    # Its old stamp came back with it; without a touch nothing but the next listing of ids would show it.
    world.vendors.kingdee.user_change("audit", form, number)


def _new_customer(world: World, rng: Random, number: int) -> None:
    name = rng.choice(ODD_TEXTS) if rng.random() < 0.6 else f"模拟客户{number}有限公司"
    made = world.vendors.kingdee.user_change(
        "create", CUSTOMER, "", {"FName": name, "FNumber": f"SIMC{number:05d}"}, _late_stamp(world, rng)
    )
    world.vendors.kingdee.user_change("audit", CUSTOMER, str(made["FNumber"]))


def _rename_customer(world: World, rng: Random, _: int) -> None:
    customer = _pick(world, rng, CUSTOMER)
    world.vendors.kingdee.user_change("update", CUSTOMER, str(customer["FNumber"]), {"FName": rng.choice(ODD_TEXTS)})


BOOKS: dict[str, tuple[float, Act]] = {
    "new bill": (5, _new_bill),
    "new receipt": (6, _new_receipt),
    "pay overdue": (4, _pay_overdue),
    "import bills": (0.4, _import_bills),
    "settle": (2, _settle),
    "unsettle": (1.5, _unsettle),
    "unsettle many": (0.4, _unsettle_many),
    "edit amount": (2, _edit_amount),
    "edit due date": (2, _edit_due),
    "bill life": (1.5, _life(BILL, "unaudit", "audit", "cancel", "uncancel")),
    "receipt life": (1, _life(RECEIPT, "unaudit", "audit", "cancel", "uncancel")),
    "delete bill": (0.7, _life(BILL, "delete")),
    "delete receipt": (0.7, _life(RECEIPT, "delete")),
    "undelete": (0.6, _undelete),
    "new customer": (0.7, _new_customer),
    "rename customer": (0.7, _rename_customer),
    "customer life": (0.3, _life(CUSTOMER, "forbid", "enable")),
}


# ------------------------------------------------------------- the CRM
def _records(world: World, module: str) -> list[dict[str, Any]]:
    return sorted(world.vendors.store.collection("zoho", module).values(), key=lambda one: str(one["id"]))


def _crm_pick(world: World, rng: Random, module: str) -> str:
    found = _records(world, module)
    if not found:
        raise ValueError(f"no {module}")
    return str(rng.choice(found)["id"])


def _crm_update(module: str, *fields: tuple[str, tuple[Any, ...]]) -> Act:
    def act(world: World, rng: Random, _: int) -> None:
        name, values = rng.choice(fields)
        world.vendors.zoho.user_change("update", module, _crm_pick(world, rng, module), {name: rng.choice(values)})

    return act


def _crm_operation(module: str, operation: str) -> Act:
    def act(world: World, rng: Random, _: int) -> None:
        world.vendors.zoho.user_change(operation, module, _crm_pick(world, rng, module))

    return act


def _crm_id(number: int) -> str:
    return str(5725767000900000000 + number)


def _new_account(world: World, rng: Random, number: int) -> None:
    customers = _docs(world, CUSTOMER)
    name = rng.choice(ODD_TEXTS) if rng.random() < 0.4 or not customers else _name(rng.choice(customers))
    world.vendors.zoho.user_change("create", "Accounts", _crm_id(number), {"Account_Name": name})


def _name(customer: dict[str, Any]) -> str:
    name = customer.get("FName")
    return str(name) if not isinstance(name, list) else str(name[0].get("Value", ""))


def _new_claim(world: World, rng: Random, number: int) -> None:
    bill = _pick(world, rng, BILL)
    fields: dict[str, Any] = {
        "Subject": f"Invoice {number}",
        "ERP_Bill_No": bill["FBillNo"] if rng.random() < 0.8 else f"NOWHERE{number}",
        "Grand_Total": bill["FALLAMOUNTFOR"],
    }
    accounts = _records(world, "Accounts")
    if accounts:
        fields["Account_Name"] = {"id": str(rng.choice(accounts)["id"])}
    world.vendors.zoho.user_change("create", "Invoices", _crm_id(number), fields)


def _merge_accounts(world: World, rng: Random, _: int) -> None:
    """As Zoho's merge does: the loser's documents go to the winner, the loser is deleted."""
    found = [str(one["id"]) for one in _records(world, "Accounts")]
    if len(found) < 3:
        raise ValueError("too few accounts to merge")
    winner, loser = rng.sample(found, 2)
    for module in ("Deals", "Invoices"):
        for record in _records(world, module):
            held = record.get("Account_Name")
            if isinstance(held, dict) and str(held.get("id")) == loser:
                world.vendors.zoho.user_change("update", module, str(record["id"]), {"Account_Name": {"id": winner}})
    world.vendors.zoho.user_change("delete", "Accounts", loser)


def _crm_undelete(world: World, rng: Random, _: int) -> None:
    module = rng.choice(("Accounts", "Invoices", "Deals"))
    graves = sorted(key for key, _ in world.vendors.zoho.tables[module].graves.items())
    if not graves:
        raise ValueError("the bin is empty")
    world.vendors.zoho.user_change("undelete", module, rng.choice(graves))


def _slip(world: World, rng: Random, _: int) -> None:
    """Somebody deletes the wrong record and takes it out of the bin again before long."""
    module = rng.choice(("Accounts", "Invoices", "Invoices", "Deals"))
    record = rng.choice(_records(world, module))
    at = world.vendors.now("zoho") - timedelta(seconds=rng.choice((5, 40, 200)))
    at = max(at, datetime.fromisoformat(str(record["Modified_Time"])) + timedelta(seconds=1))
    world.vendors.zoho.user_change("delete", module, str(record["id"]), modified_at=at)
    world.vendors.zoho.user_change("undelete", module, str(record["id"]))


def _hand_edit(world: World, rng: Random, _: int) -> None:
    """Somebody writes into one of our own fields; in a world that starts empty these may not exist yet."""
    if world.plan.starts_empty:
        return
    module = rng.choice(("Invoices", "Deals"))
    fields = {"AR_Payment_Status": rng.choice(("paid", "open", "overdue"))}
    world.vendors.zoho.user_change("update", module, _crm_pick(world, rng, module), fields)


def _may_be_odd(record: dict[str, Any]) -> bool:
    """Half of the records of the start: what was read of them before stands on, so nobody edits anything else there."""
    return int(record["id"]) < int(_crm_id(0)) and int(record["id"]) % 2 == 1


def _edit_claim(world: World, rng: Random, _: int) -> None:
    known = [str(one["id"]) for one in _records(world, "Invoices") if not _may_be_odd(one)]
    world.vendors.zoho.user_change("update", "Invoices", rng.choice(known), {"Subject": rng.choice(("A", "B", "C"))})


def _odd(name: str, values: tuple[Any, ...]) -> Act:
    """A value that may not be readable, in a record that was read before: what was read of it stands on."""

    def act(world: World, rng: Random, _: int) -> None:
        known = [str(one["id"]) for one in _records(world, "Invoices") if _may_be_odd(one)]
        if not known or world.plan.starts_empty:
            raise ValueError("nothing was read yet")
        world.vendors.zoho.user_change("update", "Invoices", rng.choice(known), {name: rng.choice(values)})

    return act


CRM: dict[str, tuple[float, Act]] = {
    "edit account": (4, _crm_update("Accounts", ("Account_Name", ODD_TEXTS), ("Phone", ("1", "+86 10 5555 0000")))),
    "edit deal": (3, _crm_update("Deals", ("Stage", ("Qualification", "Closed Won", "Closed Lost")))),
    "edit claim": (2, _edit_claim),
    "odd state": (1.0, _odd("Status", ODD_STATES)),
    "odd total": (0.5, _odd("Grand_Total", ODD_TOTALS)),
    "new account": (1.5, _new_account),
    "new claim": (2.5, _new_claim),
    "delete claim": (0.8, _crm_operation("Invoices", "delete")),
    "delete deal": (0.5, _crm_operation("Deals", "delete")),
    "merge accounts": (0.6, _merge_accounts),
    "crm undelete": (0.8, _crm_undelete),
    "slip": (1.5, _slip),
    "hand edit": (1.5, _hand_edit),
    "lock": (0.3, _crm_operation("Invoices", "lock")),
    "unlock": (0.6, _crm_operation("Invoices", "unlock")),
}
