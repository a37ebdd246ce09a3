"""Reports over HTTP: every one in every format, the point of knowledge in a header, wrong questions refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Site
from tieout.reports.made.catalog import REPORTS
from tieout.reports.render import MEDIA
from tieout.store.breaks import put
from tieout.store.session import unit


def test_all_reports_are_listed_and_answer_in_every_format(site: Site) -> None:
    site.books.reconciliation()
    client = site.client("viewer")
    listed = [one["name"] for one in client.get("/v1/reports").json()["items"]]
    assert listed == list(REPORTS)
    for name in ("aging", "cash", "credit", "dunning"):
        for form, media in MEDIA.items():
            answer = client.get(f"/v1/reports/{name}", params={"format": form, "language": "en"})
            assert answer.status_code == 200, (name, form, answer.text[:500])
            assert answer.headers["content-type"] == media
            known = answer.headers["x-tieout-known"]
            again = client.get(f"/v1/reports/{name}", params={"format": form, "language": "en", "known_at": known})
            assert again.content == answer.content
    assert "attachment" in client.get("/v1/reports/aging?format=csv").headers["content-disposition"]
    assert client.get("/v1/reports/aging").json()["title"] == "应收账款账龄"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("horoscope", 422),
        ("aging?format=doc", 422),
        ("aging?known_at=yesterday", 422),
        ("aging?known_at=999999", 409),
        ("aging?as_of=2999-01-01", 409),
        ("aging?company=none", 409),
        ("aging?unknown=1", 422),
        ("statement", 409),
        ("statement?customer=cus_none", 404),
        ("reconcile?as_of=2020-01-01", 404),
    ],
)
def test_wrong_questions_are_refused_with_a_problem(site: Site, asked: str, status: int) -> None:
    answer = site.client("viewer").get(f"/v1/reports/{asked}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert site.client(None).get("/v1/reports").status_code == 401


def test_the_breaks_of_a_reconciliation_are_pages_with_filters(site: Site) -> None:
    run_id = site.books.reconciliation(breaks=3)
    found = [_break(n, "hand_edit" if n == 2 else "no_crm_record") for n in (1, 2, 3)]
    with unit(site.engine, "admin.commit") as conn:
        put(conn, run_id, [("zoho", one) for one in found])
    client = site.client("viewer")
    first = client.get(f"/v1/reconciliations/{run_id}/breaks?limit=2").json()
    assert [one["key"] for one in first["items"]] == ["k1", "k2"]
    rest = client.get(f"/v1/reconciliations/{run_id}/breaks", params={"limit": 2, "cursor": first["next"]}).json()
    assert ([one["key"] for one in rest["items"]], rest["next"]) == (["k3"], None)
    edited = client.get(f"/v1/reconciliations/{run_id}/breaks?cause=hand_edit&connection=zoho").json()["items"]
    assert [(one["key"], one["by_currency"]) for one in edited] == [("k2", {"CNY": 2})]
    assert client.get("/v1/reconciliations/rec_none/breaks").status_code == 404


def _break(n: int, cause: str) -> dict[str, Any]:
    words = dict.fromkeys(("stream", "field", "number", "ledger", "counterpart", "customer_id", "customer"), "")
    return {
        **words, "key": f"k{n}", "kind": "amount", "cause": cause, "currency": "CNY", "counterpart_currency": "CNY",
        "on": "2026-11-24", "by_currency": {"CNY": n}, "ledger_minor": n, "counterpart_minor": 0, "ledger_value": "",
        "counterpart_value": "", "explanation": None, "first_seen_at": "2026-11-24T02:00:00+00:00", "age_days": 0,
        "runs": 1,
    }  # fmt: skip
