"""Forms that people fill in, on a desk and on a phone, in both languages: ticked items, parts, and what they make."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.house import House, at
from tests.browser.looking import LANGUAGES, WIDTHS, axe


def open_form(page: Page, house: House, name: str, language: str, field: str) -> None:
    """The page with the form that has this field unfolded, and nothing axe objects to at either width."""
    for width in reversed(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(at(house, name, language))
        page.locator(f"details:has({field}) > summary").first.click()
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def send(page: Page, form: str) -> None:
    with page.expect_navigation():
        page.locator(form).locator("button").click()


def newest(house: House, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = house.service.dunning.cases(kind=kind)["items"][0]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_instalment_is_put_in_dispute_and_settled_in_part(house: House, page: Page, language: str) -> None:
    open_form(page, house, "instalments", language, "select[name=reason]")
    form = "form[action$='/dispute']"
    ticks = page.locator(f"{form} input[name=items]")
    wanted = ticks.nth(1).get_attribute("value")
    ticks.nth(1).check()
    page.locator(f"{form} input[name=amount]").fill("20.00")
    send(page, form)
    case = newest(house, "dispute")
    assert ([item["item"] for item in case["items"]], case["amount_minor"]) == ([wanted], 20_00)
    where, form = page.url, f"form[action='/cases/{case['id']}/close']"
    page.locator(f"details:has({form}) > summary").click()
    page.locator(f"{form} select[name=outcome]").select_option("partial")
    for name, text in {"root_cause": "两箱", "team": "物流", "accepted": "5.00", "pay_by_on": "2099-01-31"}.items():
        page.locator(f"{form} input[name={name}]").fill(text)
    assert axe(page) == []
    send(page, form)
    assert page.url.split("?")[0] == where.split("?")[0]
    closed = house.service.dunning.case(case["id"])
    assert (closed["state"], closed["closing"]["accepted_minor"]) == ("partial", 5_00)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["promise", "plan", "pause"])
def test_a_case_is_about_the_ticked_item_alone(house: House, page: Page, kind: str, language: str) -> None:
    for word in house.service.dunning.cases(kind="promise", is_open=True)["items"]:
        house.service.dunning.undo(word["id"], "user:mei")  # an item has one open word at a time
    form = f"form[action$='/{kind}']"
    open_form(page, house, "customer", language, f"{form} input[name=items]")
    tick = page.locator(f"{form} input[name=items]").last
    item = str(tick.get_attribute("value"))
    row = page.locator(f"{form} label:has(input[value='{item}'])")
    currency, amount = row.locator("small.code").inner_text(), row.locator("span.num").last.inner_text().split()[0]
    typed = {
        "promise": {"promised_on": "2099-01-31"},
        "plan": {"currency": currency, "rows": f"2099-01-31 {amount}"},
        "pause": {"until_on": "2026-12-20", "reason": "核对"},
    }[kind]
    for name, text in typed.items():
        page.locator(f"{form} [name={name}]").fill(text)
    tick.check()
    send(page, form)
    case = newest(house, kind)
    assert [one["item"] for one in case["items"]] == [item]
    house.service.dunning.undo(case["id"], "user:mei")


def test_what_a_page_sends_twice_is_made_once(house: House, page: Page) -> None:
    form = "form[action$='/pause']"
    open_form(page, house, "customer", "en", f"{form} input[name=reason]")
    before = len(house.service.dunning.cases(kind="pause", limit=200)["items"])
    page.locator(f"{form} input[name=until_on]").fill("2026-12-20")
    page.locator(f"{form} input[name=reason]").fill("twice")
    body = page.evaluate("f => new URLSearchParams(new FormData(document.querySelector(f))).toString()", form)
    action = page.locator(form).evaluate("f => f.action")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = [page.request.post(action, data=body, headers=kind, max_redirects=0) for _ in range(2)]
    assert [one.status for one in sent] == [303, 303]
    assert sent[0].headers["location"] == sent[1].headers["location"]
    assert len(house.service.dunning.cases(kind="pause", limit=200)["items"]) == before + 1
