"""A console that has been worked with, in Chinese: no page falls back to a code for want of a word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.browser.house import LISTS, lived_in, single_pages
from tieout.web.app import build
from tieout.web.i18n import Speaker

ADDRESS = "http://127.0.0.1:8000"


def test_no_page_shows_a_code_for_want_of_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Speaker.word
    missing: dict[str, str] = {}
    page = ""

    def word(self: Speaker, family: str, code: str | None) -> str:
        # A side is called by its own name, and what people started by theirs.
        if code and f"{family}.{code}" not in self._words and family != "side" and ":" not in code:
            missing.setdefault(f"{family}.{code}", page)
        return known(self, family, code)

    monkeypatch.setattr(Speaker, "word", word)
    _, service = lived_in(tmp_path)
    with service:
        client = TestClient(build(service.config, service=service), base_url=ADDRESS)
        token = service.login_link().split("token=")[-1]
        asked = client.get(f"/login?token={token}").text
        fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', asked))
        assert client.post("/login/link", data=fields, headers={"Origin": ADDRESS}, follow_redirects=False).is_redirect
        pages = [*LISTS.values(), *single_pages(service).values()]
        conflicts = client.get("/conflicts?lang=zh-CN").text
        pages += dict.fromkeys(re.findall(r'href="(/conflicts/cfl_[0-9a-z]+)"', conflicts))
        assert len(pages) > len(LISTS) + 10
        for page in pages:
            shown = client.get(page, params={"lang": "zh-CN"}) if "?" not in page else client.get(f"{page}&lang=zh-CN")
            assert shown.status_code == (404 if page == "/nowhere" else 200), page
            if page.startswith(("/audit", "/pushes", "/conflicts")):
                assert not re.search(r"\b(False|True)\b", shown.text), page
    assert missing == {}
