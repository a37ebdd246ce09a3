"""Write-back fields as two administrators made them: one took the names that were suggested, one only the labels."""

from __future__ import annotations

from typing import Any

_STATUSES = ("open", "partially_paid", "overdue", "paid", "void")
_BUCKETS = ("current", "1-30", "31-60", "61-90", "91-180", "181-365", ">365")
_INVOICE = (
    ("Payment Status", "select_one", _STATUSES),
    ("Invoiced Amount", "currency", ()),
    ("Paid Amount", "currency", ()),
    ("Open Amount", "currency", ()),
    ("Overdue Amount", "currency", ()),
    ("Overdue Since", "date", ()),
    ("Aging Bucket", "select_one", _BUCKETS),
    ("Next Due Date", "date", ()),
    ("Last Payment Date", "date", ()),
    ("As Of", "date", ()),
)
_ACCOUNT = (
    ("Credit Status", "select_one", ("ok", "watch", "hold")),
    ("Credit Grade", "text", ()),
    ("Credit Limit", "currency", ()),
    ("Credit Exposure", "currency", ()),
    ("Credit Reasons", "text", ()),
    ("Open Amount", "currency", ()),
    ("Overdue Amount", "currency", ()),
    ("Balances", "long_text", ()),
    ("As Of", "date", ()),
)


def by_name(fields: tuple[tuple[str, str, tuple[str, ...]], ...]) -> list[dict[str, Any]]:
    """The suggested names, options whose values are what they say."""
    return [
        {"api_name": f"ar_{word.lower().replace(' ', '_')}__c", "label": f"AR {word}", "type": kind, "options": options}
        for word, kind, options in fields
    ]


def by_label(fields: tuple[tuple[str, str, tuple[str, ...]], ...], mark: str) -> list[dict[str, Any]]:
    """Names and option values as the designer makes them up; only labels can be told."""
    return [
        {
            "api_name": f"field_{mark}{number:02d}__c",
            "label": f"AR {word}",
            "type": kind,
            "options": [[one, f"option{index + 1}"] for index, one in enumerate(options)],
        }
        for number, (word, kind, options) in enumerate(fields)
    ]


OWN_FIELDS: dict[str, list[dict[str, Any]]] = {
    "AccountObj": by_label(_ACCOUNT, "aRk7"),
    "NewOpportunityObj": by_name(_INVOICE),
    "SalesOrderObj": by_name(_INVOICE),
    "InvoiceApplicationObj": by_label(_INVOICE, "iVq2"),
    "ActiveRecordObj": [{"api_name": "ar_key__c", "label": "AR Key", "type": "text", "unique": True}],
}
