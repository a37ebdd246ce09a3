"""Bulk answers over the page and the API: the effect first, then the answer, then the undo."""

from __future__ import annotations

import re

from tests.web.conftest import Csrf, Site

SUGGESTED = [{"action": "link", "target": "acc_x", "label": "甲公司", "points": 500, "reasons": []}]


def test_the_page_shows_the_effect_and_answers_what_was_ticked(site: Site, csrf_of: Csrf) -> None:
    first = site.books.conflict("A 公司", 100_00, suggestions=SUGGESTED)
    second = site.books.conflict("B 公司", 50_00)
    level = site.books.conflict("C 公司", 10_00, suggestions=[*SUGGESTED, {**SUGGESTED[0], "target": "acc_y"}])
    browser = site.browser("operator")
    page = browser.get("/conflicts?lang=en").text
    assert page.count('name="chosen"') == 3
    csrf = csrf_of(page)
    shown = browser.post("/conflicts/bulk/preview", data={"csrf": csrf, "how": "suggested"}).text
    assert "1 would be answered, 2 not" in shown
    assert "two suggestions are level" in shown
    assert "no suggestion" in shown
    picked = {"csrf": csrf, "how": "leave", "chosen": [second, level]}
    shown = browser.post("/conflicts/bulk/preview", data=picked).text
    assert "60.00" in shown
    assert first not in shown
    digest = re.search(r'name="digest" value="([0-9a-f]+)"', shown)
    assert digest is not None
    answer = browser.post("/conflicts/bulk", data={**picked, "digest": digest.group(1), "note": "旧数据"})
    assert answer.status_code == 303, answer.text
    notice = browser.get(answer.headers["location"]).text
    assert "Undo the batch" in notice
    api = site.client("viewer")
    assert api.get(f"/v1/conflicts/{second}").json()["answer"]["note"] == "旧数据"
    batch = answer.headers["location"].split("batch=")[1]
    assert browser.post(f"/conflicts/bulk/{batch}/undo", data={"csrf": csrf}).status_code == 303
    assert api.get(f"/v1/conflicts/{second}").json()["state"] == "open"
    assert browser.post("/conflicts/bulk/preview", data={"csrf": "x", "how": "leave"}).status_code == 403
    assert browser.post("/conflicts/bulk/preview", data={"csrf": csrf, "how": "guess"}).status_code == 422
    viewer = site.browser("viewer", "lee")
    page = viewer.get("/conflicts").text
    assert 'name="chosen"' not in page
    assert viewer.post("/conflicts/bulk/preview", data={"csrf": csrf_of(page), "how": "leave"}).status_code == 403


def test_the_api_previews_answers_and_undoes(site: Site) -> None:
    made = [site.books.conflict(f"{n} 公司", 100) for n in range(3)]
    api = site.client("operator")
    wish = {"how": "leave", "ids": made[:2]}
    shown = api.post("/v1/conflicts/bulk/preview", json=wish).json()
    assert (shown["answered"], shown["skipped"]) == (2, 0)
    assert shown["totals"] == [{"currency": "CNY", "money_minor": 200}]
    stale = api.post("/v1/conflicts/bulk", json={**wish, "digest": "0" * 32})
    assert (stale.status_code, stale.json()["code"]) == (409, "bulk_moved")
    done = api.post("/v1/conflicts/bulk", json={**wish, "digest": shown["digest"]}).json()
    assert done["ids"] == sorted(made[:2])
    assert api.get(f"/v1/conflicts/{made[2]}").json()["state"] == "open"
    assert api.delete(f"/v1/conflicts/bulk/{done['batch']}").json()["undone"] == 2
    assert api.delete(f"/v1/conflicts/bulk/{done['batch']}").status_code == 409
    assert api.delete("/v1/conflicts/bulk/blk_none").status_code == 404
    assert api.post("/v1/conflicts/bulk/preview", json={"how": "leave", "ids": ["x"] * 201}).status_code == 422
