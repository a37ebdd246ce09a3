"""That every planted defect still fits the code, and that every fault that production has seen can be drawn."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sim.planted import PATCHES, ROOT


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda path: path.stem)
def test_a_planted_defect_fits_the_code(tmp_path: Path, patch: Path) -> None:
    touched = [line[6:].strip() for line in patch.read_text(encoding="utf-8").splitlines() if line.startswith("--- a/")]
    assert touched
    assert not any(name.startswith("tests/") for name in touched), "the product alone is changed, never the simulator"
    for name in touched:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    command = ["git", "apply", "--unsafe-paths", f"--directory={tmp_path}", str(patch)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    changed = [name for name in touched if (ROOT / name).read_bytes() != (tmp_path / name).read_bytes()]
    assert changed == touched
