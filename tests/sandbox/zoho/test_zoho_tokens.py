"""The accounts server: errors with 200, mint limit, live tokens, expiry, revocation, scopes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tieout.sandbox.zoho import ZohoSettings

from .conftest import BASE, Crm

FIELDS = {"fields": "Account_Name"}


def test_token_answer_has_own_base_as_api_domain(crm: Crm) -> None:
    answer = crm.token()
    assert answer["api_domain"] == BASE
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert "refresh_token" not in answer


def test_query_parameters_are_taken_too(crm: Crm) -> None:
    query = {
        "grant_type": "refresh_token",
        "client_id": crm.settings.client_id,
        "client_secret": crm.settings.client_secret,
        "refresh_token": crm.settings.refresh_token,
    }
    assert "access_token" in crm.client.post("/oauth/v2/token", params=query).json()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"refresh_token": "1000.other"}, "invalid_code"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "authorization_code", "code": "nope"}, "invalid_code"),
    ],
)
def test_errors_come_with_status_200(crm: Crm, given: dict[str, str], error: str) -> None:
    assert crm.token(**given) == {"error": error}


def test_the_eleventh_mint_in_ten_minutes_is_denied_until_the_window_passes(crm: Crm) -> None:
    for _ in range(9):
        assert "access_token" in crm.token()
    denied = crm.token()
    assert denied["error"] == "Access Denied"
    assert "too many requests continuously" in denied["error_description"]
    crm.clock.advance(599)
    assert "error" in crm.token()
    crm.clock.advance(2)
    assert "access_token" in crm.token()


def test_a_code_works_once_and_gives_the_refresh_token(crm: Crm) -> None:
    given = {"grant_type": "authorization_code", "code": crm.settings.grant_codes[0]}
    assert crm.token(**given)["refresh_token"] == crm.settings.refresh_token
    assert crm.token(**given) == {"error": "invalid_code"}


def test_expired_unknown_and_missing_tokens(crm: Crm) -> None:
    assert crm.get("/Accounts", FIELDS).status_code == 200
    crm.clock.advance(3600)
    answer = crm.get("/Accounts", FIELDS)
    expected = {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"}
    assert (answer.status_code, answer.json()) == (401, expected)
    answer = crm.get("/Accounts", FIELDS, Authorization="Zoho-oauthtoken 1000.made.up")
    assert answer.json()["code"] == "INVALID_TOKEN"
    for header in ("", "Bearer 1000.x"):
        answer = crm.get("/Accounts", FIELDS, Authorization=header)
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTHENTICATION_FAILURE")


def test_the_sixteenth_live_token_kills_the_oldest(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(mint_limit=100))
    tokens = [crm.client.headers["Authorization"].split()[1], *(crm.token()["access_token"] for _ in range(15))]
    statuses = [crm.get("/Accounts", FIELDS, Authorization=f"Zoho-oauthtoken {one}").status_code for one in tokens]
    assert statuses == [401] + [204] * 15


def test_revoking_the_refresh_token_kills_everything(crm: Crm) -> None:
    answer = crm.client.post("/oauth/v2/token/revoke", params={"token": crm.settings.refresh_token})
    assert answer.json() == {"status": "success"}
    assert crm.get("/Accounts", FIELDS).json()["code"] == "INVALID_TOKEN"
    assert crm.token() == {"error": "invalid_code"}


def test_fault_expire_token_makes_the_next_call_fail_and_a_refresh_heals(crm: Crm) -> None:
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "expire_token")
    assert crm.get("/Accounts", FIELDS).json()["code"] == "INVALID_TOKEN"
    crm.login()
    assert crm.get("/Accounts", FIELDS).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "read", "write"),
    [
        (("ZohoCRM.modules.accounts.READ",), 204, 401),
        (("ZohoCRM.modules.accounts.ALL",), 204, 201),
        (("ZohoCRM.modules.invoices.ALL",), 401, 401),
        (("ZohoCRM.modules.accounts.CREATE",), 401, 201),
    ],
)
def test_scopes(make_crm: Callable[..., Crm], scopes: tuple[str, ...], read: int, write: int) -> None:
    crm = make_crm(ZohoSettings(scopes=scopes))
    got = crm.get("/Accounts", FIELDS)
    put = crm.send("POST", "/Accounts", {"data": [{"Account_Name": "A"}]})
    assert (got.status_code, put.status_code) == (read, write)
    for answer in (got, put):
        if answer.status_code == 401:
            assert answer.json()["code"] == "OAUTH_SCOPE_MISMATCH"
