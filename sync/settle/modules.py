"""Which remote module or object a stream of a vendor is written to."""

from __future__ import annotations

_MODULES = {
    "zoho_crm": {"customers": "Accounts", "deals": "Deals", "invoices": "Invoices"},
    "fxiaoke": {
        "customers": "AccountObj",
        "deals": "NewOpportunityObj",
        "orders": "SalesOrderObj",
        "invoices": "InvoiceApplicationObj",
    },
}


def module_of(vendor: str, stream: str) -> str:
    """The module behind a stream; "" where nothing is ever written back."""
    return _MODULES.get(vendor, {}).get(stream, "")


def stream_of(vendor: str, module: str) -> str:
    """The stream that is read of a module; "" where none is."""
    return next((stream for stream, name in _MODULES.get(vendor, {}).items() if name == module), "")
