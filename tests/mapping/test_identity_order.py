"""Properties of matching for records that say much: several names, ids, contacts, and people's answers about them.

Whatever is drawn: the order of records, names and candidates changes nothing; no cluster holds a pair that contradicts;
one record is judged as it is matched among many; what is related is never linked.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.identity.evidence import compare
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.findings import findings, joined
from mapping.identity.link import judge
from mapping.identity.matching import Matching, Record, match, prepare
from mapping.identity.packed import packed, unpacked
from mapping.identity.relations import head_of, is_branch, is_group, members_of
from mapping.identity.rivals import BY_MASK
from mapping.identity.stored import restored, stored
from mapping.identity.weights import VETOES, barred
from tests.mapping.invented import FIRM, PLACE, same
from tests.mapping.test_identity_link import TAX, TAX2, code
from tieout.canonical.parties import PartyCandidate

TYPO = TAX[:5] + ("9" if TAX[5] != "9" else "8") + TAX[6:]
NAMES = (
    FIRM, "澄砚智能装备", "澄砚", "深圳市澄砚科技有限公司", FIRM + "厦门分公司", "澄砚集团有限公司", "测试",
    "澄研智能装备", "上海澄砚智能装备有限公司", "Chengyan Intelligent Equipment Co., Ltd.", "Shenzhen Chengyan",
    "Chengyan", "Chengyan Group", "王小明", "宏达科技有限公司", "宏达", "Hongda Technology", "深圳市澄砚装备经营部",
    "Alder Bridge Ltd", "Alder Bridge Tools GmbH", "Alder Bridge", f"深圳市沐珩食品有限公司（原{FIRM}）",
    "深圳市南山区澄砚智能装备有限公司", "澄砚酒店南山店", "澄砚酒店",
)  # fmt: skip


class Drawn(NamedTuple):
    """One record as drawn."""

    side: str
    names: tuple[str, ...]
    ids: tuple[str, ...]
    phone: str
    website: str
    address: str
    city: str
    country: str

    def party(self, ref: str) -> PartyCandidate:
        return PartyCandidate(
            ref, self.names, tax_ids=self.ids, phone=self.phone, website=self.website, address=self.address,
            city=self.city, country=self.country,
        )  # fmt: skip


def several(values: Sequence[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


DRAWN = st.builds(
    Drawn,
    st.sampled_from("abz"),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple),
    several((TAX, TAX2, TYPO, TAX[:14]), 2),
    st.sampled_from(("", PLACE["phone"], "021-55556666", "13912345678", "+65 9123 4568", "+49 30 3836383")),
    st.sampled_from(("", "chengyan.cn", "chengyangroup.com", "qq.com", "hongda.cn")),
    st.sampled_from(("", PLACE["address"], "深圳市南山区科苑路15", "上海市南京东路100号")),
    st.sampled_from(("", "深圳", "Shanghai", "昆山")),
    st.sampled_from(("", "", "CN", "DE")),
)
ROWS = st.lists(DRAWN, min_size=2, max_size=7)


def made(rows: Sequence[Drawn]) -> list[Record]:
    return [Record(f"{row.side}/{n}", row.side, row.party(f"{row.side}/{n}")) for n, row in enumerate(rows)]


def read(record: Record, rule: str = "", group: str = "") -> PartyFacts:
    return facts(record.ref, record.party, side=record.source, rule=rule, group=group)


def noted(records: Sequence[Record]) -> dict[str, frozenset[str]]:
    """What is known of the brands and domains of each record: how many legal persons bear them."""
    prepared = prepare(records)
    return {ref: BY_MASK[prepared.blocks.notes[at]] for ref, at in prepared.number_of().items()}


def answers(data: st.DataObject, refs: Sequence[str], most: int) -> list[tuple[str, str]]:
    pairs = st.lists(st.tuples(st.sampled_from(refs), st.sampled_from(refs)), max_size=most)
    return [(a, b) for a, b in data.draw(pairs) if a != b]


def put_together(refs: Sequence[str], said: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What people put together, by its smallest record."""
    home = {ref: ref for ref in refs}
    for a, b in said:
        keep, gone = sorted((home[a], home[b]))
        home = {ref: keep if at == gone else at for ref, at in home.items()}
    return home


def contradictions(
    found: Matching, records: Sequence[Record], said: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Pairs inside a cluster that contradict, without those that people put together."""
    known = {one.ref: read(one) for one in records}
    told = put_together(list(known), said)
    return [
        (a, b)
        for a, b in combinations(sorted(known), 2)
        if same(found, a, b) and told[a] != told[b] and not VETOES.isdisjoint(findings(known[a], known[b]))
    ]


@settings(max_examples=80, deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.data())
def test_the_order_of_records_and_answers_changes_nothing(
    rows: list[Drawn], chance: random.Random, data: st.DataObject
) -> None:
    records = made(rows)
    refs = [one.ref for one in records]
    said, refused = answers(data, refs, 2), answers(data, refs, 2)
    first = match(records, said, refused)
    chance.shuffle(records)
    again = match(records, [(b, a) for a, b in reversed(said)], [(b, a) for a, b in reversed(refused)])
    assert again.clusters == first.clusters
    assert again.questions == first.questions


@settings(max_examples=150, deadline=None)
@given(ROWS, st.data())
def test_no_cluster_holds_a_pair_that_contradicts_or_that_a_person_parted(
    rows: list[Drawn], data: st.DataObject
) -> None:
    records = made(rows)
    refs = [one.ref for one in records]
    said, refused = answers(data, refs, 2), answers(data, refs, 2)
    found = match(records, said, refused)
    assert all(same(found, a, b) for a, b in said)
    told = put_together(refs, said)
    assert not [(a, b) for a, b in refused if told[a] != told[b] and same(found, a, b)]
    assert not contradictions(found, records, said)


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_no_cluster_of_the_machine_holds_two_that_are_asked_about_as_a_pair(rows: list[Drawn]) -> None:
    records = made(rows)
    found, notes = match(records), noted(records)
    known = {one.ref: read(one) for one in records}
    for a, b in combinations(sorted(known), 2):
        if same(found, a, b):
            assert not barred(compare(known[a], known[b], notes[a] | notes[b]).codes), (a, b)


@settings(max_examples=150, deadline=None)
@given(st.lists(DRAWN, min_size=2, max_size=2))
def test_two_records_are_judged_as_they_are_matched(rows: list[Drawn]) -> None:
    one, other = (Record(ref, ref[0], row.party(ref)) for ref, row in zip(("a/1", "b/1"), rows, strict=True))
    linked = same(match([one, other]), "a/1", "b/1")
    notes = noted([one, other])
    for mine, theirs in ((one, other), (other, one)):
        verdict = judge(read(mine), [read(theirs)], notes=notes)
        assert (verdict.outcome == "link") == linked, verdict


@settings(max_examples=150, deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.data())
def test_the_order_of_candidates_changes_no_judgement(
    rows: list[Drawn], chance: random.Random, data: st.DataObject
) -> None:
    records = made(rows)
    groups = data.draw(st.lists(st.sampled_from(("", "c1", "c2")), min_size=len(rows), max_size=len(rows)))
    mine, *others = [read(one, group=group) for one, group in zip(records, groups, strict=True)]
    refs = [one.ref for one in records]
    said, refused = answers(data, refs, 1), answers(data, refs, 2)
    first = judge(mine, others, said, refused)
    chance.shuffle(others)
    assert judge(mine, others, [(b, a) for a, b in said], [(b, a) for a, b in reversed(refused)]) == first
    if first.rule not in ("", "must_link"):
        theirs = {one.ref: one for one in others}
        assert not [ref for ref in first.refs if not VETOES.isdisjoint(findings(mine, theirs[ref]))]


@settings(max_examples=150, deadline=None)
@given(st.lists(DRAWN, min_size=2, max_size=2), st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_which_record_or_name_comes_first(rows: list[Drawn], chance: random.Random) -> None:
    one, other = (facts(str(n), row.party(str(n)), side=row.side) for n, row in enumerate(rows))
    found = findings(one, other)
    assert findings(other, one) == found
    assert set(joined([found])) <= set(found)
    shuffled = []
    for n, row in enumerate(rows):
        names, ids = list(row.names), list(row.ids)
        chance.shuffle(names)
        chance.shuffle(ids)
        shuffled.append(facts(str(n), row._replace(names=tuple(names), ids=tuple(ids)).party(str(n)), side=row.side))
    assert set(findings(*shuffled)) == set(found)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_relations_hang_on_no_order_and_what_is_related_is_never_linked(
    rows: list[Drawn], chance: random.Random
) -> None:
    records = made(rows)
    known = [read(one) for one in records]
    for one in known:
        others = [other for other in known if other.ref != one.ref]
        head = head_of(one, others) if is_branch(one) else None
        members = members_of(one, others) if is_group(one) else []
        related = {found.ref for found, _ in members} | ({head.ref} if head is not None else set())
        chance.shuffle(others)
        again = head_of(one, others) if is_branch(one) else None
        assert (again.ref if again else "") == (head.ref if head else "")
        assert {found.ref for found, _ in (members_of(one, others) if is_group(one) else [])} == {
            found.ref for found, _ in members
        }
        for other in others:
            if other.ref in related and other.side != one.side:
                assert judge(one, [other]).outcome != "link", (one, other)


@settings(max_examples=100, deadline=None)
@given(DRAWN)
def test_a_record_is_stored_and_packed_whole(row: Drawn) -> None:
    known = facts("1", row.party("1"), side=row.side)
    assert unpacked("1", packed(known)) == known
    assert restored(stored(known), "1", row.side) == known
    assert code(3) not in row.ids
