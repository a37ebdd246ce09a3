"""What a profile may fill: the fields of each canonical record, their types, and which must be stated."""

from __future__ import annotations

from dataclasses import dataclass

TYPES = ("text", "list", "date", "money", "currency", "company", "truth", "owner", "rows", "choice", "rate")


@dataclass(frozen=True, slots=True)
class Target:
    """One field of a candidate."""

    name: str
    type: str
    required: bool = False
    choices: tuple[str, ...] = ()


def _table(*targets: Target) -> dict[str, Target]:
    return {target.name: target for target in targets}


# Order matters: a currency is read before the amounts that need it.
TARGETS: dict[str, dict[str, Target]] = {
    "party": _table(
        Target("external_id", "text", True),
        Target("legal_name", "text"),
        Target("names", "list", True),
        Target("tax_ids", "list"),
        Target("number", "text"),
        Target("currency", "currency"),
        Target("company_ref", "company"),
        Target("phone", "text"),
        Target("website", "text"),
        Target("country", "text"),
        Target("city", "text"),
        Target("address", "text"),
        Target("owner", "owner"),
        Target("is_active", "truth"),
        Target("credit_limit_minor", "money"),
        Target("credit_managed", "truth"),
    ),
    "document": _table(
        Target("external_id", "text", True),
        Target("kind", "choice", True, ("invoice", "credit_note", "payment", "refund")),
        Target("number", "text", True),
        Target("party_ref", "text", True),
        Target("company_ref", "company", True),
        Target("currency", "currency", True),
        Target("total_minor", "money", True),
        Target("issue_on", "date", True),
        Target("state", "choice", True, ("posted", "draft", "void")),
        Target("due_on", "date"),
        Target("installments", "rows"),
        Target("net_minor", "money"),
        Target("tax_minor", "money"),
        Target("order_numbers", "list"),
        Target("is_opening", "truth"),
        Target("note", "text"),
    ),
    "allocation": _table(
        Target("external_id", "text", True),
        Target("group_key", "text", True),
        Target("from_ref", "text", True),
        Target("to_ref", "text", True),
        Target("to_line", "text"),
        Target("currency", "currency", True),
        Target("amount_minor", "money", True),
        Target("effective_on", "date", True),
        Target("is_active", "truth", True),
        Target("company_ref", "company", True),
        Target("party_ref", "text"),
    ),
    "claim": _table(
        Target("external_id", "text", True),
        Target("kind", "choice", True, ("invoice", "order", "deal", "payment", "allocation", "installment")),
        Target("label", "text", True),
        Target("party_ref", "text"),
        Target("currency", "currency", True),
        Target("amount_minor", "money"),
        Target("external_refs", "list"),
        Target("numbers", "list"),
        Target("order_numbers", "list"),
        Target("deal_ref", "text"),
        Target("status", "text"),
        Target("issue_on", "date"),
        Target("due_on", "date"),
        Target("owner", "owner"),
        Target("is_active", "truth"),
    ),
    "limit": _table(
        Target("external_id", "text", True),
        Target("party_ref", "text", True),
        Target("currency", "currency", True),
        Target("amount_minor", "money"),
        Target("temporary_minor", "money"),
        Target("temporary_from", "date"),
        Target("temporary_until", "date"),
        Target("company_ref", "company"),
        Target("is_active", "truth"),
    ),
    "rate": _table(
        Target("external_id", "text", True),
        Target("base", "currency", True),
        Target("quote", "currency", True),
        Target("rate", "rate", True),
        Target("rate_on", "date", True),
        Target("until_on", "date"),
        Target("company_ref", "company"),
        Target("is_active", "truth"),
    ),
}
ROW_TARGETS = _table(
    Target("line_id", "text", True), Target("due_on", "date", True), Target("amount_minor", "money", True)
)
