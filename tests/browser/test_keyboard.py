"""The forms people use every day, with the keyboard alone; what is focused can be seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from tests.browser.house import House, at
from tests.browser.looking import LANGUAGES, WIDTHS, axe
from tests.flow.books import rows
from tieout.store.tables import conflicts

_VISIBLE = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
}"""
FAR = 120  # Tab presses after which something counts as out of reach


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, and see that it shows."""
    for _ in range(FAR):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate(_VISIBLE), f"the focus on {selector} cannot be seen"
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


def press_and_wait(page: Page, key: str = "Enter") -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_signing_in_with_a_link(house: House, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{house.url}/login?token={house.service.login_link()}&lang=en")
    tab_to(page, "main button")
    press_and_wait(page)
    assert page.url == f"{house.url}/"
    context.close()


def test_the_first_stop_leads_past_the_menu(house: House, page: Page) -> None:
    page.goto(at(house, "customers", "en"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")
    box = page.locator(".skip").first.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_answering_a_conflict_and_taking_it_back(house: House, page: Page) -> None:
    where = at(house, "conflict", "en")
    page.goto(where)
    tab_to(page, "main form.stacked input[type=radio]")
    page.keyboard.press("ArrowUp")  # the last answer: leave it as it is
    tab_to(page, "input[name=note]")
    page.keyboard.type("known to sales")
    press_and_wait(page)
    key = house.pages["conflict"].rsplit("/", 1)[1]
    (row,) = rows(house.service, select(conflicts).where(conflicts.c.id == key))
    assert (row["state"], row["answer"]["action"], row["answer"]["note"]) == ("resolved", "leave", "known to sales")
    tab_to(page, "form[action$='/undo'] button")
    press_and_wait(page)
    (row,) = rows(house.service, select(conflicts).where(conflicts.c.id == key))
    assert row["state"] == "open"


def test_noting_a_pause_and_a_dispute(house: House, page: Page) -> None:
    page.goto(at(house, "customer", "zh-CN"))
    tab_to(page, "details:has(input[name=until_on]) > summary")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=until_on]")
    page.keyboard.type("2026-12-20")
    page.keyboard.press("Tab")
    page.keyboard.type("对账中")
    press_and_wait(page)
    page.goto(at(house, "invoice", "zh-CN"))
    tab_to(page, "details:has(select[name=reason]) > summary")
    page.keyboard.press("Enter")
    tab_to(page, "select[name=reason]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "details input[name=amount]")
    page.keyboard.type("77.00")
    press_and_wait(page)
    found = [(one["kind"], one["amount_minor"]) for one in house.service.dunning.cases()["items"]]
    assert ("pause", None) in found
    assert ("dispute", 7_700) in found


def test_approving_the_plan_is_within_reach(house: House, page: Page) -> None:
    page.goto(at(house, "plan", "en"))
    tab_to(page, "form[action='/plan/push'] button")


@pytest.mark.parametrize("language", LANGUAGES)
def test_many_conflicts_are_shown_answered_and_taken_back_as_one(house: House, page: Page, language: str) -> None:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    before = {row["id"]: row["state"] for row in rows(house.service, select(conflicts))}
    page.goto(at(house, "conflicts", language))
    tab_to(page, "input[name=chosen]")
    page.keyboard.press("Space")
    tab_to(page, "input[name=chosen]")
    page.keyboard.press("Space")
    tab_to(page, "button[value=leave]")
    press_and_wait(page)
    assert page.url.endswith("/conflicts/bulk/preview")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("tbody tr").count() == 2
    assert {row["id"]: row["state"] for row in rows(house.service, select(conflicts))} == before  # it was only a look
    tab_to(page, "input[name=note]")
    page.keyboard.type("known to sales")
    tab_to(page, "form[action='/conflicts/bulk'] button")
    press_and_wait(page)
    answered = [row for row in rows(house.service, select(conflicts)) if row["state"] != before[row["id"]]]
    assert [(row["state"], row["answer"]["action"]) for row in answered] == [("resolved", "leave")] * 2
    tab_to(page, "form[action$='/undo'] button")
    press_and_wait(page)
    assert {row["id"]: row["state"] for row in rows(house.service, select(conflicts))} == before
    assert heard == []
