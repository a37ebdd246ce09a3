"""What the decisions say of the roads not taken still holds: each experiment in a small size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.flow.alternatives import (
    __main__,
    arrivals,
    at_once,
    chance,
    companies,
    doorbell,
    double_books,
    echoes,
    flights,
    haste,
    lanes,
    merges,
    oldest,
    overwriting,
    provenance,
    sequences,
    stock,
)
from tests.flow.alternatives.place import Size

SMALL = Size(16, 48)
ADRS = Path(__file__).parents[2] / "docs" / "adr"


def test_0001_only_the_log_finds_wrong_rows_and_shows_what_was() -> None:
    found = overwriting.run(SMALL)
    assert found.differing == 0
    assert found.by_rebuild == found.planted
    assert found.by_invariants * 2 < found.planted
    assert found.from_log == found.corrected > 5
    assert found.from_state == 0
    assert found.log_bytes * 2 < found.all_bytes


def test_0002_two_lanes_end_wrong_unseen_or_refuse_each_other(postgres_server: str) -> None:
    found = lanes.run(SMALL, postgres_server, (16,))
    assert (found.one.refused, found.one.differing, found.one.rebuild) == (0, 0, 0)
    assert found.committed.refused + found.committed.differing > 0
    assert found.serializable.refused > 0


def test_0003_jobs_die_with_the_queue_and_rows_do_not() -> None:
    found = doorbell.run(SMALL)
    assert found.jobs_left == 0
    assert found.rung
    assert found.sent == found.waiting > 20


def test_0004_neither_arrival_nor_stamp_nor_our_clock_alone_ends_right() -> None:
    found = arrivals.run(Size(0, 400))
    assert found.ours == 0
    assert found.arrival > found.records // 5
    assert found.stamp > 0
    assert found.own_clock > 0


def test_0005_a_whole_record_makes_an_echo_of_every_write() -> None:
    found = echoes.run(SMALL)
    assert found.by_value == 0
    assert found.by_content > SMALL.invoices


def test_0006_a_company_by_join_says_the_same() -> None:
    assert companies.run(SMALL).is_equal


def test_0007_provenance_by_field_is_larger_than_the_records_and_says_nothing_more() -> None:
    found = provenance.run(SMALL)
    assert found.equal == found.fields > 1000
    assert found.stored_bytes > 3 * found.candidate_bytes
    assert found.stored_bytes > 20 * found.reference_bytes


def test_0008_a_second_write_in_flight_leaves_stale_values() -> None:
    found = flights.run(SMALL)
    assert found.one == 0
    assert found.several > found.records // 2
    assert found.writes_several > found.writes_one


def test_0009_two_books_overstate_what_is_owed() -> None:
    found = double_books.run(SMALL)
    assert min(found.over(found.everything).values()) > 50
    assert max(found.over(found.unknown_numbers).values()) > 0
    assert found.twice > 0


def test_0010_a_merge_moves_no_posting() -> None:
    found = merges.run(SMALL)
    assert found.events == 4
    assert found.postings > found.events
    assert found.links > 1


def test_0011_cash_by_our_own_rules_shows_other_amounts_than_accounting() -> None:
    found = oldest.run(SMALL)
    assert found.oldest.amounts > 0
    assert found.oldest.statuses > 0
    assert found.guarded.amounts > 0


def test_0012_a_sequence_lets_a_report_change_afterwards(postgres_server: str) -> None:
    found = sequences.run(SMALL, postgres_server)
    assert found.by_head == 0
    assert found.by_sequence == found.reports


def test_0013_a_wrong_profile_reaches_the_crm_at_once_and_no_plan() -> None:
    found = at_once.run(SMALL)
    assert found.at_once.wrong > SMALL.invoices
    assert found.at_once.right > 0
    assert found.planned.wrong == 0
    assert found.planned.tasks == 0
    assert found.parked > 10
    assert found.passed == 0


def test_0014_the_stock_driver_reads_without_a_transaction() -> None:
    found = stock.run(SMALL)
    assert found.stock == found.pairs
    assert found.ours == 0


def test_0018_chance_makes_every_rebuild_differ() -> None:
    found = chance.run(SMALL)
    assert found.from_log == 0
    assert found.from_chance > 100


def test_0019_settling_before_the_payments_is_taken_back() -> None:
    found = haste.run(SMALL)
    assert found.reminders > 0
    assert found.changes > found.reminders


@pytest.mark.parametrize("number", sorted([*__main__.EXPERIMENTS, *__main__.ON_POSTGRES]))
def test_a_decision_names_its_experiment(number: str) -> None:
    (path,) = ADRS.glob(f"{number}-*.md")
    alternatives = path.read_text(encoding="utf-8").split("\n## Alternatives")[1].split("\n## ")[0]
    assert re.search(rf"`python -m tests\.flow\.alternatives {number}[ `]", alternatives)
