"""Takes pictures of the console: `python -m tests.browser.pictures FOLDER [NAME…]` of every page, to be looked at, and
`python -m tests.browser.pictures --guide docs/pictures` those that the guide and the READMEs show.

The files are NAME.LANGUAGE.WIDTH.png, whole pages; those of the guide are NAME.LANGUAGE.png, cut at the bottom and with
few colours, so that they stay small.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser import chromium
from tests.browser.house import PAGE_NAMES, House, at, served
from tests.browser.looking import LANGUAGES, WIDTHS, sign_in

# Page, language, height in pixels.
GUIDE = (
    ("overview", "en", 900), ("overview", "zh-CN", 900), ("conflict", "en", 800), ("conflict", "zh-CN", 800),
    ("customer", "en", 1000), ("customer", "zh-CN", 1000), ("invoice", "en", 1000), ("dunning log", "en", 720),
    ("plan", "en", 640), ("plan", "zh-CN", 640), ("reconciliation", "en", 900), ("charts", "en", 840),
)  # fmt: skip
GUIDE_WIDTH, COLOURS = 1280, 96


@contextmanager
def _console() -> Iterator[tuple[House, Page]]:
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        yield house, sign_in(browser, house.url, house.service.login_link()).new_page()
        browser.close()


def take(folder: Path, names: list[str]) -> None:
    """Every page in both languages on a desk and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with _console() as (house, page):
        for name in names:
            for language in LANGUAGES:
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto(at(house, name, language))
                    page.screenshot(path=folder / f"{name.replace(' ', '_')}.{language}.{width}.png", full_page=True)


def take_for_the_guide(folder: Path) -> None:
    """The pictures of the documentation."""
    folder.mkdir(parents=True, exist_ok=True)
    with _console() as (house, page):
        for name, language, height in GUIDE:
            page.set_viewport_size({"width": GUIDE_WIDTH, "height": height})
            page.goto(at(house, name, language))
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            few = shown.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            few.save(folder / f"{name.replace(' ', '_')}.{language}.png", optimize=True)


if __name__ == "__main__":
    if sys.argv[1] == "--guide":
        take_for_the_guide(Path(sys.argv[2]))
    else:
        take(Path(sys.argv[1]), sys.argv[2:] or list(PAGE_NAMES))
