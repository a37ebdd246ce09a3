"""Relations of two legal persons that are not one customer: a branch and its head office, a group and its member.

They are stored beside the customers and never merge anything; see the matching reference, sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from mapping.identity import name_pairs, places
from mapping.identity.facts import PartyFacts
from mapping.identity.findings import findings, two_persons
from mapping.identity.names import Name
from mapping.identity.tables import tables

RELATION_VERSION = "relation-2"
BRANCH_OF, MEMBER_OF_GROUP, ALIAS, FORMER_NAME = "branch_of", "member_of_group", "alias", "former_name"
KINDS = (BRANCH_OF, MEMBER_OF_GROUP, ALIAS, FORMER_NAME)
STATED = (BRANCH_OF, MEMBER_OF_GROUP)  # what a person may answer: related, not the same

# A brand in common is not a group yet: a contact must be shared as well.
_SHARED = frozenset(("domain_equal", "phone_equal", "address_equal", "address_cut"))
# Spellings of one name; everything else under one tax id is a name the firm had before, or has beside it.
_SPELLINGS = frozenset(
    "han_legal_equal han_stem_equal han_form_differs han_core_equal han_sound_equal han_one_edit "
    "latin_legal_equal latin_stem_equal latin_form_differs latin_core_equal latin_one_edit".split()
)


@cache
def _words() -> tuple[str, ...]:
    return (*tables().branches, *tables().branch_words, *tables().group_words, "集团", "集團")


def may_relate(texts: Iterable[str]) -> bool:
    """True when a name says branch or group: only then is it worth looking for a relation."""
    return any(word in text.casefold() for text in texts for word in _words())


def is_branch(one: PartyFacts) -> bool:
    """True for a record whose whole legal name is that of a branch."""
    return one.is_branch() is True


def is_group(one: PartyFacts) -> bool:
    """True for a head office whose whole legal name says group."""
    return not is_branch(one) and any(name.is_group for name in one.names if name.is_full)


def head_of(branch: PartyFacts, others: Sequence[PartyFacts]) -> PartyFacts | None:
    """The head office of a branch: the same name without the branch; None where two legal persons bear it."""
    heads = [one for one in others if one.is_branch() is False and _is_head(branch, one)]
    if any(two_persons(a, b) for a in heads for b in heads):
        return None
    return _first(heads)


def members_of(group: PartyFacts, others: Sequence[PartyFacts]) -> list[tuple[PartyFacts, tuple[str, ...]]]:
    """Firms that bear the brand of a group and share a contact with it, each with what they share."""
    out = []
    for one in others:
        if one.is_branch() is not False or is_group(one) or not _share_brand(group, one):
            continue
        codes = findings(group, one)
        shared = tuple(code for code in codes if code in _SHARED)
        if shared and "tax_id_equal" not in codes and "country_conflict" not in codes:
            out.append((one, shared))
    return sorted(out, key=lambda found: found[0].ref)


def other_names(record: PartyFacts, books: Sequence[PartyFacts], *, in_any_script: bool = False) -> list[Name]:
    """Names of a record that are no spelling of any name the books have for its customer, in the same script.

    `in_any_script`: also those in a script that the books have no name in. What a person linked is called so, while an
    English name under an equal tax id is the firm's English name and none it had before.
    """
    out: list[Name] = []
    spelled: set[str] = set()  # as written; one text may be read in two ways
    for name in record.names:
        known = [other for one in books for other in one.names if other.script == name.script]
        if not known and not (in_any_script and any(one.names for one in books)):
            continue
        if any(_is_spelling(name, other) for other in known):
            spelled.add(name.raw)
        elif all(name.raw != one.raw for one in out):
            out.append(name)
    return [name for name in out if name.raw not in spelled]


def _is_spelling(name: Name, other: Name) -> bool:
    level = (name_pairs.han_level if name.script == "han" else name_pairs.latin_level)(name, other)
    return level in _SPELLINGS or name.key == other.key


def _is_head(branch: PartyFacts, head: PartyFacts) -> bool:
    return any(
        mine.script == theirs.script and _same_firm(mine, theirs)
        for mine in branch.names
        if mine.branch
        for theirs in head.names
        if theirs.is_full and not theirs.branch
    )


def _same_firm(mine: Name, theirs: Name) -> bool:
    if mine.core != theirs.core or mine.is_group != theirs.is_group or places.conflict(mine.regions, theirs.regions):
        return False
    if mine.form and theirs.form and mine.form.startswith("股份") != theirs.form.startswith("股份"):
        return False
    return mine.has_brand or (bool(mine.regions) and mine.regions == theirs.regions)


def _share_brand(group: PartyFacts, one: PartyFacts) -> bool:
    return any(
        mine.script == theirs.script and mine.brand == theirs.brand and mine.has_brand and len(mine.brand) >= 2
        for mine in group.names
        if mine.is_group
        for theirs in one.names
        if theirs.is_full
    )


def _first(found: Sequence[PartyFacts]) -> PartyFacts | None:
    """The record that stands for a legal person: an account before records of a CRM, then the smallest ref."""
    return min(found, key=lambda one: (not one.ref.startswith("acc_"), one.ref), default=None)
