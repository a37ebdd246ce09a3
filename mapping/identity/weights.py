"""Weights of findings: log-odds in hundredths of a natural unit, with the thresholds that go with them.

Sum of the weights = evidence that two records are one customer (Fellegi and Sunter 1969). They are fitted on labelled
pairs, never on names: `tests/mapping/fit_identity.py` makes the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from mapping.identity.tables import read_table

# What no sum of other evidence outweighs: two legal persons.
VETOES = frozenset(("tax_id_conflict", "branch_conflict", "country_conflict", "must_not_link"))

# Two legal persons for certain: nobody is asked whether they are one.
NEVER_ASKED = frozenset(("tax_id_conflict", "branch_conflict", "must_not_link"))
# What settles who is meant, however many others share brand or domain.
SETTLING = frozenset(("tax_id_equal", "han_legal_equal", "latin_legal_equal"))
# Many legal persons bear the name: even in full it does not say which one is meant, unless a contact does.
CROWDS = frozenset(("brand_crowded", "sound_crowded", "name_contested", "sole_trader"))
_CROWDS_HAN = CROWDS - {"sound_crowded"}
# What a person looks at first, whatever else agrees; an equal tax id outranks it.
HOLDS = frozenset(
    "city_conflict region_conflict district_differs han_form_differs group_differs address_differs legal_name_differs "
    "phone_abroad tax_id_differs".split()
)
# What holds even where the tax id is equal, and what no third record bridges: a parent's id stands on its subsidiaries.
BARS = frozenset(
    "names_share_nothing names_unconfirmed trade_apart form_kind_differs branch_unclear group_word_differs "
    "region_conflict reach_differs branch_one_side".split()
)
HOLDS_REGISTERED = HOLDS - {"city_conflict", "address_differs"}
# Without an equal id, what is asked about as a pair is not brought together by a third record either.
# A group word may be left out in a short name, and telephone numbers are often written without their country.
_BARS_UNKNOWN = (BARS | HOLDS | {"han_differs", "latin_form_differs"}) - {"group_differs", "phone_abroad"}
_BARS_REGISTERED = _BARS_UNKNOWN - {"city_conflict", "address_differs", "han_differs"}
# One place has no two companies of one name and two forms; without any of these 股份有限 and 有限 may be two.
_ONE_PLACE = frozenset("region_equal domain_equal phone_equal address_equal address_cut".split())
# Names that state enough to tell two members of a group apart, and names that do not; a homophone may be another firm.
_NAMED_HAN = frozenset("han_stem_equal han_core_equal".split())
_NAMED = _NAMED_HAN | frozenset("latin_stem_equal latin_core_equal".split())
LEGAL = frozenset(("han_legal_equal", "latin_legal_equal"))
# Others bear the name, or it is made of trade words alone.
_SHARED = _CROWDS_HAN | frozenset(("brand_contested", "domain_contested", "brand_weak"))
_CROWDS_WEAK = _CROWDS_HAN | {"brand_weak"}
_PLACED = frozenset("city_equal city_named region_equal branch_equal".split())
# Another firm may sound the same, and an English name that says more may be a member's: one contact is too little.
_VAGUE = frozenset("han_sound_equal latin_prefix latin_joined".split())
# A brand alone may be that of the group, and so may its landline.
_BRAND_ONLY = frozenset("han_brand sound_short sound_prefix".split())
_BRANDLIKE = _BRAND_ONLY | frozenset(
    "latin_prefix latin_joined han_abbreviation han_short_equal latin_short_equal sound_equal".split()
)
_OTHER_CONTACT = frozenset(("phone_differs", "domain_differs"))
_TOLD = frozenset(("region_equal", "city_equal"))
_SHORT = frozenset(("han_short_equal", "latin_short_equal"))
_AROUND = frozenset("domain_equal domain_named city_equal city_named region_equal".split())
_HINTED = frozenset(
    "han_sound_equal han_one_edit han_short_equal han_prefix han_brand han_abbreviation "
    "latin_short_equal latin_prefix latin_joined latin_one_edit sound_equal sound_short sound_prefix".split()
)
# A brand as spoken and further words: International, Ventures. Members of a group are called so, but for one trade.
_HINTED_TRADE = frozenset(("sound_translated", "sound_brand", "sound_part"))
_SPECIFIC = frozenset("tax_id_near address_equal address_cut phone_equal".split())


def sufficient(codes: Collection[str]) -> str:
    """The rule that lets a strong pair be linked without a person; "" when none does.

    `tax_id`; `legal_name` (equal in full, and no crowd bears it); `alias` (people's answers call one customer so);
    `name` (equal but for region or legal form); `short_name` (one short name in one place, borne by nobody else);
    `name_and_contact` (a name that fits and states no other trade, and an address, a landline or a mistyped tax id);
    `contacts` (one of those, names in two scripts that state one trade, and the domain that spells the English name or
    a second trade in common).
    A domain, or a domain and a city, is what members of a group share: never enough.
    """
    if "tax_id_equal" in codes:
        return "tax_id"
    found = sum(code in _SPECIFIC for code in codes)
    if not LEGAL.isdisjoint(codes):
        own = found or ("domain_equal" in codes and "domain_contested" not in codes)
        # A Chinese name that lacks its place was never registered so: it tells no more than an English one.
        placed = "han_legal_equal" in codes and "region_equal" in codes
        crowds = _CROWDS_HAN if placed else CROWDS
        if "brand_common" in codes and not own and not placed and "city_equal" not in codes:
            return ""
        if "brand_weak" in codes and not own and "domain_named" not in codes:
            return ""  # trade words alone; a domain that is named so says nothing among those that sound alike
        if not own and "han_legal_equal" not in codes and not _OTHER_CONTACT.isdisjoint(codes):
            return ""  # nobody registers English names: with another landline or domain it may be a namesake
        return "legal_name" if own or crowds.isdisjoint(codes) else ""
    if "alias_equal" in codes:
        return "alias"
    if "person_named" in codes:
        return ""  # many people bear one name, and a firm that bears it too is another customer
    around = sum(code in _AROUND for code in codes)
    shared = not _SHARED.isdisjoint(codes) or "sound_crowded" in codes
    placed = "han_stem_equal" in codes and "region_equal" in codes
    if "brand_common" in codes and not (found or placed or "domain_equal" in codes):
        return ""  # there is one in every town
    if not _NAMED.isdisjoint(codes):
        return _by_name(codes, found, around)
    if "brand_alone" in codes and not _BRANDLIKE.isdisjoint(codes) and not _says_whose(codes, found):
        return ""
    if not _SHORT.isdisjoint(codes) and around > 1 and not shared:
        return "short_name"
    if not _HINTED.isdisjoint(codes):
        return "name_and_contact" if _contacted(codes, found) and "trade_differs" not in codes else ""
    if "sound_translated" in codes and "domain_equal" in codes and not _TOLD.isdisjoint(codes) and not shared:
        return "name"  # place, brand and trade are one, and relatives of one brand differ in a place or a trade
    if not _HINTED_TRADE.isdisjoint(codes):
        return "name_and_contact" if found and "trade_equal" in codes else ""
    # Relatives live under one roof, and strangers have one bookkeeper: contacts decide only where the names, in two
    # scripts, cannot contradict, and the domain is that of the English name or the trade is told twice.
    silent = "sound_differs" in codes and "trade_equal" in codes
    told = "domain_spelled" in codes or ("trades_equal" in codes and "domain_equal" not in codes)
    return "contacts" if silent and found and told else ""


def _by_name(codes: Collection[str], found: int, around: int) -> str:
    """The rule for names that are equal but for place or form, with what agrees beside them."""
    han = not _NAMED_HAN.isdisjoint(codes)
    shared = not _SHARED.isdisjoint(codes) or ("sound_crowded" in codes and not han)
    # Relatives of one brand differ in trade or place: where both agree, sharing the brand says nothing.
    whole = "han_stem_equal" in codes and "region_equal" in codes and around > 1 and _CROWDS_WEAK.isdisjoint(codes)
    if found or whole:
        return "name"
    if "domain_branded" in codes and "phone_differs" not in codes and not shared:
        return "name"  # the domain is this very name
    if shared or (not han and around < 2):
        return ""  # English names leave out what tells relatives apart: they need two things beside them
    # A member may differ from its parent in the place alone, and shares the domain with it.
    return "name" if "han_stem_equal" in codes or not han or not _PLACED.isdisjoint(codes) else ""


def _says_whose(codes: Collection[str], found: int) -> bool:
    """True where a brand alone is that of the firm: by its id, or by a domain that carries it and a contact.

    An address and a landline are those of a building and its switchboard, which the firms of a group share.
    """
    if "tax_id_near" in codes:
        return True
    return "domain_branded" in codes and found > 0 and _SHARED.isdisjoint(codes)


def _contacted(codes: Collection[str], found: int) -> bool:
    """True where contacts make a name that fits sufficient: one, or two where it may be that of a relative as well."""
    if not found:
        return False
    if found > 1 or "domain_equal" in codes:
        return True
    if not _VAGUE.isdisjoint(codes):
        return False
    return "phone_equal" not in codes or _BRAND_ONLY.isdisjoint(codes) or "trade_equal" in codes


def barred(codes: Collection[str]) -> str:
    """What keeps two records apart whatever a third one has in common with both; "" for nothing.

    A short name fits two sisters of one brand, a contact a person and the firm: neither makes them one.
    """
    if "tax_id_equal" in codes:
        return next((code for code in codes if code in BARS), "")
    others = _BARS_REGISTERED if registered(codes) else _BARS_UNKNOWN
    if "han_form_differs" in codes and not _ONE_PLACE.isdisjoint(codes):
        others = others - {"han_form_differs"}
    return next((code for code in codes if code in others), "")


def registered(codes: Collection[str]) -> bool:
    """True for an equal Chinese legal name with its place: one register, one bearer, whatever its offices are."""
    return "han_legal_equal" in codes and "region_equal" in codes and _CROWDS_HAN.isdisjoint(codes)


def strong(codes: Collection[str], score: int, least: int) -> bool:
    """True when the evidence reaches `least`, or is an id or registered name, which no number of offices outweighs."""
    return score >= least or "tax_id_equal" in codes or registered(codes)


def held(codes: Collection[str]) -> str:
    """What keeps a strong pair from being linked without a person; "" for nothing."""
    if "tax_id_equal" in codes:
        return barred(codes) or next((code for code in ("nobody_named", "person_named") if code in codes), "")
    if bar := next((code for code in codes if code in BARS), ""):
        return bar
    rule = sufficient(codes)
    holds = HOLDS_REGISTERED if registered(codes) else HOLDS
    return next((code for code in codes if code in holds), "" if rule else "no_rule")


@dataclass(frozen=True, slots=True)
class Weights:
    """`auto`: pairs this strong are linked; `joint`: the same for two whole clusters; `review`: worth a person's time.

    `margin`: how far the best candidate must stand above one that is somebody else. `floor`: no pair inside a cluster
    may be weaker.
    """

    base: int
    codes: Mapping[str, int]
    auto: int
    joint: int
    review: int
    margin: int
    floor: int

    def score(self, codes: Iterable[str]) -> int:
        """The sum for a pair."""
        known = self.codes
        return self.base + sum(known.get(code, 0) for code in codes)


@cache
def weights() -> Weights:
    """The shipped weights."""
    table = read_table("weights.yaml")
    return Weights(codes=dict(table.pop("codes")), **table)
