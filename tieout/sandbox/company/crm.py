"""The CRM side of the seeded company: Zoho records that say the same things in other words, or contradict them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from tieout.sandbox.company.model import RATES, Books, Customer, Doc
from tieout.sandbox.company.names import NameMaker, bracket_or_space_variant, traditional

ID_BASE = 5725767 * 10**12
OWNERS = tuple(
    {"name": name, "id": str(ID_BASE + 225013 + index), "email": f"sales{index + 1}@demo.example"}
    for index, name in enumerate(("Lin Wei", "Anna Berg", "Chen Yu"))
)
_ACCOUNTS, _CONTACTS = 1_000_000, 3_000_000
EXACT, BRACKET, SHORT, ENGLISH, TRADITIONAL = "exact", "bracket", "short", "english", "traditional"
_STYLES, _SHARES = (EXACT, BRACKET, SHORT, ENGLISH, TRADITIONAL), (50, 12, 18, 15, 5)
NO_COUNTERPART = 0.03


@dataclass(slots=True)
class Crm:
    """Records under construction, with the answers beside them."""

    rng: Random
    today: date
    accounts: list[Doc] = field(default_factory=list)
    contacts: list[Doc] = field(default_factory=list)
    deals: list[Doc] = field(default_factory=list)
    invoices: list[Doc] = field(default_factory=list)
    truth_accounts: dict[str, Doc] = field(default_factory=dict)
    truth_invoices: dict[str, Doc] = field(default_factory=dict)
    by_customer: dict[str, list[Doc]] = field(default_factory=dict)

    def stamp(self, on: date) -> str:
        """A moment of a working day in the user's zone, never later than the evening before today."""
        day = min(on, self.today - timedelta(days=1))
        at = time(self.rng.randrange(9, 20), self.rng.randrange(60), self.rng.randrange(60))
        return f"{datetime.combine(day, at).isoformat()}+08:00"

    def record(self, record_id: int, created_on: date, changed_on: date | None = None) -> Doc:
        """The system fields every Zoho record has."""
        owner = self.rng.choice(OWNERS)
        created, changed = self.stamp(created_on), self.stamp(changed_on or created_on)
        return {
            "id": str(ID_BASE + record_id),
            "Owner": owner,
            "Created_By": owner,
            "Modified_By": owner,
            "Created_Time": created,
            "Modified_Time": max(created, changed),
            "Tag": [],
        }


def home_rate(currency: str) -> Decimal:
    """Exchange_Rate of a record, as the organisation's currency settings say it."""
    return RATES[currency]


def account_ref(account: Doc) -> Doc:
    """A lookup to an account."""
    return {"name": account["Account_Name"], "id": account["id"]}


def add_accounts(crm: Crm, books: Books, names: NameMaker) -> None:
    """One account per customer in the CRM (two for duplicates), and accounts that nobody bills."""
    legal_names = Counter(customer.name.short for customer in books.customers)
    for customer in books.customers:
        if not customer.in_crm:
            continue
        if customer.mark == "duplicate":
            _add(crm, customer, EXACT, customer.tax_id, "", "duplicate", "conflict")
            second_id = customer.tax_id if crm.rng.random() < 0.5 else ""
            _add(crm, customer, BRACKET if second_id else EXACT, second_id, "", "duplicate", "conflict")
        elif customer.mark in ("contradiction", "story-3"):
            _add(crm, customer, EXACT, customer.old_tax_id, "", "tax_id_contradiction", "conflict")
        elif customer.mark == "ambiguous":
            _add(crm, customer, SHORT, "", "", "ambiguous_name", "conflict")
        elif customer.mark.startswith("story"):
            _add(crm, customer, EXACT, customer.tax_id, customer.name.legal, "tax_id", "link")
        else:
            _ordinary(crm, customer, sibling=legal_names[customer.name.short] > 1)
    for _ in range(round(len(books.customers) * NO_COUNTERPART)):
        prospect = names.chinese()
        shown = prospect.legal if crm.rng.random() < 0.6 else prospect.short
        account = _account(crm, shown, "CNY", prospect.city)
        crm.truth_accounts[account["id"]] = {"customer": None, "way": "no_counterpart", "expect": "conflict"}


def _ordinary(crm: Crm, customer: Customer, *, sibling: bool) -> None:
    rng = crm.rng
    style = rng.choices(_STYLES, _SHARES)[0]
    tax_id = customer.tax_id if rng.random() < 0.6 else ""
    legal_name = customer.name.legal if rng.random() < 0.35 else ""
    if customer.name.country != "CN" and style in (ENGLISH, TRADITIONAL):
        style = EXACT
    if sibling and style == SHORT:
        style, tax_id = EXACT, customer.tax_id
    if tax_id:
        way, expect = "tax_id", "link"
    elif legal_name or style in (EXACT, BRACKET, TRADITIONAL):
        way, expect = "legal_name", "link"
    else:
        way, expect = "name_only", "conflict"
    _add(crm, customer, style, tax_id, legal_name, way, expect)


def _add(crm: Crm, customer: Customer, style: str, tax_id: str, legal_name: str, way: str, expect: str) -> None:
    name = customer.name
    shown = {
        EXACT: name.legal,
        BRACKET: bracket_or_space_variant(crm.rng, name.legal) if style == BRACKET else "",
        SHORT: name.short,
        ENGLISH: name.english,
        TRADITIONAL: traditional(name.legal) if style == TRADITIONAL else "",
    }[style]
    account = _account(crm, shown, customer.currency, name.city)
    account["Tax_ID"], account["Legal_Name"] = tax_id or None, legal_name or None
    crm.by_customer.setdefault(customer.number, []).append(account)
    crm.truth_accounts[account["id"]] = {"customer": customer.number, "way": way, "expect": expect, "name_style": style}


def _account(crm: Crm, shown: str, currency: str, city: str) -> Doc:
    rng, index = crm.rng, len(crm.accounts)
    created = crm.today - timedelta(days=rng.randrange(560, 900))
    account = crm.record(_ACCOUNTS + index * 7, created, created + timedelta(days=rng.randrange(0, 540)))
    account |= {
        "Account_Name": shown,
        "Account_Number": str(1000 + index),
        "Account_Type": "Customer",
        "Industry": None,
        "Phone": f"+86 000 {rng.randrange(10**7, 10**8)}" if rng.random() < 0.6 else None,
        "Website": f"https://www.account{index + 1}.example" if rng.random() < 0.5 else None,
        "Billing_Street": None,
        "Billing_City": city if rng.random() < 0.7 else None,
        "Billing_State": None,
        "Billing_Code": None,
        "Billing_Country": None,
        "Currency": currency,
        "Exchange_Rate": home_rate(currency),
        "Description": None,
        "Tax_ID": None,
        "Legal_Name": None,
    }
    crm.accounts.append(account)
    if rng.random() < 0.4:
        contact = crm.record(_CONTACTS + len(crm.contacts) * 7, created)
        surname, given = rng.choice("赵钱孙李周吴郑王"), rng.choice("一二三四五六七八")
        contact |= {
            "Last_Name": surname,
            "First_Name": f"小{given}",
            "Full_Name": f"{surname}小{given}",
            "Email": f"contact{len(crm.contacts) + 1}@account{index + 1}.example",
            "Account_Name": account_ref(account),
        }
        crm.contacts.append(contact)
    return account
