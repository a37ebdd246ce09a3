"""The home folder refuses what it must refuse, in one line that says what to do."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tieout.core.errors import HomeError
from tieout.runtime.home import Home, unusable


def test_a_new_home_is_private_and_marked(tmp_path: Path) -> None:
    with Home.open(tmp_path / "var") as home:
        assert home.path.stat().st_mode & 0o777 == 0o700
        assert json.loads(home.mark.read_text())["home_version"] == 1
        assert (home.path / "lock").read_text().strip() == str(os.getpid())


def test_a_second_up_is_told_which_process_holds_the_home(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom tieout.runtime.home import Home\n"
        "Home.open(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "var")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeError, match=rf"process {holder.pid}\)") as caught:
            Home.open(tmp_path / "var")
        assert "\n" not in str(caught.value)
        assert "TIEOUT_HOME" in caught.value.hint
        holder.communicate()
    Home.open(tmp_path / "var").close()


def test_the_lock_is_free_again_after_close_and_after_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "var"
    Home.open(path).close()
    (path / "home.json").write_text('{"home_version": 99}')
    for _ in range(2):
        with pytest.raises(HomeError, match=r"has version 99; this Tieout .* reads version 1"):
            Home.open(path)
    (path / "home.json").write_text('{"home_version": 1}')
    Home.open(path).close()


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x00"])
def test_a_damaged_mark_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    Home.open(tmp_path).close()
    (tmp_path / "home.json").write_text(text)
    with pytest.raises(HomeError, match="cannot be read"):
        Home.open(tmp_path)


def test_sandbox_and_real_data_never_share_a_home(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        home.settle_kind("sandbox")
        home.settle_kind("sandbox")
        with pytest.raises(HomeError, match="holds sandbox data and cannot be used for real"):
            home.settle_kind("real")
    with Home.open(tmp_path) as again, pytest.raises(HomeError, match="holds sandbox data"):
        again.settle_kind("real")


def test_a_nearly_full_disk_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"is full: \d+ MB free") as caught:
        Home.open(tmp_path, min_free=2**62)
    assert "Free some space" in caught.value.hint
    assert not (tmp_path / "home.json").exists()


def test_a_disk_that_fills_up_while_the_mark_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HomeError, match=r"the disk of .* is full"):
        Home.open(tmp_path / "var")
    monkeypatch.undo()
    Home.open(tmp_path / "var").close()


def test_a_home_that_is_a_file_or_below_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="is a file"):
        Home.open(tmp_path / "file")
    with pytest.raises(HomeError, match="cannot be written"):
        Home.open(tmp_path / "file" / "var")


def test_refusals_of_the_system_name_the_folder_and_a_way_out(tmp_path: Path) -> None:
    said = str(unusable(tmp_path, OSError(errno.EACCES, "Permission denied")))
    assert str(tmp_path) in said
    assert "Permission denied" in said
    assert "TIEOUT_HOME" in said
