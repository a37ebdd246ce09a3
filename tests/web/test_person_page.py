"""People over the console and the API: passwords, roles, links, shutting out and letting in; the last administrator."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from sync.people import PeopleDesk
from tests.web.conftest import Csrf, Site
from tieout.core.errors import StaleWrite, TieoutError
from tieout.store import audit, users
from tieout.store.session import reading

OLD, NEW = "correct horse battery", "another long password"


def sign_in(site: Site, name: str, password: str) -> TestClient | None:
    client = site.client(None)
    client.headers["Accept"] = "text/html"
    return client if client.post("/login", data={"name": name, "password": password}).status_code == 303 else None


def deeds(site: Site, count: int) -> list[tuple[str, str]]:
    with reading(site.engine) as conn:
        assert audit.verify(conn) == []
        return [(row["action"], row["actor"]) for row in audit.page(conn, count, None).rows]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_ones_own_password_is_changed_with_the_old_one(site: Site, csrf_of: Csrf, language: str) -> None:
    site.user(name="mei", password=OLD)
    here, elsewhere = sign_in(site, "mei", OLD), sign_in(site, "mei", OLD)
    assert here is not None
    assert elsewhere is not None
    page = here.get(f"/account?lang={language}").text
    zh, en = ("当前密码", "当前密码不正确", "不一致"), ("Present password", "is wrong", "differ")
    words = {"zh-CN": zh, "en": en}[language]
    assert words[0] in page
    form = {"csrf": csrf_of(page), "old": OLD, "password": NEW, "again": NEW}
    wrong = here.post("/account/password", data={**form, "old": "not this one at all"})
    assert (wrong.status_code, words[1] in wrong.text) == (403, True)
    assert words[2] in here.post("/account/password", data={**form, "again": NEW + "x"}).text
    assert here.post("/account/password", data={**form, "password": "short", "again": "short"}).status_code == 422
    assert here.post("/account/password", data={**form, "csrf": "x"}).status_code == 403
    assert sign_in(site, "mei", NEW) is None
    done = here.post("/account/password", data=form)
    assert (done.status_code, done.headers["Location"]) == (303, "/account?done=1")
    assert here.get("/account?done=1").status_code == 200, "this session goes on as a new one"
    assert elsewhere.get("/").status_code == 303, "every other session has ended"
    assert sign_in(site, "mei", OLD) is None
    assert deeds(site, 3)[1:] == [("login", "user:mei"), ("user.password", "user:mei")]
    assert sign_in(site, "mei", NEW) is not None


def test_guessing_the_old_password_from_an_open_session_is_slowed_down(site: Site, csrf_of: Csrf) -> None:
    site.user(name="mei", password=OLD)
    here = sign_in(site, "mei", OLD)
    assert here is not None
    form = {"csrf": csrf_of(here.get("/account").text), "password": NEW, "again": NEW}
    for _ in range(5):
        assert here.post("/account/password", data={**form, "old": "not this one at all"}).status_code == 403
    assert here.post("/account/password", data={**form, "old": OLD}).status_code == 429
    assert deeds(site, 1) == [("login.fail", "nobody")]


def test_an_administrator_lets_a_person_in_by_link_and_they_choose_a_password(site: Site, csrf_of: Csrf) -> None:
    mei = site.user(name="mei", password=OLD)
    before = sign_in(site, "mei", OLD)
    assert before is not None
    admin = site.browser("admin", "root")
    page = admin.get(f"/people/{mei}?lang=en").text
    csrf = csrf_of(page)
    shown = admin.post(f"/people/{mei}/link", data={"csrf": csrf, "forget": "1"})
    assert shown.headers["Cache-Control"] == "no-store"
    (link,) = re.findall(r"https?://[^<]+/login\?token=[\w-]+", shown.text)
    assert before.get("/").status_code == 303, "with the password its sessions end"
    assert sign_in(site, "mei", OLD) is None
    token = link.split("token=")[1]
    client = site.client(None)
    client.headers["Accept"] = "text/html"
    assert client.post("/login/link", data={"token": token}).status_code == 303
    page = client.get("/account?lang=en").text
    assert "You have no password yet" in page
    assert 'name="old"' not in page
    form = {"csrf": csrf_of(page), "password": NEW, "again": NEW}
    assert client.post("/account/password", data=form).status_code == 303
    assert sign_in(site, "mei", NEW) is not None
    plain = admin.post(f"/people/{mei}/link", data={"csrf": csrf}).text
    assert sign_in(site, "mei", NEW) is not None, "a link by itself leaves the password"
    admin.post(f"/people/{mei}/password", data={"csrf": csrf, "password": OLD})
    assert sign_in(site, "mei", NEW) is None
    (unused,) = re.findall(r"token=([\w-]+)", plain)
    ended = site.client(None).post("/login/link", data={"token": unused})
    assert ended.status_code == 403, "it ended with the password"


def test_a_role_is_changed_and_a_person_let_in_again(site: Site, csrf_of: Csrf) -> None:
    mei = site.user(name="mei", role="viewer", password=OLD)
    admin = site.browser("admin", "root")
    csrf = csrf_of(admin.get("/people").text)
    client = sign_in(site, "mei", OLD)
    assert client is not None
    assert admin.post(f"/people/{mei}/role", data={"csrf": csrf, "role": "approver"}).status_code == 303
    assert client.get("/").status_code == 303, "the session ends with the role"
    assert admin.post(f"/people/{mei}/role", data={"csrf": csrf, "role": "king"}).status_code == 403
    again = sign_in(site, "mei", OLD)
    assert again is not None
    page = again.get("/customers").text
    assert again.post("/pushes/resume", data={"csrf": csrf_of(page)}).status_code == 303, "what an approver may do"
    assert admin.post(f"/people/{mei}/deactivate", data={"csrf": csrf}).status_code == 303
    assert sign_in(site, "mei", OLD) is None
    taken = admin.post("/people", data={"csrf": csrf, "name": "mei", "role": "viewer", "password": OLD})
    assert (taken.status_code, "mei" in taken.text) == (403, True)
    assert admin.post(f"/people/{mei}/link", data={"csrf": csrf}).status_code == 409
    assert admin.post(f"/people/{mei}/activate", data={"csrf": csrf}).status_code == 303
    assert sign_in(site, "mei", OLD) is not None
    with reading(site.engine) as conn:
        rows = [(row["action"], row["body"]) for row in audit.page(conn, 9, None).rows]
    assert ("user.role", {"before": "viewer", "role": "approver"}) in rows
    short = admin.post("/people", data={"csrf": csrf, "name": "bo", "role": "viewer", "password": "short"})
    assert short.status_code == 422


def test_the_last_administrator_stays_one_whoever_asks(site: Site, csrf_of: Csrf) -> None:
    root = site.user(name="root", role="admin", password=OLD)
    admin = sign_in(site, "root", OLD)
    assert admin is not None
    csrf = csrf_of(admin.get("/people").text)
    refused = admin.post(f"/people/{root}/role?lang=en", data={"csrf": csrf, "role": "viewer"})
    assert (refused.status_code, "last administrator" in refused.text) == (409, True)
    assert admin.post(f"/people/{root}/password", data={"csrf": csrf, "password": NEW}).status_code == 409
    assert admin.post(f"/people/{root}/link", data={"csrf": csrf, "forget": "1"}).status_code == 409
    api = site.client("admin")  # a key is nobody's own account
    assert api.delete(f"/v1/users/{root}").json()["code"] == "last_admin"
    assert api.post(f"/v1/users/{root}/role", json={"role": "auditor"}).json()["code"] == "last_admin"
    other = site.user(name="ann", role="admin")
    assert api.post(f"/v1/users/{root}/role", json={"role": "auditor"}).status_code == 200
    assert api.delete(f"/v1/users/{other}").json()["code"] == "last_admin"
    assert admin.get("/").status_code == 303


def test_two_administrators_who_shut_each_other_out_leave_one(site: Site) -> None:
    both = [site.user(name=name, role="admin") for name in ("ann", "bob")]
    desk = PeopleDesk(site.service.ctx)  # type: ignore[arg-type]  # the parts of a context it reads
    begin, outcome = threading.Barrier(2), []

    def shut_out(user_id: str, actor: str) -> None:
        begin.wait()
        try:
            desk.set_role(user_id, "viewer", actor)
            outcome.append("done")
        except StaleWrite as error:
            outcome.append(error.code)

    pairs = zip(both, ("user:bob", "user:ann"), strict=True)
    threads = [threading.Thread(target=shut_out, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["done", "last_admin"]
    assert [row["role"] for row in desk.listed()].count("admin") == 1


def test_the_api_changes_people_and_answers_what_it_did(site: Site) -> None:
    mei = site.user(name="mei", role="viewer")
    api = site.client("admin")

    def ask(what: str, body: Any = None) -> tuple[int, Any]:
        answer = api.post(f"/v1/users/{mei}/{what}", json=body)
        return answer.status_code, answer.json()

    assert ask("role", {"role": "operator"}) == (200, {"id": mei, "role": "operator"})
    assert ask("role", {"role": "king"})[0] == ask("password", {"password": "short"})[0] == 422
    assert ask("password", {"password": OLD}) == (200, {"id": mei})
    status, made = ask("link", {"forget_password": True})
    assert (status, made["path"][:13]) == (200, "/login?token=")
    assert sign_in(site, "mei", OLD) is None
    assert site.client(None).post("/login/link", data={"token": made["path"][13:]}).status_code == 303
    assert api.delete(f"/v1/users/{mei}").status_code == 200
    assert ask("link", {})[1]["code"] == "shut_out"
    assert ask("activation") == (200, {"id": mei, "is_active": True})
    (row,) = [one for one in api.get("/v1/users").json()["items"] if one["id"] == mei]
    assert (row["role"], row["is_active"], row["has_password"]) == ("operator", True, False)
    bodies = {"role": {"role": "viewer"}, "password": {"password": OLD}, "link": {}, "activation": None}
    for what, body in bodies.items():
        assert api.post(f"/v1/users/usr_none/{what}", json=body).status_code == 404
    assert made["path"] not in api.get("/v1/audit").text


def test_who_lost_the_administrators_password_comes_in_from_the_machine(site: Site) -> None:
    desk = PeopleDesk(site.service.ctx)  # type: ignore[arg-type]  # the parts of a context it reads
    root = site.user(name="root", role="admin", password=OLD)
    assert desk.first_admin() == desk.named("root") == root
    made = desk.link(root, "cli:li", forget_password=True)
    client = site.client(None)
    assert client.post("/login/link", data={"token": made["path"].split("=")[1]}).status_code == 303
    assert desk.change_own("root", "", NEW) is not None
    desk.set_password(root, OLD, "cli:li")
    assert sign_in(site, "root", OLD) is not None
    with pytest.raises(TieoutError, match="nobody called"):
        desk.named("nobody")
    with reading(site.engine) as conn:
        assert users.get(conn, root)["role"] == "admin"  # type: ignore[index]  # it is there
