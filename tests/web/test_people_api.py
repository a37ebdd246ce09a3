"""People and keys over the API, and stopping all pushes: who may, what is answered, what the audit trail says."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from sync.service import Service
from tests.web.conftest import Csrf, Site
from tieout.store import connections as connection_store
from tieout.store import restored
from tieout.store.session import reading, unit
from tieout.store.tables import audit as audit_table
from tieout.store.tables import connections


def test_a_person_is_added_listed_and_shut_out(site: Site) -> None:
    admin, auditor = site.client("admin"), site.client("auditor")
    body = {"name": "lee li", "role": "operator", "password": "correct horse battery"}
    made = admin.post("/v1/users", json=body)
    assert (made.status_code, made.json()["name"]) == (201, "lee li"), made.text
    assert admin.post("/v1/users", json=body).status_code == 403  # the name is taken
    for wrong in ({"password": "short"}, {"role": "king"}, {"name": " "}, {"name": "a\n"}, {"more": 1}):
        assert admin.post("/v1/users", json=body | wrong).status_code == 422, wrong
    (lee,) = [one for one in auditor.get("/v1/users").json()["items"] if one["name"] == "lee li"]
    assert (lee["is_active"], lee["role"], "password_hash" in lee) == (True, "operator", False)
    signed_in = site.client(None)
    answer = signed_in.post("/login", data={"name": "lee li", "password": body["password"]})
    assert answer.status_code == 303
    assert signed_in.get("/v1/runs").status_code == 200
    assert admin.delete(f"/v1/users/{lee['id']}").json() == {"id": lee["id"], "is_active": False}
    assert signed_in.get("/v1/runs").status_code == 401
    assert admin.delete("/v1/users/usr_none").status_code == 404
    for path in ("/v1/users", "/v1/keys"):
        whole = auditor.get(path).json()["items"]
        paged, cursor = [], None
        while True:
            page = auditor.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
            paged += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert [one["id"] for one in paged] == [one["id"] for one in whole]
    lines = [(one["action"], one["actor"][:4]) for one in auditor.get("/v1/audit").json()["items"]]
    assert lines.count(("user.create", "key:")) == 1
    assert ("user.deactivate", "key:") in lines


def test_a_key_is_made_shown_once_and_revoked(site: Site) -> None:
    admin, auditor = site.client("admin"), site.client("auditor")
    until = "2026-11-24T03:00:00.000000Z"
    made = admin.post("/v1/keys", json={"name": "dashboard", "role": "viewer", "expires_at": until}).json()
    asking = site.client(None)
    asking.headers["X-API-Key"] = made["token"]
    assert asking.get("/v1/runs").status_code == 200
    listed = auditor.get("/v1/keys")
    assert made["token"] not in listed.text
    (row,) = [one for one in listed.json()["items"] if one["id"] == made["id"]]
    assert (row["name"], row["expires_at"], row["revoked_at"]) == ("dashboard", until, None)
    site.clock.advance(3600)
    assert asking.get("/v1/runs").status_code == 401, "it has expired"
    assert admin.delete(f"/v1/keys/{made['id']}").status_code == 200
    assert admin.delete("/v1/keys/tok_none").status_code == 404
    assert admin.post("/v1/keys", json={"name": "x", "role": "viewer", "expires_at": "soon"}).status_code == 422


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_sending_is_stopped_with_a_reason_and_goes_on_by_an_approver(site: Site, csrf_of: Csrf, language: str) -> None:
    operator, approver = site.browser("operator"), site.browser("approver", "wang")
    stop, go = {"zh-CN": ("暂停写回", "恢复写回"), "en": ("Stop sending", "Go on sending")}[language]
    page = operator.get(f"/pushes?lang={language}").text
    assert stop in page
    form = {"csrf": csrf_of(page), "why": "month end"}
    assert operator.post("/pushes/pause", data={**form, "why": " "}).status_code == 422
    assert operator.post("/pushes/pause", data=form).headers["Location"] == "/pushes"
    assert site.service.asked == [("push_pause", "user:mei", "month end")]
    connection_store.ensure(site.engine, {"zoho": "zoho_crm", "kingdee": "kingdee"})
    connection_store.pause_push(site.engine, ["zoho", "kingdee"], "month end")
    page = operator.get("/pushes").text
    assert "kingdee, zoho: month end" in page or "zoho, kingdee: month end" in page
    assert go not in page
    assert operator.post("/pushes/resume", data=form).status_code == 403
    page = approver.get(f"/pushes?lang={language}").text
    assert go in page
    assert approver.post("/pushes/resume", data={"csrf": csrf_of(page)}).status_code == 303
    assert site.service.asked[-1] == ("push_resume", "user:wang")


def test_a_stop_does_not_hide_that_a_home_was_restored(service: Service) -> None:
    """Going on after a restore reads back first; a second stop in between must not make it forget that."""
    names = {name: one.vendor for name, one in service.config.connections.items()}
    connection_store.ensure(service.ctx.engine, names)
    with unit(service.ctx.engine, "admin.commit") as conn:
        change = update(connections).where(connections.c.name == "zoho")
        conn.execute(change.values(push_paused=True, push_paused_why=restored.PAUSED_WHY))
    assert service.push_pause("user:li", "month end")["paused"] == ["kingdee"]
    held = connection_store.all_rows(service.ctx.engine)
    assert [held[name]["push_paused_why"] for name in ("zoho", "kingdee")] == [restored.PAUSED_WHY, "month end"]
    with reading(service.ctx.engine) as conn:
        lines = conn.execute(audit_table.select().where(audit_table.c.action == "push.pause")).mappings().all()
    assert [(line["actor"], line["body"]["why"]) for line in lines] == [("user:li", "month end")]
