"""Cases and dunning policies over the API: what is refused, what is stored, what can be read."""

from __future__ import annotations

from tests.web.conftest import Site
from tieout.receivables.dunning.policy_file import shipped_text


def test_a_policy_is_tried_activated_and_listed_and_a_mistake_names_its_line(site: Site) -> None:
    site.books.customer("北京远航贸易有限公司")
    operator, approver, viewer = site.client("operator"), site.client("approver"), site.client("viewer")
    mine = shipped_text().replace("cooldown_days: 5", "cooldown_days: 9")
    tried = operator.post("/v1/dunning/preview", json={"policy": mine})
    assert (tried.status_code, tried.json()["effect"]["changed"]) == (200, 0), tried.text
    assert operator.post("/v1/dunning/policies", json={"policy": mine}).status_code == 403
    wrong = approver.post("/v1/dunning/policies", json={"policy": mine.replace("level: 5", "level: x")})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "policy")
    line = mine.split("level: 5")[0].count("\n") + 1
    assert f"policy:{line}:" in wrong.json()["detail"]
    done = approver.post("/v1/dunning/policies", json={"policy": mine})
    assert (done.status_code, len(done.json()["activated"])) == (
        201,
        len(viewer.get("/v1/dunning/policies").json()["active"]),
    )
    audit = site.client("auditor").get("/v1/audit").json()["items"]
    assert [one["body"]["version"] for one in audit if one["action"] == "dunning.activate"]


def test_cases_are_refused_with_what_to_change_and_lists_are_empty_before_any(site: Site) -> None:
    customer = site.books.customer("北京远航贸易有限公司")
    operator, viewer = site.client("operator"), site.client("viewer")
    assert viewer.get("/v1/cases?kind=dispute&open=true").json() == {"items": [], "next": None}
    assert viewer.get(f"/v1/cases?customer={customer}").json() == {"items": [], "next": None}
    assert viewer.get("/v1/cases/dsp_none").status_code == 404
    assert viewer.get(f"/v1/customers/{customer}/dunning").json()["groups"] == []
    assert viewer.get("/v1/customers/cus_none/dunning").status_code == 404
    assert operator.post("/v1/invoices/inv_none/disputes", json={"reason": "quality"}).status_code == 404
    for path, body in (
        ("promises", {"promised_on": "2099-01-01"}),
        ("pauses", {"reason": "x", "until_on": "2099-13-01"}),
        ("pauses", {"reason": "without an end"}),
        ("payment-plans", {"rows": []}),
        ("contacts", {"emails": ["not an address"]}),
    ):
        answer = operator.post(f"/v1/customers/{customer}/{path}", json=body)
        assert answer.status_code in (404, 409, 422), (path, answer.text)
        assert viewer.post(f"/v1/customers/{customer}/{path}", json=body).status_code == 403
