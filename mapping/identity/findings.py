"""What two records have in common and what contradicts: one code a group, nothing where a side is silent.

A missing value is neither agreement nor conflict. Codes carry no judgement; their weights do (`weights.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mapping.identity import addresses, brands, name_pairs, places, tax_ids, trades
from mapping.identity.facts import PartyFacts
from mapping.identity.names import Name
from mapping.identity.reach import WORLD
from mapping.identity.views import GROUP_WORD, View

# Exclusive codes, the one that counts first: what two whole clusters have in common is the first of each group.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("tax_id_equal", "tax_id_conflict", "tax_id_near", "tax_id_differs"),
    name_pairs.HAN,
    name_pairs.LATIN,
    name_pairs.SOUND,
    ("trade_equal", "trade_differs"),
    ("trades_equal",),
    ("brand_weak",),
    ("brand_common",),
    ("region_equal", "region_conflict"),
    ("district_differs",),
    ("branch_conflict", "branch_unclear", "branch_equal", "branch_one_side"),
    ("form_kind_differs",),
    ("sole_trader",),
    ("trade_apart",),
    ("group_equal", "group_differs"),
    ("group_word_differs",),
    ("brand_contested", "brand_single"),
    ("brand_crowded",),
    ("sound_crowded",),
    ("name_contested",),
    ("domain_contested",),
    ("domain_equal", "domain_differs", "domain_named"),
    ("domain_spelled",),
    ("brand_alone",),
    ("domain_branded",),
    ("phone_equal", "phone_differs"),
    ("mobile_equal",),
    ("number_equal",),
    ("address_equal", "address_cut", "address_road", "address_differs"),
    ("city_equal", "city_named", "city_conflict", "city_not_named"),
    ("country_conflict",),
    ("names_share_nothing", "names_unconfirmed"),
    ("reach_differs",),
    ("legal_name_differs",),
    ("phone_abroad",),
    ("nobody_named",),
    ("person_named",),
    ("must_not_link",),
)
_SOLE = frozenset(("sole_trader",))
_SPOKEN = frozenset(("sound_equal", "sound_short", "sound_prefix"))
_ONE_BRAND = frozenset(("han_industry_differs", "latin_brand_equal", "latin_form_differs"))
_LATIN_APART = frozenset(("latin_brand_equal", "latin_similar", "latin_differs"))
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
    if mine.facts.tax_ids and theirs.facts.tax_ids:
        found = _tax(mine.facts, theirs.facts)
        out[:0] = (*found, _unlike(mine, theirs, out)) if "tax_id_equal" in found else found
    out += _contact(mine, theirs)
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
        return ("tax_id_equal",) if mine.names and theirs.names else ("tax_id_equal", "nobody_named")
    # A record may hold several ids; only one that disagrees with all of the other's is a contradiction.
    if any(tax_ids.conflict(a, b) for a, b in pairs):
        return ("tax_id_conflict",)
    if any(tax_ids.near(a, b) for a, b in pairs):
        return ("tax_id_near",)
    return ("tax_id_differs",)


def _unlike(mine: View, theirs: View, names: Sequence[str]) -> str:
    """Why an equal tax id is not enough for two names, for a parent's id stands on its subsidiaries; "" = it is enough.

    Names of one script must be near each other. Names in two must sound alike and state no other trade, or state one
    trade; where they do neither, the domain of the Chinese record spells the English name, or a landline or an address
    agrees.
    """
    known = name_pairs.NEAR.intersection(names)
    if known or not mine.facts.names or not theirs.facts.names:
        return ""
    if not name_pairs.IN_ONE_SCRIPT.isdisjoint(names):
        if "trade_apart" in names:
            return ""
        return "trade_apart" if not _ONE_BRAND.isdisjoint(names) else "names_share_nothing"
    if "sound_apart" in names or ("trade_differs" in names and "sound_differs" in names):
        is_same = "sound_differs" in names and _spelled_in_domain(mine, theirs)
        return "" if is_same else "names_share_nothing"
    if "trade_differs" in names:
        return "trade_apart"
    if "trade_equal" in names or not _SPOKEN.isdisjoint(names):
        return ""
    is_same = "sound_differs" in names and "person_named" not in names
    is_same = is_same and (_spelled_in_domain(mine, theirs) or _same_place(mine.facts, theirs.facts))
    return "" if is_same else "names_unconfirmed"


def _same_place(mine: PartyFacts, theirs: PartyFacts) -> bool:
    """True for one landline or one address."""
    if mine.phone and mine.phone == theirs.phone:
        return True
    if mine.address is None or theirs.address is None:
        return False
    return addresses.relation(mine.address, theirs.address) == "equal"


def _spelled_in_domain(mine: View, theirs: View) -> bool:
    """True when the domain of the one is the name of the other as written in letters."""
    return any(
        one.label and not one.latin and brands.domain_named(one.label, other)
        for one, other in ((mine, theirs), (theirs, mine))
    )


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
        "trades_equal" if trade == "trade_equal" and _share_trades(mine, theirs) else "",
        brands.weak(mine, theirs, han, latin),
        brands.common(mine, theirs, han, latin),
        _other_script(mine, theirs, han, latin),
        _regions(mine, theirs),
        _districts(mine, theirs),
        _branches(mine, theirs),
        _kinds(mine, theirs),
        "sole_trader" if mine.kinds == _SOLE or theirs.kinds == _SOLE else "",
        _trades(mine, theirs) if han == "han_industry_differs" else _latin_trades(mine, theirs, han, latin),
        _groups(mine, theirs),
        _group_words(mine, theirs),
        _reach(mine, theirs),
        "person_named" if mine.is_person or theirs.is_person else "",
        brands.alone({han, latin, spoken}) if mine.is_bare or theirs.is_bare else "",
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


def _share_trades(mine: View, theirs: View) -> bool:
    """True when names in two scripts state two and more trades in common: strangers rarely do."""
    pairs = [(a, b) for one, other in ((mine, theirs), (theirs, mine)) for a in one.han for b in other.latin]
    return any(len(trades.trades(a) & trades.trades(b)) > 1 for a, b in pairs)


def _other_script(mine: View, theirs: View, han: str, latin: str) -> str:
    """`legal_name_differs` where the whole names of one script are equal and those of the other are two firms'."""
    for equal, other, left, right in (
        (han == "han_legal_equal", latin, mine.latin, theirs.latin),
        (latin == "latin_legal_equal", han, mine.han, theirs.han),
    ):
        if equal and other and other not in name_pairs.NEAR and _whole(left) and _whole(right):
            return "legal_name_differs"
    return ""


def _whole(names: Sequence[Name]) -> bool:
    return any(name.is_full for name in names)


def _regions(mine: View, theirs: View) -> str:
    if not mine.regions or not theirs.regions:
        return ""
    for a in mine.regions:
        for b in theirs.regions:
            if not places.conflict(a, b):
                return "region_equal"
    return "region_conflict"


def _levels(mine: View, theirs: View) -> bool:
    """True when whole Chinese names state a province and a city in it: each has firms of that name in its register."""
    left = [name.regions for name in mine.han if name.is_full and name.regions]
    right = [name.regions for name in theirs.han if name.is_full and name.regions]
    return bool(left and right) and all(a.isdisjoint(b) for a in left for b in right)


def _districts(mine: View, theirs: View) -> str:
    """`district_differs` when both name a part of a city or province and no two of them are one: 南山区 and 福田区."""
    apart = bool(mine.districts and theirs.districts) and mine.districts.isdisjoint(theirs.districts)
    apart = apart or (mine.districts != theirs.districts and mine.is_public and theirs.is_public)
    return "district_differs" if apart or _levels(mine, theirs) else ""


def _branches(mine: View, theirs: View) -> str:
    if not mine.has_branch and not theirs.has_branch:
        return _shops(mine, theirs) if mine.shops and theirs.shops else ""
    if mine.branch_texts and theirs.branch_texts:
        found = {name_pairs.same_branch(a, b) for a, b in product(mine.branch_texts, theirs.branch_texts)}
        return next(code for code in ("branch_equal", "branch_unclear", "branch_conflict") if code in found)
    if mine.latin_branches and theirs.latin_branches and mine.latin_branches.isdisjoint(theirs.latin_branches):
        is_bare = "branch" in mine.latin_branches or "branch" in theirs.latin_branches
        return "branch_unclear" if is_bare else "branch_conflict"
    here, there = mine.branch_places, theirs.branch_places
    if here and there:
        return "branch_conflict" if places.conflict(here, there) else "branch_equal"
    left, right = mine.is_branch, theirs.is_branch
    if left is not None and right is not None and left != right:
        return "branch_conflict"
    if bool(here) != bool(there):
        # A branch or a place at the end of a short name, on one side only; of two branches one does not say which.
        return "branch_unclear" if left and right else "branch_one_side"
    if bool(mine.branch_texts or mine.latin_branches) != bool(theirs.branch_texts or theirs.latin_branches):
        return "branch_one_side"  # 澄砚酒店南山店 and 澄砚酒店
    return "branch_equal" if left and right else ""


def _shops(mine: View, theirs: View) -> str:
    """`branch_unclear` for 澄砚南山店 and 澄砚福田店: names of a chain and its shops, or of two of its shops."""
    pairs = [(a.core, b.core) for a in mine.shops for b in theirs.shops]
    if any(a == b for a, b in pairs):
        return ""
    return "branch_unclear" if any(a[:2] == b[:2] for a, b in pairs) else ""


def _kinds(mine: View, theirs: View) -> str:
    """`form_kind_differs` when all forms of the one are those of other kinds of legal persons than the other's."""
    if not mine.kinds or not theirs.kinds:
        return ""
    if not mine.kinds.isdisjoint(theirs.kinds):
        return "" if "company" in mine.kinds & theirs.kinds else _forms(mine, theirs)
    differ = any(name_pairs.kinds_differ(a, b) for a in mine.han for b in theirs.han)
    return "form_kind_differs" if differ else ""


def _forms(mine: View, theirs: View) -> str:
    """The same for two forms of one kind: 商行 and 经营部 of one owner are two."""
    alike = any(not name_pairs.forms_differ(a.form, b.form) for a in mine.han for b in theirs.han)
    return "" if alike else "form_kind_differs"


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


def _reach(mine: View, theirs: View) -> str:
    """`reach_differs` when one names a country or continent and the other does not: two members of a group."""
    if not mine.reach and not theirs.reach:
        return ""
    one, other = mine.reach - theirs.at, theirs.reach - mine.at
    if one | other <= {WORLD} and not (
        mine.in_one_script and theirs.in_one_script and bool(mine.han) != bool(theirs.han)
    ):
        return ""  # in one script 国际 is a word like others
    return "reach_differs" if one or other else ""


def _trades(mine: View, theirs: View) -> str:
    """`trade_apart` for one brand with two trades: whole legal names, or names that state trades of two kinds."""
    for a in mine.han:
        for b in theirs.han:
            if (a.is_full and b.is_full) or trades.relation(a, b) == "trade_differs":
                return "trade_apart"
    return ""


def _latin_trades(mine: View, theirs: View, han: str, latin: str) -> str:
    """`trade_apart` for two whole English names of which one says more: Alder Tools Ltd and Alder Tools Leasing Ltd."""
    if han or latin not in _LATIN_APART:
        return ""
    return "trade_apart" if _whole(mine.latin) and _whole(theirs.latin) else ""


def _contact(mine: View, theirs: View) -> list[str]:
    one, other = mine.facts, theirs.facts
    out = []
    if one.domain and other.domain:
        out.append("domain_equal" if one.domain == other.domain else "domain_differs")
        if out[0] == "domain_equal" and (mine.latin or theirs.latin) and _spelled_in_domain(mine, theirs):
            out.append("domain_spelled")
        if out[0] == "domain_equal" and brands.carried(mine, theirs):
            out.append("domain_branded")
    elif (mine.label and brands.domain_named(mine.label, theirs)) or (
        theirs.label and brands.domain_named(theirs.label, mine)
    ):
        out.append("domain_named")
    if mine.dialled and theirs.dialled and mine.dialled != theirs.dialled and one.phone[-7:] != other.phone[-7:]:
        out.append("phone_abroad")
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


def _cities(mine: View, theirs: View) -> str:
    if mine.places and theirs.places:
        if not mine.places.isdisjoint(theirs.places):
            return "city_equal"
        return "city_conflict" if places.cities_conflict(mine.places, theirs.places) else ""
    for one, other in ((mine, theirs), (theirs, mine)):
        if one.places and other.named:
            if not one.places.isdisjoint(other.named):
                return "city_named"
            if places.cities_conflict(one.places, other.named):
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
        best.pop(4, None)
        best.pop(5, None)  # names of one script tell more than sounds
    return tuple(best[group][1] for group in sorted(best))
