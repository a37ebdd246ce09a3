"""What agreeing brands are worth: trade words alone, everybody's, a brand alone, and the domain that carries one."""

from __future__ import annotations

from mapping.identity import name_pairs
from mapping.identity.names import Name
from mapping.identity.sounds import sound
from mapping.identity.views import GROUP_LABELS, View

# Levels at which a name says all that the other one says.
_SAID = frozenset(
    (
        *name_pairs.HAN[: name_pairs.HAN.index("han_short_equal") + 1],
        *name_pairs.LATIN[: name_pairs.LATIN.index("latin_short_equal") + 1],
        "sound_equal",
        "sound_translated",
    )
)
_SAYS_MORE = frozenset(
    "han_brand han_prefix han_abbreviation latin_prefix latin_joined "
    "sound_short sound_prefix sound_brand sound_part".split()
)

_LONG = 8  # letters of a domain that spells a name of several words


def weak(mine: View, theirs: View, han: str, latin: str) -> str:
    """A note that agreeing names consist of trade words alone."""
    script = _agreeing(han, latin)
    if script is None or not (mine.weak[script] or theirs.weak[script]):
        return ""
    is_whole = han in ("han_legal_equal", "han_stem_equal") and mine.licensed and theirs.licensed
    return "" if is_whole else "brand_weak"


def common(mine: View, theirs: View, han: str, latin: str) -> str:
    """A note that the brand in which names agree is one that very many firms bear."""
    script = _agreeing(han, latin)
    if script is None:
        return ""
    return "brand_common" if mine.common[script] and theirs.common[script] else ""


def _agreeing(han: str, latin: str) -> int | None:
    """The script in which names agree, as its place in what a view keeps by script; Chinese goes first."""
    if han and han != "han_differs":
        return 0
    return 1 if latin and latin != "latin_differs" else None


def alone(levels: set[str]) -> str:
    """`brand_alone` for one side that is a brand and nothing else, when the other says more than that."""
    return "brand_alone" if _SAID.isdisjoint(levels) and not _SAYS_MORE.isdisjoint(levels) else ""


def carried(mine: View, theirs: View) -> bool:
    """True when the domain of both carries the brand of both, and neither says that it is a group's."""
    label = mine.label
    if (
        label.endswith(GROUP_LABELS)
        or mine.is_holding
        or theirs.is_holding
        or not (domain_named(label, mine) and domain_named(label, theirs))
    ):
        return False
    views = [view for view in (mine, theirs) if view.is_bare] or [mine, theirs]
    return all(any(_begins(label, name, view.is_bare) for name in view.facts.names) for view in views)


def _begins(label: str, name: Name, is_bare: bool) -> bool:
    """True when a domain label begins with the whole brand, or is most of it; else with all words of a name."""
    if not is_bare:
        text = "".join(name.words)
        return len(name.words) > 1 and len(label) >= _LONG and (label.startswith(text) or text.startswith(label))
    brand = sound(name.brand) if name.script == "han" else "".join(name.brand.split())
    return len(brand) >= 4 and (label.startswith(brand) or (len(label) >= 5 and brand.startswith(label)))


def domain_named(label: str, theirs: View) -> bool:
    """True when a domain label is a name of the record written in letters, or begins with it."""
    return any(name_pairs.domain_sounds(label, name) for name in theirs.spoken)
