"""A Singer tap piped into a target, with the state kept between runs.

Run by the environment that holds the SDK: `python -m bench.tools.loader_singer SOURCE DATABASE SIZE FOLDER`
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.measure import report


def main(source: str, database: str, size: int, folder: str) -> None:
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    url = database if database.startswith("postgres") else f"sqlite:///{database}"
    (home / "tap.json").write_text(json.dumps({"source": source, "size": size}))
    (home / "target.json").write_text(json.dumps({"sqlalchemy_url": url}))
    state = home / "state.json"
    tap = [sys.executable, "-m", "bench.tools.singer_tap", "--config", str(home / "tap.json")]
    if state.exists():
        tap += ["--state", str(state)]
    with open(home / "tap.log", "wb") as tap_log, open(home / "target.log", "wb") as target_log:
        first = subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=tap_log)
        second = subprocess.Popen(
            [sys.executable, "-m", "bench.tools.singer_target", "--config", str(home / "target.json")],
            stdin=first.stdout,
            stdout=subprocess.PIPE,
            stderr=target_log,
        )
        assert first.stdout is not None
        first.stdout.close()
        answer, _ = second.communicate()
        if first.wait() or second.returncode:
            logs = (home / "tap.log").read_text()[-1500:] + (home / "target.log").read_text()[-1500:]
            raise SystemExit(logs)
    lines = [line for line in answer.decode().splitlines() if line.startswith("{")]
    if lines:
        state.write_text(lines[-1])
    report()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
