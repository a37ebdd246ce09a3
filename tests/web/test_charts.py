"""Charts in the page: drawn without script, style or network, named for readers, with their figures beside them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.web.conftest import Site
from tieout.web.drawing import draw, short, ticks


@pytest.mark.parametrize("kind", ["bar", "stacked", "line"])
def test_a_chart_is_plain_svg_with_a_title_and_nothing_that_the_content_policy_refuses(kind: str) -> None:
    series = {"完成 <b>": [1, 20, 300], "失败": [0, 5, 2]}
    made = str(draw(kind, series, ["一", "二", "三"], title="标题 & more", description="说明"))
    root = ElementTree.fromstring(made)
    assert root.attrib["role"] == "img"
    assert [child.tag.split("}")[1] for child in root][:2] == ["title", "desc"]
    assert root[0].text == "标题 & more"
    tags = {element.tag.split("}")[-1] for element in root.iter()}
    assert tags & {"script", "style", "foreignObject", "image", "use", "a"} == set()
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or name in ("style", "href", "id")]
    assert "http://" not in made.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "<b>" not in made


def test_each_bar_of_one_series_has_its_tone() -> None:
    made = str(draw("bar", {"CNY": [1, 2, 3]}, list("abc"), title="t", description="d", tones=["b0", "b1", "b2"]))
    assert [made.count(f"tooltip-trigger {tone}") for tone in ("b0", "b1", "b2")] == [1, 1, 1]


def test_an_axis_counts_in_whole_steps() -> None:
    assert ticks(0) == [0, 1]
    assert ticks(2) == [0, 1, 2]
    assert ticks(7) == [0, 2, 4, 6, 8]
    assert ticks(100) == [0, 50, 100]
    for top in range(1, 3000, 7):
        made = ticks(top)
        assert made[0] == 0
        assert made[-1] >= top
        assert 2 <= len(made) <= 5


def test_amounts_of_an_axis_are_short_in_both_languages() -> None:
    assert [short("CNY", "zh-CN")(one) for one in (0, 99_00, 12_345_00, 1_230_000_00, 150_000_000_00)] == [
        "0", "99", "1.2万", "123万", "1.5亿",
    ]  # fmt: skip
    assert [short("JPY", "en")(one) for one in (950, -1_500, 2_000_000)] == ["950", "-1.5k", "2M"]


def test_the_page_shows_figures_beside_each_chart_for_one_currency(site: Site) -> None:
    site.books.customer("甲")
    account = site.books.named["甲"]
    site.books.document("invoice", account, "AR1", 1_234_56, due=-10)
    site.books.document("invoice", account, "AR2", 500_00, due=20)
    site.books.document("invoice", account, "AR3", 77_00, due=-400, currency="USD")
    browser = site.browser("viewer")
    page = browser.get("/charts?lang=en").text
    assert len(re.findall(r'<svg[^>]*class="chart', page)) >= 3
    assert page.count("1,234.56") >= 2
    assert "500.00" in page
    assert "77.00" not in page
    assert "77.00" in browser.get("/charts?currency=USD").text
    assert browser.get("/charts?currency=usd").status_code == 422


def test_an_empty_house_has_a_page_too(site: Site) -> None:
    page = site.browser("viewer").get("/charts?lang=en")
    assert page.status_code == 200
    assert "Nothing to draw yet" in page.text
