"""Draws charts as SVG inside the page: no script, no style, no network; a title and a description for readers.

pygal lays the chart out; what it would bring along (style sheet, script, inline styles) is taken out, because the
console's content policy refuses it, and `console.css` colours the classes that are left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import pygal  # puts an old-style finder for its map plug-ins into sys.meta_path, which every later import would meet
from markupsafe import Markup

from tieout.core.money import exponent

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]

_NS = "{http://www.w3.org/2000/svg}"
_GONE = {f"{_NS}{tag}" for tag in ("style", "script", "foreignObject")} | {"style", "script", "foreignObject"}
_NOISE = {"tooltip-overlay", "text-overlay", "tooltip"}


def draw(
    kind: str,
    series: Mapping[str, Sequence[int]],
    labels: Sequence[str],
    *,
    title: str,
    description: str,
    palette: str = "",
    tones: Sequence[str] = (),
    write: Callable[[int], str] = str,
    height: int = 240,
) -> Markup:
    """A chart of whole numbers. `kind`: bar, stacked or line. `palette` and `tones` are CSS classes: of
    the chart, and of each bar of a single series.

    `write` says a value of the axis in words; the exact figures belong into the table beside the chart.
    """
    made = {"bar": pygal.Bar, "stacked": pygal.StackedBar, "line": pygal.Line}[kind](
        width=720,
        height=height,
        css=[],
        js=[],
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        legend_box_size=10,
        margin=8,
        spacing=6,
        x_labels=list(labels),
        y_labels=ticks(_top(kind, series)),
        include_x_axis=True,
        truncate_label=-1,
        truncate_legend=-1,
        formatter=lambda value: write(round(value)),
        value_formatter=lambda value: write(round(value)),
        dots_size=3,
        stroke_style={"width": 2},
    )
    for name, values in series.items():
        made.add(name, list(values))
    root = made.render_tree()
    _strip(root)
    for element in list(root):
        if isinstance(element.tag, str) and element.tag.endswith("title"):
            root.remove(element)
    root.attrib.update({"role": "img", "class": f"chart {palette}".strip()})
    for name, text in (("desc", description), ("title", title)):
        child = ElementTree.Element(name)
        child.text = text
        root.insert(0, child)
    if tones:
        _tone(root, tones)
    # ElementTree writes it, and escapes every text that came from outside.
    return Markup(ElementTree.tostring(root, encoding="unicode").replace("ns0:", "").replace(":ns0", ""))  # noqa: S704


def _top(kind: str, series: Mapping[str, Sequence[int]]) -> int:
    """The highest point that is drawn."""
    columns = list(zip(*series.values(), strict=True))
    return max((sum(column) if kind == "stacked" else max(column) for column in columns), default=0)


def ticks(top: int) -> list[int]:
    """Whole numbers from 0 to at least the top, three to five of them, at steps of 1, 2 or 5 times a power of ten."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if 4 * step >= top:
                return list(range(0, max(top + step - 1, step) // step * step + 1, step))
        size *= 10


def _strip(element: Any) -> None:
    """Take out style, script and invisible text; pygal's words of a value become the title of the mark."""
    for child in list(element):
        classes = set(str(child.attrib.get("class", "")).split())
        if child.tag in _GONE or not isinstance(child.tag, str) or classes & _NOISE:
            element.remove(child)
            continue
        if child.tag.endswith("desc"):
            if "value" in classes and "x" not in classes and "y" not in classes:
                child.tag = "title"
                child.attrib.clear()
            else:
                element.remove(child)
            continue
        _strip(child)
    for name in ("id", "style", "onmouseover", "onmouseout"):
        element.attrib.pop(name, None)


def _tone(root: Any, tones: Sequence[str]) -> None:
    """Each bar of the only series gets its own class."""
    marks = [one for one in root.iter() if "rect reactive" in str(one.attrib.get("class", ""))]
    for mark, tone in zip(marks, tones, strict=True):
        mark.attrib["class"] += f" {tone}"


def short(currency: str, language: str) -> Callable[[int], str]:
    """How an axis says an amount of minor units: 1.2M, 350k; in Chinese 120万, 1.2亿. Rounded, for orientation only."""
    steps = ((10**8, "亿"), (10**4, "万")) if language == "zh-CN" else ((10**9, "B"), (10**6, "M"), (10**3, "k"))
    unit = 10 ** exponent(currency)

    def write(minor: int) -> str:
        sign, whole = "-" if minor < 0 else "", abs(minor) // unit
        for size, word in steps:
            if whole >= size:
                tenth = whole * 10 // size
                return f"{sign}{tenth // 10:,}{f'.{tenth % 10}' if tenth % 10 and tenth < 1000 else ''}{word}"
        return f"{sign}{whole}"

    return write
