"""Why two party records are one customer, or are not: the verdict of the code that decides, with all it looked at.

Nothing is weighed here a second time: the records are judged by the functions that settle them, without writing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mapping.identity.evidence import Evidence, Reason, compare
from mapping.identity.facts import facts
from mapping.identity.link import RULE_VERSION
from mapping.identity.parts import record_parts
from mapping.identity.weights import BARS, CROWDS, HOLDS, VETOES, held, weights
from sync.fold.batch import Batch, BatchIds
from sync.fold.journal import Journal
from sync.settle import memberships, rivals
from sync.settle.judging import Judged, judged
from sync.settle.questions import KIND, question
from tieout.canonical.parties import PartyCandidate
from tieout.core.config import Config
from tieout.core.errors import Gone, TieoutError
from tieout.store.queries import parties, relations

SHOWN = 5  # nearest candidates of a record
_AGAINST = (
    "answers_contradict", "ambiguous", "duplicate_in_source", "name_says_other", "names_share_nothing",
    "legal_name_differs", "group_word_differs", "evidence_thin", "no_rule_links",
    *sorted(VETOES | HOLDS | BARS | CROWDS),
)  # fmt: skip
Row = Mapping[Any, Any]


class SameRecord(TieoutError):
    """A record was asked to be compared with itself."""

    code = "same_record"


def why(conn: Connection, config: Config, now: datetime, left: str, right: str) -> dict[str, Any]:
    """What the product did with two members and why; a record may be named by its connection and id too.

    `outcome` is what stands: link (one customer), review (a person is asked), separate. `is_current`: judged again now
    it comes out the same; a record near them may have been linked since. Raises Gone for a member without a living
    party record, SameRecord for one member twice.
    """
    return _Pair(conn, config, now, left, right).told()


@dataclass(frozen=True, slots=True)
class _Because:
    code: str
    mine: str = ""
    theirs: str = ""
    ref: str = ""


class _Pair:
    """Two members, each judged as the settle phase judges it."""

    def __init__(self, conn: Connection, config: Config, now: datetime, left: str, right: str) -> None:
        ids = BatchIds(0)
        self.conn = conn
        self.batch = Batch(conn, config, {}, 0, now, {}, ids, Journal(conn, ids, now))
        self.refs = (_member(conn, left), _member(conn, right))
        if self.refs[0] == self.refs[1]:
            raise SameRecord(f"{left!r} and {right!r} are one record", hint="Choose two different records.")
        self.parties = {ref: _party(conn, ref) for ref in self.refs}
        self.known = {ref: facts(ref, party) for ref, party in self.parties.items()}
        self.judged: dict[str, Judged] = {ref: judged(self.batch, [ref]) for ref in self.refs if "/" in ref}
        for found in self.judged.values():  # what people call it belongs to the evidence
            for ref in self.refs:
                if (seen := found.known.get(ref)) is not None and (seen.called or seen.called_too):
                    self.known[ref] = seen
        self.homes = memberships.standing(self.batch, self.refs)
        self.history = parties.membership_events(conn, self.refs)
        self.evidence = self._evidence()
        self.said = self._said()
        groups = [[ref, *([home] if (home := self.home(ref)) is not None else [])] for ref in self.refs]
        self.related = relations.between(conn, *groups)

    def _evidence(self) -> Evidence:
        notes = rivals.notes(self.batch, self.known)
        left, right = (self.known[ref] for ref in self.refs)
        return compare(left, right, frozenset().union(*notes.values()))

    def _said(self) -> Sequence[Row]:
        groups = [
            {ref, *(event["customer_id"] for event in self.history if event["member"] == ref)} for ref in self.refs
        ]
        return parties.answers_about(self.conn, *groups)

    def other(self, ref: str) -> str:
        return self.refs[1] if ref == self.refs[0] else self.refs[0]

    def home(self, ref: str) -> str | None:
        """The customer a member stands in."""
        return self.homes[ref]["customer_id"] if ref in self.homes else None

    def goal(self, ref: str) -> str | None:
        """The customer a member belongs to when it is judged now."""
        return self.judged[ref].goal(ref) if ref in self.judged else self.home(ref)

    # ------------------------------------------------------------- outcomes
    def stands(self) -> str:
        """What the product did."""
        homes = [self.home(ref) for ref in self.refs]
        if homes[0] is not None and homes[0] == homes[1]:
            return "link"
        asked = parties.open_questions(self.conn, KIND, self.refs)
        return "review" if any(self._is_meant(row["cause"], row) for row in asked) else "separate"

    def judgement(self) -> str:
        """The same, judged now."""
        goals = [self.goal(ref) for ref in self.refs]
        if goals[0] is not None and goals[0] == goals[1]:
            return "link"
        for ref in self.judged:
            call = question(self.batch, self.judged[ref], ref) if self.goal(ref) is None else None
            if call is not None and self._is_meant(ref, dataclasses.asdict(call)):
                return "review"
        return "separate"

    def _is_meant(self, ref: str, asked: Row) -> bool:
        """True when a question about a record names the other one, or a member of its customer."""
        other = self.other(ref)
        meant = {other}
        if (customer := self.home(other)) is not None:
            meant |= {customer, *parties.members_now(self.conn, customer)}
        named = {one["target"] for one in asked["suggestions"]}
        named |= {one.get("ref", "") for one in asked["evidence"].get("reasons", ())}
        return not meant.isdisjoint(named)

    # ------------------------------------------------------------- reasons
    def because(self, outcome: str) -> list[_Because]:
        """Why it came out so, what says most first."""
        if outcome == "link":
            return self._linked()
        return self._asked() if outcome == "review" else self._apart()

    def _linked(self) -> list[_Because]:
        out = []
        for ref in self.refs:
            rule = self.homes[ref]["rule"]
            if rule != "book_of_record" or all(self.homes[one]["rule"] == rule for one in self.refs):
                out.append(_Because(f"rule_{rule}", self._name(ref), self._name(self.other(ref)), ref))
        return list({one.code: one for one in reversed(out)}.values())[::-1]

    def _asked(self) -> list[_Because]:
        out: list[_Because] = []
        for row in parties.open_questions(self.conn, KIND, self.refs):
            for one in row["evidence"].get("reasons", ()):
                if one["code"] in _AGAINST:
                    out.append(_Because(one["code"], one.get("mine", ""), one.get("theirs", ""), one.get("ref", "")))
        return [*dict.fromkeys(out), *([self._below()] if {one.code for one in out} <= {"no_rule_links"} else ())]

    def _below(self) -> _Because:
        """What keeps evidence for the two from being enough."""
        chosen, codes = weights(), self.evidence.codes
        if self.evidence.points < chosen.review and not self.evidence.tax_equal:
            return _Because("score_low")
        against = held(codes)
        if against in ("", "no_rule"):
            return _Because("no_rule" if against and self.evidence.points >= chosen.auto else "score_between")
        return self._finding(against)

    def _finding(self, code: str) -> _Because:
        found = next((one for one in self.evidence.weighed if one.code == code), Reason(code))
        return _Because(code, found.mine, found.theirs, found.ref)

    def _apart(self) -> list[_Because]:
        standing = [row for row in self.said if row["is_active"]]
        if stated := [row for row in self.related if row["rule"] == "stated"]:
            return [_Because(f"stated_{row['kind']}", row["actor"] or "") for row in stated]
        if standing and any(row["action"] == "separate" and row["target"] for row in standing):
            return [_Because("must_not_link")]
        out = [self._finding(code) for code in self.evidence.codes if code in VETOES]
        for ref in self.refs:
            home = self.home(ref)
            if "/" in ref and home is not None:
                code = "answered_elsewhere" if self.homes[ref]["rule"] == "must_link" else "linked_elsewhere"
                out.append(_Because(code, self._name(ref), parties.customer_name(self.conn, home), home))
        if out:
            return out
        if any(row["action"] in ("separate", "leave") for row in standing):
            return [_Because("left_alone")]
        if not self.judged:
            return [_Because("both_books")]
        if all(ref in self.judged for ref in self.refs) and not any(map(self.home, self.refs)):
            out.append(_Because("no_customer"))
        elif not any(self.other(ref) in found.blocks.get(ref, ()) for ref, found in self.judged.items()):
            out.append(_Because("not_compared"))
        below = self._below()
        return [*out, below] if below.code != "no_rule" or not out else out

    def _name(self, ref: str) -> str:
        return self.parties[ref].display_name

    # ------------------------------------------------------------- the answer
    def told(self) -> dict[str, Any]:
        """Everything, as plain values."""
        outcome, chosen, found = self.stands(), weights(), self.evidence
        because = self.because(outcome)
        rules = [self.homes[ref]["rule"] for ref in self.refs if ref in self.homes]
        weighed = sorted(found.weighed, key=lambda one: (-one.weight, one.code))
        return {
            "left": self._side(self.refs[0]),
            "right": self._side(self.refs[1]),
            "same_customer": outcome == "link",
            "outcome": outcome,
            "is_current": self.judgement() == outcome,
            "because": [dataclasses.asdict(one) for one in because],
            "rule": next((rule for rule in rules if rule != "book_of_record"), rules[0]) if outcome == "link" else "",
            "against": "" if outcome == "link" else because[0].code,
            "score": found.points,
            "needed": chosen.auto,
            "prior": chosen.base,
            "thresholds": {name: getattr(chosen, name) for name in ("auto", "joint", "review", "margin", "floor")},
            "rule_version": RULE_VERSION,
            "reasons": [dataclasses.asdict(one) for one in weighed],
            "vetoes": [one.code for one in weighed if one.code in VETOES],
            "nearest": [one for ref in self.judged for one in self._nearest(ref)],
            "answers": [
                {key: row[key] for key in ("subject", "action", "target", "actor", "at", "conflict_id", "is_active")}
                for row in self.said
            ],
            "relations": [dict(row) for row in self.related],
            "events": [dict(event) for event in self.history],
            "conflicts": [row["id"] for row in parties.open_questions(self.conn, KIND, self.refs)],
        }

    def _nearest(self, ref: str) -> list[dict[str, Any]]:
        """The best candidates of a record by the sum of their evidence: who competes for it."""
        near = self.judged[ref].verdicts[ref].suggestions[:SHOWN]
        named = parties.parties_of(self.conn, [one.ref for one in near])
        return [
            {
                "of": ref,
                "member": one.ref,
                "name": named[one.ref].display_name,
                "score": one.points,
                "is_other": one.ref == self.other(ref),
            }
            for one in near
        ]

    def _side(self, ref: str) -> dict[str, Any]:
        party, home = self.parties[ref], self.home(ref)
        parts = dataclasses.asdict(record_parts(party, self.known[ref]))
        return {
            "member": ref,
            "kind": "crm_record" if ref in self.judged else "account",
            "name": party.display_name,
            "names": list(party.names),
            "tax_ids": [one["value"] for one in parts["tax_ids"]],
            "phone": party.phone,
            "website": party.website,
            "city": party.city,
            "address": party.address,
            "country": party.country,
            "customer_id": home,
            "customer_name": parties.customer_name(self.conn, home) if home is not None else None,
            "rule": self.homes[ref]["rule"] if ref in self.homes else None,
            "parts": parts,
        }


def _member(conn: Connection, text: str) -> str:
    """The member that a text names: itself, or the account of a record of the books."""
    wanted = text.strip()
    if wanted.count("/") >= 2:
        connection, _, record = wanted.split("/", 2)
        return parties.account_of(conn, connection, record) or wanted
    return wanted


def _party(conn: Connection, member: str) -> PartyCandidate:
    party = parties.party_of(conn, member)
    if party is None:
        raise Gone(
            f"there is no party record {member!r}",
            hint="Name an account (acc_…) or a customer record as connection/customers/id.",
            code="no_party",
        )
    return party
