"""E2 and I7 by rules of the simulator's own: what the CRM shows is what the books of the source come to, and what a
decision says follows from the inputs it names.

The product's idea is asked for two things only: which record stands for which document or customer, and which day it
last ticked. Everything else is read from the vendors' own stores and worked out here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from tests.sim.process import nobody
from tieout.sandbox.kingdee.forms import FORMS

if TYPE_CHECKING:
    from tests.sim.world import World

_BOUND = text(
    "SELECT b.external_id, d.external_id FROM bindings b JOIN documents d ON d.id = b.document_id "
    "WHERE b.to_seq IS NULL AND b.stream = 'invoices' AND d.kind = 'invoice' AND d.state = 'posted'"
)
_DECIDED = text("SELECT subject, value, body FROM decisions WHERE is_current AND kind = :kind")
_OWNER = text("SELECT member, customer_id FROM memberships WHERE to_seq IS NULL AND member LIKE 'zoho/%'")
_PARTIES = text(
    "SELECT m.customer_id, a.party_ref FROM memberships m JOIN accounts a ON a.id = m.member WHERE m.to_seq IS NULL"
)
_TICKED = text("SELECT value FROM meta WHERE key = 'ticked_on:cn'")
_UNSURE = text(
    "SELECT cause FROM conflicts WHERE state <> 'superseded' UNION ALL "
    "SELECT connection || '/' || stream || '/' || external_id FROM source_records WHERE problem IS NOT NULL"
)
_DEAD = text("SELECT module, remote_id FROM outbox WHERE state = 'dead'")
_ZERO = Decimal(0)


def shown(world: World) -> list[str]:
    """E2: each living record shows what the books come to; of deals, and of credit, what was decided last."""
    records = world.vendors.records()
    with nobody(), world.database.engine.connect() as conn:
        dead = {(row[0], row[1]) for row in conn.execute(_DEAD)}
        out = [
            f"E2 {module} {key} shows {name} = {has}, {why} {wanted}"
            for module, found, why in (
                ("Invoices", _by_the_books(world, conn), "the books come to"),
                ("Deals", _deals(conn), "decided was"),
                ("Accounts", _accounts(conn), "decided was"),
                ("Accounts", _accounts_by_the_books(world, conn), "the books come to"),
            )
            for key, wishes in found
            if (module, key) not in dead
            for record in records[module]
            if str(record["id"]) == key
            for name, wanted in wishes.items()
            if (has := record.get(name)) != wanted and not (has in (None, "", _ZERO) and wanted in (None, "", _ZERO))
        ]
        conn.rollback()
    return out


def _by_the_books(world: World, conn: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records bound to a posted bill: its amounts and dates as the bill's own instalments have them."""
    today = date.fromisoformat(conn.execute(_TICKED).scalar_one())
    bills = {
        f"AR_receivable:{one['FID']}": one for one in world.vendors.kingdee.library.ordered(FORMS["AR_receivable"])
    }
    unsure = [str(row[0]) for row in conn.execute(_UNSURE)]
    for record, document in conn.execute(_BOUND).all():
        bill = bills.get(document)
        if bill is None or Decimal(str(bill["FALLAMOUNTFOR"])) <= 0:
            continue  # one that was undone, or a red bill: told by other rules
        if any(document in cause or f"/{bill['FID']}" in cause or record in cause for cause in unsure):
            continue
        yield str(record), expected(_instalments(bill), today)


def _instalments(bill: Mapping[str, Any]) -> list[tuple[date, Decimal, Decimal]]:
    """Due day, amount and what is left of each instalment of a bill."""
    return [
        (
            date.fromisoformat(str(row["FENDDATE"])[:10]),
            Decimal(str(row["FPAYAMOUNTFOR"])),
            Decimal(str(row["FPAYAMOUNTFOR"])) - Decimal(str(row["FWRITTENOFFAMOUNTFOR"] or 0)),
        )
        for row in bill["FEntityPlan"]
    ]


def expected(items: Sequence[tuple[date, Decimal, Decimal]], today: date) -> dict[str, Any]:
    """What a record shows of a bill with these instalments (due day, amount, left) on a day."""
    total, left = sum((one[1] for one in items), _ZERO), sum((one[2] for one in items), _ZERO)
    late = [(due, rest) for due, _, rest in items if rest > 0 and due < today]
    coming = [due for due, _, rest in items if rest > 0 and due >= today]
    return {
        "AR_Payment_Status": _word(total, left, is_late=bool(late)),
        "AR_Invoiced_Amount": total,
        "AR_Paid_Amount": total - left,
        "AR_Open_Amount": left,
        "AR_Overdue_Amount": sum((rest for _, rest in late), _ZERO),
        "AR_Overdue_Since": str(min(due for due, _ in late) + timedelta(days=1)) if late else None,
        "AR_Next_Due_Date": str(min(coming)) if coming else None,
    }


def _word(total: Any, left: Any, *, is_late: bool) -> str:
    if not left:
        return "paid"
    if is_late:
        return "overdue"
    return "open" if left == total else "partially_paid"


def _accounts_by_the_books(world: World, conn: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records of customers: what is open, late and not applied by the bills and receipts of their accounts.

    Left out where a question is open or was left about one of these documents, and where a red bill stands among them:
    what of it is netted is told by other rules.
    """
    today = date.fromisoformat(conn.execute(_TICKED).scalar_one())
    unsure = [str(row[0]) for row in conn.execute(_UNSURE)]
    figures = _figures(world, today, unsure)
    held: dict[str, list[str]] = {}
    for customer, party in conn.execute(_PARTIES).all():
        held.setdefault(customer, []).append(str(party))
    decided = {row[0] for row in conn.execute(_DECIDED, {"kind": "credit"})}
    for member, customer in conn.execute(_OWNER).all():
        mine = [figures.get(party, {}) for party in held.get(customer, ())]
        if f"{customer}|cn" not in decided or any(one is None for one in mine):
            continue
        sums: dict[str, list[Decimal]] = {}
        for one in mine:
            for code, amounts in (one or {}).items():
                sums[code] = [left + right for left, right in zip(sums.get(code, [_ZERO] * 3), amounts, strict=True)]
        yield member.rpartition("/")[2], {"AR_Balances": balances(sums)}


_Figures = dict[str, dict[str, list[Decimal]] | None]  # customer number -> currency -> open, late, not applied


def _figures(world: World, today: date, unsure: Sequence[str]) -> _Figures:
    library = world.vendors.kingdee.library
    out: _Figures = {}
    for form, owner in (("AR_receivable", "FCUSTOMERID"), ("AR_RECEIVEBILL", "FCONTACTUNIT")):
        for doc in library.ordered(FORMS[form]):
            number, key = str(doc[owner]["FNumber"]), f"{form}:{doc['FID']}"
            total = Decimal(str(doc["FALLAMOUNTFOR" if owner == "FCUSTOMERID" else "FRECAMOUNTFOR"]))
            if total < 0 or any(key in cause or f"/{doc['FID']}" in cause for cause in unsure):
                out[number] = None
            if doc["FDOCUMENTSTATUS"] != "C" or doc["FCancelStatus"] != "A" or out.get(number, {}) is None:
                continue
            sums = out.setdefault(number, {})
            assert sums is not None
            mine = sums.setdefault(str(doc["FCURRENCYID"]["FCode"]), [_ZERO] * 3)
            if owner == "FCUSTOMERID":
                items = _instalments(doc)
                mine[0] += sum((left for _, _, left in items), _ZERO)
                mine[1] += sum((left for due, _, left in items if left > 0 and due < today), _ZERO)
            else:
                rows = doc["FRECEIVEBILLENTRY"]
                mine[2] -= total - sum((Decimal(str(row["FWRITTENOFFAMOUNTFOR_D"] or 0)) for row in rows), _ZERO)
    return out


def balances(sums: Mapping[str, Sequence[Decimal]]) -> str:
    """The words of a customer's record about its balances: by currency open, late and (negative) not applied."""
    parts = []
    for code, (left, late, cash) in sorted(sums.items()):
        notes = [f"{word} {abs(one):,.2f}" for word, one in (("overdue", late), ("unapplied", cash)) if one]
        if left + cash or notes:
            parts.append(f"{code} {left + cash:,.2f}" + (f" ({', '.join(notes)})" if notes else ""))
    return "; ".join(parts)


def _deals(conn: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    for subject, value, body in conn.execute(_DECIDED, {"kind": "payment_status"}).all():
        if not subject.startswith("zoho/deal:"):
            continue
        found = _json(body)
        wishes: dict[str, Any] = {"AR_Payment_Status": value, "AR_Open_Amount": _major(found.get("open_minor"))}
        yield subject.partition(":")[2], dict.fromkeys(wishes) if value == "none" else wishes


def _accounts(conn: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    decided = {row[0]: (row[1], _json(row[2])) for row in conn.execute(_DECIDED, {"kind": "credit"})}
    for member, customer in conn.execute(_OWNER).all():
        value, body = decided.get(f"{customer}|cn", (None, {}))
        yield member.rpartition("/")[2], {"AR_Credit_Status": value, "AR_Credit_Grade": body.get("grade")}


def _major(minor: Any) -> Decimal | None:
    return None if minor is None else Decimal(int(minor)) / 100


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def misjudged(subject: str, value: str, body: Any, inputs: Any) -> str:
    """I7: what is wrong with the status of a document, judged again from the inputs it names; empty = nothing.

    What was undone owes nothing and says so; a credit note is used up or not, and never late.
    """
    said, facts = _json(body), _json(inputs)
    stands, is_invoice = facts["state"] == "posted", facts["kind"] == "invoice"
    items = [(date.fromisoformat(due) if due else None, int(total), int(left)) for due, total, left in facts["items"]]
    on = date.fromisoformat(facts["as_of"])
    total, left = (sum(one[part] for one in items) if stands else 0 for part in (1, 2))
    late = [(due, rest) for due, _, rest in items if stands and is_invoice and due and rest > 0 and due < on]
    overdue = max(0, min(left, sum(rest for _, rest in late)))  # red lines of a bill take away from what is late
    made = {
        "invoiced_minor": total,
        "paid_minor": total - left,
        "open_minor": left,
        "overdue_minor": overdue,
        "overdue_since": str(min(due for due, _ in late) + timedelta(days=1)) if overdue else None,
    }
    word = _word(total, left, is_late=overdue > 0) if stands else "void"
    wrong = [f"{name} = {said[name]} instead of {one}" for name, one in made.items() if said[name] != one]
    wrong += [f"{value} instead of {word}"] if value != word else []
    return f"{subject} is {', '.join(wrong)}" if wrong else ""
