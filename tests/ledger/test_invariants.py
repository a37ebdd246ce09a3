"""The balance invariants: quiet over right books, and naming the place when something is off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tieout.canonical.documents import DocumentCandidate, DocumentKind
from tieout.ledger import chart
from tieout.ledger.allocation import AllocationFact, accept
from tieout.ledger.entries import Entry, Posting, post_allocation, post_document
from tieout.ledger.invariants import Breach, CashBalance, ItemBalance, balance_breaches
from tieout.ledger.open_items import capacity_of, debit_lines_of, items_of

ON = date(2026, 3, 1)
Books = tuple[list[tuple[str, Entry]], list[ItemBalance], list[CashBalance], list[AllocationFact]]


def document(kind: DocumentKind, total: int) -> DocumentCandidate:
    return DocumentCandidate("x", kind, "N", "C1", "100", "CNY", total, ON, "posted")


def books(documents: dict[str, DocumentCandidate], facts: list[AllocationFact]) -> Books:
    """Post documents and allocations the way the apply lane does, for one account."""
    entries: list[tuple[str, Entry]] = []
    for key, doc in documents.items():
        entry = post_document(key, "cn", "acc", doc)
        if entry is not None:
            entries.append((f"e-{key}", entry))
    debits = [row for key, doc in documents.items() for row in debit_lines_of(key, "cn", "acc", doc)]
    credit = {key: capacity_of(doc) for key, doc in documents.items() if doc.kind in ("payment", "credit_note")}
    result = accept(debits, credit, facts)
    links: list[AllocationFact] = []
    used: dict[str, int] = dict.fromkeys(documents, 0)
    for fact in facts:
        if fact.allocation_id not in result.accepted:
            continue
        used[fact.from_document_id] += fact.amount_minor
        kinds = (documents[fact.from_document_id].kind, documents[fact.to_document_id].kind)
        entry = post_allocation(
            "cn",
            fact,
            result.splits,
            from_kind=kinds[0],
            to_kind=kinds[1],
            from_account_id="acc",
            to_account_id="acc",
        )
        if entry is not None:
            entries.append((f"e-{fact.allocation_id}", entry))
        else:
            links.append(fact)
    items: list[ItemBalance] = []
    cash: list[CashBalance] = []
    for key, doc in documents.items():
        if doc.kind in ("payment", "refund"):
            applied = used[key] if doc.kind == "payment" else -result.applied[f"{key}:1"]
            cash.append(CashBalance(key, "cn", "acc", "CNY", doc.total_minor, doc.total_minor + applied))
        for item in items_of(key, "cn", "acc", doc):
            moved = used[key] if doc.kind == "credit_note" else -result.applied[item.item_id]
            items.append(ItemBalance(item, item.original_minor + moved))
    return entries, items, cash, links


DOCUMENTS = {
    "i1": document("invoice", 100000),
    "i2": document("invoice", 5000),
    "c1": document("credit_note", -20000),
    "p1": document("payment", -50000),
    "r1": document("refund", 3000),
}
FACTS = [
    AllocationFact("a1", "p1", "i1", "", 40000, ON, "CNY"),
    AllocationFact("a2", "c1", "i1", "", 15000, ON, "CNY"),
    AllocationFact("a3", "p1", "r1", "", 1000, ON, "CNY"),
    AllocationFact("a4", "c1", "r1", "", 2000, ON, "CNY"),
]


def test_right_books_have_no_breach() -> None:
    assert balance_breaches(*books(DOCUMENTS, FACTS)) == ()


def test_wrong_open_amount_breaks_control_account_and_customer_balance_and_names_the_document() -> None:
    entries, items, cash, links = books(DOCUMENTS, FACTS)
    items[1] = replace(items[1], open_minor=items[1].open_minor - 7)
    found = balance_breaches(entries, items, cash, links)
    assert [(one.kind, one.ids, one.found_minor - one.expected_minor) for one in found] == [
        ("control_account", ("i2",), 7),
        ("customer_balance", ("acc",), 7),
    ]


def test_lost_entry_of_a_payment_is_found() -> None:
    entries, items, cash, links = books(DOCUMENTS, FACTS)
    found = balance_breaches([pair for pair in entries if pair[0] != "e-p1"], items, cash, links)
    assert [(one.kind, one.ids) for one in found] == [("unapplied_cash", ("p1",)), ("customer_balance", ("acc",))]


def test_lost_allocation_shows_in_both_accounts_but_not_in_the_balance() -> None:
    entries, items, cash, links = books(DOCUMENTS, FACTS)
    found = balance_breaches([pair for pair in entries if pair[0] != "e-a1"], items, cash, links)
    assert [(one.kind, one.ids) for one in found] == [("control_account", ("i1",)), ("unapplied_cash", ("p1",))]


def test_lopsided_entry_and_broken_caps_are_found() -> None:
    entries, items, cash, links = books(DOCUMENTS, FACTS)
    key, entry = entries[0]
    entries[0] = (key, structs.replace(entry, postings=entry.postings[:1]))
    items[0] = replace(items[0], open_minor=100001)
    items[2] = replace(items[2], open_minor=1)
    cash[0] = replace(cash[0], open_minor=5)
    found = balance_breaches(entries, items, cash, links)
    assert [(one.kind, one.ids) for one in found][:4] == [
        ("entry_unbalanced", ("e-i1",)),
        ("over_item", ("i1:1",)),
        ("over_item", ("c1:1",)),
        ("over_credit", ("p1",)),
    ]


@given(
    st.lists(
        st.builds(
            AllocationFact,
            allocation_id=st.integers(0, 999).map(lambda n: f"a{n:03}"),
            from_document_id=st.sampled_from(["p1", "c1"]),
            to_document_id=st.sampled_from(["i1", "i2", "r1"]),
            to_line=st.just(""),
            amount_minor=st.integers(1, 60000),
            effective_on=st.just(ON),
            currency=st.just("CNY"),
        ),
        max_size=10,
        unique_by=lambda one: one.allocation_id,
    )
)
def test_any_set_of_allocations_keeps_the_books(facts: list[AllocationFact]) -> None:
    assert balance_breaches(*books(DOCUMENTS, facts)) == ()


def entry_of(account: str, *sides: tuple[str, int]) -> Entry:
    rows = tuple(Posting(code, account, "CNY", amount, f"doc-{account}") for code, amount in sides)
    return Entry("invoice", "mirrored", "cn", ON, f"doc-{account}", rows)


def test_an_entry_that_does_not_sum_to_zero_is_told_with_its_sign() -> None:
    lopsided = entry_of("a", (chart.REVENUE, -5), (chart.BANK, 3))
    assert balance_breaches([("e1", lopsided)], (), ()) == (
        Breach("entry_unbalanced", ("e1",), "cn", "", "CNY", 0, -2),
    )


def test_an_account_that_stands_on_one_side_only_is_compared_with_nothing() -> None:
    """Four accounts, each known to one of journal receivables, journal cash, items and payments alone."""
    entries = [
        ("e1", entry_of("a", (chart.AR, 5), (chart.REVENUE, -5))),
        ("e2", entry_of("b", (chart.UNAPPLIED_CASH, -7), (chart.BANK, 7))),
    ]
    (item,) = items_of("doc-c", "cn", "c", document("invoice", 11))
    cash = CashBalance("doc-d", "cn", "d", "CNY", -13, -13)
    assert balance_breaches(entries, [ItemBalance(item, 11)], [cash]) == (
        Breach("control_account", ("doc-a",), "cn", "a", "CNY", 0, 5),
        Breach("customer_balance", ("a",), "cn", "a", "CNY", 0, 5),
        Breach("unapplied_cash", ("doc-b",), "cn", "b", "CNY", 0, -7),
        Breach("customer_balance", ("b",), "cn", "b", "CNY", 0, -7),
        Breach("control_account", ("doc-c",), "cn", "c", "CNY", 11, 0),
        Breach("customer_balance", ("c",), "cn", "c", "CNY", 11, 0),
        Breach("unapplied_cash", ("doc-d",), "cn", "d", "CNY", -13, 0),
        Breach("customer_balance", ("d",), "cn", "d", "CNY", -13, 0),
    )
