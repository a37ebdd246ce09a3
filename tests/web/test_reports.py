"""Reports over HTTP: every one in every format, the point of knowledge in a header, wrong questions refused."""

from __future__ import annotations

import pytest

from tests.web.conftest import Site
from tieout.reports.made.catalog import REPORTS
from tieout.reports.render import MEDIA


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
