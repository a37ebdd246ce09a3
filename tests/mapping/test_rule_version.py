"""What a decision of identity stores as its rule version changes with every rule and table, and with nothing else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from shutil import copytree

import pytest

from mapping.identity import rule_digest
from mapping.identity.link import RULE_VERSION

HOME = Path(str(files("mapping")))


def digest(monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    monkeypatch.setattr(rule_digest, "files", lambda _: folder)
    return rule_digest.rule_digest.__wrapped__()


def test_a_decision_stores_which_rules_made_it() -> None:
    assert f"identity-7-{rule_digest.rule_digest()}" == RULE_VERSION
    assert len(RULE_VERSION) <= 40, "the column of the store"


@pytest.mark.parametrize(
    "name", ["findings.py", "weights.py", "name_pairs.py", "data/weights.yaml", "data/clutter.yaml"]
)
def test_another_rule_or_table_is_another_version(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copytree(HOME / "identity", tmp_path / "identity")
    before = digest(monkeypatch, tmp_path)
    assert before == digest(monkeypatch, HOME)
    (tmp_path / "identity" / name).open("a").write("# a rule\n")
    assert digest(monkeypatch, tmp_path) != before


@pytest.mark.parametrize("name", ["parts.py", "packed.py", "bind.py"])
def test_how_records_are_shown_and_kept_is_no_rule(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copytree(HOME / "identity", tmp_path / "identity")
    before = digest(monkeypatch, tmp_path)
    (tmp_path / "identity" / name).open("a").write("# words\n")
    assert digest(monkeypatch, tmp_path) == before
