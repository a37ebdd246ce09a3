"""Two records side by side: what agrees, what contradicts, with the values of both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mapping.identity import tax_ids
from mapping.identity.facts import PartyFacts
from mapping.identity.findings import between
from mapping.identity.rivals import with_notes
from mapping.identity.views import View
from mapping.identity.weights import barred, weights

# Findings that guard the rules, shown beside what the rules found.
_GUARDS = ("tax_id_near", "region_conflict", "group_word_differs", "legal_name_differs", "names_share_nothing")


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding: a stable code and the values of both sides; `ref` names the other record.

    `weight`: what it adds to the evidence, in hundredths of a natural unit of log-odds; 0 for what decides by itself.
    """

    code: str
    mine: str = ""
    theirs: str = ""
    ref: str = ""
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All findings of one pair. What is shown to people is made when it is asked for: most pairs nobody asks about."""

    mine: View
    theirs: View
    codes: tuple[str, ...]
    points: int
    tax_equal: bool
    tax_conflict: bool
    branch_conflict: bool

    @property
    def ref(self) -> str:
        """The other record."""
        return self.theirs.facts.ref

    @property
    def name_equal(self) -> bool:
        """A whole legal name of the one is a whole legal name of the other."""
        return bool(self.mine.facts.legal_keys & self.theirs.facts.legal_keys)

    @property
    def is_vetoed(self) -> bool:
        """Two different valid tax ids, or a branch against a head office: never one customer by machine."""
        return self.tax_conflict or self.branch_conflict

    @property
    def is_barred(self) -> bool:
        """Held whatever else agrees, and bridged by no third record; what a person put together may still hold both."""
        return bool(barred(self.codes))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What speaks for the rules and what guards them."""
        mine, theirs = self.mine.facts, self.theirs.facts
        found = {
            "tax_id_equal": self.tax_equal,
            "legal_name_equal": self.name_equal,
            "tax_id_conflict": self.tax_conflict,
            "branch_conflict": self.branch_conflict,
        }
        said = [code for code, holds in found.items() if holds]
        said += [code for code in _GUARDS if code in self.codes]
        return tuple(Reason(code, shown(code, mine), shown(code, theirs), theirs.ref) for code in said)

    @property
    def weighed(self) -> tuple[Reason, ...]:
        """Every finding with its weight."""
        mine, theirs, weigh = self.mine.facts, self.theirs.facts, weights().codes
        return tuple(
            Reason(code, shown(code, mine), shown(code, theirs), theirs.ref, weigh.get(code, 0)) for code in self.codes
        )


def compare(mine: PartyFacts, theirs: PartyFacts, noted: Collection[str] = ()) -> Evidence:
    """The evidence for and against two records being one customer; symmetric but for the order of values.

    `noted`: what is known of the brand or domain of either (`rivals.noted`).
    """
    return compared(View(mine), View(theirs), noted)


def compared(mine: View, theirs: View, noted: Collection[str] = ()) -> Evidence:
    """The same for records whose views are made already."""
    one, other = mine.facts, theirs.facts
    tax_equal = any(tax_ids.equal(a, b) for a in one.tax_ids for b in other.tax_ids)
    # A record may hold several ids; only one that disagrees with all of the other's is a contradiction.
    tax_conflict = not tax_equal and any(tax_ids.conflict(a, b) for a in one.tax_ids for b in other.tax_ids)
    left, right = mine.is_branch, theirs.is_branch
    codes = with_notes(between(mine, theirs), noted)
    return Evidence(
        mine=mine,
        theirs=theirs,
        codes=codes,
        points=weights().score(codes),
        tax_equal=tax_equal,
        tax_conflict=tax_conflict,
        branch_conflict=left is not None and right is not None and left != right,
    )


def shown(code: str, party: PartyFacts) -> str:
    """The value of a record that a finding is about, for people."""
    kind = code.partition("_")[0]
    if kind == "tax":
        return party.shown_tax_ids()
    if kind in ("number", "domain", "phone", "mobile", "country"):
        value = {"number": party.number, "domain": party.domain, "phone": party.phone, "mobile": party.mobile}
        return value.get(kind, party.country)
    if kind == "address":
        return party.address.text if party.address is not None else ""
    if kind == "city":
        return " / ".join(place[1] or place[0] for place in party.places) or party.shown_names()
    return party.shown_names()
