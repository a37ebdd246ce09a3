"""A record as comparison sees it: what is asked of every pair, worked out once per record."""

from __future__ import annotations

import re

from mapping.identity.facts import PartyFacts
from mapping.identity.names import Name, loose
from mapping.identity.tables import tables

_INNER = re.compile(r"(?:分行|分公司)(?=.)")  # between the head office and the branch: 深圳分行中心区支行


class View:
    """Names by script, places, branches and group words of one record; plain attributes, for millions of reads."""

    __slots__ = (
        "branch_places", "branch_texts", "facts", "groups", "han", "is_branch", "label", "latin", "licensed", "named",
        "places", "regions", "weak",
    )  # fmt: skip

    def __init__(self, facts: PartyFacts) -> None:
        names = facts.names
        self.facts = facts
        self.han = tuple(name for name in names if name.script == "han")
        self.latin = tuple(name for name in names if name.script == "latin")
        self.regions = tuple(name.regions for name in names if name.regions)
        self.is_branch = facts.is_branch()
        self.branch_texts = frozenset(loose(_INNER.sub("", name.branch)) for name in self.han if name.branch)
        self.branch_places = frozenset(place for name in names for place in name.branch_places)
        self.groups = tuple(frozenset(name.is_group for name in side) for side in (self.han, self.latin))
        self.weak = tuple(bool(side) and not any(name.has_brand for name in side) for side in (self.han, self.latin))
        self.licensed = self.weak[0] and any(map(_is_licensed, self.han))
        self.label = facts.domain.split(".")[0].replace("-", "")
        self.places = frozenset(facts.places)
        self.named = frozenset(place for name in names for place in (name.branch_places or name.regions))


def _is_licensed(name: Name) -> bool:
    """True for a place and a trade that needs a licence, with or without words of trade between: 吉林省信托."""
    placed = bool(name.regions) or bool(name.branch and len(name.core) >= 4)
    return placed and not name.has_brand and name.core.endswith(tables().licensed)
