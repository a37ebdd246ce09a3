"""What is read from a mutation run: fates, differences, reasons, and when the run counts as failed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.mutation.__main__ import in_rooms, report
from tests.mutation.explained import Reason, reasons
from tests.mutation.results import Mutant, mutants
from tests.mutation.rooms import NOT_MUTATED, READ_THE_CODE, ROOMS
from tests.mutation.typed import refused

ROOT = Path(__file__).parents[2]

_MODULE = '''
def x_double__mutmut_orig(n: int) -> int:
    """Twice."""
    return n * 2


def x_double__mutmut_1(n: int) -> int:
    """Twice."""
    return n / 2


class Purse:
    def xǁPurseǁholds__mutmut_orig(self, n: int) -> bool:
        return n <= 5

    def xǁPurseǁholds__mutmut_1(self, n: int) -> bool:
        return n < 5

    def xǁPurseǁholds__mutmut_2(self, n: int) -> bool:
        return n <= 6
'''
_CODES = {
    "money.x_double__mutmut_1": 1,
    "money.xǁPurseǁholds__mutmut_1": 0,
    "money.xǁPurseǁholds__mutmut_2": 33,
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "mutants").mkdir()
    (tmp_path / "mutants" / "money.py").write_text(_MODULE, encoding="utf-8")
    (tmp_path / "mutants" / "money.py.meta").write_text(json.dumps({"exit_code_by_key": _CODES}), encoding="utf-8")
    return tmp_path


def test_each_mutant_has_its_fate_and_the_lines_that_differ(tree: Path) -> None:
    assert list(mutants(tree)) == [
        Mutant("money.x_double__mutmut_1", "money.py", "money.double", "return n * 2", "return n / 2", "killed"),
        Mutant(
            "money.xǁPurseǁholds__mutmut_1",
            "money.py",
            "money.Purse.holds",
            "return n <= 5",
            "return n < 5",
            "survived",
        ),
        Mutant(
            "money.xǁPurseǁholds__mutmut_2",
            "money.py",
            "money.Purse.holds",
            "return n <= 5",
            "return n <= 6",
            "untested",
        ),
    ]


def test_a_survivor_without_a_reason_fails_the_run_and_one_with_a_reason_does_not(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Reason("money.Purse.holds", "return n <= 5", "return n < 5", "five never comes", is_family=False)
    rest = Reason(r"money\.Purse\..*", ".*", ".*6", "nor does six", is_family=True)
    for known, code in (([], 1), ([one], 1), ([rest], 1), ([one, rest], 0)):
        monkeypatch.setattr("tests.mutation.__main__.reasons", lambda known=known: known)
        assert report(list(mutants(tree))) == code
        assert ("money.Purse.holds: untested\n  - return n <= 5\n  + return n <= 6" in capsys.readouterr().out) == (
            rest not in known
        )
    assert report([]) == 1  # a run that made nothing proves nothing


def test_a_type_error_belongs_to_the_variant_it_stands_in() -> None:
    lines = {text: number for number, text in enumerate(_MODULE.splitlines(), 1)}
    assert refused(_MODULE, {lines["    return n / 2"]}) == {"x_double__mutmut_1"}
    assert refused(_MODULE, {lines["        return n < 5"], 1}) == {"xǁPurseǁholds__mutmut_1"}
    assert refused(_MODULE, {lines["    return n * 2"], 1}) == set()  # of the code itself


def test_what_was_not_decided_fails_the_run(tree: Path) -> None:
    (tree / "mutants" / "money.py.meta").write_text(
        json.dumps({"exit_code_by_key": {"money.x_double__mutmut_1": None}}), encoding="utf-8"
    )
    assert report(list(mutants(tree))) == 1


def test_every_single_reason_is_of_code_that_is_still_there() -> None:
    for one in reasons():
        assert one.why
        if one.is_family:
            assert all(re.compile(text) for text in (one.where, one.before, one.after))
            continue
        parts = one.where.split(".")
        path = next(
            ROOT.joinpath(*parts[:n]).with_suffix(".py")
            for n in range(len(parts), 0, -1)
            if ROOT.joinpath(*parts[:n]).with_suffix(".py").is_file()
        )
        text = " ".join(path.read_text(encoding="utf-8").split())
        assert one.before in text, f"{one.where}: {one.before}"


def test_only_files_that_a_room_mutates_can_be_asked_for() -> None:
    ledger = ROOMS["ledger"]
    assert in_rooms("tieout/ledger/entries.py", ledger)
    assert in_rooms("tieout/receivables/dunning/decide.py", ROOMS["receivables"])
    for path in ("tieout/core/money.py", "tieout/ledger/nothing.py", "tieout/ledger", "ledger/entries.py"):
        assert not in_rooms(path, ledger)
    assert not in_rooms(NOT_MUTATED[0], ROOMS["core"])


def test_every_room_has_code() -> None:
    assert set(ROOMS) == {"core", "ledger", "mapping", "receivables"}
    for patterns in ROOMS.values():
        assert all(list(ROOT.glob(f"{pattern}.py")) for pattern in patterns)
    assert all((ROOT / name).is_file() for name in NOT_MUTATED)
    for name in READ_THE_CODE:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
