"""A small curve on logarithmic axes, as SVG without scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT, EDGE = 640, 360, 60
COLOURS = ("#0b6e99", "#b3541e", "#4d7c0f", "#6d28d9")


def draw(path: Path, curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """One line per name through its points (size, seconds)."""
    every = [point for points in curves.values() for point in points]
    left, right = _span([x for x, _ in every])
    low, high = _span([max(y, 1e-4) for _, y in every])

    def place(x: float, y: float) -> tuple[float, float]:
        across = EDGE + (math.log10(x) - left) / (right - left) * (WIDTH - 2 * EDGE)
        down = HEIGHT - EDGE - (math.log10(max(y, 1e-4)) - low) / (high - low) * (HEIGHT - 2 * EDGE)
        return round(across, 1), round(down, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" role="img" aria-label="Cost by number of invoices">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for power in range(math.ceil(left), math.floor(right) + 1):
        x, _ = place(10**power, 10**low)
        parts.append(f'<line x1="{x}" y1="{EDGE}" x2="{x}" y2="{HEIGHT - EDGE}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - EDGE + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        _, y = place(10**left, 10**power)
        parts.append(f'<line x1="{EDGE}" y1="{y}" x2="{WIDTH - EDGE}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{EDGE - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(f'<text x="{EDGE + 8}" y="{24 + 16 * number}" fill="{colour}">{name}</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">invoices (CPU seconds, both logarithmic)</text>'
    )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = math.log10(min(values)), math.log10(max(values))
    return (low - 0.1, high + 0.1) if high - low > 0.1 else (low - 0.5, high + 0.5)
