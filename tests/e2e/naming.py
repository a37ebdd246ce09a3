"""Four fifths of the names in a CRM are exact or come with the tax id: how that is told and brought about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieout.sandbox.company.crm import EXACT, SHORT, Crm
from tieout.sandbox.company.fxiaoke import TAX, Fxiaoke
from tieout.sandbox.company.model import Books, Customer, Doc

SURE = 0.8


@dataclass(frozen=True, slots=True)
class Named:
    """An account of a customer of the books; its name and tax id lie where its CRM keeps them."""

    customer: Customer
    truth: Doc
    account: Doc
    name: str  # key of the account
    tax: Sequence[tuple[Doc, str]]  # records and keys that hold the tax id, if it is known there
    legal: Sequence[tuple[Doc, str]]  # the same of the legal name beside the shown one
    may_drop_legal: bool

    @property
    def is_sure(self) -> bool:
        return self.account[self.name] == self.customer.name.legal or any(part.get(key) for part, key in self.tax)

    def become_exact(self) -> None:
        self.account[self.name] = self.customer.name.legal
        self.truth.update({"way": "legal_name", "expect": "link", "name_style": EXACT})

    def become_variant(self) -> None:
        self.account[self.name] = self.customer.name.short
        for part, key in (*self.tax, *(self.legal if self.may_drop_legal else ())):
            part[key] = None
        says_legal = any(part.get(key) for part, key in self.legal)
        way, expect = ("legal_name", "link") if says_legal else ("name_only", "conflict")
        self.truth.update({"way": way, "expect": expect, "name_style": SHORT})


def in_zoho(crm: Crm, books: Books) -> list[Named]:
    """The accounts of customers of the books."""
    customers = {customer.number: customer for customer in books.customers}
    found = []
    for account in crm.accounts:
        truth = crm.truth_accounts[account["id"]]
        if truth["customer"]:
            tax, legal = [(account, "Tax_ID")], [(account, "Legal_Name")]
            found.append(Named(customers[truth["customer"]], truth, account, "Account_Name", tax, legal, False))
    return found


def in_fxiaoke(made: Fxiaoke, books: Books) -> list[Named]:
    """The same there: finance keeps tax id and title in records of their own."""
    customers = {customer.number: customer for customer in books.customers}
    found = []
    for account in made.accounts:
        truth = made.truth_accounts[account["_id"]]
        about = [one for one in made.finance if one["account_id"] == account["_id"]]
        tax = [(account, TAX), *((one, "tax_no") for one in about)]
        legal = [(one, "invoice_title") for one in about]
        found.append(Named(customers[truth["customer"]], truth, account, "name", tax, legal, True))
    return found


def settle(some: Sequence[Named], books: Books) -> None:
    """Make it four fifths of them, to the nearest record: the last ones take the other kind of name.

    A short name that two customers share would be nobody's; foreign firms may have no other name than their own.
    """
    shorts = [customer.name.short for customer in books.customers]
    surplus = sum(one.is_sure for one in some) - round(SURE * len(some))
    change: Callable[[Named], None] = Named.become_variant if surplus > 0 else Named.become_exact
    for one in reversed(some):
        if not surplus:
            return
        fits = one.customer.name.short != one.customer.name.legal and shorts.count(one.customer.name.short) == 1
        if one.is_sure == (surplus > 0) and (fits or surplus < 0):
            change(one)
            surplus += -1 if surplus > 0 else 1
