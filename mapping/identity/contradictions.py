"""What speaks against a suggestion so strongly that no other evidence outweighs it: a person must say so twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mapping.identity.weights import BARS, HOLDS, HOLDS_REGISTERED, VETOES, registered

# A document that is somebody else's, another record's, of another kind or in another currency is not the one meant.
_DOCUMENT = frozenset(("customer_differs", "document_taken", "kind_differs", "currency_differs"))


def contradictions(codes: Collection[str]) -> tuple[str, ...]:
    """The findings of a pair that contradict its being one customer or document, vetoes first; empty for none.

    An equal tax id and a registered name outrank what merely asks for a look (`weights.held`); nothing outranks a veto.
    """
    holds = BARS if "tax_id_equal" in codes else BARS | (HOLDS_REGISTERED if registered(codes) else HOLDS)
    seen = dict.fromkeys(codes)
    vetoes = [code for code in seen if code in VETOES]
    return (*vetoes, *(code for code in seen if code not in VETOES and (code in holds or code in _DOCUMENT)))


def against(suggestion: Mapping[str, Any], reasons: Any = ()) -> tuple[str, ...]:
    """What contradicts a suggestion as it is stored; `reasons`: those of its conflict; some name its target."""
    target = suggestion.get("target")
    own = [_code(one) for one in _dicts(suggestion.get("reasons"))]
    named = (_code(one) for one in _dicts(reasons) if target and one.get("ref") == target)
    return contradictions([*own, *(code for code in named if code in VETOES or code in _DOCUMENT)])


def ranked(suggestions: Any, reasons: Any = ()) -> list[dict[str, Any]]:
    """Suggestions with their `contradictions`; those that nothing contradicts come first, else the order stays."""
    told = [{**one, "contradictions": list(against(one, reasons))} for one in _dicts(suggestions)]
    return sorted(told, key=lambda one: bool(one["contradictions"]))


def _code(reason: Mapping[str, Any]) -> str:
    return str(reason.get("code", ""))


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
