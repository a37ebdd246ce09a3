"""`python -m bench.first_page [--clone]`: seconds from the first command to the first useful page, and once more.

The command is `tieout up --sandbox` in an empty folder, which is what `make run` does after installing. With `--clone`
it is `make run` in a fresh clone, installing included. Each is stopped at the end and started again where it stood.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.measure import ROOT, tree_cpu

PATIENCE = 900.0
_OPEN = re.compile(r"(http://127\.0\.0\.1:\d+)")
_LINK = re.compile(r"login\?token=([\w.-]+)")


def measure(argv: Sequence[str], folder: Path, home: Path) -> dict[str, float]:
    """Seconds until address and login link, the first page, the first that shows money, the one that shows all."""
    env = {**os.environ, "TIEOUT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    env.pop("TIEOUT_CONFIG", None)
    began = time.perf_counter()
    found: dict[str, float] = {}

    def passed(what: str) -> None:
        found.setdefault(what, round(time.perf_counter() - began, 1))

    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen(argv, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            url, token = _address(up, folder / "up.log")
            passed("address and login link")
            with httpx.Client(base_url=url, trust_env=False, timeout=60, follow_redirects=True) as client:
                client.post("/login/link", data={"token": token}).raise_for_status()
                while True:
                    page = client.get("/").raise_for_status().text
                    passed("first page")
                    if 'class="card tile"' in page:
                        passed("money on it")
                        if 'class="card progress"' not in page:
                            break
                    assert time.perf_counter() - began < PATIENCE, (folder / "up.log").read_text()
                    time.sleep(0.25)
            passed("all that is owed")
            found["CPU s of all processes"] = round(tree_cpu(up.pid), 1)
        finally:
            os.killpg(up.pid, signal.SIGINT)
            up.wait(60)
    return found


def _address(up: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    give_up = time.perf_counter() + PATIENCE
    while True:
        said = log.read_text(errors="replace")
        url, link = _OPEN.search(said), _LINK.search(said)
        if url and link:
            return url[1], link[1]
        assert up.poll() is None, said
        assert time.perf_counter() < give_up, said
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clone", action="store_true", help="`make run` in a fresh clone, installing included")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tieout-first-") as place:
        folder, argv = Path(place), [sys.executable, "-m", "tieout.cli", "up", "--sandbox"]
        if wish.clone:
            folder, argv = Path(place, "clone"), ["make", "run"]
            subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)  # noqa: S607 - whichever git there is
        for turn in ("first run", "second run"):
            print(turn, json.dumps(measure(argv, folder, folder / "var")), flush=True)


if __name__ == "__main__":
    main()
