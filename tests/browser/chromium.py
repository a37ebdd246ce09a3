"""Finds the Chromium that drives the pages: TIEOUT_BROWSER, one on the path, or the one Playwright installed.

`python -m tests.browser.chromium` prints where it is, or exits with 1.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """The path of an executable, or None."""
    given = os.environ.get("TIEOUT_BROWSER", "")
    if given:
        return given if Path(given).is_file() else None
    for name in NAMES:
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


if __name__ == "__main__":
    place = find()
    print(place or "no Chromium was found")
    sys.exit(place is None)
