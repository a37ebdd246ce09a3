"""A suggestion that a veto speaks against: never likely, never one click, never in bulk; on a page and over the API."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Csrf, Site

TWO_IDS = {"code": "tax_id_conflict", "mine": "91440300MA5F0B4D2K", "theirs": "91310115MA1K3XYZ6Q", "ref": "acc_7"}
WEIGHED = [
    {"code": "han_legal_equal", "mine": "甲", "theirs": "甲", "ref": "acc_7", "weight": 427},
    {**TWO_IDS, "weight": 0},
]
TWO = {"action": "link", "target": "acc_7", "label": "远航贸易", "points": 551, "reasons": WEIGHED}
ONE = {"action": "link", "target": "acc_8", "label": "远航贸易（深圳）", "points": 90, "reasons": [WEIGHED[0]]}


@pytest.mark.parametrize(("language", "likely"), [("en", "very likely the same"), ("zh-CN", "很可能是同一客户")])
def test_the_page_offers_no_link_but_a_second_step_that_names_why(
    site: Site, csrf_of: Csrf, language: str, likely: str
) -> None:
    made = site.books.conflict("远航贸易", 3_955_000_00, suggestions=[TWO])
    client = site.browser("operator")
    page = client.get(f"/conflicts/{made}?lang={language}").text
    assert likely not in page
    first, _, second = page.partition('<details class="despite">')
    assert '<button name="action" value="link"' not in first, "no main button links"
    assert {"en": "different tax ids", "zh-CN": "税号不同"}[language] in second.partition("</form>")[0]
    assert re.search(r'<input type="checkbox" name="despite" value="tax_id_conflict" required>', second)
    csrf = csrf_of(page)
    said = {"csrf": csrf, "action": "link", "target": "acc_7", "despite": "tax_id_conflict,<b>"}
    assert client.post(f"/conflicts/{made}/answer", data=said).status_code == 303
    (asked,) = [one for one in site.service.asked if one[0] == "resolve"]
    assert asked[2]["despite"] == ["tax_id_conflict"]


def test_the_uncontradicted_one_stands_first_and_keeps_its_button(site: Site) -> None:
    made = site.books.conflict("远航贸易", 1_00, suggestions=[TWO, ONE])
    told = site.client("viewer").get(f"/v1/conflicts/{made}").json()["suggestions"]
    assert [(one["target"], one["contradictions"]) for one in told] == [("acc_8", []), ("acc_7", ["tax_id_conflict"])]
    page = site.browser("operator").get(f"/conflicts/{made}?lang=en").text
    assert page.index('value="acc_8"') < page.index('value="acc_7"')
    assert page.count('<button name="action" value="link">Link</button>') == 1


def test_bulk_passes_over_what_is_contradicted_and_says_why(site: Site, csrf_of: Csrf) -> None:
    lone = site.books.conflict("甲", 10_00, suggestions=[TWO])
    level = site.books.conflict("乙", 5_00, suggestions=[TWO, {**ONE, "points": 551}])
    api = site.client("operator")
    rows = {row["id"]: row for row in api.post("/v1/conflicts/bulk/preview", json={"how": "suggested"}).json()["rows"]}
    assert (rows[lone]["why_not"], rows[lone]["action"]) == ("contradicted", "")
    assert rows[lone]["contradictions"] == ["tax_id_conflict"]
    assert (rows[level]["why_not"], rows[level]["target"]) == ("", "acc_8")
    browser = site.browser("operator")
    csrf = csrf_of(browser.get("/conflicts?lang=en").text)
    page = browser.post("/conflicts/bulk/preview", data={"csrf": csrf, "how": "suggested"}).text
    assert "1 would be answered, 1 not" in page
    assert "something contradicts it" in page
    assert "different tax ids" in page
