"""Both vendors of a world: the sandboxes' own logic on clocks of their own, and the oracle of effective writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.sim.clock import TrueTime, VendorClock
from tests.sim.variant import Variant
from tieout.core.dates import business_on
from tieout.sandbox.company import build_company
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import Request, Response
from tieout.sandbox.kingdee import KingdeeServer, KingdeeSettings
from tieout.sandbox.state import Effect, SandboxStore
from tieout.sandbox.zoho import ZohoServer, ZohoSettings
from tieout.sandbox.zoho.stamps import parse_header, stamp

STREAM_OF = {
    "Accounts": ("customers",),
    "Deals": ("deals",),
    "Invoices": ("invoices",),
    "BD_Customer": ("customers",),
    # a settlement marks its documents, an undone or deleted document its settlements
    "AR_receivable": ("invoices", "allocations"),
    "AR_RECEIVEBILL": ("payments", "invoices", "allocations"),
    "AR_RECMacthLog": ("payments", "invoices", "allocations"),
}
LESS = ("delete", "undelete", "unsettle", "unaudit", "cancel")  # what a listing of ids shows best
SHOWN = ("Accounts", "Deals", "Invoices", "Tasks")


class Vendors:
    """The CRM and the books; `hints` collects the notifications that the CRM sent."""

    def __init__(self, variant: Variant, time: TrueTime, path: str, *, keeps: bool) -> None:
        """What stands in the file at `path`; it `keeps` what happens from now on, or nothing of it."""
        self.store = SandboxStore(path)
        if not keeps:
            self.store.close()
        self.hints: list[tuple[str, bytes]] = []
        self._clocks = {
            "zoho": VendorClock(time, variant.zoho_skew),
            "kingdee": VendorClock(time, variant.kingdee_skew),
        }
        rules = FaultRegistry(time.advance)
        zoho_settings = ZohoSettings(unique_fields_per_module=variant.unique_fields, search_lag_seconds=variant.lag)
        kingdee_settings = KingdeeSettings(limit_max=variant.limit_max)
        self.zoho = ZohoServer(self.store, self._clocks["zoho"], rules, zoho_settings, self._deliver)
        self.kingdee = KingdeeServer(self.store, self._clocks["kingdee"], rules, kingdee_settings)
        self._servers = {"zoho": self.zoho, "kingdee": self.kingdee}

    def found(self, variant: Variant) -> None:
        """Enter the seeded company."""
        today = business_on(self._clocks["kingdee"].now(), self.kingdee.settings.timezone)
        company = build_company(variant.company, variant.customers, variant.invoices, today=today)
        with self.store.batch():
            for module, records in company.zoho.items():
                self.zoho.seed(module, records)
            for form, docs in company.kingdee.items():
                self.kingdee.seed(form, docs)

    def _deliver(self, url: str, body: bytes, _: dict[str, str]) -> int:
        self.hints.append((url, body))
        return 200

    def handle(self, vendor: str, request: Request) -> Response:
        return self._servers[vendor].handle(request)

    def now(self, vendor: str) -> datetime:
        return self._clocks[vendor].now()

    def expire_tokens(self) -> None:
        self.zoho.accounts.expire_all()
        self.kingdee.sessions.drop_all()

    def effects(self) -> list[Effect]:
        """Effective writes over HTTP: what the product did."""
        return [one for one in self.store.effects.since(0) if one.actor == "api"]

    def changed_since(self, seq: int) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Streams in which people changed something after an effect, and those in which something vanished."""
        changed: dict[str, set[str]] = {}
        gone: dict[str, set[str]] = {}
        for one in self.store.effects.since(seq):
            if one.actor == "user":
                changed.setdefault(one.vendor, set()).update(STREAM_OF[one.entity])
                if one.operation in LESS:
                    gone.setdefault(one.vendor, set()).update(STREAM_OF[one.entity])
        return changed, gone

    def came_back(self, module: str, since: str | None) -> list[dict[str, Any]]:
        """Lines of the delete feed, asked for since an instant, that stood there until their records were restored."""
        bound = 0 if since is None else parse_header(since)
        deleted: dict[str, datetime] = {}
        back: dict[str, datetime] = {}
        for one in self.store.effects.since(0):
            if one.vendor == "zoho" and one.entity == module:
                if one.operation == "delete":
                    deleted[one.record_id] = datetime.fromisoformat(one.at)
                    back.pop(one.record_id, None)
                elif one.operation == "undelete" and one.record_id in deleted:
                    back[one.record_id] = deleted[one.record_id]
        zone = self.zoho.settings.zone
        return [
            {"id": key, "display_name": None, "type": "recycle", "deleted_time": stamp(at, zone), "deleted_by": None}
            for key, at in sorted(back.items())
            if at.timestamp() > bound
        ]

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """What the CRM holds, by module."""
        return {module: self.store.collection("zoho", module).values() for module in SHOWN}

    def close(self) -> None:
        self.zoho.close()
        self.store.close()
