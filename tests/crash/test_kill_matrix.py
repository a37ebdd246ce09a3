"""Killed at every write boundary and started again: the same end as without a kill, and nothing written twice."""

from __future__ import annotations

import pytest

from tests.crash.matrix import Matrix
from tests.crash.stages import STAGES
from tieout.core import faults

CASES = [(stage.name, point) for stage in STAGES.values() for point in stage.killed_at]


@pytest.mark.parametrize("name", list(STAGES))
def test_a_stage_passes_exactly_the_points_it_is_killed_at(matrix: Matrix, name: str) -> None:
    assert set(matrix.census(STAGES[name])) == set(STAGES[name].passed)


@pytest.mark.parametrize(("name", "point"), CASES)
def test_a_kill_changes_nothing_about_the_end(matrix: Matrix, name: str, point: str) -> None:
    stage = STAGES[name]
    count = matrix.census(stage)[point]
    for occurrence in stage.passings(point, count):
        assert matrix.case(stage, point, occurrence) == [], f"killed at passing {occurrence} of {count}"


def test_every_boundary_is_killed_somewhere() -> None:
    elsewhere = {"before:migration.step", "after:migration.step"}  # test_migration_kills.py
    elsewhere |= {"before:opening.commit", "after:opening.commit"}  # test_opening_kills.py
    assert {point for _, point in CASES} | elsewhere == set(faults.POINTS)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "writes_only"), [("push", True), ("day", True), ("notes", True), ("channel", True), ("pull", False)]
)
def test_a_kill_in_the_middle_of_a_request_changes_nothing_about_the_end(
    matrix: Matrix, name: str, writes_only: bool, when: str
) -> None:
    stage = STAGES[name]
    asked, written = matrix.requests(stage)
    count = written if writes_only else asked
    assert count
    for number in range(1, count + 1) if count <= 6 else sorted({1, count // 3, 2 * count // 3, count}):
        found = matrix.trap(stage, writes_only=writes_only, number=number, when=when)
        assert found == [], f"killed {when} request {number} of {count}"
