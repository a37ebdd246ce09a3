"""Two records side by side: what agrees, what contradicts, with the values of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mapping.identity import tax_ids
from mapping.identity.facts import PartyFacts, any_name
from mapping.identity.names import Name, regions_conflict

# Points of a suggestion; they rank what people see and decide nothing by themselves.
POINTS = {
    "tax_id_equal": 90,
    "legal_name_equal": 60,
    "tax_id_near": 40,
    "brand_equal": 30,
    "name_similar": 20,
    "domain_equal": 20,
    "number_equal": 15,
    "phone_equal": 10,
    "group_word_differs": -10,
    "region_conflict": -20,
    "legal_name_differs": -20,
    "branch_conflict": -40,
    "names_share_nothing": -50,
    "tax_id_conflict": -60,
}
_SIMILAR = 60  # percent of shared character pairs


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding: a stable code and the values of both sides; `ref` names the other record."""

    code: str
    mine: str = ""
    theirs: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All findings of one pair."""

    ref: str
    reasons: tuple[Reason, ...]
    points: int
    tax_equal: bool
    tax_conflict: bool
    name_equal: bool
    branch_conflict: bool

    @property
    def is_vetoed(self) -> bool:
        """Two different valid tax ids, or a branch against a head office: never one customer by machine."""
        return self.tax_conflict or self.branch_conflict


def compare(mine: PartyFacts, theirs: PartyFacts) -> Evidence:
    """The evidence for and against two records being one customer; symmetric but for the order of values."""
    tax_equal = any(tax_ids.equal(a, b) for a in mine.tax_ids for b in theirs.tax_ids)
    # A record may hold several ids; only one that disagrees with all of the other's is a contradiction.
    tax_conflict = not tax_equal and any(tax_ids.conflict(a, b) for a in mine.tax_ids for b in theirs.tax_ids)
    name_equal = bool(mine.legal_keys & theirs.legal_keys)
    branches = (mine.is_branch(), theirs.is_branch())
    branch_conflict = None not in branches and branches[0] != branches[1]
    found = {
        "tax_id_equal": tax_equal,
        "tax_id_conflict": tax_conflict,
        "tax_id_near": not (tax_equal or tax_conflict)
        and any(tax_ids.near(a, b) for a in mine.tax_ids for b in theirs.tax_ids),
        "legal_name_equal": name_equal,
        "brand_equal": not name_equal and _brand_equal(mine, theirs),
        "name_similar": not name_equal and similarity(mine, theirs) >= _SIMILAR,
        "branch_conflict": branch_conflict,
        "region_conflict": _regions_conflict(mine, theirs),
        "group_word_differs": _group_differs(mine, theirs),
        "legal_name_differs": _legal_names_differ(mine, theirs),
        "names_share_nothing": tax_equal and names_share_nothing(mine, theirs),
        "number_equal": bool(mine.number) and mine.number == theirs.number,
        "domain_equal": bool(mine.domain) and mine.domain == theirs.domain,
        "phone_equal": bool(mine.phone) and mine.phone == theirs.phone,
    }
    codes = [code for code, holds in found.items() if holds]
    return Evidence(
        ref=theirs.ref,
        reasons=tuple(Reason(code, _shown(code, mine), _shown(code, theirs), theirs.ref) for code in codes),
        points=sum(POINTS[code] for code in codes),
        tax_equal=tax_equal,
        tax_conflict=tax_conflict,
        name_equal=name_equal,
        branch_conflict=branch_conflict,
    )


def names_share_nothing(mine: PartyFacts, theirs: PartyFacts) -> bool:
    """True when whole legal names of one script can be compared and no brand has anything in common with another.

    Guards against a parent's tax id pasted on a subsidiary: equal ids and wholly different names go to a person.
    """
    comparable = False
    for script in ("han", "latin"):
        left = [name for name in any_name(mine.names, script) if name.is_full]
        right = [name for name in any_name(theirs.names, script) if name.is_full]
        comparable = comparable or bool(left and right)
        if any(_parts(a) & _parts(b) for a in left for b in right):
            return False
    shorts_agree = any(_parts(a) & _parts(b) for a in mine.names for b in theirs.names if not (a.is_full and b.is_full))
    return comparable and not shorts_agree


def _parts(name: Name) -> frozenset[str]:
    return frozenset(name.brand) if name.script == "han" else frozenset(name.brand.split())


def _regions_conflict(mine: PartyFacts, theirs: PartyFacts) -> bool:
    left = [name for name in mine.names if name.regions]
    right = [name for name in theirs.names if name.regions]
    return bool(left and right) and all(regions_conflict(a, b) for a in left for b in right)


def _legal_names_differ(mine: PartyFacts, theirs: PartyFacts) -> bool:
    """True when both state a whole legal name in one script and none of them is equal."""
    for script in ("han", "latin"):
        left, right = ({name.key for name in any_name(party.names, script) if name.is_full} for party in (mine, theirs))
        if left and right and not left & right:
            return True
    return False


def _brand_equal(mine: PartyFacts, theirs: PartyFacts) -> bool:
    return any(a.brand == b.brand and len(a.brand) >= 2 for a in mine.names for b in theirs.names)


def _group_differs(mine: PartyFacts, theirs: PartyFacts) -> bool:
    """True when the whole legal names of one record say group or holding and those of the other do not."""
    left, right = ([name.is_group for name in party.names if name.is_full] for party in (mine, theirs))
    return bool(left and right) and any(left) != any(right)


def similarity(mine: PartyFacts, theirs: PartyFacts) -> int:
    """Best share of common character pairs of two cores of one script, in percent."""
    pairs = ((a.core, b.core) for a in mine.names for b in theirs.names if a.script == b.script)
    return max((_dice(*sorted(pair)) for pair in pairs), default=0)


@lru_cache(maxsize=65536)
def _dice(left: str, right: str) -> int:
    first, second = ({text[i : i + 2] for i in range(len(text) - 1)} for text in (left, right))
    total = len(first) + len(second)
    return 200 * len(first & second) // total if total else 0


def _shown(code: str, party: PartyFacts) -> str:
    if code.startswith("tax_id"):
        return party.shown_tax_ids()
    if code in ("number_equal", "domain_equal", "phone_equal"):
        return {"number_equal": party.number, "domain_equal": party.domain, "phone_equal": party.phone}[code]
    return party.shown_names()
