"""Evidence of any shape as a table people can compare: both sides in columns, the rest below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieout.core import exact_json
from tieout.core.money import format_minor, is_currency
from tieout.reports.values import money as shown_money

MAX_TEXT = 4000
BRIEF = 160
# Log-odds in hundredths of a natural unit: 250 is 12 times as likely, 100 not quite 3 times.
_STRONG, _CLEAR = 250, 100
MAX_SIDES = 4


@dataclass(slots=True)
class Line:
    """One fact, as each side tells it."""

    name: str
    values: list[str]
    differs: bool


@dataclass(slots=True)
class Shown:
    """Columns (the sides), lines (their facts), and what belongs to no side."""

    columns: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    rest: list[tuple[str, str]] = field(default_factory=list)


def text(value: Any) -> str:
    """A value for a table cell; lists of plain values read as a list."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return "、".join(str(item) for item in value)[:MAX_TEXT]
    if isinstance(value, dict) and set(value) >= {"minor", "currency", "text"}:
        return f"{value['text']} {value['currency']}"
    if isinstance(value, dict | list):
        return exact_json.dumps(value).decode()[:MAX_TEXT]
    return str(value)


def brief(words: Any) -> str:
    """What a vendor answered, as one line: pages of markup lose their tags, and the rest is cut."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", text(words)).split())
    kept = list(dict.fromkeys(part.strip() for part in re.split(r"(?<=[.;]) ", plain)))
    line = " ".join(kept)
    return line if len(line) <= BRIEF else line[: BRIEF - 1].rstrip() + "…"


def amounts(value: Any) -> str:
    """Minor units by currency (`{"CNY": 1153165}`) as people read them; empty for anything else."""
    if not isinstance(value, dict) or not value:
        return ""
    if not all(isinstance(code, str) and is_currency(code) and type(minor) is int for code, minor in value.items()):
        return ""
    return "、".join(format_minor(minor, code) for code, minor in value.items() if minor) or "0"


def received(amount: dict[str, Any] | None) -> dict[str, Any] | None:
    """A receipt as people write it: the ledger holds it against the debt (negative), a list of receipts does not."""
    return None if amount is None else shown_money(-int(amount["minor"]), amount["currency"])


def facts(item: Any, money: str = "") -> list[tuple[str, str]]:
    """What a reason or a figure says beside its code, as (name, text): minor units become amounts.

    `overdue_minor: 1153165, currency: CNY` and `overdue_minor: {"CNY": 1153165}` both read `overdue 11,531.65 CNY`.
    """
    if not isinstance(item, dict):
        return []
    inner = item.get("params")
    found = {key: value for key, value in item.items() if key not in ("code", "params", "weight")}
    found |= inner if isinstance(inner, dict) else {}
    currency = found.get("currency") or money
    is_told = isinstance(currency, str) and is_currency(currency)
    out: list[tuple[str, str]] = []
    for key, value in found.items():
        if key.endswith("_minor") and is_told and type(value) is int:
            out.append((key.removesuffix("_minor"), format_minor(value, str(currency))))
        elif key == "currency" and any(name.endswith("_minor") and type(one) is int for name, one in found.items()):
            continue
        elif words := amounts(value) or text(value):
            out.append((key.removesuffix("_minor"), words))
    return out


def shown(evidence: Any, suggestions: Any = ()) -> Shown:
    """The evidence of a conflict as columns: the record in question, then what each suggestion offers instead.

    Sides are the dicts of the evidence and the `record` of each suggestion; a line differs when two sides tell
    different things. With one side only, or none, everything is a list of facts.
    """
    if not isinstance(evidence, dict):
        return Shown(rest=[("", text(evidence))])
    sides = [(name, value) for name, value in evidence.items() if isinstance(value, dict) and value]
    rest = [
        (name, text(value)) for name, value in evidence.items() if name != "reasons" and not isinstance(value, dict)
    ]
    for item in _dicts(suggestions)[:MAX_SIDES]:
        if isinstance(item.get("record"), dict) and item["record"]:
            sides.append((text(item.get("label")) or text(item.get("target")), item["record"]))
    if len(sides) < 2:
        facts = [(key, text(value)) for _, side in sides for key, value in side.items()]
        return Shown(rest=facts + rest)
    names = list(dict.fromkeys(key for _, side in sides for key in side))
    lines = []
    for name in names:
        values = [text(side.get(name)) for _, side in sides]
        if any(values):
            lines.append(Line(name, values, len({value for value in values if value}) > 1))
    return Shown([name for name, _ in sides], lines, rest)


def strength(weight: Any) -> str:
    """How much a finding says, as a code with a word: strong_for, for, slight_for, the same against; "" for nothing."""
    if type(weight) is not int or not weight:
        return ""
    side = "for" if weight > 0 else "against"
    size = abs(weight)
    return f"strong_{side}" if size >= _STRONG else side if size >= _CLEAR else f"slight_{side}"


def likelihood(suggestion: Mapping[str, Any]) -> str:
    """How likely a weighed suggestion is the same customer: likely, open or unlikely; "" where nothing was weighed.

    `contradicted` wherever a veto or hold speaks against it, however much speaks for it.
    """
    if suggestion.get("contradictions"):
        return "contradicted"
    told, reasons = str(suggestion.get("points")), _dicts(suggestion.get("reasons"))
    if not told.removeprefix("-").isdecimal() or not any(strength(one.get("weight")) for one in reasons):
        return ""
    points = int(told)
    return "likely" if points >= _STRONG else "open" if points >= 0 else "unlikely"


def answers(suggestions: Any) -> list[dict[str, Any]]:
    """Suggestions that can be sent back as an answer: action, target, label, likelihood and reasons of each.

    What contradicts one comes first among its reasons, and again as `against`.
    """
    return [
        {
            "action": item["action"],
            "target": text(item.get("target")),
            "label": text(item.get("label")),
            "likelihood": likelihood(item),
            "reasons": sorted(item.get("reasons") or [], key=lambda one: (not _is_among(one, told), _says_most(one))),
            "against": told,
        }
        for item in _dicts(suggestions)
        for told in [list(item.get("contradictions") or [])]
        if isinstance(item.get("action"), str)
    ]


def _is_among(reason: Any, codes: Sequence[str]) -> bool:
    return isinstance(reason, dict) and reason.get("code") in codes


def _says_most(reason: Any) -> int:
    """What says most comes first; what was not weighed keeps its place before it."""
    weight = reason.get("weight") if isinstance(reason, dict) else None
    return -abs(weight) if type(weight) is int and weight else -(10**6)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
