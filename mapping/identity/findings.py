"""What two records have in common and what contradicts: one code a group, nothing where a side is silent.

A missing value is neither agreement nor conflict. Codes carry no judgement; their weights do (`weights.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mapping.identity import addresses, name_pairs, places, tax_ids, trades
from mapping.identity.facts import PartyFacts, any_name
from mapping.identity.names import Name
from mapping.identity.views import GROUP_WORD, View

# Exclusive codes, the one that counts first: what two whole clusters have in common is the first of each group.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("tax_id_equal", "tax_id_conflict", "tax_id_near", "tax_id_differs"),
    name_pairs.HAN,
    name_pairs.LATIN,
    name_pairs.SOUND,
    ("trade_equal", "trade_differs"),
    ("brand_weak",),
    ("region_equal", "region_conflict"),
    ("district_differs",),
    ("branch_conflict", "branch_unclear", "branch_equal", "branch_one_side"),
    ("form_kind_differs",),
    ("trade_apart",),
    ("group_equal", "group_differs"),
    ("group_word_differs",),
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
    ("nobody_named",),
    ("person_named",),
    ("must_not_link",),
)
_TRADE = ("", "trade_differs", "trade_equal")
_PLACE = {code: (group, rank) for group, codes in enumerate(GROUPS) for rank, code in enumerate(codes)}
# What a customer is only when all pairs of its records say so: another pair that says more outweighs it.
_ALL_AGREE = ("brand_weak", "nobody_named")


def findings(mine: PartyFacts, theirs: PartyFacts) -> tuple[str, ...]:
    """The codes of a pair; symmetric."""
    return between(View(mine), View(theirs))


def between(mine: View, theirs: View) -> tuple[str, ...]:
    """The codes of a pair whose views are made already."""
    out = _names(mine, theirs)
    out += _contact(mine, theirs)
    if mine.facts.tax_ids and theirs.facts.tax_ids:
        out[:0] = _tax(mine.facts, theirs.facts)
    return tuple([code for code in out if code])


def two_persons(mine: PartyFacts, theirs: PartyFacts) -> bool:
    """True when both hold valid tax ids and no two of them are of one legal person."""
    return "tax_id_conflict" in _tax(mine, theirs)


def told_apart(mine: View, theirs: View) -> bool:
    """The same for records whose views are made already: nearly all of them have one tax id or none."""
    one, other = mine.only_tax, theirs.only_tax
    if one is not None and other is not None:
        return tax_ids.conflict(one, other)
    if not mine.facts.tax_ids or not theirs.facts.tax_ids:
        return False
    return two_persons(mine.facts, theirs.facts)


def _tax(mine: PartyFacts, theirs: PartyFacts) -> tuple[str, ...]:
    if not mine.tax_ids or not theirs.tax_ids:
        return ()
    pairs = list(product(mine.tax_ids, theirs.tax_ids))
    if any(tax_ids.equal(a, b) for a, b in pairs):
        if not mine.names or not theirs.names:
            return ("tax_id_equal", "nobody_named")
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
        if any(_share_brand(a, b) for a in left for b in right):
            return False
    shorts_agree = any(_share_brand(a, b) for a in mine.names for b in theirs.names if not (a.is_full and b.is_full))
    return comparable and not shorts_agree


def _share_brand(a: Name, b: Name) -> bool:
    """True when two brands of one script may be one: equal, as spoken, mistyped, or one a part of the other.

    One character in common is nothing: 新奥 and 新星.
    """
    if a.script != b.script:
        return False
    if a.script == "latin":
        return bool(frozenset(a.brand.split()) & frozenset(b.brand.split()))
    return name_pairs.brands_meet(a.brand, b.brand) or name_pairs.brands_meet(a.core, b.core)


def _names(mine: View, theirs: View) -> list[str]:
    han = latin = spoken = trade = ""
    if mine.is_called or theirs.is_called:
        han = _called(mine.facts, theirs.facts)
    for a in mine.han:
        for b in theirs.han:
            han = _better(han, name_pairs.han_level(a, b))
    for a in mine.latin:
        for b in theirs.latin:
            latin = _better(latin, name_pairs.latin_level(a, b))
    if not han and not latin:  # names of one script tell more than sounds
        for one, other in ((mine, theirs), (theirs, mine)):
            for a in one.han:
                for b in other.latin:
                    spoken = _better(spoken, name_pairs.sound_level(a, b))
                    trade = max(trade, trades.relation(a, b), key=_TRADE.index)
    if han in name_pairs.CALLED:  # what its own names are does not speak against what people call it
        return [han, _branches(mine, theirs), _kinds(mine, theirs)]
    return [
        han or latin or spoken,
        latin if han else "" if latin else trade,
        _weak(mine, theirs, han, latin),
        _regions(mine, theirs),
        _districts(mine, theirs),
        _branches(mine, theirs),
        _kinds(mine, theirs),
        _trades(mine, theirs) if han == "han_industry_differs" else "",
        _groups(mine, theirs),
        _group_words(mine, theirs),
        "person_named" if mine.is_person or theirs.is_person else "",
    ]


def _called(mine: PartyFacts, theirs: PartyFacts) -> str:
    """Whether one bears a name by which people's answers call the customer of the other, and nobody else."""
    found = ""
    for one, other in ((mine, theirs), (theirs, mine)):
        keys = {name.key for name in other.names if name.has_brand}  # trade words alone name nobody
        if not keys.isdisjoint(one.called_too):
            return "alias_shared"
        if not keys.isdisjoint(one.called):
            found = "alias_equal"
    return found


def _better(old: str, new: str) -> str:
    return new if not old or name_pairs.rank(new) < name_pairs.rank(old) else old


def _weak(mine: View, theirs: View, han: str, latin: str) -> str:
    """A note that agreeing names consist of trade words alone."""
    if han and han != "han_differs":
        script = 0
    elif latin and latin != "latin_differs":
        script = 1
    else:
        return ""
    if not (mine.weak[script] or theirs.weak[script]):
        return ""
    is_whole = han in ("han_legal_equal", "han_stem_equal") and mine.licensed and theirs.licensed
    return "" if is_whole else "brand_weak"


def _regions(mine: View, theirs: View) -> str:
    if not mine.regions or not theirs.regions:
        return ""
    for a in mine.regions:
        for b in theirs.regions:
            if not places.conflict(a, b):
                return "region_equal"
    return "region_conflict"


def _districts(mine: View, theirs: View) -> str:
    """`district_differs` when both name a part of a city and no two of them are one: 南山区 and 福田区."""
    return (
        "district_differs"
        if mine.districts and theirs.districts and mine.districts.isdisjoint(theirs.districts)
        else ""
    )


def _branches(mine: View, theirs: View) -> str:
    if not mine.has_branch and not theirs.has_branch:
        return _shops(mine, theirs) if mine.shops and theirs.shops else ""
    if mine.branch_texts and theirs.branch_texts:
        found = {name_pairs.same_branch(a, b) for a, b in product(mine.branch_texts, theirs.branch_texts)}
        return next(code for code in ("branch_equal", "branch_unclear", "branch_conflict") if code in found)
    here, there = mine.branch_places, theirs.branch_places
    if here and there:
        return "branch_conflict" if places.conflict(here, there) else "branch_equal"
    left, right = mine.is_branch, theirs.is_branch
    if left is not None and right is not None and left != right:
        return "branch_conflict"
    if bool(here) != bool(there):
        # A branch or a place at the end of a short name, on one side only; of two branches one does not say which.
        return "branch_unclear" if left and right else "branch_one_side"
    return "branch_equal" if left and right else ""


def _shops(mine: View, theirs: View) -> str:
    """`branch_unclear` for 澄砚南山店 and 澄砚福田店: names of a chain and its shops, or of two of its shops."""
    pairs = [(a.core, b.core) for a in mine.shops for b in theirs.shops]
    if any(a == b for a, b in pairs):
        return ""
    return "branch_unclear" if any(a[:2] == b[:2] for a, b in pairs) else ""


def _kinds(mine: View, theirs: View) -> str:
    """`form_kind_differs` when all forms of the one are those of other kinds of legal persons than the other's."""
    if not mine.kinds or not theirs.kinds or not mine.kinds.isdisjoint(theirs.kinds):
        return ""
    differ = any(name_pairs.kinds_differ(a, b) for a in mine.han for b in theirs.han)
    return "form_kind_differs" if differ else ""


def _groups(mine: View, theirs: View) -> str:
    """`group_differs` when the names of one script disagree on 集团 or Group."""
    han, latin = mine.groups[0] & theirs.groups[0], mine.groups[1] & theirs.groups[1]
    if (mine.han and theirs.han and not han) or (mine.latin and theirs.latin and not latin):
        return "group_differs"
    return "group_equal" if (han | latin) & GROUP_WORD else ""


def _group_words(mine: View, theirs: View) -> str:
    """`group_word_differs` when one says group in either script and a whole legal name of the other does not."""
    if mine.says_group == theirs.says_group:
        return ""
    other = theirs if mine.says_group else mine
    return "group_word_differs" if other.is_no_group else ""


def _trades(mine: View, theirs: View) -> str:
    """`trade_apart` for one brand with two trades: whole legal names, or names that state trades of two kinds."""
    for a in mine.han:
        for b in theirs.han:
            if (a.is_full and b.is_full) or trades.relation(a, b) == "trade_differs":
                return "trade_apart"
    return ""


def _contact(mine: View, theirs: View) -> list[str]:
    one, other = mine.facts, theirs.facts
    out = []
    if one.domain and other.domain:
        out.append("domain_equal" if one.domain == other.domain else "domain_differs")
    elif (mine.label and _domain_named(mine.label, theirs)) or (theirs.label and _domain_named(theirs.label, mine)):
        out.append("domain_named")
    if one.phone and other.phone:
        out.append("phone_equal" if one.phone == other.phone else "phone_differs")
    if one.mobile and one.mobile == other.mobile:
        out.append("mobile_equal")
    if one.number and one.number == other.number:
        out.append("number_equal")
    if one.address is not None and other.address is not None:
        found = addresses.relation(one.address, other.address)
        out.append(f"address_{found}" if found else "")
    if mine.places or theirs.places:
        out.append(_cities(mine, theirs))
    if one.country and other.country and one.country != other.country:
        out.append("country_conflict")
    return out


def _domain_named(label: str, theirs: View) -> bool:
    return any(name_pairs.domain_sounds(label, name) for name in theirs.spoken)


def _cities(mine: View, theirs: View) -> str:
    if mine.places and theirs.places:
        if not mine.places.isdisjoint(theirs.places):
            return "city_equal"
        return "city_conflict" if places.conflict(mine.places, theirs.places) else ""
    for one, other in ((mine, theirs), (theirs, mine)):
        if one.places and other.named:
            if not one.places.isdisjoint(other.named):
                return "city_named"
            if places.conflict(one.places, other.named):
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
    for code in _ALL_AGREE:
        if _PLACE[code][0] in best and not all(code in codes for codes in pairs):
            del best[_PLACE[code][0]]
    if 1 in best and best[1][1] in name_pairs.CALLED:
        best.pop(2, None)
    if 1 in best or 2 in best:
        best.pop(3, None)
        best.pop(4, None)  # names of one script tell more than sounds
    return tuple(best[group][1] for group in sorted(best))
