"""The matching section of the benchmark: invented tables are the same each time, pairs are counted right."""

from __future__ import annotations

from pathlib import Path

from bench import firms
from bench.identity import joined, worth


def test_invented_tables_are_the_same_each_time_and_know_their_truth(tmp_path: Path) -> None:
    assert list(firms.invented(300)) == list(firms.invented(300))
    firms.write(tmp_path, 300)
    truth = firms.truth_of(tmp_path)
    assert len(truth) == 300
    assert 80 < len(set(truth.values())) < 160


def test_pairs_in_clusters_are_counted_from_a_threshold_on() -> None:
    truth = {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2"}
    pairs = [(9.0, "a", "b"), (5.0, "c", "d"), (1.0, "b", "c")]
    assert worth(joined(pairs, 5, truth), truth) == (1.0, 0.5)
    assert worth(joined(pairs, 1, truth), truth) == (2 / 6, 0.5)
    assert worth({}, truth) == (1.0, 0.0)
