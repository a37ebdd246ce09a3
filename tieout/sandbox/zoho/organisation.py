"""GET /org, /org/currencies and /users: who the organisation is."""

from __future__ import annotations

from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.zoho.settings import User, ZohoSettings
from tieout.sandbox.zoho.tables import SYMBOLS


class Organisation:
    """Answers from the settings."""

    def __init__(self, settings: ZohoSettings) -> None:
        self._settings = settings

    def org(self) -> Response:
        settings = self._settings
        row = {
            "id": "4150868000000225001",
            "zgid": "60001234567",
            "company_name": settings.company_name,
            "primary_email": settings.api_user.email,
            "iso_code": settings.home_currency,
            "currency": settings.home_currency,
            "currency_symbol": SYMBOLS.get(settings.home_currency),
            "time_zone": settings.zone,
            "mc_status": len(settings.currencies) > 1,
            "license_details": {
                "paid": settings.edition != "free",
                "paid_type": settings.edition,
                "users_license_purchased": settings.users_licensed,
            },
        }
        return json_response({"org": [row]})

    def currencies(self) -> Response:
        settings = self._settings
        rows = [
            {
                "id": f"41508680000002260{index:02d}",
                "name": code,
                "iso_code": code,
                "symbol": SYMBOLS.get(code, code),
                "prefix_symbol": True,
                "exchange_rate": f"{rate:.9f}",
                "is_base": code == settings.home_currency,
                "is_active": True,
                "format": {"decimal_separator": "Period", "thousand_separator": "Comma", "decimal_places": "2"},
            }
            for index, (code, rate) in enumerate(settings.currencies.items())
        ]
        return json_response({"currencies": rows})

    def users(self, req: Request) -> Response:
        people = [self._settings.api_user, self._settings.ui_user]
        chosen = people[:1] if req.q("type") == "CurrentUser" else people
        info = {"per_page": 200, "count": len(chosen), "page": 1, "more_records": False}
        return json_response({"users": [self._user(person) for person in chosen], "info": info})

    def _user(self, person: User) -> dict[str, object]:
        return {
            "id": person.id,
            "full_name": person.name,
            "last_name": person.name,
            "email": person.email,
            "time_zone": self._settings.zone,
            "status": "active",
            "confirm": True,
            "role": {"name": "CEO", "id": "4150868000000026005"},
            "profile": {"name": "Administrator", "id": "4150868000000026011"},
        }
