"""Takes a picture of every page, to be looked at: `python -m tests.browser.pictures FOLDER [NAME…]`.

The files are NAME.LANGUAGE.WIDTH.png, whole pages. `make pictures` writes those the guide shows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.house import PAGE_NAMES, at, served
from tests.browser.looking import LANGUAGES, WIDTHS, sign_in


def take(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        page = sign_in(browser, house.url, house.service.login_link()).new_page()
        for name in names:
            for language in LANGUAGES:
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto(at(house, name, language))
                    page.screenshot(path=folder / f"{name.replace(' ', '_')}.{language}.{width}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2:] or list(PAGE_NAMES))
