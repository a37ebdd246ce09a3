"""Lines of the audit trail as people read them: the deed in words, what it was done to, and what was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieout.core.money import format_minor, is_currency
from tieout.web.evidence import amounts, text
from tieout.web.i18n import Speaker

_PAGES = (("cus_", "/customers/"), ("inv_", "/invoices/"), ("cfl_", "/conflicts/"), ("psh_", "/pushes/"))
_SILENT = ("do", "account_id")


@dataclass(frozen=True, slots=True)
class Told:
    """One line: the deed, the subject's name and page ("" = none), and the facts as (name, text)."""

    deed: str
    subject: str
    page: str
    facts: Sequence[tuple[str, str]]


def told(t: Speaker, row: Mapping[str, Any], names: Mapping[str, str]) -> Told:
    """A line of audit in one language; `names` are those of customers, documents and people by id."""
    body, subject, action = dict(row["body"] or {}), str(row["subject"]), str(row["action"])
    deed = action.split(".")[0]
    known = subject.split("|")[0]
    page = next((where + known for prefix, where in _PAGES if known.startswith(prefix)), "")
    facts = [one for one in _facts(t, deed, body, names, _currency(body)) if one[1] != subject]
    return Told(t.word("deed", action), names.get(subject, subject), page, facts)


def ids_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every id that lines name and that may have a name."""
    found = [str(row["subject"]) for row in rows]
    for row in rows:
        for value in (row["body"] or {}).values():
            found += [_id(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return [one for one in found if one[:4] in ("cus_", "inv_", "crn_", "usr_")]


def _id(ref: str) -> str:
    """The document that one of its instalments (`inv_…:1`) belongs to."""
    return ref.partition(":")[0]


def _currency(body: Mapping[str, Any]) -> str:
    found = body.get("currency")
    return found if isinstance(found, str) and is_currency(found) else ""


def _facts(
    t: Speaker, deed: str, body: Mapping[str, Any], names: Mapping[str, str], currency: str
) -> Iterator[tuple[str, str]]:
    has_amount = any(key.endswith("_minor") and type(value) is int for key, value in body.items())
    for key, value in body.items():
        if key in _SILENT or (key == "currency" and currency and has_amount):
            continue
        if key == "kind" and deed != "conflict":  # the deed says it
            continue
        if key.endswith("_minor") and type(value) is int and currency:
            yield t.word("fact", key.removesuffix("_minor")), format_minor(value, currency)
        elif key == "body" and isinstance(value, dict):
            yield from _facts(t, deed, value, names, currency)
        elif words := _words(t, deed, key, value, names, currency):
            yield t.word("fact", key), words


def _words(t: Speaker, deed: str, key: str, value: Any, names: Mapping[str, str], currency: str) -> str:
    if isinstance(value, bool):
        return t.word("truth", str(value))
    if isinstance(value, str):
        return _code(t, deed, key, value) or names.get(value, value)[:500]
    if isinstance(value, dict):
        inner = _facts(t, deed, value, names, currency)
        return amounts(value) or t.say("trail.and").join(f"{name} {words}" for name, words in inner)
    if key == "rows" and currency and isinstance(value, list):  # the instalments of a plan
        return t.say("trail.then").join(f"{day} {format_minor(minor, currency)}" for day, minor in value)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return t.say("trail.then").join(_words(t, deed, key, one, names, currency) for one in value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return text(list(dict.fromkeys(names.get(_id(one), one) for one in value)))
    return text(value)


def _code(t: Speaker, deed: str, key: str, value: str) -> str:
    """The word of a code; "" where the fact is no code, or one of another kind by the deed it belongs to."""
    match deed, key:
        case _, "action":
            return t.word("action", value)
        case _, "channel":
            return t.word("channel", value)
        case _, "how":
            return t.word("how", value)
        case _, "language":
            return t.word("language", value)
        case _, "outcome" | "was":
            return t.word("case_state", value)
        case "user" | "apikey", "role" | "before":
            return t.word("role", value)
        case _, "status":
            return t.word("credit", value)
        case _, "step":
            return t.word("order_step", value)
        case "conflict", "stream":
            return t.word("stream", value)
        case "conflict", "kind":
            return t.word("kind", value)
        case "dispute", "reason":
            return t.word("dispute", value)
    return ""
