"""The audit trail as people read it: every deed has words, amounts have their currency, failed sign-ins are listed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import sync
import tieout
from sync.casework import _PREFIX
from tests.web.conftest import Site
from tests.web.factory import NOW
from tieout.store import audit
from tieout.store.session import reading, unit
from tieout.web.i18n import LANGUAGES, words_of

ROOMS = (Path(tieout.__file__).parent, Path(str(sync.__file__)).parent)
DEED = re.compile(r"[a-z]+(\.[a-z_]+)?")


def _said(call: ast.Call) -> list[str]:
    """The action a call writes: constants, and every kind of case or credit order where it is put together."""
    out: list[str] = []
    for arg in call.args[1:5]:
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str) and "." in arg.value:
            out.append(arg.value)
        elif isinstance(arg, ast.JoinedStr):
            tail = str(getattr(arg.values[-1], "value", ""))
            heads = ("credit",) if str(getattr(arg.values[0], "value", "")).startswith("credit.") else tuple(_PREFIX)
            out += (
                [f"credit.{kind}" for kind in ("limit", "override", "policy")]
                if heads == ("credit",)
                else [head + tail for head in heads]
            )
    return out


def deeds() -> set[str]:
    """Every action that some line of the product writes into the audit trail."""
    found: set[str] = set()
    for path in (path for room in ROOMS for path in room.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name in ("audit.append", "people.note", "note", "runs.Ordered"):
                found |= {one for one in _said(node) if DEED.fullmatch(one)}
    return found


def test_every_deed_has_its_word_in_both_languages() -> None:
    known = deeds() | {"login", "logout", "backup", "restore", "conflict.bulk"}
    assert {"plan.approve", "plan.push", "sync.start", "pull.accept_deletes", "login.fail", "dispute.close"} <= known
    assert len(known) > 40
    for language in LANGUAGES:
        assert {f"deed.{deed}" for deed in known} - set(words_of(language)) == set(), language


def lines(site: Site) -> list[dict[str, Any]]:
    with reading(site.engine) as conn:
        assert audit.verify(conn) == []
        return [dict(row) for row in audit.page(conn, 200, None).rows]


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "登记分期计划"), ("en", "Payment plan noted")])
def test_amounts_are_read_in_major_units_with_their_currency(site: Site, language: str, words: str) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    bill = site.books.document("invoice", site.books.named["北京远航贸易有限公司"], "AR00000077", 100_00)
    body = {
        "id": "pln_1", "kind": "plan", "customer": customer, "currency": "CNY", "amount_minor": 50_000_000,
        "body": {"rows": [["2026-12-31", 20_000_000], ["2027-01-31", 30_000_000]], "before_minor": 0},
        "links": [f"{bill}:1", f"{bill}:2", "inv_gone:1"], "note": "two parts",
    }  # fmt: skip
    totals = {"records": 2, "standing": 1, "totals": {"CNY": 13_460_000, "EUR": 5}}
    with unit(site.engine, "admin.commit") as conn:
        audit.append(conn, NOW, "user:ann", "plan.open", "pln_1", body)
        audit.append(conn, NOW, "user:ann", "plan.push", "ab12", totals)
    shown = site.browser("auditor", "ann").get(f"/audit?lang={language}").text
    assert words in shown
    assert "500,000.00 CNY" in shown
    assert "2026-12-31 200,000.00 CNY" in shown
    assert "134,600.00 CNY" in shown
    assert "AR00000077、inv_gone:1" in shown, "instalments are told by the number of their bill"
    assert "北京远航贸易有限公司" in shown
    assert not re.search(r"50000000|20000000|13460000|\[\[|\{", shown.split("<tbody>")[1])


def test_a_failed_sign_in_is_listed_without_what_was_typed_and_not_without_end(site: Site) -> None:
    mei = site.user(name="mei", password="correct horse battery")
    client = site.client(None)
    for name in ("mei", "hunter2hunter2"):
        assert client.post("/login", data={"name": name, "password": "a wrong password"}).status_code == 403
    assert client.post("/login/link", data={"token": "no-such-token"}).status_code == 403
    found = [(one["subject"], one["body"]["how"]) for one in lines(site) if one["action"] == "login.fail"]
    assert found == [("unknown", "link"), ("unknown", "password"), (mei, "password")]
    everything = str(lines(site))
    assert "hunter2" not in everything
    assert "wrong password" not in everything
    assert "no-such-token" not in everything
    for _ in range(40):
        site.clock.advance(60)
        client.post("/login", data={"name": "somebody", "password": "x"})
    listed = [one for one in lines(site) if one["action"] == "login.fail"]
    assert len(listed) == 3 + 3, "five an hour of one name and address"
    site.clock.advance(3600)
    client.post("/login", data={"name": "somebody", "password": "x"})
    assert next(one for one in lines(site) if one["action"] == "login.fail")["body"]["not_listed"] == 37
    shown = site.browser("auditor", "ann").get("/audit?lang=en").text
    assert "Sign-in failed" in shown
    assert "Sign-in failed</b> mei" in shown
