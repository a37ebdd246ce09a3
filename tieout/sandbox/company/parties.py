"""Customers of the seeded company, with the contradictions that a mapping must not hide."""

from __future__ import annotations

from random import Random

from tieout.sandbox.company import taxids
from tieout.sandbox.company.model import Customer
from tieout.sandbox.company.names import CompanyName, NameMaker

STORIES = 3
# Shares of customers, as documented in the package docstring.
DUPLICATE, CONTRADICTION, AMBIGUOUS, NOT_IN_CRM, NO_TAX_ID = 0.02, 0.015, 0.02, 0.03, 0.03


def tax_id_for(rng: Random, name: CompanyName) -> str:
    """A valid tax id of the kind the company's country gives out."""
    if name.country == "CN":
        return taxids.uscc(rng, name.region_code)
    makers = {
        "US": taxids.ein,
        "DE": taxids.german_vat,
        "GB": taxids.british_vat,
        "SG": taxids.singapore_uen,
        "HK": taxids.hong_kong_br,
    }
    return makers[name.country](rng)


def _country(rng: Random, currency: str) -> str:
    if currency == "USD":
        return rng.choices(("US", "HK", "SG", "CN"), (5, 2, 2, 1))[0]
    if currency == "EUR":
        return rng.choices(("DE", "GB", "CN"), (7, 2, 1))[0]
    return "CN"


def build_customers(rng: Random, names: NameMaker, count: int) -> list[Customer]:
    """So many customers, the first three being the demo stories; marks say which contradiction each one carries."""
    customers: list[Customer] = []
    sibling_of: CompanyName | None = None
    pairs = max(1, round(count * AMBIGUOUS)) if count >= 10 else 0
    for index in range(count):
        story = index < STORIES
        currency = "CNY" if story else rng.choices(("CNY", "USD", "EUR"), (75, 15, 10))[0]
        country = _country(rng, currency)
        mark = f"story-{index + 1}" if story else ""
        if sibling_of is not None:
            name, currency, sibling_of = names.sibling(sibling_of), "CNY", None
        elif pairs and not story:
            pairs -= 1
            name, currency, mark = names.chinese(), "CNY", "ambiguous"
            sibling_of = name
        else:
            name = names.chinese() if country == "CN" else names.foreign(country)
        days, end_of_month = rng.choices(((15, False), (30, False), (60, False), (30, True)), (10, 40, 25, 25))[0]
        customers.append(
            Customer(
                number=f"CUST{index + 1:04d}",
                name=name,
                tax_id=tax_id_for(rng, name),
                currency=currency,
                term_days=days,
                end_of_month=end_of_month,
                manner=rng.choices(("prompt", "late", "bad"), (60, 28, 12))[0],
                weight=min(12.0, rng.paretovariate(1.3)),
                mark=mark,
            )
        )
    _mark(rng, customers)
    return customers


def _mark(rng: Random, customers: list[Customer]) -> None:
    """Spread the other contradictions over customers that carry none and share no brand."""
    count = len(customers)
    brands: dict[str, int] = {}
    for customer in customers:
        brands[customer.name.short] = brands.get(customer.name.short, 0) + 1
    free = [c for c in customers if not c.mark and brands[c.name.short] == 1]
    rng.shuffle(free)
    chinese = [c for c in free if c.name.country == "CN"]
    for mark, share in (("duplicate", DUPLICATE), ("contradiction", CONTRADICTION)):
        for _ in range(max(1, round(count * share)) if count >= 10 else 0):
            if chinese:
                customer = chinese.pop()
                free.remove(customer)
                customer.mark = mark
    for _ in range(round(count * NOT_IN_CRM)):
        if free:
            customer = free.pop()
            customer.in_crm, customer.mark = False, "absent"
    for customer in free[: round(count * NO_TAX_ID)]:
        customer.tax_id = ""
    for customer in customers:
        if customer.mark in ("contradiction", "story-3"):
            customer.old_tax_id = tax_id_for(rng, customer.name)
