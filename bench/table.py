"""The table: ratios first, then what they are made of."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Section:
    """Rows of one section. `raw` goes into the JSON file as it is."""

    name: str
    title: str
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: list[dict[str, Any]] = field(default_factory=list)

    def text(self) -> str:
        cells = [list(self.head), *[list(row) for row in self.rows]]
        widths = [max(len(row[place]) for row in cells) for place in range(len(self.head))]
        lines = [f"## {self.title}", ""]
        for number, row in enumerate(cells):
            lines.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
            if number == 0:
                lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join([*lines, "", *self.notes, ""])


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def save(path: Path, sections: Sequence[Section], sizes: dict[str, Any]) -> None:
    """Raw results as JSON beside the table."""
    data = {
        "machine": machine(),
        "sizes": sizes,
        "sections": {section.name: section.raw for section in sections},
        "notes": {section.name: section.notes for section in sections},
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def times(value: float, other: float) -> str:
    """`2.1 x`, or a dash where there is nothing to divide by."""
    return f"{value / other:.1f} x" if other > 0 else "-"
