"""Who may do what: every route against every role, keys that are wrong, old or revoked, and limits on trying."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from tests.web.conftest import Site
from tests.web.factory import NOW
from tieout.core.crypto import sha256_hex
from tieout.store import apikeys, audit
from tieout.store.session import reading, unit
from tieout.store.tables import api_keys
from tieout.store.users import ROLES

READ = set(ROLES)
OPERATE = {"operator", "approver", "admin"}
APPROVE = {"approver", "admin"}
AUDIT = {"auditor", "admin"}
ADMIN = {"admin"}

# Every route of the API and who may use it; a route that is missing here fails the test.
RIGHTS: dict[tuple[str, str], set[str] | None] = {
    ("GET", "/v1/connections"): READ,
    ("GET", "/v1/connections/{name}"): READ,
    ("POST", "/v1/connections/{name}/sync"): OPERATE,
    ("GET", "/v1/runs"): READ,
    ("GET", "/v1/runs/{run_id}"): READ,
    ("GET", "/v1/conflicts"): READ,
    ("GET", "/v1/conflicts/{conflict_id}"): READ,
    ("POST", "/v1/conflicts/{conflict_id}/resolution"): OPERATE,
    ("DELETE", "/v1/conflicts/{conflict_id}/resolution"): OPERATE,
    ("POST", "/v1/conflicts/bulk/preview"): OPERATE,
    ("POST", "/v1/conflicts/bulk"): OPERATE,
    ("DELETE", "/v1/conflicts/bulk/{batch}"): OPERATE,
    ("GET", "/v1/conflict-rules"): READ,
    ("GET", "/v1/conflict-rules/offers/{conflict_id}"): READ,
    ("POST", "/v1/conflict-rules/preview"): OPERATE,
    ("POST", "/v1/conflict-rules"): OPERATE,
    ("POST", "/v1/conflict-rules/{rule_id}/end"): OPERATE,
    ("GET", "/v1/customers"): READ,
    ("GET", "/v1/customers/why"): READ,
    ("GET", "/v1/customers/{customer_id}"): READ,
    ("GET", "/v1/customers/{customer_id}/account"): READ,
    ("GET", "/v1/customers/{customer_id}/allocations"): READ,
    ("GET", "/v1/customers/{customer_id}/items"): READ,
    ("GET", "/v1/customers/{customer_id}/payments"): READ,
    ("POST", "/v1/customers/{customer_id}/merge/preview"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/merge"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/unmerge/preview"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/unmerge"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/relink"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/separate/preview"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/separate"): OPERATE,
    ("GET", "/v1/answers"): READ,
    ("POST", "/v1/answers/{seq}/undo"): OPERATE,
    ("GET", "/v1/customers/{customer_id}/credit"): READ,
    ("POST", "/v1/customers/{customer_id}/credit/limits"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/credit/overrides"): OPERATE,
    ("GET", "/v1/credit/policy"): READ,
    ("POST", "/v1/credit/policy"): OPERATE,
    ("GET", "/v1/credit/orders"): READ,
    ("POST", "/v1/credit/orders/{term_id}/approval"): APPROVE,
    ("POST", "/v1/credit/orders/{term_id}/withdrawal"): OPERATE,
    ("GET", "/v1/cases"): READ,
    ("GET", "/v1/cases/{case_id}"): READ,
    ("POST", "/v1/cases/{case_id}/resolution"): OPERATE,
    ("DELETE", "/v1/cases/{case_id}/resolution"): OPERATE,
    ("POST", "/v1/invoices/{document_id}/disputes"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/promises"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/payment-plans"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/pauses"): OPERATE,
    ("POST", "/v1/customers/{customer_id}/contacts"): OPERATE,
    ("GET", "/v1/customers/{customer_id}/dunning"): READ,
    ("POST", "/v1/dunning/preview"): OPERATE,
    ("GET", "/v1/dunning/policies"): READ,
    ("POST", "/v1/dunning/policies"): APPROVE,
    ("GET", "/v1/dunning/texts"): READ,
    ("GET", "/v1/dunning/texts/start"): READ,
    ("POST", "/v1/dunning/texts/preview"): OPERATE,
    ("POST", "/v1/dunning/texts"): APPROVE,
    ("POST", "/v1/dunning/texts/{seq}/restore"): APPROVE,
    ("DELETE", "/v1/dunning/texts/{seq}"): APPROVE,
    ("GET", "/v1/rates"): READ,
    ("POST", "/v1/rates"): OPERATE,
    ("DELETE", "/v1/rates/{rate_id}"): OPERATE,
    ("GET", "/v1/invoices"): READ,
    ("GET", "/v1/invoices/{document_id}"): READ,
    ("GET", "/v1/invoices/{document_id}/explain"): READ,
    ("GET", "/v1/payments"): READ,
    ("GET", "/v1/payments/{document_id}/allocations"): READ,
    ("GET", "/v1/plan"): READ,
    ("POST", "/v1/plan/{digest}/push"): APPROVE,
    ("GET", "/v1/pushes"): READ,
    ("GET", "/v1/pushes/{push_id}"): READ,
    ("POST", "/v1/pushes/{push_id}/retry"): OPERATE,
    ("POST", "/v1/pushes/pause"): OPERATE,
    ("POST", "/v1/pushes/resume"): APPROVE,
    ("GET", "/v1/users"): AUDIT,
    ("POST", "/v1/users"): ADMIN,
    ("DELETE", "/v1/users/{user_id}"): ADMIN,
    ("POST", "/v1/users/{user_id}/activation"): ADMIN,
    ("POST", "/v1/users/{user_id}/role"): ADMIN,
    ("POST", "/v1/users/{user_id}/password"): ADMIN,
    ("POST", "/v1/users/{user_id}/link"): ADMIN,
    ("GET", "/v1/keys"): AUDIT,
    ("POST", "/v1/keys"): ADMIN,
    ("DELETE", "/v1/keys/{key_id}"): ADMIN,
    ("GET", "/v1/reconciliations"): READ,
    ("GET", "/v1/reconciliations/{reconciliation_id}"): READ,
    ("GET", "/v1/reconciliations/{reconciliation_id}/breaks"): READ,
    ("POST", "/v1/reconciliations"): OPERATE,
    ("GET", "/v1/reports"): READ,
    ("GET", "/v1/reports/{name}"): READ,
    ("GET", "/v1/audit"): AUDIT,
    ("GET", "/metrics"): READ,
    ("POST", "/webhooks/{connection}"): None,
    ("POST", "/webhooks/{connection}/{path_secret}"): None,
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/conflicts/{conflict_id}/resolution": {"action": "separate"},
    "/v1/conflict-rules/{rule_id}/end": {},
    "/v1/customers/{customer_id}/merge": {"other": "cus_2"},
    "/v1/customers/{customer_id}/unmerge": {"members": ["zoho/customers/1"]},
    "/v1/customers/{customer_id}/relink": {"members": ["zoho/customers/1"]},
    "/v1/customers/{customer_id}/separate": {"members": ["zoho/customers/1"]},
    "/v1/answers/{seq}/undo": {},
    "/v1/reconciliations": {},
    "/v1/pushes/pause": {"why": "a test"},
    "/v1/users": {"name": "a test", "role": "viewer"},
    "/v1/users/{user_id}/role": {"role": "viewer"},
    "/v1/users/{user_id}/password": {"password": "correct horse battery"},
    "/v1/users/{user_id}/link": {},
    "/v1/keys": {"name": "a test", "role": "viewer"},
    "/v1/customers/{customer_id}/credit/limits": {"amount_minor": 1, "currency": "CNY", "reason": "a test"},
    "/v1/customers/{customer_id}/credit/overrides": {"status": "hold", "valid_until": "2099-01-01", "reason": "a test"},
    "/v1/credit/orders/{term_id}/withdrawal": {},
    "/v1/credit/policy": {"values": {"hold_days": 45}, "reason": "a test"},
    "/v1/rates": {"rates": [{"base": "USD", "quote": "CNY", "rate": "7.1", "on": "2026-11-01"}]},
}


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: {"name": "zoho"}.get(match.group(1), "abcd"), path)


def test_every_route_against_every_role(site: Site) -> None:
    described = {(method.upper(), path) for path, methods in site.app.openapi()["paths"].items() for method in methods}
    assert described == set(RIGHTS)
    clients = {role: site.client(role) for role in ROLES}
    wrong = []
    for (method, path), allowed in RIGHTS.items():
        if allowed is None:
            continue
        for role, client in clients.items():
            body = BODIES.get(path) if method == "POST" else None
            status = client.request(method, _filled(path), json=body).status_code
            if (status == 403) != (role not in allowed) or status in (401, 500):
                wrong.append((method, path, role, status))
    assert wrong == []
    changed = {what[0] for what in site.service.asked if what[0] not in ("plan", "explain")}
    assert changed == {
        "merge", "push_pause", "push_plan", "push_resume", "reconcile", "relink", "resolve", "retry_push", "separate",
        "start_sync", "undo", "unmerge",
    }  # fmt: skip


def test_without_a_key_every_protected_route_answers_401(site: Site) -> None:
    client = site.client(None)
    for (method, path), allowed in RIGHTS.items():
        answer = client.request(method, _filled(path), json=BODIES.get(path) if method == "POST" else None)
        if allowed is None:
            assert answer.status_code != 401, path
        else:
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert not [what for what in site.service.asked if what[0] != "webhook"]


def test_a_key_is_kept_as_a_digest_and_works_in_both_headers(site: Site) -> None:
    token = site.key("viewer")
    assert re.fullmatch(r"tok_[0-9a-z]{22}_[0-9a-zA-Z_-]{43,64}", token)
    with reading(site.engine) as conn:
        row = conn.execute(select(api_keys)).mappings().one()
    assert row["token_hash"] == sha256_hex(token)
    assert token not in str(dict(row))
    client = site.client(None)
    assert client.get("/v1/runs", headers={"X-API-Key": token}).status_code == 200
    assert client.get("/v1/runs", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get("/v1/runs", headers={"Authorization": f"Basic {token}"}).status_code == 401


def test_wrong_expired_and_revoked_keys_are_refused(site: Site) -> None:
    ids = site.service.ctx.ids
    with unit(site.engine, "admin.commit") as conn:
        short = apikeys.create(
            conn, ids, NOW, name="short", role="viewer", actor="cli:t", expires_at=NOW + timedelta(hours=1)
        )
        gone = apikeys.create(conn, ids, NOW, name="gone", role="viewer", actor="cli:t")
    client = site.client(None)

    def status(token: str) -> int:
        return client.get("/v1/runs", headers={"X-API-Key": token.encode("latin-1")}).status_code

    assert status(short.token) == status(gone.token) == 200
    assert status(gone.token[:-1] + ("a" if gone.token[-1] != "a" else "b")) == 401
    assert status(gone.id) == status("tok_x_y") == status("é") == status("tok_\x00_x") == 401
    with unit(site.engine, "admin.commit") as conn:
        apikeys.revoke(conn, NOW, gone.id, "cli:t")
    site.clock.advance(3600)
    assert status(short.token) == status(gone.token) == 401


def test_last_use_is_remembered_at_most_once_a_minute(site: Site) -> None:
    client = site.client("viewer")

    def last() -> Any:
        with reading(site.engine) as conn:
            return conn.execute(select(api_keys.c.last_used_at)).scalar_one()

    client.get("/v1/runs")
    assert last() == NOW
    site.clock.advance(30)
    client.get("/v1/runs")
    assert last() == NOW
    site.clock.advance(31)
    client.get("/v1/runs")
    assert last() == NOW + timedelta(seconds=61)


def test_guessing_keys_is_slowed_down_but_a_right_key_still_works(site: Site) -> None:
    client = site.client(None)
    statuses = [client.get("/v1/runs", headers={"X-API-Key": f"tok_{n}_x"}).status_code for n in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    answer = client.get("/v1/runs", headers={"X-API-Key": "tok_z_x"})
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/v1/runs", headers={"X-API-Key": site.key("viewer")}).status_code == 200
    site.clock.advance(61)
    assert client.get("/v1/runs", headers={"X-API-Key": "tok_z_x"}).status_code == 401


def test_keys_leave_a_trail_that_shows_tampering(site: Site) -> None:
    first, _ = site.key("viewer"), site.key("operator")
    with unit(site.engine, "admin.commit") as conn:
        apikeys.revoke(conn, NOW, "_".join(first.split("_")[:2]), "user:mei")
    with reading(site.engine) as conn:
        assert audit.verify(conn) == []
        lines = audit.page(conn, 10, None).rows
    assert [line["action"] for line in lines] == ["apikey.revoke", "apikey.create", "apikey.create"]
    assert lines[0]["actor"] == "user:mei"
    with unit(site.engine, "admin.commit") as conn:
        conn.exec_driver_sql("UPDATE audit SET actor = 'somebody' WHERE seq = 2")
    with reading(site.engine) as conn:
        assert audit.verify(conn) == ["audit 2 was changed"]
    with unit(site.engine, "admin.commit") as conn:
        conn.exec_driver_sql("DELETE FROM audit WHERE seq = 2")
    with reading(site.engine) as conn:
        assert audit.verify(conn) == ["audit 2 to 2 are missing", "audit 3 does not follow the line before it"]
