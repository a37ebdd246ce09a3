"""Every page in a real Chromium, in both languages, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.house import PAGE_NAMES, House, at
from tests.browser.looking import LANGUAGES, WIDTHS, axe, complaints


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGE_NAMES)
def test_a_page_has_nothing_to_complain_about(house: House, page: Page, name: str, language: str) -> None:
    status = 404 if name == "not found" else 200
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = complaints(page, at(house, name, language), status=status)
    assert found == {width: [] for width in WIDTHS}
    assert page.evaluate("document.documentElement.lang") == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_login_page(house: House, browser: Browser, language: str) -> None:
    context = browser.new_context()
    for width in WIDTHS:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        assert complaints(page, f"{house.url}/login?lang={language}") == []
    context.close()


def test_the_checks_see_what_they_look_for(house: House, page: Page) -> None:
    page.goto(house.url)
    page.set_content(
        # A width as an attribute: the console's content security policy drops inline styles.
        "<html lang=en><title>x</title><main><h1>x</h1><img src='data:,' width=4000><input></main>"
    )
    found = axe(page)
    assert any("image-alt" in one for one in found)
    assert any("axe label" in one for one in found)
    assert page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
