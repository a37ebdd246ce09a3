"""The write-back fields: their names per connection, and what `tieout setup` creates in a CRM."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.core.errors import ConfigError
from tieout.core.ports import WritableField

PAYMENT_STATUSES = ("open", "partially_paid", "overdue", "paid", "void")
AGING_BUCKETS = ("current", "1-30", "31-60", "61-90", "91-180", "181-365", ">365")
CREDIT_STATUSES = ("ok", "watch", "hold")
REASONS_LENGTH = 255  # a text field of Zoho CRM
BALANCES_LENGTH = 2000  # a small text area of Zoho CRM
KEY_LENGTH = 255

INVOICE_FIELDS = (
    "payment_status",
    "invoiced_amount",
    "paid_amount",
    "open_amount",
    "overdue_amount",
    "overdue_since",
    "aging_bucket",
    "next_due_date",
    "last_payment_date",
)
CUSTOMER_FIELDS = (
    "credit_status",
    "credit_grade",
    "credit_limit",
    "credit_exposure",
    "credit_reasons",
    "open_amount",
    "overdue_amount",
    "balances",
)
AMOUNT_FIELDS = (
    "invoiced_amount",
    "paid_amount",
    "open_amount",
    "overdue_amount",
    "credit_limit",
    "credit_exposure",
)
MODULES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "zoho_crm": {
        "Deals": (*INVOICE_FIELDS, "as_of"),
        "Invoices": (*INVOICE_FIELDS, "as_of"),
        "Accounts": (*CUSTOMER_FIELDS, "as_of"),
        "Tasks": ("key",),
    },
    "fxiaoke": {
        "NewOpportunityObj": (*INVOICE_FIELDS, "as_of"),
        "SalesOrderObj": (*INVOICE_FIELDS, "as_of"),
        "InvoiceApplicationObj": (*INVOICE_FIELDS, "as_of"),
        "AccountObj": (*CUSTOMER_FIELDS, "as_of"),
        "ActiveRecordObj": ("key",),
    },
}
REMINDER_MODULES = {"zoho_crm": "Tasks", "fxiaoke": "ActiveRecordObj"}
"""The module in which a reminder becomes a record."""
NOTE_MODULES = {"zoho_crm": "Notes"}
"""The module in which a reminder becomes a note on the account; a sales activity of Fxiaoke is its only such record."""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The remote name of each write-back field; the defaults are Zoho's names (design section 8).

    Fxiaoke writes them in its own style: `ar_open_amount__c`.
    """

    payment_status: str = "AR_Payment_Status"
    invoiced_amount: str = "AR_Invoiced_Amount"
    paid_amount: str = "AR_Paid_Amount"
    open_amount: str = "AR_Open_Amount"
    overdue_amount: str = "AR_Overdue_Amount"
    overdue_since: str = "AR_Overdue_Since"
    aging_bucket: str = "AR_Aging_Bucket"
    next_due_date: str = "AR_Next_Due_Date"
    last_payment_date: str = "AR_Last_Payment_Date"
    credit_status: str = "AR_Credit_Status"
    credit_grade: str = "AR_Credit_Grade"
    credit_limit: str = "AR_Credit_Limit"
    credit_exposure: str = "AR_Credit_Exposure"
    credit_reasons: str = "AR_Credit_Reasons"
    balances: str = "AR_Balances"
    as_of: str = "AR_As_Of"
    key: str = "AR_Key"

    @classmethod
    def of(cls, overrides: Mapping[str, str] | None = None, vendor: str = "") -> FieldNames:
        """Names in the vendor's style, with overrides; a key is `open_amount` or its default name `AR_Open_Amount`.

        Unknown keys, empty names and one name for two fields raise ConfigError.
        """
        known = {field.name: _styled(str(field.default), vendor) for field in dataclasses.fields(cls)}
        by_default = {default: name for name, default in known.items()}
        chosen: dict[str, str] = {}
        for key, value in (overrides or {}).items():
            name = by_default.get(key, key)
            if name not in known:
                raise ConfigError(f"unknown write-back field {key!r}", hint=f"Known: {', '.join(known)}.")
            if not value.strip():
                raise ConfigError(f"write-back field {key!r} has an empty name")
            chosen[name] = value.strip()
        made = known | chosen
        twins = sorted({value for value in made.values() if list(made.values()).count(value) > 1})
        if twins:
            raise ConfigError(f"two write-back fields share the name {twins[0]!r}")
        return cls(**made)

    def name(self, field: str) -> str:
        """The remote name of a field such as `open_amount`."""
        return str(getattr(self, field))


def _styled(name: str, vendor: str) -> str:
    return f"{name.lower()}__c" if vendor == "fxiaoke" else name


def names_of(names: FieldNames | Mapping[str, str] | None, vendor: str = "") -> FieldNames:
    """Field names from a connection's overrides, or as they are."""
    return names if isinstance(names, FieldNames) else FieldNames.of(names, vendor)


def own_fields(vendor: str, names: FieldNames | Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Module -> our own field names there; empty for vendors that we never write to."""
    made = names_of(names, vendor)
    modules = MODULES.get(vendor, {})
    return {module: tuple(made.name(field) for field in fields) for module, fields in modules.items()}


def writable_fields(
    vendor: str,
    names: FieldNames | Mapping[str, str] | None = None,
    *,
    buckets: Sequence[str] = AGING_BUCKETS,
    decimals: int = 2,
) -> list[WritableField]:
    """What `setup` creates. Zoho allows two unique fields a module: only the key of tasks is unique.

    `decimals` is the number of places of amount fields: 3 where a currency with three (KWD, BHD …) is in use.
    """
    made = names_of(names, vendor)
    if vendor not in MODULES:
        raise ConfigError(f"vendor {vendor!r} has no write-back fields", hint=f"Known: {', '.join(MODULES)}.")
    return [
        _definition(module, field, made.name(field), buckets, decimals)
        for module, fields in MODULES[vendor].items()
        for field in fields
    ]


def _label(name: str) -> str:
    """`AR_Open_Amount` and `ar_open_amount__c` are shown as `AR Open Amount`."""
    words = name.removesuffix("__c").split("_")
    shown = name.endswith("__c")
    return " ".join(("AR" if word == "ar" else word.capitalize()) if shown else word for word in words)


def _definition(module: str, field: str, name: str, buckets: Sequence[str], decimals: int) -> WritableField:
    label = _label(name)
    values = {"payment_status": PAYMENT_STATUSES, "aging_bucket": tuple(buckets), "credit_status": CREDIT_STATUSES}
    if field in values:
        return WritableField(module, name, label, "picklist", values=values[field])
    if field in ("overdue_since", "next_due_date", "last_payment_date", "as_of"):
        return WritableField(module, name, label, "date")
    if field == "credit_grade":
        return WritableField(module, name, label, "text", length=20)
    if field == "credit_reasons":
        return WritableField(module, name, label, "text", length=REASONS_LENGTH)
    if field == "balances":
        return WritableField(module, name, label, "textarea", length=BALANCES_LENGTH)
    if field == "key":
        return WritableField(module, name, label, "text", length=KEY_LENGTH, unique=True)
    return WritableField(module, name, label, "currency", length=16, decimals=decimals)
