"""What is asked of every page: nothing on the console, nothing wider than the screen, nothing axe objects to."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

WIDTHS = (1280, 390)
LANGUAGES = ("zh-CN", "en")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > wide + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 120));
}"""

_OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => { one.open = true; })"


def sign_in(browser: Browser, url: str, token: str) -> BrowserContext:
    """A context of a person who came through a one-time link."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{url}/login?token={token}")
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url(f"{url}/")
    page.close()
    return context


def complaints(page: Page, address: str, *, status: int = 200) -> list[str]:
    """Everything wrong with a page at the size the window has; empty is what is wanted."""
    found: list[str] = []

    def heard(message: Any) -> None:
        if message.type in ("error", "warning") and not (status >= 400 and f"status of {status}" in message.text):
            found.append(f"console: {message.text}")

    def thrown(error: Any) -> None:
        found.append(f"script: {error}")

    def outside(request: Any) -> None:
        if not request.url.startswith(("data:", address.split("/", 3)[0] + "//" + address.split("/", 3)[2])):
            found.append(f"asks another host: {request.url}")

    listeners: list[tuple[Any, Any]] = [("console", heard), ("pageerror", thrown), ("request", outside)]
    for event, listener in listeners:
        page.on(event, listener)
    try:
        answer = page.goto(address)
        if answer is None or answer.status != status:
            found.append(f"status {answer.status if answer else None}, not {status}")
        page.evaluate(_OPEN_ALL)
        found += [f"wider than the window: {html}" for html in page.evaluate(_WIDER)]
        found += axe(page)
    finally:
        for event, listener in listeners:
            page.remove_listener(event, listener)
    return found


def axe(page: Page) -> list[str]:
    """What axe-core objects to, with the elements."""
    page.evaluate(_AXE)
    result = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    return [f"axe {one['id']}: {[node['html'][:120] for node in one['nodes']][:3]}" for one in result["violations"]]
