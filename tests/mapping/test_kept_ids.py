"""Cluster ids that stay from run to run: who keeps one, who gets a new one."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mapping.identity.kept_ids import KeptIds, kept_ids


def named(*groups: str) -> dict[str, str]:
    """Clusters of one-letter records, each named by its smallest, as the matcher names them."""
    return {ref: min(group) for group in groups for ref in group}


def ids(made: KeptIds, now: dict[str, str]) -> dict[str, str]:
    return {ref: made.ids[cluster] for ref, cluster in now.items()}


def test_a_new_smallest_record_renames_nothing() -> None:
    now = named("abc", "x")
    made = kept_ids(now, {"b": "b", "c": "b", "x": "x"})
    assert ids(made, now) == {"a": "b", "b": "b", "c": "b", "x": "x"}
    assert (made.kept, made.merged, made.split, made.new, made.gone) == (2, 0, 0, 0, 0)


def test_a_merge_keeps_the_id_that_brings_most_records() -> None:
    now = named("abcde")
    made = kept_ids(now, {"a": "A", "b": "A", "c": "C", "d": "C", "e": "C"})
    assert set(ids(made, now).values()) == {"C"}
    assert (made.kept, made.merged) == (1, 1)


def test_equal_shares_go_to_the_smaller_id() -> None:
    now = named("abcd")
    assert set(kept_ids(now, {"a": "z", "b": "z", "c": "y", "d": "y"}).ids.values()) == {"y"}


def test_of_a_split_the_largest_part_keeps_the_id_and_no_other_gets_it() -> None:
    now = named("a", "bcd")
    made = kept_ids(now, named("abcd"))
    assert ids(made, now) == {"a": "a~2", "b": "a", "c": "a", "d": "a"}
    assert (made.kept, made.split, made.new) == (1, 1, 0)


def test_equal_parts_of_a_split_go_to_the_smaller_record() -> None:
    now = named("bd", "ac")
    assert ids(kept_ids(now, named("abcd")), now) == {"a": "a", "c": "a", "b": "b", "d": "b"}


def test_a_record_that_moved_takes_no_id_with_it() -> None:
    """Eleven records stand under A; one of them goes to B, which has three."""
    now = {**{f"a{n:02}": "a00" for n in range(10)}, "a10": "a10", "b0": "a10", "b1": "a10", "b2": "a10"}
    was = {**{f"a{n:02}": "A" for n in range(11)}, "b0": "B", "b1": "B", "b2": "B"}
    assert kept_ids(now, was).ids == {"a00": "A", "a10": "B"}


def test_an_id_that_ended_names_nobody_else() -> None:
    """Record a is gone and its old cluster went on without it; now another record bears that very ref."""
    now = named("a", "b")
    made = kept_ids(now, {"b": "a", "z": "a~2"})
    assert ids(made, now) == {"a": "a~3", "b": "a"}
    assert (made.kept, made.new, made.gone) == (1, 1, 1)


def test_a_record_that_is_called_like_a_new_id_gets_another() -> None:
    now = {"a": "a", "a~2": "a~2", "b": "b"}
    assert kept_ids(now, {"b": "a"}).ids == {"b": "a", "a": "a~2", "a~2": "a~2~2"}


refs = st.sampled_from([*"abcdefghi", "a~2"])
groups = st.dictionaries(refs, st.integers(0, 4), max_size=10)


def clusters_of(numbers: dict[str, int]) -> dict[str, str]:
    return {ref: min(other for other in numbers if numbers[other] == number) for ref, number in numbers.items()}


@given(groups, st.dictionaries(refs, st.sampled_from(["a", "b", "b~2", "q"]), max_size=10))
def test_what_holds_for_all(numbers: dict[str, int], was: dict[str, str]) -> None:
    now = clusters_of(numbers)
    made = kept_ids(now, was)
    assert made == kept_ids(dict(reversed(now.items())), dict(reversed(was.items())))
    assert made.ids.keys() == set(now.values())
    assert len(set(made.ids.values())) == len(made.ids), "an id names one cluster"
    for cluster, given_id in made.ids.items():
        if given_id in was.values():
            assert any(was.get(ref) == given_id for ref in now if now[ref] == cluster), "an old id needs a record of it"
    for old, cluster in {(was[ref], now[ref]) for ref in now if ref in was}:
        assert made.ids[cluster] in was.values() or old in made.ids.values(), "no old id ends while a part of it is new"
    for old in set(was.values()):
        share = Counter(now[ref] for ref in now if was.get(ref) == old)
        for cluster, count in share.items():  # whoever has the id brings as much, or this one has a better id
            keeper = next((one for one, name in made.ids.items() if name == old), None)
            mine = sum(1 for ref in now if now[ref] == cluster and was.get(ref) == made.ids[cluster])
            assert (keeper is not None and share[keeper] >= count) or mine >= count
    assert made.kept + made.split + made.new == len(made.ids)
    assert made.kept + made.merged + made.gone == len(set(was.values()))
    again = kept_ids(now, {ref: made.ids[cluster] for ref, cluster in now.items()})
    assert again.ids == made.ids, "the same again changes nothing"
