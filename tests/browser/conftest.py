"""One browser and one lived-in company for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import chromium
from tests.browser.house import House, served
from tests.browser.looking import sign_in


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; where there is none the tests fail, for a skipped look at the pages is no look at all."""
    place = chromium.find()
    assert place is not None, "no Chromium was found: `make browser` installs one, TIEOUT_BROWSER names one"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="session")
def signed_in(browser: Browser, house: House) -> Iterator[BrowserContext]:
    context = sign_in(browser, house.url, house.service.login_link())
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    made = signed_in.new_page()
    yield made
    made.close()
