"""What two records have in common and what contradicts: one code a group, nothing where a side is silent.

A missing value is neither agreement nor conflict. Codes carry no judgement; their weights do (`weights.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mapping.identity import addresses, name_pairs, places, tax_ids, trades
from mapping.identity.facts import PartyFacts, any_name
from mapping.identity.names import Name, loose

# Exclusive codes, the one that counts first: what two whole clusters have in common is the first of each group.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("tax_id_equal", "tax_id_conflict", "tax_id_near", "tax_id_differs"),
    name_pairs.HAN,
    name_pairs.LATIN,
    name_pairs.SOUND,
    ("trade_equal", "trade_differs"),
    ("brand_weak",),
    ("region_equal", "region_conflict"),
    ("branch_conflict", "branch_equal", "branch_one_side"),
    ("group_equal", "group_differs"),
    ("brand_contested", "brand_single"),
    ("brand_crowded",),
    ("sound_crowded",),
    ("name_contested",),
    ("domain_contested",),
    ("domain_equal", "domain_differs", "domain_named"),
    ("phone_equal", "phone_differs"),
    ("mobile_equal",),
    ("number_equal",),
    ("address_equal", "address_cut", "address_road", "address_differs"),
    ("city_equal", "city_named", "city_conflict", "city_not_named"),
    ("country_conflict",),
    ("names_share_nothing",),
    ("must_not_link",),
)
_TRADE = ("", "trade_differs", "trade_equal")
_PLACE = {code: (group, rank) for group, codes in enumerate(GROUPS) for rank, code in enumerate(codes)}
_ALL_AGREE = _PLACE["brand_weak"][0]


def findings(mine: PartyFacts, theirs: PartyFacts) -> tuple[str, ...]:
    """The codes of a pair; symmetric."""
    out = [code for code in (*_tax(mine, theirs), *_names(mine, theirs), *_contact(mine, theirs)) if code]
    return tuple(out)


def _tax(mine: PartyFacts, theirs: PartyFacts) -> tuple[str, ...]:
    if not mine.tax_ids or not theirs.tax_ids:
        return ()
    pairs = list(product(mine.tax_ids, theirs.tax_ids))
    if any(tax_ids.equal(a, b) for a, b in pairs):
        return ("tax_id_equal", "names_share_nothing") if names_share_nothing(mine, theirs) else ("tax_id_equal",)
    # A record may hold several ids; only one that disagrees with all of the other's is a contradiction.
    if any(tax_ids.conflict(a, b) for a, b in pairs):
        return ("tax_id_conflict",)
    if any(tax_ids.near(a, b) for a, b in pairs):
        return ("tax_id_near",)
    return ("tax_id_differs",)


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


def _names(mine: PartyFacts, theirs: PartyFacts) -> list[str]:
    han = latin = spoken = trade = ""
    for a, b in product(mine.names, theirs.names):
        if a.script == b.script == "han":
            han = _better(han, name_pairs.han_level(a, b))
        elif a.script == b.script:
            latin = _better(latin, name_pairs.latin_level(a, b))
        else:
            spoken = _better(spoken, name_pairs.sound_level(*((a, b) if a.script == "han" else (b, a))))
            trade = max(trade, trades.relation(a, b), key=_TRADE.index)
    out = [han, latin] if han or latin else [spoken, trade]
    out.append(_weak(mine, theirs, han, latin))
    out.append(_regions(mine.names, theirs.names))
    out.append(_branches(mine, theirs))
    out.append(_groups(mine.names, theirs.names))
    return out


def _better(old: str, new: str) -> str:
    return new if not old or name_pairs.rank(new) < name_pairs.rank(old) else old


def _weak(mine: PartyFacts, theirs: PartyFacts, han: str, latin: str) -> str:
    """A note that agreeing names consist of trade words alone."""
    if (han and han != "han_differs") or (latin and latin != "latin_differs"):
        script = "han" if han and han != "han_differs" else "latin"
        for side in (mine, theirs):
            names = [name for name in side.names if name.script == script]
            if names and not any(name.has_brand for name in names):
                return "brand_weak"
    return ""


def _regions(mine: tuple[Name, ...], theirs: tuple[Name, ...]) -> str:
    left = [name.regions for name in mine if name.regions]
    right = [name.regions for name in theirs if name.regions]
    if not left or not right:
        return ""
    pairs = list(product(left, right))
    if all(places.conflict(a, b) for a, b in pairs):
        return "region_conflict"
    return "region_equal"


def _branches(mine: PartyFacts, theirs: PartyFacts) -> str:
    left, right = mine.is_branch(), theirs.is_branch()
    texts = [
        {loose(name.branch) for name in side.names if name.script == "han" and name.branch} for side in (mine, theirs)
    ]
    if all(texts):
        same = any(a.endswith(b) or b.endswith(a) for a, b in product(*texts))
        return "branch_equal" if same else "branch_conflict"
    here = {place for name in mine.names for place in name.branch_places}
    there = {place for name in theirs.names for place in name.branch_places}
    if here and there:
        return "branch_conflict" if places.conflict(here, there) else "branch_equal"
    if left is not None and right is not None and left != right:
        return "branch_conflict"
    if bool(here) != bool(there):
        # A branch or a place at the end of a short name, on one side only.
        return "branch_one_side"
    return "branch_equal" if left and right else ""


def _groups(mine: tuple[Name, ...], theirs: tuple[Name, ...]) -> str:
    """`group_differs` when the whole legal names of one script disagree on 集团 or Group."""
    out = ""
    for script in ("han", "latin"):
        left = {name.is_group for name in mine if name.script == script}
        right = {name.is_group for name in theirs if name.script == script}
        if left and right:
            if not left & right:
                return "group_differs"
            if True in left & right:
                out = "group_equal"
    return out


def _contact(mine: PartyFacts, theirs: PartyFacts) -> list[str]:
    out = []
    if mine.domain and theirs.domain:
        out.append("domain_equal" if mine.domain == theirs.domain else "domain_differs")
    elif _domain_named(mine, theirs) or _domain_named(theirs, mine):
        out.append("domain_named")
    if mine.phone and theirs.phone:
        out.append("phone_equal" if mine.phone == theirs.phone else "phone_differs")
    if mine.mobile and mine.mobile == theirs.mobile:
        out.append("mobile_equal")
    if mine.number and mine.number == theirs.number:
        out.append("number_equal")
    if mine.address is not None and theirs.address is not None:
        found = addresses.relation(mine.address, theirs.address)
        out.append(f"address_{found}" if found else "")
    out.append(_cities(mine, theirs))
    if mine.country and theirs.country and mine.country != theirs.country:
        out.append("country_conflict")
    return out


def _domain_named(mine: PartyFacts, theirs: PartyFacts) -> bool:
    if not mine.domain:
        return False
    label = mine.domain.split(".")[0].replace("-", "")
    return any(name_pairs.domain_sounds(label, name) for name in theirs.names)


def _cities(mine: PartyFacts, theirs: PartyFacts) -> str:
    if mine.places and theirs.places:
        if set(mine.places) & set(theirs.places):
            return "city_equal"
        return "city_conflict" if places.conflict(mine.places, theirs.places) else ""
    for one, other in ((mine, theirs), (theirs, mine)):
        named = {place for name in other.names for place in (name.branch_places or name.regions)}
        if one.places and named:
            if set(one.places) & named:
                return "city_named"
            if places.conflict(one.places, named):
                return "city_not_named"
    return ""


def joined(pairs: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The findings of two clusters from those of their records: of each group the code that counts first."""
    best: dict[int, tuple[int, str]] = {}
    for codes in pairs:
        for code in codes:
            group, rank = _PLACE[code]
            if group not in best or rank < best[group][0]:
                best[group] = (rank, code)
    if _ALL_AGREE in best and not all("brand_weak" in codes for codes in pairs):
        del best[_ALL_AGREE]  # some pair agrees in more than trade words
    if 1 in best or 2 in best:
        best.pop(3, None)
        best.pop(4, None)  # names of one script tell more than sounds
    return tuple(best[group][1] for group in sorted(best))
