"""Where each CRM keeps its invoices and accounts, what each record is meant to be, and how it names our fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.company import Loaded
from tests.e2e.dated import ZONE
from tieout.sandbox.company.model import Doc
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS
from tieout.sandbox.world import SandboxWorld


@dataclass(frozen=True, slots=True)
class Crm:
    """One CRM: its modules by their own names, and what was meant by each of their records."""

    connection: str
    invoices: str
    accounts: str
    meant_invoices: Mapping[str, Doc]
    meant_accounts: Mapping[str, Doc]

    def shown(self, world: SandboxWorld, module: str, key: str, name: str) -> Any:
        """What a record shows in one of our fields; administrators of Fxiaoke make up names and option values."""
        record = world.store.collection(self.connection, module).get(key) or {}
        if self.connection != "fxiaoke":
            return _plain(record.get(name), name)
        info = next(one for one in OWN_FIELDS[module] if one["label"] == name.replace("_", " "))
        value = record.get(info["api_name"])
        words = {one[1]: one[0] for one in info["options"] if isinstance(one, list)}
        if info["type"] == "date" and value is not None:
            value = datetime.fromtimestamp(int(value) / 1000, UTC).astimezone(ZoneInfo(ZONE)).date().isoformat()
        return _plain(words.get(value, value), name)


def crms(loaded: Loaded) -> tuple[Crm, Crm]:
    """Both CRMs."""
    return (
        Crm("zoho", "Invoices", "Accounts", loaded.invoices, loaded.accounts),
        Crm("fxiaoke", "InvoiceApplicationObj", "AccountObj", loaded.branch_invoices, loaded.branch_accounts),
    )


def _plain(value: Any, name: str) -> Any:
    """An amount as a Decimal, whether the CRM keeps it as a number or as text; an empty text as nothing."""
    if value in (None, ""):
        return None
    if name.endswith(("_Amount", "_Limit", "_Exposure")):
        try:
            return Decimal(str(value))
        except InvalidOperation:
            return value
    return value
