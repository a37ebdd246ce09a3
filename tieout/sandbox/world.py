"""One whole sandbox: three vendors, the seeded company, faults, clock and control plane; in process or to be served."""

from __future__ import annotations

from typing import Any

from tieout.core.dates import business_on
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.company import build_company
from tieout.sandbox.control import ControlPlane, Vendor
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.fxiaoke import FxiaokeServer, FxiaokeSettings
from tieout.sandbox.fxiaoke.callbacks import Deliver as DeliverEvent
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.kingdee import KingdeeServer, KingdeeSettings
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho import ZohoServer, ZohoSettings
from tieout.sandbox.zoho.sender import Deliver

ZOHO_HOST, KINGDEE_HOST, CONTROL_HOST = "zoho.sandbox", "kingdee.sandbox", "control.sandbox"
FXIAOKE_HOST = "fxiaoke.sandbox"
_COMPANY, _TRUTH = "company", "truth"


class SandboxWorld:
    """Builds everything around one store; the company is seeded once, a later start goes on with what was left.

    `store_path` None keeps all in memory. `customers` 0 leaves the vendors empty until POST /_control/load. A clock
    that stands still is moved by slow faults, nobody waits then. Settings default to the documented limits.
    `deliver` takes Zoho's callbacks in process, `deliver_events` Fxiaoke's; without them call `start_callbacks()`.
    """

    def __init__(
        self,
        store_path: str | None = None,
        seed: int = 7,
        customers: int = 300,
        invoices: int = 2000,
        clock: SandboxClock | None = None,
        *,
        zoho_settings: ZohoSettings | None = None,
        kingdee_settings: KingdeeSettings | None = None,
        deliver: Deliver | None = None,
        fxiaoke_settings: FxiaokeSettings | None = None,
        deliver_events: DeliverEvent | None = None,
    ) -> None:
        self.clock = clock if clock is not None else SandboxClock()
        self.store = SandboxStore(store_path)
        self.faults = FaultRegistry(None if self.clock.running else self.clock.advance)
        self.zoho = ZohoServer(self.store, self.clock, self.faults, zoho_settings, deliver)
        self.kingdee = KingdeeServer(self.store, self.clock, self.faults, kingdee_settings)
        self.fxiaoke = FxiaokeServer(self.store, self.clock, self.faults, fxiaoke_settings, deliver_events)
        vendors: dict[str, Vendor] = {"zoho": self.zoho, "kingdee": self.kingdee, "fxiaoke": self.fxiaoke}
        self.control = ControlPlane(
            vendors, self.store, self.clock, self.faults, load=self._load, truth=lambda: self.truth
        )
        self.seeded_now = customers > 0 and not self.truth
        if self.seeded_now:
            self.load(seed, customers, invoices)

    @property
    def truth(self) -> dict[str, Any]:
        """The answers of the seeded company; empty while nothing is loaded."""
        return self.store.collection(_COMPANY, _TRUTH).get(_TRUTH) or {}

    def load(self, seed: int, customers: int, invoices: int) -> dict[str, Any]:
        """Seed all vendors, all or nothing; gives the counts. A world that holds a company refuses (ValueError)."""
        if self.truth:
            raise ValueError("a company is loaded already: start with an empty home to load another")
        today = business_on(self.clock.now(), self.kingdee.settings.timezone)
        company = build_company(seed, customers, invoices, today=today)
        with self.store.batch():
            for module, records in company.zoho.items():
                self.zoho.seed(module, records)
            for form, docs in company.kingdee.items():
                self.kingdee.seed(form, docs)
            for name, rows in company.fxiaoke.items():
                self.fxiaoke.seed(name, rows)
            self.store.collection(_COMPANY, _TRUTH).put(_TRUTH, company.truth)
        counts: dict[str, Any] = company.truth["counts"]
        return counts

    def _load(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /load: `scale` 1 is 300 customers and 2,000 invoices; `customers` and `invoices` say it exactly."""
        unknown = set(body) - {"seed", "scale", "customers", "invoices"}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        scale = body.get("scale", 1)
        customers = int(body.get("customers", max(1, int(300 * scale))))
        return self.load(int(body.get("seed", 7)), customers, int(body.get("invoices", int(2000 * scale))))

    def transport(self) -> InProcessTransport:
        """An httpx transport that serves the vendors and the control plane as http://NAME.sandbox."""
        return InProcessTransport(
            {
                ZOHO_HOST: self.zoho,
                KINGDEE_HOST: self.kingdee,
                FXIAOKE_HOST: self.fxiaoke,
                CONTROL_HOST: self.control,
            },
        )

    def connections(
        self,
        zoho_url: str = f"http://{ZOHO_HOST}",
        kingdee_url: str = f"http://{KINGDEE_HOST}",
        fxiaoke_url: str = f"http://{FXIAOKE_HOST}",
    ) -> dict[str, dict[str, Any]]:
        """Addresses and credentials by connection, as a configuration takes them."""
        zoho, kingdee, fxiaoke = self.zoho.settings, self.kingdee.settings, self.fxiaoke.settings
        return {
            "zoho": {
                "base_url": zoho_url,
                "client_id": zoho.client_id,
                "client_secret": zoho.client_secret,
                "refresh_token": zoho.refresh_token,
            },
            "kingdee": {
                "base_url": kingdee_url,
                "acct_id": kingdee.acct_id,
                "user": kingdee.user,
                "app_id": kingdee.app_id,
                "app_secret": kingdee.app_secret,
            },
            "fxiaoke": {
                "base_url": fxiaoke_url,
                "app_id": fxiaoke.app_id,
                "app_secret": fxiaoke.app_secret,
                "permanent_code": fxiaoke.permanent_code,
                "user_id": fxiaoke.api_user.id,
                "callback_key": fxiaoke.callback_key,
            },
        }

    def start_callbacks(self) -> None:
        """Send callbacks and events by background threads."""
        self.zoho.start_callbacks()
        self.fxiaoke.start_callbacks()

    def close(self) -> None:
        """Stop sending callbacks and close the store."""
        self.zoho.close()
        self.fxiaoke.close()
        self.store.close()
